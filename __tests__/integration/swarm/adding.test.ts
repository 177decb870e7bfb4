import { ConfigurationError, InvalidMessageError, type Signature, type TaskEntry } from '../../../src';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';
import { openTasks } from '../../helpers/task-set';

describe('adding to a swarm', () => {
  const { taskSet, mage, work, callback } = openTasks();

  describe('many tasks', () => {
    const entries = async (): Promise<TaskEntry[]> => [
      work,
      'work',
      [work, { label: 'data' }],
      ['work', { label: 'named' }, { name: 'row 3' }],
      await mage.sign(work, { label: 'signed' }),
    ];
    const outputs = [{}, {}, { label: 'data' }, { label: 'named' }, { label: 'signed' }].map((output) => ({
      ...output,
      received: null,
    }));
    const takes = async (given: Iterable<TaskEntry> | AsyncIterable<TaskEntry>) => {
      const swarm = await mage.swarm();
      expect(await swarm.addTasks(given)).toBe(5);
      expect(await swarm.progress()).toMatchObject({ total: 5, waiting: 5, status: 'pending' });
      await swarm.closeSwarm();
      expect(await swarm.run()).toEqual(outputs);
    };

    test('takes an array of tasks, names, signatures and tuples', async () => {
      await takes(await entries());
    });

    test('takes any iterable', async () => {
      await takes(new Set(await entries()));
    });

    test('takes a generator', async () => {
      const list = await entries();
      await takes(
        (function* () {
          yield* list;
        })(),
      );
    });

    test('takes an async iterable', async () => {
      const list = await entries();
      await takes(
        (async function* () {
          for (const entry of list) yield await Promise.resolve(entry);
        })(),
      );
    });

    test('takes none', async () => {
      const swarm = await mage.swarm();
      expect(await swarm.addTasks([], { run: true })).toBe(0);
      expect(await swarm.status()).toBe('pending');
    });

    test('takes 2,500 in order, while reading them one after another', async () => {
      const swarm = await mage.swarm();
      const totals = new Set<number>();
      const rows = async function* () {
        for (let i = 0; i < 2_500; i++) {
          if (i % 500 === 499) totals.add((await swarm.progress()).total);
          yield [work, { label: `row ${i}` }] satisfies TaskEntry;
        }
      };
      expect(await swarm.addTasks(rows())).toBe(2_500);
      expect(await swarm.progress()).toMatchObject({ total: 2_500, waiting: 2_500 });
      // Written a thousand at a time, each as a whole, and nothing held back until the end.
      expect([...totals]).toEqual([0, 1_000, 2_000]);
      for (const index of [0, 999, 1_000, 2_499]) {
        const item = await mage.load<Signature<object, unknown>>(`${swarm.id}~${index}`);
        expect(await item.run({})).toEqual({ label: `row ${index}`, received: null });
      }
    });

    test('makes them ready at once with run, which starts the swarm', async () => {
      const swarm = await mage.swarm({ tasks: [work], config: { maxConcurrency: 1 } });
      expect(
        await swarm.addTasks(
          ['a', 'b', 'c'].map((label) => [work, { label }] as const),
          { run: true },
        ),
      ).toBe(3);
      await progressOf(swarm, { succeeded: 3, waiting: 1, status: 'running' });
      expect(taskSet.labels(swarm)).toEqual(['a', 'b', 'c']);
    });

    test('runs them with the message of a swarm that was run', async () => {
      const swarm = await mage.swarm();
      await swarm.runNoWait({ common: 'message' });
      await swarm.addTasks([[work, { label: 'x' }]], { run: true });
      await swarm.closeSwarm();
      await statusOf(swarm, 'succeeded');
      expect(taskSet.executions(swarm).map(({ input }) => input)).toEqual([{ common: 'message', label: 'x' }]);
    });

    test('adds nothing of a thousand in which one entry is wrong', async () => {
      const swarm = await mage.swarm();
      const signed = await mage.sign(work);
      const wrong = [signed, [work, { at: Number.NaN }] as const];
      expect(await rejection(swarm.addTasks(wrong))).toBeInstanceOf(InvalidMessageError);
      expect(await swarm.progress()).toMatchObject({ total: 0 });
      expect(await swarm.addTask(signed)).toBe(signed);
    });
  });

  describe('one task', () => {
    test('gives a signature of the swarm for a task', async () => {
      const swarm = await mage.swarm({ tasks: [work] });
      const item = await swarm.addTask(work, { label: 'x' }, { name: 'row 8', successCallbacks: [callback] });
      expect(item).toMatchObject({ kind: 'task', name: 'row 8', id: `${swarm.id}~1` });
      expect(await item.status()).toBe('pending');
      await item.run({ more: 1 });
      await statusOf(item, 'succeeded');
      await swarm.closeSwarm();
      await taskSet.settled(swarm);
      const [ran] = taskSet.executions(swarm).filter(({ input }) => input['label'] === 'x');
      expect(ran?.input).toEqual({ label: 'x', more: 1 });
      expect(ran?.context).toMatchObject({ signatureId: item.id, swarmId: swarm.id, index: 1 });
      expect(taskSet.callbacks(swarm).map(({ input }) => input)).toEqual([
        { returnValue: { label: 'x', received: null } },
      ]);
    });

    test('gives a signature back as the same object, which keeps its id', async () => {
      const signed = await mage.sign(work, { label: 'mine' });
      const { id } = signed;
      const swarm = await mage.swarm();
      expect(await swarm.addTask(signed)).toBe(signed);
      expect(signed.id).toBe(id);
      await signed.run({});
      expect(taskSet.executions(swarm)[0]?.context?.signatureId).toBe(id);
    });

    test('takes no further data for a signature', async () => {
      const swarm = await mage.swarm();
      const signed = await mage.sign(work);
      expect(await rejection(swarm.addTask(signed, { label: 'x' } as never))).toBeInstanceOf(ConfigurationError);
      expect(await swarm.progress()).toMatchObject({ total: 0 });
    });
  });
});
