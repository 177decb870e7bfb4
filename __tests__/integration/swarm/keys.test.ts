import type { Swarm } from '../../../src';
import { progressOf } from '../../helpers/outcomes';
import { openTasks } from '../../helpers/task-set';

describe('keys make creation idempotent', () => {
  const { fixture, taskSet, mage, work, callback } = openTasks();

  test('a swarm made twice with one key is the first, whatever options the second has', async () => {
    const first = await mage.swarm({ key: 'batch-1', name: 'first', tasks: [work], successCallbacks: [callback] });
    const second = await mage.swarm({ key: 'batch-1', name: 'second', tasks: [work, work], isSwarmClosed: true });
    expect(second.id).toBe(first.id);
    expect(await second.progress()).toMatchObject({ total: 1, closed: false });
    expect(second.name).toBe('first');
    await first.closeSwarm();
    expect(await second.run({ label: 'once' })).toEqual([{ label: 'once', received: null }]);
    const third = await mage.swarm({ key: 'batch-1', tasks: [work] });
    expect(await third.progress()).toMatchObject({ total: 1, status: 'succeeded' });
    await taskSet.settled(first);
    expect(taskSet.callbacks(first)).toHaveLength(1);
  });

  test('is one swarm also from another instance, and when all make it at once', async () => {
    const elsewhere = fixture.another();
    const made = await Promise.all(
      [mage, elsewhere, mage, elsewhere].map((instance) =>
        instance.swarm({ key: 'batch-2', tasks: ['work', 'work'], isSwarmClosed: true }),
      ),
    );
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect(await made[0]!.progress()).toMatchObject({ total: 2 });
    expect(made.filter(({ created }) => created)).toHaveLength(1);
    await Promise.all(made.map((swarm) => swarm.runNoWait({})));
    await progressOf(made[0]!, { succeeded: 2, status: 'succeeded' });
    expect(taskSet.executions(made[0]!)).toHaveLength(2);
  });

  test('leaves the signatures free that the second was given', async () => {
    const signed = await mage.sign(work);
    await mage.swarm({ key: 'batch-3', tasks: [work] });
    await mage.swarm({ key: 'batch-3', tasks: [signed] });
    expect(await (await mage.swarm()).addTask(signed)).toBe(signed);
  });

  test('different keys, and none, are different swarms', async () => {
    const ids = await Promise.all([{ key: 'a' }, { key: 'b' }, {}, {}].map(async (key) => (await mage.swarm(key)).id));
    expect(new Set(ids).size).toBe(4);
  });

  test('an item added twice with one key is one item', async () => {
    const swarm = await mage.swarm({ tasks: [work] });
    const first = await swarm.addTask(work, { label: 'first' }, { key: 'row-7' });
    const again = await swarm.addTask(work, { label: 'again' }, { key: 'row-7' });
    expect(again.id).toBe(first.id);
    expect(await swarm.progress()).toMatchObject({ total: 2 });
    expect(await again.run({})).toEqual({ label: 'first', received: null });
    expect(await first.run({ label: 'ignored' })).toEqual({ label: 'first', received: null });
    expect(taskSet.labels(swarm)).toEqual(['first']);
    expect([first.created, again.created]).toEqual([true, false]);
  });

  test('a signature with a key is the same item as the first of that key', async () => {
    const swarm = await mage.swarm({ config: { maxConcurrency: 1 } });
    const signed = await mage.sign(work, { label: 'x' }, { key: 'row-7' });
    expect(await swarm.addTask(signed)).toBe(signed);
    const other = await fixture.another().load<Swarm<unknown>>(swarm.id);
    const again = await other.addTask('work', { label: 'x' }, { key: 'row-7' });
    expect(again.id).toBe(signed.id);
    await signed.run({});
    expect(await again.status()).toBe('succeeded');
  });

  test('is for its own swarm: two swarms each have their item of one key', async () => {
    const [one, two] = await Promise.all([mage.swarm(), mage.swarm()]);
    const [a, b] = [await one.addTask(work, {}, { key: 'row' }), await two.addTask(work, {}, { key: 'row' })];
    expect(a.id).not.toBe(b.id);
    expect([await one.progress(), await two.progress()]).toMatchObject([{ total: 1 }, { total: 1 }]);
  });

  test('counts only the new ones in addTasks, and in the tasks of a new swarm', async () => {
    const rows = (from: number, to: number) =>
      Array.from(
        { length: to - from },
        (_, i) => [work, { label: `${from + i}` }, { key: `row-${from + i}` }] as const,
      );
    const swarm = await mage.swarm({ tasks: [...rows(0, 3), ...rows(2, 4)] });
    expect(await swarm.progress()).toMatchObject({ total: 4 });
    expect(await swarm.addTasks(rows(2, 6))).toBe(2);
    expect(await swarm.addTasks(rows(0, 6), { run: true })).toBe(0);
    await swarm.closeSwarm();
    const outputs = (await swarm.run({})) as { label: string }[];
    expect(outputs.map(({ label }) => label)).toEqual(['0', '1', '2', '3', '4', '5']);
  });

  test('of a signature outside groups runs once in the store', async () => {
    const first = await mage.sign(work, { label: 'alone' }, { key: 'standalone' });
    const second = await fixture.another().sign('work', { label: 'alone' }, { key: 'standalone' });
    expect(second.id).toBe(first.id);
    await first.run({});
    expect(await second.status()).toBe('succeeded');
    expect(await second.run({})).toEqual({ label: 'alone', received: null });
    expect([first.created, second.created]).toEqual([true, false]);
  });
});
