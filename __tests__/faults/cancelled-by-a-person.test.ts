import { CancelledError, type MageflowEvents } from '../../src';
import { eventually } from '../helpers/fixture';
import { openTasks, shortLease, type WorkInput } from '../helpers/task-set';
import { cancelByHand } from '../helpers/runs';
import { progressOf, rejection, statusOf } from '../helpers/outcomes';

// What runs or waits for a worker, as an item of a swarm, is in integration/claims/attempts.test.ts.
const { fixture, mage, taskSet, work, callback } = openTasks(shortLease);
const { hatchet } = fixture;
const fn = ({ label = '', waitFor = '' }: WorkInput) => {
  begun.push(label);
  return waitFor ? taskSet.gateOpened(waitFor).then(() => ({ label })) : Promise.resolve({ label });
};
const begun: string[] = [];
/** A worker with one slot serves it. */
const narrow = mage.task({ name: 'narrow', fn });
/** Waits for a minute before it is tried again. */
const waiting = mage.task({
  name: 'waiting',
  retries: 2,
  backoff: { factor: 60, maxSeconds: 60 },
  fn: ({ label = '' }: WorkInput) => {
    begun.push(label);
    throw new Error('the first attempt');
  },
});
const root = mage.rootTask({
  name: 'root',
  maxConcurrency: 2,
  fn: async ({ label = '', children = [] }: WorkInput & { children?: WorkInput[] }, ctx) => {
    begun.push(label);
    for (const child of children) await (await mage.sign(work, child as object)).runNoWait({});
    if (label.endsWith('body'))
      await new Promise<void>((resolve) => ctx.abortController.signal.addEventListener('abort', () => resolve()));
    return { children: children.length };
  },
});
const pair = mage.workflow({ name: 'pair' });
pair.task({ name: 'quick', fn: () => ({ begun: begun.push('quick') }) });
pair.task({ name: 'slow', fn: () => fn({ label: 'slow', waitFor: 'pair' }) });

beforeAll(async () => {
  await fixture.worker([waiting, root, pair]);
  await fixture.worker([narrow], { slots: 1 });
});

const callbackNamed = (label: string) => mage.sign(callback, { label });
const cancel = (...ids: string[]) => cancelByHand(hatchet, ...ids);
const words = expect.stringMatching(/cancelled in the engine/) as string;

/** The state of an item and the run that was published for it. */
async function stored({ id }: { id: string }, index: number): Promise<string[]> {
  const key = (await fixture.keys()).find((one) => one.endsWith(`{${id}}:a`));
  return ((key && (await fixture.redis.hget(key, String(index)))) || '').split('|');
}

const runOf = (group: { id: string }, index = 0) =>
  eventually(`item ${index} of ${group.id} is published`, async () => (await stored(group, index))[1]);

test('an item that waits for its next attempt fails, and hands its slot on', async () => {
  const swarm = await mage.swarm({
    tasks: [
      [waiting, { label: 'between' }, { errorCallbacks: [await callbackNamed('between failed')] }],
      [work, { value: 'next' }],
    ],
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
  });
  const { output } = await swarm.runNoWait();
  const runId = await runOf(swarm);
  await eventually('its first attempt is over for the engine', async () => {
    const detail = await hatchet.runs.getDetails(runId);
    if (begun.includes('between') && String(detail.status) !== 'RUNNING') return true;
    throw new Error(JSON.stringify(detail));
  });
  await cancel(runId);
  expect(await output).toEqual(['next']);
  expect(await swarm.progress()).toMatchObject({ succeeded: 1, failed: 1, cancelled: 0 });
  const execution = await taskSet.onlyExecution('between failed', swarm);
  expect(execution.input).toMatchObject({ error: { message: words, failureCount: 1 } });
  expect(begun.filter((label) => label === 'between')).toHaveLength(1);
});

test.each([
  ['runs', work, { untilCancelled: true }],
  ['waits for a worker', narrow, {}],
])('a step of a chain that %s fails the chain, and later steps never run', async (how, task, data) => {
  const label = (what: string) => `${what}, ${how}`;
  const holder = await mage.sign(narrow, { label: label('holder'), waitFor: label('holder') });
  const held = await holder.runNoWait({});
  await eventually('the narrow worker is full', () => begun.includes(label('holder')));
  const step = await mage.sign(
    task,
    { label: label('step'), ...data },
    { errorCallbacks: [await callbackNamed(label('step failed'))] },
  );
  const chain = await mage.chain([work, step, await mage.sign(work, { label: label('later') })], {
    errorCallbacks: [await callbackNamed(label('chain failed'))],
    successCallbacks: [await callbackNamed(label('chain succeeded'))],
  });
  const handle = await chain.runNoWait({});
  if (how === 'runs') await taskSet.started(label('step'));
  await cancel(await runOf(chain, 1));
  expect((await rejection(handle.output)).message).toContain('cancelled in the engine');
  expect(await chain.status()).toBe('failed');
  expect(await step.status()).toBe('failed');
  expect((await taskSet.onlyExecution(label('chain failed'), chain)).input).toMatchObject({
    error: { message: words },
  });
  expect(taskSet.executions(label('step failed'))).toHaveLength(1);
  expect(taskSet.order(label('later'), label('chain succeeded'))).toEqual([]);
  taskSet.openGate(label('holder'));
  await held.output;
  expect(begun).not.toContain(label('step'));
});

test('the body of a root: its children finish, then its error callbacks run, once', async () => {
  const signature = await mage.sign(
    root,
    { label: 'cancelled body', children: [{ label: 'child of it', waitFor: 'child of it' }] },
    { errorCallbacks: [await callbackNamed('root failed')], successCallbacks: [await callbackNamed('root succeeded')] },
  );
  const { output } = await signature.runNoWait({});
  const failed = rejection(output);
  await taskSet.started('child of it');
  await cancel(await runOf(signature));
  const children = await signature.children();
  await eventually('its body has ended', async () => (await stored(signature, 0))[0] === 'returned');
  expect(taskSet.executions('root failed')).toEqual([]);
  taskSet.openGate('child of it');
  expect((await failed).message).toContain('cancelled in the engine');
  expect((await taskSet.onlyExecution('root failed', signature)).input).toMatchObject({ error: { message: words } });
  expect(await children.progress()).toMatchObject({ succeeded: 1, failed: 0 });
  expect(taskSet.executions('root succeeded')).toEqual([]);
});

test('a child of a root is one failure of its children, and the root succeeds without it', async () => {
  const signature = await mage.sign(
    root,
    { label: 'parent', children: [{ label: 'lost child', untilCancelled: true }, { value: 'kept' }] },
    { successCallbacks: [await callbackNamed('parent succeeded')] },
  );
  const { output } = await signature.runNoWait({});
  const [child] = await taskSet.started('lost child');
  await cancel(child?.runId ?? '');
  expect(await output).toEqual({ children: 2 });
  expect(await (await signature.children()).progress()).toMatchObject({ succeeded: 1, failed: 1, cancelled: 0 });
  expect((await taskSet.onlyExecution('parent succeeded', signature)).input).toMatchObject({ childResults: ['kept'] });
});

test('a cancelled callback leaves its group as it was; its own error callbacks run, and the log names it', async () => {
  const errors: MageflowEvents['error'][] = [];
  const stop = mage.on('error', (error) => errors.push(error));
  const attached = await mage.sign(
    work,
    { label: 'stuck callback', untilCancelled: true },
    {
      errorCallbacks: [await callbackNamed('callback failed')],
    },
  );
  const swarm = await mage.swarm({ tasks: [work], successCallbacks: [attached], isSwarmClosed: true });
  await swarm.run();
  const [run] = await taskSet.started('stuck callback');
  await cancel(run?.runId ?? '');
  expect((await taskSet.onlyExecution('callback failed', swarm)).input).toMatchObject({ error: { message: words } });
  expect(await swarm.status()).toBe('succeeded');
  expect(errors).toHaveLength(1);
  stop();
});

test('all runs of a swarm at once: they fail, and what had not started yet goes on', async () => {
  const swarm = await mage.swarm({
    tasks: [0, 1, 2, 3, 4].map((n) => [work, { label: 'all at once', untilCancelled: n < 3, value: n }] as const),
    config: { maxConcurrency: 3 },
    isSwarmClosed: true,
  });
  const { output } = await swarm.runNoWait();
  await taskSet.started('all at once', 3);
  await eventually('the engine lists them', async () => {
    const { rows } = await hatchet.runs.list({ additionalMetadata: { 'mageflow.swarm': swarm.id } });
    return (rows ?? []).length === 3;
  });
  await hatchet.runs.cancel({ filters: { since: new Date(0), additionalMetadata: { 'mageflow.swarm': swarm.id } } });
  expect(await output).toEqual([3, 4]);
  expect(await swarm.progress()).toMatchObject({ succeeded: 2, failed: 3, cancelled: 0, status: 'succeeded' });
});

test('a workflow of two tasks is one failure, also when one of them has done its work', async () => {
  const swarm = await mage.swarm({ tasks: [pair, [work, { value: 1 }]], isSwarmClosed: true });
  const { output } = await swarm.runNoWait();
  const runId = await runOf(swarm);
  await eventually('both of its tasks have begun', () => begun.includes('quick') && begun.includes('slow'));
  await cancel(runId);
  expect(await output).toEqual([1]);
  expect(await swarm.progress()).toMatchObject({ succeeded: 1, failed: 1, cancelled: 0 });
  taskSet.openGate('pair');
});

test('what mageflow cancels itself counts as cancelled, also when a person cancels the same run too', async () => {
  const swarm = await mage.swarm({
    tasks: [[work, { label: 'both', untilCancelled: true }]],
    errorCallbacks: [await callbackNamed('both failed')],
    isSwarmClosed: true,
  });
  const { output } = await swarm.runNoWait();
  const failed = rejection(output);
  const [run] = await taskSet.started('both');
  await Promise.all([swarm.cancel(), cancel(run?.runId ?? '')]);
  await statusOf(swarm, 'cancelled');
  expect(await failed).toBeInstanceOf(CancelledError);
  await taskSet.onlyExecution('both failed', swarm);
  await progressOf(swarm, { failed: 0, cancelled: 1 });
});
