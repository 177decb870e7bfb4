import * as mageflow from 'mageflow';
import { openRoots } from '../../helpers/roots';

const { mage, taskSet, roots, root, retriedWork, tagged, others } = openRoots();
const adder = (name: string, more: number) =>
  mage.task({
    name,
    fn: ({ value, returnValue = value }: { value: number; returnValue?: number }) => returnValue + more,
  });
const [task1, task2, task3] = [adder('task1', 1), adder('task2', 10), adder('task3', 100)];
const [worker1, worker2] = [adder('worker1', 1000), adder('worker2', 2000)];
const singleTask = adder('single-task', 5);
const complexOrchestrator = mage.rootTask({
  name: 'complex-orchestrator',
  maxConcurrency: 10,
  fn: async (message: { value: number }) => {
    const chain = await mage.chain([task1, task2, task3]);
    await chain.runNoWait(message);

    const swarm = await mage.swarm({ tasks: [worker1, worker2], isSwarmClosed: true });
    await swarm.runNoWait({ ...message });

    const single = await mageflow.sign(singleTask);
    await single.runNoWait(message);

    return { completed: true };
  },
});
others.push(task1, task2, task3, worker1, worker2, singleTask, complexOrchestrator);

test('a root task with a chain, a swarm and a single task in it waits for all three, each with its result', async () => {
  const root = await mage.sign(
    complexOrchestrator,
    {},
    { successCallbacks: [await tagged('complex')], errorCallbacks: [await tagged('complex error')] },
  );
  expect(await root.run({ value: 0 })).toEqual({ completed: true });
  expect((await taskSet.onlyExecution('complex', root)).input).toEqual({
    label: 'complex',
    returnValue: { completed: true },
    childResults: [111, [1000, 2000], 5],
  });
  expect(await (await root.children()).progress()).toMatchObject({ total: 3, succeeded: 3, status: 'succeeded' });
  expect(taskSet.executions('complex error')).toEqual([]);
});

test('what starts a swarm by one of its items belongs to the root, like what is run as a whole', async () => {
  const signature = await roots.sign(root, async () => {
    const swarm = await mage.swarm({ isSwarmClosed: false });
    const first = await swarm.addTask(retriedWork, { label: 'started by an item' });
    await first.runNoWait({});
    return 'body';
  });
  expect(await signature.run()).toBe('body');
  const [{ context } = {}] = taskSet.executions('started by an item');
  expect(context).toMatchObject({ rootId: signature.id, index: 0 });
});
