// `mageContext().message`: what a group, or a task by itself, was started with.
import { mageContext } from '../../src';
import { eventually, Fixture } from '../helpers/fixture';
import { Notes } from '../helpers/notes';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const notes = new Notes(fixture);
const { mage } = fixture;
const { once, note } = notes;
const root = mage.rootTask({
  name: 'root',
  fn: async (input: Record<string, unknown>) => {
    notes.keep({ ...input, tag: 'root body' });
    await (await mage.sign(once)).run({ tag: 'child' });
    return 'rooted';
  },
});
const workflow = mage.workflow({ name: 'workflow' });
workflow.task({ name: 'part', fn: () => ({ message: mageContext()?.message }) });
workflow.task({ name: 'other', fn: () => ({ message: mageContext()?.message }) });

beforeAll(() => fixture.worker([...notes.tasks, root, workflow]));
afterAll(() => fixture.close());

const callback = (tag: string) => mage.sign(note, { tag });
const messageOf = async (tag: string) => (await eventually(`${tag} has run`, () => notes.of(tag)[0])).context?.message;

test('an item and the success callback of a swarm have the message of the swarm, without what is bound to them', async () => {
  const swarm = await mage.swarm({
    tasks: [[once, { tag: 'item', mine: 1 }]],
    successCallbacks: [await callback('of swarm')],
    isSwarmClosed: true,
  });
  await swarm.run({ day: '2026-11-22', tag: 'its own' });
  expect(await messageOf('item')).toEqual({ day: '2026-11-22', tag: 'its own' });
  expect(await messageOf('of swarm')).toEqual({ day: '2026-11-22', tag: 'its own' });
});

test('a task by itself and its success and error callbacks have the message that it was run with', async () => {
  const task = await mage.sign(once, { tag: 'task', bound: 1 }, { successCallbacks: [await callback('of task')] });
  await task.run({ n: 7 } as never);
  expect([await messageOf('task'), await messageOf('of task')]).toEqual([{ n: 7 }, { n: 7 }]);
  const failing = await mage.sign(once, { fail: 'no' }, { errorCallbacks: [await callback('of failure')] });
  await failing.runNoWait({ n: 8 } as never);
  expect(await messageOf('of failure')).toEqual({ n: 8 });
});

test('the steps of a chain and its success callback have the message that the chain was run with', async () => {
  const steps = [await mage.sign(once, { tag: 'step 1' }), await mage.sign(once, { tag: 'step 2' })];
  const chain = await mage.chain(steps, { successCallbacks: [await callback('of chain')] });
  await chain.run({ url: 'x' });
  for (const tag of ['step 1', 'step 2', 'of chain']) expect(await messageOf(tag)).toEqual({ url: 'x' });
});

test('the body of a root and its success callback have the message of the root, and its children none', async () => {
  const signature = await mage.sign(root, { bound: 1 }, { successCallbacks: [await callback('of root')] });
  await signature.run({ rows: 3 });
  expect([await messageOf('root body'), await messageOf('of root')]).toEqual([{ rows: 3 }, { rows: 3 }]);
  expect(await messageOf('child')).toBeUndefined();
});

test('a swarm that gets its message while its items run tells it to those that begin afterwards', async () => {
  const first = await mage.sign(once, { tag: 'before', hold: 'late' });
  const swarm = await mage.swarm({
    tasks: [first, [once, { tag: 'after' }]],
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
  });
  await first.runNoWait({ own: 1 } as never);
  expect(await messageOf('before')).toBeUndefined();
  const { output } = await swarm.runNoWait({ late: true });
  notes.open('late');
  await output;
  expect(await messageOf('after')).toEqual({ late: true });
});

test('a swarm of a key that was forgotten and made again has its new message', async () => {
  for (const day of [1, 2]) {
    const swarm = await mage.swarm({ key: 'daily', tasks: [[once, { tag: `day ${day}` }]], isSwarmClosed: true });
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
      [once, { tag: 'changed' }],
      [once, { tag: 'unchanged' }],
    ],
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
  });
  const run = swarm.run({ list: [1] });
  ((await messageOf('changed'))?.['list'] as number[]).push(2);
  await run;
  expect(await messageOf('unchanged')).toEqual({ list: [1] });
});
