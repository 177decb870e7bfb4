import { ConfigurationError, SwarmClosedError, type SwarmOptions } from '../../../src';
import { openTasks, shortLease } from '../../helpers/task-set';
import { rejection } from '../../helpers/outcomes';

const { fixture, taskSet, mage, work } = openTasks(shortLease);

const swarmOf = (maxItems: number, options: SwarmOptions = {}) => mage.swarm({ ...options, config: { maxItems } });
const entries = (...labels: string[]) => labels.map((label) => [work, { label }] as const);
const outputs = (...labels: string[]) => labels.map((label) => ({ label, received: null }));

test('the item that fills a swarm closes it, and the swarm ends with its items', async () => {
  const swarm = await swarmOf(2);
  await swarm.runNoWait({});
  await swarm.addTask(work, { label: 'first' });
  expect((await swarm.progress()).closed).toBe(false);
  await swarm.addTask(work, { label: 'second' });
  expect((await swarm.progress()).closed).toBe(true);
  const refusal = await rejection(swarm.addTask(work, { label: 'third' }));
  expect(refusal).toBeInstanceOf(SwarmClosedError);
  // Closing by the number of items starts none.
  expect(await swarm.progress()).toMatchObject({ waiting: 2, status: 'running' });
  await swarm.closeSwarm();
  expect(await swarm.wait()).toEqual(outputs('first', 'second'));
  expect(taskSet.executions('third')).toEqual([]);
});

test.each([true, false])(
  'entries beyond maxItems are refused with the number of those added (run: %s)',
  async (run) => {
    const swarm = await swarmOf(3);
    await swarm.runNoWait({});
    await swarm.addTask(work, { label: 'before' });
    const refusal = await rejection(swarm.addTasks(entries('b', 'c', 'beyond', 'far beyond'), { run }));
    expect(refusal).toBeInstanceOf(SwarmClosedError);
    expect(refusal).toMatchObject({ added: 2, message: expect.stringContaining('maxItems') });
    expect(await swarm.progress()).toMatchObject({ total: 3, closed: true });
    await swarm.closeSwarm();
    expect(await swarm.wait()).toEqual(outputs('before', 'b', 'c'));
  },
);

test('a stream of more entries than one script takes is cut at maxItems', async () => {
  const swarm = await swarmOf(1_500);
  const refusal = await rejection(swarm.addTasks(Array.from({ length: 2_500 }, () => [work, {}] as const)));
  expect(refusal).toMatchObject({ code: 'SWARM_CLOSED', added: 1_500 });
  expect(await swarm.progress()).toMatchObject({ total: 1_500, closed: true });
  await swarm.remove();
});

test('a signature that was refused can be added to another swarm', async () => {
  const [taken, refused] = [await mage.sign(work, { label: 'taken' }), await mage.sign(work, { label: 'refused' })];
  const swarm = await swarmOf(1);
  expect(await rejection(swarm.addTasks([taken, refused]))).toMatchObject({ added: 1 });
  const other = await mage.swarm({ tasks: [refused], isSwarmClosed: true });
  expect(await other.run({})).toEqual(outputs('refused'));
  expect(await swarm.run({})).toEqual(outputs('taken'));
});

test('a swarm that is made with maxItems tasks is closed; one with more is refused', async () => {
  const full = await swarmOf(2, { tasks: entries('one', 'two') });
  expect((await full.progress()).closed).toBe(true);
  expect(await full.run({})).toEqual(outputs('one', 'two'));
  const before = (await fixture.keys()).length;
  const refusal = await rejection(swarmOf(1, { tasks: entries('one', 'two') }));
  expect(refusal).toBeInstanceOf(ConfigurationError);
  expect(refusal.message).toBe('tasks: expected at most 1 entries (maxItems), got 2.');
  expect((await fixture.keys()).length).toBe(before);
});

test('a key that is known gives its item, also when the swarm is full', async () => {
  const swarm = await swarmOf(1);
  const item = await swarm.addTask(work, { label: 'keyed' }, { key: 'row 1' });
  const same = await swarm.addTask(work, { label: 'keyed' }, { key: 'row 1' });
  expect([same.id, same.created]).toEqual([item.id, false]);
  expect(await swarm.run({})).toEqual(outputs('keyed'));
});

test('maxItems can be changed while the swarm is open: a swarm that has as many items closes', async () => {
  const swarm = await swarmOf(1, {});
  await swarm.update({ maxItems: 3 });
  await swarm.addTasks(entries('a', 'b'));
  expect((await swarm.progress()).closed).toBe(false);
  await swarm.update({ maxItems: 2 });
  expect((await swarm.progress()).closed).toBe(true);
  const unlimited = await swarmOf(1);
  await unlimited.update({ maxItems: null });
  expect(await unlimited.addTasks(entries('c', 'd'))).toBe(2);
  await Promise.all([swarm.remove(), unlimited.remove()]);
});

test('a swarm of maxItems tasks that is a callback runs all of them', async () => {
  const callback = await swarmOf(1, { tasks: entries('of the callback') });
  const task = await mage.sign(work, { label: 'source' }, { successCallbacks: [callback] });
  await task.run({});
  await taskSet.settled(task);
  expect(taskSet.executions('of the callback')).toHaveLength(1);
});

test('a root task refuses maxItems, declared or wrapped', () => {
  const fn = () => ({});
  const declare = () => mage.rootTask({ name: 'limited', maxItems: 3, fn } as never);
  expect(declare).toThrow("maxItems: can't be set for a root task, because its body adds the items. Leave it out.");
  const plain = fixture.hatchet.task({ name: 'limited-plain', fn });
  expect(() => mage.wrap(plain, { root: { maxItems: 3 } as never })).toThrow(ConfigurationError);
});
