import { SwarmFinishedError } from '../../../src';
import { rejection } from '../../helpers/outcomes';
import { openTasks, shortLease } from '../../helpers/task-set';

const { taskSet, mage, work, callback } = openTasks(shortLease);

test('an open swarm closes by itself when it is idle, and its success callback runs', async () => {
  const swarm = await mage.swarm({
    tasks: [[work, { label: 'first', value: 1 }]],
    config: { closeAfterIdleMs: 300 },
    successCallbacks: [await mage.sign(callback, { label: 'closed' })],
  });
  expect(await swarm.run({})).toEqual([1]);
  await taskSet.onlyExecution('closed', swarm);
  expect(await swarm.progress()).toMatchObject({ status: 'succeeded', closed: true, rateLimited: false });
  expect(await rejection(swarm.addTask(work, {}))).toBeInstanceOf(SwarmFinishedError);
});

test('a swarm without an item closes by itself, too', async () => {
  expect(await (await mage.swarm({ config: { closeAfterIdleMs: 100 } })).run({})).toEqual([]);
});

test('the time can be set while the swarm runs', async () => {
  const swarm = await mage.swarm({ tasks: [[work, { label: 'updated', value: 2 }]] });
  const { output } = await swarm.runNoWait({});
  await taskSet.started('updated');
  await swarm.update({ closeAfterIdleMs: 100 });
  expect(await output).toEqual([2]);
});

test('it is refused for a root task', () => {
  const options = { name: 'idle-root', closeAfterIdleMs: 5, fn: () => ({}) };
  expect(() => mage.rootTask(options as never)).toThrow("closeAfterIdleMs: can't be set for a root task");
});
