// `wait()`: the output of what was run, by whoever holds its id.
import { CancelledError, ClosedError, NotFoundError, TaskFailedError, WaitTimeoutError } from '../../src';
import { eventually, Fixture } from '../helpers/fixture';
import { rejection } from '../helpers/outcomes';
import { TaskSet } from '../helpers/task-set';

const fixture = new Fixture();
const taskSet = new TaskSet(fixture);
const { mage } = fixture;
const { work } = taskSet;
const root = mage.rootTask({
  name: 'root',
  fn: async ({ label, waitFor, fail }: { label: string; waitFor?: string; fail?: string }) => {
    await (await mage.sign(work)).runNoWait({ label, ...(waitFor ? { waitFor } : {}), ...(fail ? { fail } : {}) });
    return { rooted: label };
  },
});
const double = mage.task({
  name: 'double',
  fn: ({ returnValue }: { returnValue: { label: string } }) => ({ twice: returnValue.label.repeat(2) }),
});

beforeAll(() => fixture.worker([...taskSet.tasks, root, double]));
afterAll(() => fixture.close());

const other = fixture.another();
const elsewhere = async (id: string) => (await other.load(id)).wait();

test('another process gets the output of a task by its id, while it runs and after its end', async () => {
  const { id } = await (await mage.sign(work, { label: 'a', waitFor: 'task' })).runNoWait();
  const waiting = elsewhere(id);
  taskSet.openGate('task');
  expect(await waiting).toEqual({ label: 'a', received: null });
  expect(await elsewhere(id)).toEqual({ label: 'a', received: null });
});

test('another process gets the last output of a chain by its id, while it runs and after its end', async () => {
  const { id } = await (await mage.chain([work, double])).runNoWait({ label: 'b', waitFor: 'chain' });
  const waiting = elsewhere(id);
  taskSet.openGate('chain');
  expect(await waiting).toEqual({ twice: 'bb' });
  expect(await elsewhere(id)).toEqual({ twice: 'bb' });
});

test('another process gets the output of a root by its id, once all its children have ended', async () => {
  const { id } = await (await mage.sign(root, { label: 'c', waitFor: 'root' })).runNoWait();
  const loaded = await other.load(id);
  const waiting = loaded.wait();
  expect(await rejection(loaded.wait({ timeoutMs: 500 }))).toBeInstanceOf(WaitTimeoutError);
  taskSet.openGate('root');
  expect(await waiting).toEqual({ rooted: 'c' });
  expect(await elsewhere(id)).toEqual({ rooted: 'c' });
});

test('another process gets the list of a swarm, and the output of one of its items, by their ids', async () => {
  const swarm = await mage.swarm({ tasks: [[work, { label: 'd' }], work], isSwarmClosed: true });
  const [first] = (await mage.describe(swarm.id)).children;
  const waiting = [elsewhere(swarm.id), elsewhere(first!.id)];
  await swarm.runNoWait({});
  expect(await Promise.all(waiting)).toEqual([
    [{ label: 'd', received: null }, { received: null }],
    { label: 'd', received: null },
  ]);
  expect(await elsewhere(swarm.id)).toHaveLength(2);
});

test('wait rejects as run does when it failed or was cancelled, with the same failures', async () => {
  const task = await mage.sign(work, { fail: 'broken' }, { name: 'named' });
  const failed = (await rejection(task.run())) as TaskFailedError;
  const again = (await rejection(elsewhere(task.id))) as TaskFailedError;
  expect(again).toBeInstanceOf(TaskFailedError);
  expect([again.message, again.failures]).toEqual([failed.message, failed.failures]);
  const swarm = await mage.swarm({ tasks: [[work, { fail: 'broken' }]], config: { stopAfterNFailures: 1 } });
  const swarmFailed = (await rejection(swarm.run())) as TaskFailedError;
  const swarmAgain = (await rejection(elsewhere(swarm.id))) as TaskFailedError;
  expect([swarmAgain.message, swarmAgain.failures]).toEqual([swarmFailed.message, swarmFailed.failures]);
  const chain = await mage.chain([await mage.sign(work, { fail: 'broken' }), double]);
  const chainFailed = (await rejection(chain.run({}))) as TaskFailedError;
  const chainAgain = (await rejection(elsewhere(chain.id))) as TaskFailedError;
  expect([chainAgain.message, chainAgain.failures]).toEqual([chainFailed.message, chainFailed.failures]);
});

test('wait rejects with CancelledError when what it waits for is cancelled', async () => {
  const rooted = await mage.sign(root, { label: 'f', waitFor: 'never' });
  await rooted.runNoWait();
  await eventually('it runs', async () => (await rooted.status()) === 'running');
  await rooted.cancel();
  taskSet.openGate('never');
  expect(await rejection(elsewhere(rooted.id))).toBeInstanceOf(CancelledError);
});

test('a signature that was signed and not run yet is waited for', async () => {
  const task = await mage.sign(work, { label: 'g' });
  const waiting = task.wait();
  expect(await rejection(task.wait({ timeoutMs: 100 }))).toBeInstanceOf(WaitTimeoutError);
  const running = task.runNoWait();
  // While its run is being written it is neither there nor gone.
  expect(await Promise.all([waiting, task.wait()])).toEqual(Array(2).fill({ label: 'g', received: null }));
  await running;
});

test('a chain and its steps that were made and not run yet are waited for', async () => {
  const step = await mage.sign(work, { label: 'h' });
  const chain = await mage.chain([step, double]);
  const waiting = [chain.wait(), step.wait()];
  await chain.runNoWait({});
  expect(await Promise.all(waiting)).toEqual([{ twice: 'hh' }, { label: 'h', received: null }]);
});

test('a swarm that nobody has started is waited for in another process, and so is a task that was suspended before its run', async () => {
  const swarm = await mage.swarm({ tasks: [[work, { label: 'i' }]], isSwarmClosed: true });
  const task = await mage.sign(work, { label: 'j' });
  await task.suspend();
  const waiting = [elsewhere(swarm.id), elsewhere(task.id)];
  await swarm.runNoWait();
  await task.runNoWait();
  await task.resume();
  expect(await Promise.all(waiting)).toEqual([[{ label: 'i', received: null }], { label: 'j', received: null }]);
});

test('a key that nobody has run is waited for until another process runs it', async () => {
  const waiting = (await other.sign('work', {}, { key: 'waited for' })).wait();
  await (await mage.sign(work, { label: 'k' }, { key: 'waited for' })).runNoWait();
  expect(await waiting).toEqual({ label: 'k', received: null });
});

test('a callback is waited for until it has run, a task and a swarm alike', async () => {
  const report = await mage.sign(taskSet.callback, { value: 'reported' });
  const batch = await mage.swarm({ tasks: [[work, { label: 'l' }]], isSwarmClosed: true });
  const task = await mage.sign(work, { value: 'done' }, { successCallbacks: [report, batch] });
  const waiting = [report.wait(), batch.wait()];
  await task.runNoWait();
  expect(await waiting[1]).toEqual([{ label: 'l', received: 'done' }]);
  expect(await waiting[0]).toBe('reported');
  expect(await elsewhere(report.id)).toEqual(await report.wait());
});

test('waiting for a step of a chain that was cancelled before it came to be throws CancelledError', async () => {
  const step = await mage.sign(work);
  const chain = await mage.chain([step]);
  const swarm = await mage.swarm({ tasks: [chain] });
  const waiting = rejection(step.wait());
  await swarm.cancel();
  expect(await waiting).toBeInstanceOf(CancelledError);
});

test('wait throws NotFoundError when what it waits for is removed', async () => {
  const swarm = await mage.swarm({ tasks: [work] });
  const waiting = rejection((await other.load(swarm.id)).wait());
  await swarm.remove();
  expect(await waiting).toBeInstanceOf(NotFoundError);
  const task = await mage.sign(work, { label: 'm' });
  await task.run();
  const loaded = await other.load(task.id);
  await task.remove();
  expect(await rejection(loaded.wait())).toBeInstanceOf(NotFoundError);
});

test('timeoutMs, an aborted signal and close() end a wait, also for what was never started', async () => {
  const own = fixture.another();
  const unrun = await own.sign(work);
  const pending = await own.load((await mage.swarm({ tasks: [work] })).id);
  for (const signature of [unrun, pending]) {
    expect(await rejection(signature.wait({ timeoutMs: 50 }))).toBeInstanceOf(WaitTimeoutError);
    const controller = new AbortController();
    const aborted = rejection(signature.wait({ signal: controller.signal }));
    controller.abort(new Error('enough'));
    expect((await aborted).message).toBe('enough');
    expect((await rejection(signature.wait({ signal: controller.signal }))).message).toBe('enough');
  }
  const waits = [rejection(unrun.wait()), rejection(pending.wait())];
  await own.close();
  for (const wait of waits) expect(await wait).toBeInstanceOf(ClosedError);
});

test('an unknown option of wait is refused', async () => {
  const task = await mage.sign(work);
  expect((await rejection(task.wait({ timeout: 5 } as never))).message).toBe(
    'timeout: unknown option of wait. Known: timeoutMs, signal.',
  );
  expect((await rejection((await mage.swarm()).wait({ timeoutMs: -1 }))).message).toContain('timeoutMs: expected');
});
