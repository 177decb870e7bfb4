import type { ItemResult, Swarm } from '../../../src';
import { openMending } from '../../helpers/mending';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';

const { fixture, mending, mage, mend, callbackNamed } = openMending();

beforeAll(async () => {
  await fixture.worker(mending.tasks);
});
afterAll(() => fixture.close());
afterEach(() => mending.mendAll());

const items = (...labels: string[]) => labels.map((label) => [mend, { label }] as const);
const output = (label: string) => ({ label, received: null });

async function all(swarm: Swarm<unknown>): Promise<ItemResult<unknown>[]> {
  const read: ItemResult<unknown>[] = [];
  for await (const item of swarm.results()) read.push(item);
  return read.sort((a, b) => a.index - b.index);
}

test('only what failed runs again; the results of the others stay, and the success callbacks run for all of them', async () => {
  mending.break('only 1', 'only 3');
  const swarm = await mage.swarm({
    tasks: items('only 0', 'only 1', 'only 2', 'only 3'),
    successCallbacks: [await callbackNamed('only done')],
    isSwarmClosed: true,
  });
  expect(await swarm.run({})).toEqual([output('only 0'), output('only 2')]);
  await mending.settled(swarm);
  expect(mending.executions('only done')).toHaveLength(1);
  expect(mending.executions('only done')[0]?.context?.failures).toHaveLength(2);

  mending.mendAll();
  expect(await swarm.retryFailed()).toBe(2);
  await statusOf(swarm, 'succeeded');
  await mending.settled(swarm);
  expect(mending.counts('only 0', 'only 1', 'only 2', 'only 3')).toEqual({
    'only 0': 1,
    'only 1': 2,
    'only 2': 1,
    'only 3': 2,
  });
  expect(await swarm.progress()).toMatchObject({ total: 4, succeeded: 4, failed: 0, cancelled: 0, queued: 0 });
  const reports = mending.executions('only done');
  expect(reports).toHaveLength(2);
  expect(reports[1]?.input['returnValue']).toEqual(['only 0', 'only 1', 'only 2', 'only 3'].map(output));
  expect(reports[1]?.context?.failures).toBeUndefined();
});

test('a stopped swarm runs what was waiting too, and after its error callbacks its success callbacks run', async () => {
  mending.break('stop 0');
  const swarm = await mage.swarm({
    tasks: items('stop 0', 'stop 1', 'stop 2'),
    config: { maxConcurrency: 1, stopAfterNFailures: 1 },
    successCallbacks: [await callbackNamed('stop done')],
    errorCallbacks: [await callbackNamed('stop alert')],
    isSwarmClosed: true,
  });
  expect((await rejection(swarm.run({}))).name).toBe('TaskFailedError');
  await mending.settled(swarm);
  mending.mendAll();
  expect(await swarm.retryFailed()).toBe(3);
  await statusOf(swarm, 'succeeded');
  await mending.settled(swarm);
  expect(mending.order('stop 0', 'stop 1', 'stop 2')).toEqual(['stop 0', 'stop 0', 'stop 1', 'stop 2']);
  expect(mending.counts('stop done', 'stop alert')).toEqual({ 'stop done': 1, 'stop alert': 1 });
});

test('a cancelled swarm runs again what was running, what waited and what nobody had made ready', async () => {
  const swarm = await mage.swarm({
    tasks: [
      [mend, { label: 'cancel 0' }],
      [mend, { label: 'cancel 1', waitFor: 'cancel' }],
      [mend, { label: 'cancel 2' }],
    ],
    config: { maxConcurrency: 1 },
    errorCallbacks: [await callbackNamed('cancel alert')],
  });
  await swarm.runNoWait({});
  await mending.started('cancel 1');
  await swarm.addTask(mend, { label: 'cancel 3' });
  await swarm.cancel();
  await statusOf(swarm, 'cancelled');
  await mending.settled(swarm);
  mending.openGate('cancel');
  expect(await swarm.retryFailed()).toBe(3);
  await statusOf(swarm, 'succeeded');
  await mending.settled(swarm);
  expect(mending.counts('cancel 0', 'cancel 1', 'cancel 2', 'cancel 3', 'cancel alert')).toEqual({
    'cancel 0': 1,
    'cancel 1': 2,
    'cancel 2': 1,
    'cancel 3': 1,
    'cancel alert': 1,
  });
  expect((await all(swarm)).map(({ status }) => status)).toEqual(Array(4).fill('succeeded'));
});

test('a swarm that was cancelled before it was ever started runs', async () => {
  const swarm = await mage.swarm({
    tasks: items('never 0', 'never 1'),
    successCallbacks: [await callbackNamed('never done')],
  });
  await swarm.cancel();
  expect(await swarm.status()).toBe('cancelled');
  expect(await swarm.retryFailed()).toBe(2);
  await statusOf(swarm, 'succeeded');
  await mending.settled(swarm);
  expect(mending.counts('never 0', 'never 1', 'never done')).toEqual({ 'never 0': 1, 'never 1': 1, 'never done': 1 });
});

test('a swarm can be tried again as often as something fails', async () => {
  mending.break('often 0', 'often 1', 'often 2');
  const swarm = await mage.swarm({
    tasks: items('often 0', 'often 1', 'often 2'),
    successCallbacks: [await callbackNamed('often done')],
    isSwarmClosed: true,
  });
  expect(await swarm.run({})).toEqual([]);
  for (const [round, label] of ['often 0', 'often 1', 'often 2'].entries()) {
    await mending.settled(swarm);
    mending.broken.delete(label);
    expect(await swarm.retryFailed()).toBe(3 - round);
    await progressOf(swarm, { succeeded: round + 1, failed: 2 - round, status: 'succeeded' });
  }
  await mending.settled(swarm);
  expect(await swarm.retryFailed()).toBe(0);
  expect(await swarm.status()).toBe('succeeded');
  expect(mending.counts('often 0', 'often 1', 'often 2')).toEqual({ 'often 0': 2, 'often 1': 3, 'often 2': 4 });
  expect(mending.executions('often done').map(({ input }) => (input['returnValue'] as unknown[]).length)).toEqual([
    0, 1, 2, 3,
  ]);
});

test('the callbacks of what runs again run for its new outcome, those of the others do not', async () => {
  mending.break('own 1');
  const callbacks = async (label: string) => ({
    successCallbacks: [await callbackNamed(`${label} good`)],
    errorCallbacks: [await callbackNamed(`${label} bad`)],
  });
  const swarm = await mage.swarm({
    tasks: [
      [mend, { label: 'own 0' }, await callbacks('own 0')],
      [mend, { label: 'own 1' }, await callbacks('own 1')],
    ],
    isSwarmClosed: true,
  });
  await swarm.run({});
  await mending.settled(swarm);
  mending.mendAll();
  await swarm.retryFailed();
  await statusOf(swarm, 'succeeded');
  await mending.settled(swarm);
  expect(mending.counts('own 0 good', 'own 0 bad', 'own 1 good', 'own 1 bad')).toEqual({
    'own 0 good': 1,
    'own 0 bad': 0,
    'own 1 good': 1,
    'own 1 bad': 1,
  });
  expect(mending.executions('own 1 good')[0]?.input['returnValue']).toEqual(output('own 1'));
});

test('any instance can have a swarm tried again', async () => {
  mending.break('other 0');
  const swarm = await mage.swarm({ tasks: items('other 0', 'other 1'), isSwarmClosed: true });
  await swarm.run({});
  mending.mendAll();
  const loaded = (await fixture.another().load(swarm.id)) as Swarm<unknown>;
  expect(await loaded.retryFailed()).toBe(1);
  await statusOf(loaded, 'succeeded');
  expect(mending.counts('other 0', 'other 1')).toEqual({ 'other 0': 2, 'other 1': 1 });
});

test('a swarm is unfinished while its retry goes on: its progress, its results and its output say so, and go on', async () => {
  mending.break('going 1');
  const tasks = [
    [mend, { label: 'going 0' }],
    [mend, { label: 'going 1', waitFor: 'going' }],
    [mend, { label: 'going 2' }],
  ] as const;
  const swarm = await mage.swarm({ tasks: [...tasks], isSwarmClosed: true });
  const handle = await swarm.runNoWait({});
  await progressOf(swarm, { succeeded: 2 });
  mending.openGate('going');
  expect(await handle.output).toEqual([output('going 0'), output('going 2')]);
  expect((await all(swarm)).map(({ status }) => status)).toEqual(['succeeded', 'failed', 'succeeded']);

  mending.mendAll();
  await swarm.retryFailed();
  const again = handle.output;
  const read = all(swarm);
  expect(await again).toEqual([output('going 0'), output('going 1'), output('going 2')]);
  expect((await read).map(({ index, status, output: out }) => [index, status, out])).toEqual(
    ['going 0', 'going 1', 'going 2'].map((label, index) => [index, 'succeeded', output(label)]),
  );
});

test('the progress of a swarm that is tried again shows what stays, what runs and what waits', async () => {
  const swarm = await mage.swarm({
    tasks: [
      [mend, { label: 'shown 0' }],
      [mend, { label: 'shown 1', waitFor: 'shown' }],
      [mend, { label: 'shown 2', waitFor: 'shown' }],
    ],
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
  });
  await swarm.runNoWait({});
  await mending.started('shown 1');
  await swarm.cancel();
  await statusOf(swarm, 'cancelled');
  await swarm.retryFailed();
  await mending.started('shown 1', 2);
  expect(await swarm.progress()).toMatchObject({
    total: 3,
    waiting: 0,
    queued: 1,
    running: 1,
    succeeded: 1,
    failed: 0,
    cancelled: 0,
    closed: true,
    status: 'running',
    callbacks: { pending: 0, succeeded: 0, failed: 0 },
  });
  mending.openGate('shown');
  await statusOf(swarm, 'succeeded');
});

test('a retry keeps the message, bound data, run options, name and ids of the first time; its runs are new ones', async () => {
  mending.break('same 0', 'same 1');
  const signed = await mage.sign(
    mend,
    { label: 'same 0', bound: 1 },
    { name: 'row', additionalMetadata: { own: 'o' } },
  );
  const swarm = await mage.swarm({ tasks: [signed], name: 'batch', config: { maxConcurrency: 1 } });
  await swarm.runNoWait({ date: 'today' }, { additionalMetadata: { all: 'a' } });
  const late = await swarm.addTask(mend, { label: 'same 1' });
  await late.runNoWait({ late: true }, { additionalMetadata: { late: 'l' } });
  await swarm.closeSwarm();
  await progressOf(swarm, { failed: 2, status: 'succeeded' });
  const before = (await all(swarm)).map(({ id, name }) => [id, name]);
  mending.mendAll();
  await swarm.retryFailed();
  await progressOf(swarm, { succeeded: 2, status: 'succeeded' });
  expect((await all(swarm)).map(({ id, name }) => [id, name])).toEqual(before);
  for (const label of ['same 0', 'same 1']) {
    const [first, second] = mending.executions(label);
    expect(second?.input).toEqual(first?.input);
    expect(second?.context).toEqual(first?.context);
    expect(second?.runId).not.toBe(first?.runId);
    const [was, is] = mending.metadata.get(label) ?? [];
    // The engine's own trace is a new one.
    expect({ ...is, traceparent: '' }).toEqual({ ...was, traceparent: '' });
  }
  expect(mending.executions('same 0')[1]?.input).toMatchObject({ bound: 1, date: 'today' });
  expect(mending.executions('same 1')[1]?.input).toMatchObject({ late: true, date: 'today' });
  expect(mending.metadata.get('same 0')?.[1]).toMatchObject({ own: 'o', 'mageflow.signature': signed.id });
  expect(mending.metadata.get('same 1')?.[1]).toMatchObject({ late: 'l', all: 'a', 'mageflow.swarm_name': 'batch' });
});

test('a handle of an item that is tried again waits for its new outcome', async () => {
  mending.break('handle');
  const swarm = await mage.swarm();
  const item = await swarm.addTask(mend, { label: 'handle' });
  const handle = await item.runNoWait({});
  expect((await rejection(handle.output)).message).toContain('handle is broken');
  const first = await handle.runId;
  await swarm.closeSwarm();
  await statusOf(swarm, 'succeeded');
  mending.mendAll();
  await swarm.retryFailed();
  expect(await handle.output).toEqual(output('handle'));
  expect(await item.status()).toBe('succeeded');
  expect(await handle.runId).not.toBe(first);
});

test('a retry of what has not ended, and of what is unknown, is refused', async () => {
  const open = await mage.swarm({ tasks: items('refused') });
  await open.runNoWait({});
  await progressOf(open, { succeeded: 1 });
  const error = await rejection(open.retryFailed());
  expect(error.name).toBe('ConfigurationError');
  expect(error.message).toContain('has not ended');
  expect(await progressOf(open, {})).toMatchObject({ succeeded: 1, status: 'running' });
  expect((await rejection((await mage.swarm({ tasks: items('refused') })).retryFailed())).name).toBe(
    'ConfigurationError',
  );
  await open.closeSwarm();
  await statusOf(open, 'succeeded');
  await mending.settled(open);
  await open.remove();
  expect((await rejection(open.retryFailed())).name).toBe('NotFoundError');
});

test('when two callers have a swarm tried again at once, it is tried once', async () => {
  mending.break('twice');
  const swarm = await mage.swarm({ tasks: [[mend, { label: 'twice', waitFor: 'twice' }]], isSwarmClosed: true });
  await swarm.runNoWait({});
  await mending.started('twice');
  await swarm.cancel();
  await statusOf(swarm, 'cancelled');
  const elsewhere = (await fixture.another().load(swarm.id)) as Swarm<unknown>;
  const all = await Promise.allSettled([swarm.retryFailed(), elsewhere.retryFailed(), swarm.retryFailed()]);
  // Who comes while it is being prepared joins in; a later call is refused because it has not ended.
  const answers = all.map((one) => (one.status === 'fulfilled' ? one.value : (one.reason as Error).name));
  expect(answers).toContain(1);
  expect(answers.filter((answer) => answer !== 1 && answer !== 'ConfigurationError')).toEqual([]);
  await mending.started('twice', 2);
  mending.openGate('twice');
  await statusOf(swarm, 'succeeded');
  await mending.settled(swarm);
  expect(mending.executions('twice')).toHaveLength(2);
});
