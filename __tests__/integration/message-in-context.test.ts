// `mageContext().message`: what a group, or a task by itself, was started with.
import { mageContext } from '../../src';
import { eventually, Fixture } from '../helpers/fixture';
import { TaskSet } from '../helpers/task-set';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const taskSet = new TaskSet(fixture);
const { mage } = fixture;
const { work, callback } = taskSet;
const root = mage.rootTask({
  name: 'root',
  fn: async (input: Record<string, unknown>) => {
    taskSet.record({ ...input, label: 'root body' });
    await (await mage.sign(work)).run({ label: 'child' });
    return 'rooted';
  },
});
const workflow = mage.workflow({ name: 'workflow' });
workflow.task({ name: 'part', fn: () => ({ message: mageContext()?.message }) });
workflow.task({ name: 'other', fn: () => ({ message: mageContext()?.message }) });

beforeAll(() => fixture.worker([...taskSet.tasks, root, workflow]));
afterAll(() => fixture.close());

const signCallback = (label: string) => mage.sign(callback, { label });
const messageOf = async (label: string) =>
  (await eventually(`${label} has run`, () => taskSet.executions(label)[0])).context?.message;

test('an item and the success callback of a swarm have the message of the swarm, without what is bound to them', async () => {
  const swarm = await mage.swarm({
    tasks: [[work, { label: 'item', mine: 1 }]],
    successCallbacks: [await signCallback('of swarm')],
    isSwarmClosed: true,
  });
  await swarm.run({ day: '2026-11-22', label: 'its own' });
  expect(await messageOf('item')).toEqual({ day: '2026-11-22', label: 'its own' });
  expect(await messageOf('of swarm')).toEqual({ day: '2026-11-22', label: 'its own' });
});

test('a task by itself and its success and error callbacks have the message that it was run with', async () => {
  const task = await mage.sign(
    work,
    { label: 'task', bound: 1 },
    { successCallbacks: [await signCallback('of task')] },
  );
  await task.run({ n: 7 } as never);
  expect([await messageOf('task'), await messageOf('of task')]).toEqual([{ n: 7 }, { n: 7 }]);
  const failing = await mage.sign(work, { fail: 'no' }, { errorCallbacks: [await signCallback('of failure')] });
  await failing.runNoWait({ n: 8 } as never);
  expect(await messageOf('of failure')).toEqual({ n: 8 });
});

test('the steps of a chain and its success callback have the message that the chain was run with', async () => {
  const steps = [await mage.sign(work, { label: 'step 1' }), await mage.sign(work, { label: 'step 2' })];
  const chain = await mage.chain(steps, { successCallbacks: [await signCallback('of chain')] });
  await chain.run({ url: 'x' });
  for (const label of ['step 1', 'step 2', 'of chain']) expect(await messageOf(label)).toEqual({ url: 'x' });
});

test('the body of a root and its success callback have the message of the root, and its children none', async () => {
  const signature = await mage.sign(root, { bound: 1 }, { successCallbacks: [await signCallback('of root')] });
  await signature.run({ rows: 3 });
  expect([await messageOf('root body'), await messageOf('of root')]).toEqual([{ rows: 3 }, { rows: 3 }]);
  expect(await messageOf('child')).toBeUndefined();
});

test('a swarm that gets its message while its items run passes it to items that begin afterwards', async () => {
  const first = await mage.sign(work, { label: 'before', waitFor: 'late' });
  const swarm = await mage.swarm({
    tasks: [first, [work, { label: 'after' }]],
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
  });
  await first.runNoWait({ own: 1 } as never);
  expect(await messageOf('before')).toBeUndefined();
  const { output } = await swarm.runNoWait({ late: true });
  taskSet.openGate('late');
  await output;
  expect(await messageOf('after')).toEqual({ late: true });
});

test('a swarm of a key that was forgotten and made again has its new message', async () => {
  for (const day of [1, 2]) {
    const swarm = await mage.swarm({ key: 'daily', tasks: [[work, { label: `day ${day}` }]], isSwarmClosed: true });
    await swarm.run({ day });
    expect(await messageOf(`day ${day}`)).toEqual({ day });
    await swarm.remove();
  }
});

test('each task of a workflow that is an item has the message of the swarm', async () => {
  const swarm = await mage.swarm({ tasks: [workflow], isSwarmClosed: true });
  expect(await swarm.run({ whole: 1 })).toEqual([
    { part: { message: { whole: 1 } }, other: { message: { whole: 1 } } },
  ]);
});

test('what a body does to the message does not reach the next one', async () => {
  const swarm = await mage.swarm({
    tasks: [
      [work, { label: 'changed' }],
      [work, { label: 'unchanged' }],
    ],
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
  });
  const run = swarm.run({ list: [1] });
  ((await messageOf('changed'))?.['list'] as number[]).push(2);
  await run;
  expect(await messageOf('unchanged')).toEqual({ list: [1] });
});
