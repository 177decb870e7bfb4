// `describe(id, { output: true })`: what an HTTP service answers a GET with.
import { Fixture } from '../helpers/fixture';
import { rejection, statusOf } from '../helpers/outcomes';
import { TaskSet } from '../helpers/task-set';

const fixture = new Fixture();
const taskSet = new TaskSet(fixture);
const { mage } = fixture;
const { work } = taskSet;
const root = mage.rootTask({
  name: 'root',
  fn: async ({ label }: { label: string }) => {
    await (await mage.sign(work)).runNoWait({ label });
    return { rooted: label };
  },
});

beforeAll(() => fixture.worker([...taskSet.tasks, root]));
afterAll(() => fixture.close());

const other = fixture.another();
const describe = (id: string) => other.describe(id, { output: true });

test('a task, chain, root or swarm that has succeeded is described with its output in another process, and its children without', async () => {
  const task = await mage.sign(work, { label: 'a' });
  const chain = await mage.chain([work, work]);
  const rooted = await mage.sign(root, { label: 'c' });
  const swarm = await mage.swarm({ tasks: [[work, { label: 'd' }]], isSwarmClosed: true });
  for (const signature of [task, chain, rooted, swarm]) {
    const output = await signature.run({} as never);
    const description = await describe(signature.id);
    expect(description).toMatchObject({ kind: signature.kind, status: 'succeeded' });
    expect(description.output).toEqual(output);
    for (const child of description.children) expect(child).not.toHaveProperty('output');
    expect(await other.describe(signature.id)).not.toHaveProperty('output');
  }
  const [item] = (await describe(swarm.id)).children;
  expect((await describe(item!.id)).output).toEqual({ label: 'd', received: null });
});

test('a callback that was fired is described with its output, a chain and a swarm as well as a task', async () => {
  const task = await mage.sign(work, { label: 'e' });
  const chain = await mage.chain([await mage.sign(work, { label: 'f' })]);
  const swarm = await mage.swarm({ tasks: [[work, { label: 'g' }]], isSwarmClosed: true });
  const source = await mage.sign(work, { value: 1 }, { successCallbacks: [task, chain, swarm] });
  await source.run();
  for (const callback of [task, chain, swarm]) await statusOf(callback, 'succeeded');
  expect((await describe(task.id)).output).toEqual({ label: 'e', received: 1 });
  expect((await describe(chain.id)).output).toEqual({ label: 'f', received: 1 });
  expect((await describe(swarm.id)).output).toEqual([{ label: 'g', received: 1 }]);
});

test('what has not succeeded is described without an output', async () => {
  const pending = await mage.swarm({ tasks: [work] });
  expect(await describe(pending.id)).not.toHaveProperty('output');
  const failed = await mage.sign(work, { fail: 'broken' });
  await rejection(failed.run());
  expect(await describe(failed.id)).toMatchObject({ status: 'failed', error: 'broken' });
  expect(await describe(failed.id)).not.toHaveProperty('output');
});

test('an output that is neither true nor false is refused', async () => {
  const { id } = await mage.swarm();
  expect((await rejection(mage.describe(id, { output: 'yes' as never }))).message).toBe(
    'output of describe: expected true or false, got "yes".',
  );
});
