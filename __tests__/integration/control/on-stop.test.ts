import { TaskFailedError, type TaskEntry } from '../../../src';
import { openTasks, shortLease } from '../../helpers/task-set';
import { rejection } from '../../helpers/outcomes';

const { fixture, taskSet, mage, work, callback } = openTasks(shortLease);
const family = mage.rootTask({
  name: 'family',
  stopAfterNFailures: 1,
  onStop: 'cancel',
  fn: async ({ label = '' }: { label?: string }) => {
    await (await mage.sign(work, { label: `${label} patient`, untilCancelled: true })).runNoWait({});
    await taskSet.started(`${label} patient`);
    await (await mage.sign(work, { label: `${label} bad`, fail: 'bad' })).runNoWait({});
    return {};
  },
});
let failures = 0;
const failsOnce = mage.task({
  name: 'fails-once',
  fn: async () => {
    await taskSet.gateOpened('fails once');
    if (failures++ === 0) throw new Error('bad');
    return { ok: true };
  },
});
beforeAll(async () => {
  await fixture.worker([family, failsOnce]);
});

/** A swarm that its first failure stops, which comes when all others have begun. */
const stopping = async (label: string, others: TaskEntry[], onStop?: 'finish' | 'cancel') =>
  mage.swarm({
    tasks: [[work, { label: `${label} bad`, waitFor: `${label} bad`, fail: 'bad' }], ...others],
    config: { stopAfterNFailures: 1, onStop, maxConcurrency: others.length + 1 },
    errorCallbacks: [await mage.sign(callback, { label: `${label} error` })],
    isSwarmClosed: true,
  });

test("with onStop 'cancel', a failure limit cancels what runs: the swarm fails, and its error callback runs once", async () => {
  const labels = ['one', 'two'];
  const swarm = await stopping(
    'all',
    labels.map((label) => [work, { label, untilCancelled: true }]),
    'cancel',
  );
  const waiting = await swarm.addTask(work, { label: 'waiting' }).catch((error: unknown) => error);
  expect(waiting).toBeInstanceOf(Error);
  const { output } = await swarm.runNoWait({});
  const failed = rejection(output);
  for (const label of labels) await taskSet.started(label);
  taskSet.openGate('all bad');
  expect(await failed).toBeInstanceOf(TaskFailedError);
  expect((await failed).message).toContain('1 of its 3 items failed, the first with: bad');
  expect(await swarm.progress()).toMatchObject({ status: 'failed', failed: 1, cancelled: 2 });
  expect(labels.flatMap((label) => taskSet.executions(label)).map(({ aborted }) => aborted)).toEqual([true, true]);
  const { input } = await taskSet.onlyExecution('all error', swarm);
  expect(input).toMatchObject({ error: { message: expect.stringContaining('bad') } });
});

test("with onStop 'cancel', groups and callbacks are treated as by cancel()", async () => {
  const inner = await mage.chain([
    await mage.sign(work, { label: 'step', untilCancelled: true }),
    await mage.sign(work, { label: 'never' }),
  ]);
  const swarm = await stopping('nested', [inner], 'cancel');
  const { output } = await swarm.runNoWait({});
  const failed = rejection(output);
  await taskSet.started('step');
  taskSet.openGate('nested bad');
  await failed;
  await taskSet.settled(swarm);
  expect([await swarm.status(), await inner.status()]).toEqual(['failed', 'cancelled']);
  expect([taskSet.executions('step')[0]?.aborted, taskSet.executions('never')]).toEqual([true, []]);
});

test.each(['finish', undefined] as const)('with onStop %s, what runs finishes', async (onStop) => {
  const label = `finish ${onStop}`;
  const swarm = await stopping(label, [[work, { label, waitFor: label }]], onStop);
  const { output } = await swarm.runNoWait({});
  const failed = rejection(output);
  await taskSet.started(label);
  taskSet.openGate(`${label} bad`);
  await taskSet.started(`${label} bad`);
  taskSet.openGate(label);
  await failed;
  expect(await swarm.progress()).toMatchObject({ status: 'failed', failed: 1, succeeded: 1, cancelled: 0 });
});

test('onStop can be changed while the swarm runs', async () => {
  const swarm = await stopping('changed', [[work, { label: 'changed', untilCancelled: true }]]);
  const { output } = await swarm.runNoWait({});
  const failed = rejection(output);
  await taskSet.started('changed');
  await swarm.update({ onStop: 'cancel' });
  taskSet.openGate('changed bad');
  await failed;
  expect(await swarm.progress()).toMatchObject({ status: 'failed', failed: 1, cancelled: 1 });
});

test("the children of a root task are cancelled with onStop 'cancel', and the root fails", async () => {
  const root = await mage.sign(family, { label: 'root' });
  const failed = await rejection(root.run({}));
  expect(failed.message).toContain('bad');
  await taskSet.settled(root);
  expect(await root.status()).toBe('failed');
  expect(taskSet.executions('root patient').map(({ aborted }) => aborted)).toEqual([true]);
});

test('a swarm that stopped by cancelling can be tried again', async () => {
  const swarm = await mage.swarm({
    tasks: [
      [failsOnce, {}],
      [work, { label: 'again', waitFor: 'again', value: 2 }],
    ],
    config: { stopAfterNFailures: 1, onStop: 'cancel' },
    isSwarmClosed: true,
  });
  const { output } = await swarm.runNoWait({});
  const failed = rejection(output);
  await taskSet.started('again');
  taskSet.openGate('fails once');
  // The body does not listen to its signal. What it returns later has no effect.
  await failed;
  taskSet.openGate('again');
  expect(await swarm.retryFailed()).toBe(2);
  expect(await swarm.wait()).toEqual([{ ok: true }, 2]);
  expect(await swarm.progress()).toMatchObject({ status: 'succeeded', succeeded: 2, failed: 0, cancelled: 0 });
});

test.each([
  [{ onStop: 'stop' }, 'onStop: expected one of finish, cancel, got "stop".'],
  [{ onStop: true }, 'onStop: expected one of finish, cancel, got true.'],
])('%j is refused', async (config, message) => {
  expect((await rejection(mage.swarm({ config: config as never }))).message).toBe(message);
});
