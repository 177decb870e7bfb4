import type { Signature, Swarm, TaskEntry } from '../../../src';
import { z } from 'zod';
import { Fixture } from '../../helpers/fixture';
import { TaskSet } from '../../helpers/task-set';

const megabyte = 1024 * 1024;

// Only a hang ends by it. On a busy machine 1,000 items take minutes.
jest.setTimeout(600_000);

describe('sizes that must hold', () => {
  const fixture = new Fixture();
  const taskSet = new TaskSet(fixture);
  const { mage } = fixture;
  const { work, callback } = taskSet;
  const lists: { at: number; length: number }[][] = [];
  const big = mage.task({
    name: 'big',
    input: z.object({ at: z.number() }),
    fn: ({ at }) => ({ at, text: `${at}`.padStart(megabyte, 'x') }),
  });
  const consolidate = mage.task({
    name: 'consolidate',
    input: z.object({ returnValue: z.array(z.object({ at: z.number(), text: z.string() })) }),
    fn: ({ returnValue: rows }) => {
      lists.push(rows.map(({ at, text }) => ({ at: text.endsWith(`x${at}`) ? at : -1, length: text.length })));
      return { rows: rows.length };
    },
  });

  beforeAll(async () => {
    await fixture.worker([...taskSet.tasks, big, consolidate]);
  });
  afterAll(() => fixture.close());

  test('one item', async () => {
    const swarm = await mage.swarm({ tasks: [work], successCallbacks: [callback], isSwarmClosed: true });
    expect(await swarm.run({ label: 'one' })).toEqual([{ label: 'one', received: null }]);
    await taskSet.settled(swarm);
    expect(taskSet.callbacks(swarm)).toHaveLength(1);
  });

  test('1,000 items in one tasks array', async () => {
    const signed = await Promise.all(Array.from({ length: 1_000 }, (_, i) => mage.sign(work, { label: `${i}` })));
    const swarm = await mage.swarm({
      tasks: signed,
      successCallbacks: [callback],
      config: { maxConcurrency: 100 },
      isSwarmClosed: true,
    });
    const outputs = Array.from({ length: 1_000 }, (_, i) => ({ label: `${i}`, received: null }));
    expect(await swarm.run({})).toEqual(outputs);
    await taskSet.settled(swarm);
    expect(taskSet.callbacks(swarm).map(({ input }) => input)).toEqual([{ returnValue: outputs }]);
    expect(new Set(taskSet.labels(swarm)).size).toBe(1_000);
    expect(taskSet.executions(swarm)).toHaveLength(1_000);
  });

  test.each([1_001, 2_500])('%i items in one tasks array, written in more than one piece', async (count) => {
    const tasks = Array.from({ length: count }, (_, i) => [work, { label: `${i}` }] as const);
    const swarm = await mage.swarm({ tasks, isSwarmClosed: true });
    expect(await swarm.progress()).toMatchObject({ total: count, waiting: count, closed: true, status: 'pending' });
    for (const index of [0, 999, 1_000, count - 1].filter((at, i, all) => all.indexOf(at) === i)) {
      const item = await mage.load<Signature<object, unknown>>(`${swarm.id}~${index}`);
      expect(await item.run({})).toEqual({ label: `${index}`, received: null });
    }
  });

  test('10,000 items through addTasks', async () => {
    const swarm = await mage.swarm();
    const rows = function* (): Generator<TaskEntry> {
      for (let i = 0; i < 10_000; i++) yield [work, { label: `${i}` }];
    };
    expect(await swarm.addTasks(rows())).toBe(10_000);
    const elsewhere = await fixture.another().load<Swarm<unknown>>(swarm.id);
    expect(await elsewhere.progress()).toMatchObject({ total: 10_000, waiting: 10_000, status: 'pending' });
    const last = await mage.load<Signature<object, unknown>>(`${swarm.id}~9999`);
    expect(await last.run({})).toEqual({ label: '9999', received: null });
  });

  test('40 outputs of 1 MB each, of which run and the success callback see the whole list', async () => {
    const swarm = await mage.swarm({
      tasks: await Promise.all(Array.from({ length: 40 }, (_, at) => mage.sign(big, { at }))),
      successCallbacks: [consolidate],
      config: { maxConcurrency: 4 },
      isSwarmClosed: true,
    });
    const outputs = (await swarm.run({})) as { at: number; text: string }[];
    const whole = Array.from({ length: 40 }, (_, at) => ({ at, length: megabyte }));
    expect(outputs.map(({ at, text }) => ({ at, length: text.length }))).toEqual(whole);
    await taskSet.settled(swarm);
    expect(lists).toEqual([whole]);
  });

  test('a message to the swarm of 3 MB, which every item gets', async () => {
    const large = 'y'.repeat(3 * megabyte);
    const swarm = await mage.swarm({ tasks: [work, work, work], config: { maxConcurrency: 1 }, isSwarmClosed: true });
    await swarm.run({ large });
    expect(taskSet.executions(swarm).map(({ input }) => input['large'] === large)).toEqual([true, true, true]);
  });
});
