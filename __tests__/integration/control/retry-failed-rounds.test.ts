import type { ItemResult, Swarm } from '../../../src';
import { eventually } from '../../helpers/fixture';
import { openMending } from '../../helpers/mending';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';

const { fixture, mending, mage, mend, callbackNamed } = openMending();
const { hatchet } = fixture;

beforeAll(async () => {
  await fixture.worker(mending.tasks);
});
afterAll(() => fixture.close());
afterEach(() => mending.mendAll());

async function all(swarm: Swarm<unknown>): Promise<ItemResult<unknown>[]> {
  const read: ItemResult<unknown>[] = [];
  for await (const item of swarm.results()) read.push(item);
  return read.sort((a, b) => a.index - b.index);
}

test('the failure limit starts over in each round', async () => {
  const labels = ['anew 0', 'anew 1', 'anew 2', 'anew 3'];
  mending.break(...labels);
  const swarm = await mage.swarm({
    tasks: labels.map((label) => [mend, { label }] as const),
    config: { maxConcurrency: 1, stopAfterNFailures: 3 },
    errorCallbacks: [await callbackNamed('anew alert')],
    isSwarmClosed: true,
  });
  await rejection(swarm.run({}));
  await mending.settled(swarm);
  await swarm.retryFailed();
  await progressOf(swarm, { failed: 3, cancelled: 1, status: 'failed' });
  await mending.settled(swarm);
  expect(mending.counts(...labels)).toEqual({ 'anew 0': 2, 'anew 1': 2, 'anew 2': 2, 'anew 3': 0 });
  mending.broken.delete('anew 0');
  await swarm.retryFailed();
  await progressOf(swarm, { succeeded: 1, failed: 3, cancelled: 0, status: 'failed' });
  await mending.settled(swarm);
  expect(mending.executions('anew alert')).toHaveLength(3);
  const { failures } = mending.executions('anew alert')[2]?.input['error'] as { failures: { index: number }[] };
  expect(failures.map(({ index }) => index)).toEqual([1, 2, 3]);
});

test('what failed before and is not reached any more is cancelled, whoever asks', async () => {
  mending.break('stale 0', 'stale 1');
  const swarm = await mage.swarm({ config: { maxConcurrency: 1 } });
  await swarm.addTask(mend, { label: 'stale 0' });
  const item = await swarm.addTask(mend, { label: 'stale 1' });
  await swarm.closeSwarm();
  expect(await swarm.run({})).toEqual([]);
  mending.halted.add('stale 0');
  await swarm.retryFailed();
  await mending.started('stale 0', 2);
  expect(await item.status()).toBe('queued');
  await swarm.cancel();
  await statusOf(swarm, 'cancelled');
  expect(await swarm.progress()).toMatchObject({ failed: 0, cancelled: 2 });
  expect((await all(swarm)).map(({ status, error }) => [status, error])).toEqual([
    ['cancelled', 'cancelled'],
    ['cancelled', 'cancelled before it started'],
  ]);
  expect(await item.status()).toBe('cancelled');
  await mending.settled(swarm);
  mending.mendAll();
  expect(await swarm.retryFailed()).toBe(2);
  await progressOf(swarm, { succeeded: 2, status: 'succeeded' });
});

test('an item that was cancelled by itself runs again like the rest', async () => {
  const swarm = await mage.swarm({ config: { maxConcurrency: 1 } });
  mending.halted.add('alone 0');
  await (await swarm.addTask(mend, { label: 'alone 0' })).runNoWait({});
  const running = await swarm.addTask(mend, { label: 'alone 1' });
  const waiting = await swarm.addTask(mend, { label: 'alone 2' });
  await mending.started('alone 0');
  await waiting.cancel();
  mending.halted.add('alone 1');
  await running.runNoWait({});
  mending.openGate('alone 0');
  await mending.started('alone 1');
  await running.cancel();
  await swarm.closeSwarm();
  await progressOf(swarm, { succeeded: 1, cancelled: 2, status: 'succeeded' });
  await mending.settled(swarm);
  mending.mendAll();
  expect(await swarm.retryFailed()).toBe(2);
  await progressOf(swarm, { succeeded: 3, cancelled: 0, status: 'succeeded' });
  expect(mending.counts('alone 0', 'alone 1', 'alone 2')).toEqual({ 'alone 0': 1, 'alone 1': 2, 'alone 2': 1 });
});

test('the time limit of a swarm starts over in each round', async () => {
  mending.halted.add('timed');
  const swarm = await mage.swarm({
    tasks: [[mend, { label: 'timed' }]],
    config: { timeoutMs: 5_000 },
    errorCallbacks: [await callbackNamed('timed alert')],
    isSwarmClosed: true,
  });
  expect((await rejection(swarm.run({}))).message).toContain('timed out');
  await mending.settled(swarm);
  // Timed out again: nobody has let it go on.
  expect(await swarm.retryFailed()).toBe(1);
  await eventually('its time was over again', () => mending.executions('timed alert').length === 2);
  await statusOf(swarm, 'failed');
  await mending.settled(swarm);
  expect(mending.executions('timed alert')).toHaveLength(2);
  expect((mending.executions('timed alert')[1]?.input['error'] as Error).message).toContain('timed out');
  // Given more time, it goes on in its third round.
  await swarm.retryFailed();
  await swarm.update({ timeoutMs: 300_000 });
  mending.openGate('timed');
  await statusOf(swarm, 'succeeded');
  expect(mending.executions('timed alert')).toHaveLength(2);
});

test('a swarm that keeps no results counts what succeeded in all rounds', async () => {
  mending.break('counted 1');
  const swarm = await mage.swarm({
    tasks: [0, 1, 2].map((n) => [mend, { label: `counted ${n}` }] as const),
    config: { keepResults: false },
    successCallbacks: [await callbackNamed('counted done')],
    isSwarmClosed: true,
  });
  await swarm.run({});
  await mending.settled(swarm);
  mending.mendAll();
  expect(await swarm.retryFailed()).toBe(1);
  await statusOf(swarm, 'succeeded');
  await mending.settled(swarm);
  expect(mending.executions('counted done').map(({ input }) => input['returnValue'])).toEqual([
    { total: 3, succeeded: 2, failed: 1, cancelled: 0 },
    { total: 3, succeeded: 3, failed: 0, cancelled: 0 },
  ]);
  const items = await all(swarm);
  expect(items.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'succeeded']);
  expect(items.some((item) => 'output' in item || 'error' in item)).toBe(false);
});

test('an earlier run that the engine starts once more runs no body, and changes nothing', async () => {
  mending.break('replayed');
  const swarm = await mage.swarm({ tasks: [[mend, { label: 'replayed' }]], isSwarmClosed: true });
  await swarm.run({});
  const runId = mending.executions('replayed')[0]?.runId ?? '';
  const ended = (how: string) =>
    eventually(`the first run ended: ${how}`, async () => {
      const detail = await hatchet.runs.getDetails(runId);
      const text = JSON.stringify([detail.status, Object.values(detail.taskRuns).map(({ error }) => error)]);
      if (!detail.done || !new RegExp(how).test(text)) throw new Error(text);
      return true;
    });
  await ended('is broken');
  mending.mendAll();
  mending.halted.add('replayed');
  await swarm.retryFailed();
  await mending.started('replayed', 2);
  await hatchet.runs.replay({ ids: [runId] });
  await ended('does not count any more|CANCELLED');
  expect(await swarm.progress()).toMatchObject({ running: 1, failed: 0, cancelled: 0 });
  mending.openGate('replayed');
  await statusOf(swarm, 'succeeded');
  expect(mending.executions('replayed')).toHaveLength(2);
  expect((await all(swarm))[0]?.output).toEqual({ label: 'replayed', received: null });
});

test('the first round can be tried again while its callbacks still run', async () => {
  mending.break('busy');
  mending.halted.add('busy done');
  const swarm = await mage.swarm({
    tasks: [[mend, { label: 'busy' }]],
    successCallbacks: [await mage.sign(mend, { label: 'busy done' })],
    isSwarmClosed: true,
  });
  await swarm.run({});
  await mending.started('busy done');
  mending.broken.clear();
  expect(await swarm.retryFailed()).toBe(1);
  await mending.started('busy done', 2);
  mending.openGate('busy done');
  await mending.settled(swarm);
  expect(mending.executions('busy done').map(({ input }) => (input['returnValue'] as unknown[]).length)).toEqual([
    0, 1,
  ]);
  expect(await swarm.status()).toBe('succeeded');
});

test('a swarm can be suspended and cancelled in the new round like in the first', async () => {
  mending.break('hold 0', 'hold 1');
  const swarm = await mage.swarm({
    tasks: [0, 1].map((n) => [mend, { label: `hold ${n}` }] as const),
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
  });
  await swarm.run({});
  mending.mendAll();
  mending.halted.add('hold 0');
  await swarm.retryFailed();
  await mending.started('hold 0', 2);
  await swarm.suspend();
  mending.openGate('hold 0');
  await progressOf(swarm, { succeeded: 1, queued: 1, running: 0, status: 'suspended' });
  expect((await rejection(swarm.retryFailed())).name).toBe('ConfigurationError');
  await swarm.resume();
  await progressOf(swarm, { succeeded: 2, status: 'succeeded' });
});
