import { ConfigurationError, TaskFailedError, type ItemResult, type Swarm } from '../../../src';
import { eventually, Fixture } from '../../helpers/fixture';
import { rejection } from '../../helpers/outcomes';
import { TaskSet } from '../../helpers/task-set';

type Item = ItemResult<any>;

describe('results of a swarm', () => {
  const fixture = new Fixture();
  const taskSet = new TaskSet(fixture);
  const { mage } = fixture;
  const { work } = taskSet;
  const nothing = mage.task({ name: 'nothing', fn: (): void => undefined });

  beforeAll(async () => {
    await fixture.worker([...taskSet.tasks, nothing]);
  });
  afterAll(() => fixture.close());

  const all = async (swarm: Swarm<any>) => {
    const items: Item[] = [];
    for await (const item of swarm.results()) items.push(item);
    return items;
  };
  const following = (swarm: Swarm<any>) => {
    const items: Item[] = [];
    const ended = (async () => {
      for await (const item of swarm.results()) items.push(item);
    })();
    return { items, ended };
  };
  const date = expect.any(Date) as Date;
  const ran = { startedAt: date, endedAt: date, attempts: 1 };
  const ok = (index: number, id: string, label: string) => {
    return { index, id, name: 'work', status: 'succeeded', output: { label, received: null }, ...ran };
  };

  test('come as the items end, from the first one for every reader, and end with the swarm', async () => {
    const signed = await Promise.all(
      ['a', 'b', 'c'].map((label) => mage.sign(work, { label, waitFor: `results-${label}` })),
    );
    const swarm = await mage.swarm({ tasks: signed });
    const beforeStart = following(swarm);
    await swarm.runNoWait({});
    await taskSet.started(swarm, 3);
    expect(beforeStart.items).toEqual([]);

    taskSet.openGate('results-c');
    await eventually('the first result', () => beforeStart.items.length === 1);
    const elsewhere = following(await fixture.another().load<Swarm<any>>(swarm.id));
    await eventually('the first result again', () => elsewhere.items.length === 1);
    taskSet.openGate('results-a');
    await eventually('the second result', () => beforeStart.items.length === 2 && elsewhere.items.length === 2);
    taskSet.openGate('results-b');
    await eventually('the third result', () => beforeStart.items.length === 3);
    expect((await swarm.progress()).status).toBe('running');
    await swarm.closeSwarm();
    await Promise.all([beforeStart.ended, elsewhere.ended]);

    const [a, b, c] = signed.map(({ id }) => id);
    const expected = [ok(2, c!, 'c'), ok(0, a!, 'a'), ok(1, b!, 'b')];
    expect(beforeStart.items).toEqual(expected);
    expect(elsewhere.items).toEqual(expected);
    expect(await all(swarm)).toEqual(expected);
    expect(await all(swarm)).toEqual(expected);
  });

  test('can be left in the middle', async () => {
    const swarm = await mage.swarm({ tasks: Array.from({ length: 5 }, () => work), isSwarmClosed: true });
    await swarm.runNoWait({});
    for await (const item of swarm.results()) {
      expect(item.status).toBe('succeeded');
      break;
    }
    expect(await all(swarm)).toHaveLength(5);
  });

  test('contain failures and cancelled items without throwing', async () => {
    const swarm = await stopped();
    const items = await all(swarm);
    expect(items.map(({ index, status, error }) => ({ index, status, error }))).toEqual([
      { index: 0, status: 'succeeded', error: undefined },
      { index: 1, status: 'failed', error: 'broken' },
      { index: 2, status: 'cancelled', error: 'cancelled before it started' },
      { index: 3, status: 'cancelled', error: 'cancelled before it started' },
    ]);
    expect(items[1]).not.toHaveProperty('output');
    expect(items[0]).not.toHaveProperty('error');
  });

  test('of an empty swarm are none', async () => {
    const swarm = await mage.swarm({ isSwarmClosed: true });
    await swarm.runNoWait();
    expect(await all(swarm)).toEqual([]);
  });

  test('are, by run, the outputs of the succeeded in the order of adding', async () => {
    const swarm = await mage.swarm<any>({
      tasks: [
        await mage.sign(work, { label: 'a', waitFor: 'order' }),
        await mage.sign(work, { fail: 'broken' }),
        nothing,
        await mage.sign(work, { label: 'd' }),
      ],
      isSwarmClosed: true,
    });
    const outputs = swarm.run();
    await eventually('the others have ended', async () => (await swarm.progress()).running === 1);
    taskSet.openGate('order');
    expect(await outputs).toEqual([{ label: 'a', received: null }, null, { label: 'd', received: null }]);
  });

  test('are, by runSettled, one entry for each item in the order of adding', async () => {
    const swarm = await mage.swarm<any>({
      tasks: [
        await mage.sign(work, { label: 'a', waitFor: 'settled' }),
        await mage.sign(work, { fail: 'broken' }, { name: 'row 1' }),
        nothing,
      ],
      isSwarmClosed: true,
    });
    const settled = swarm.runSettled({ common: true });
    await eventually('the others have ended', async () => (await swarm.progress()).running === 1);
    taskSet.openGate('settled');
    expect(await settled).toEqual([
      { ...ok(0, expect.any(String) as never, 'a') },
      { index: 1, id: expect.any(String) as unknown, name: 'row 1', status: 'failed', error: 'broken', ...ran },
      { index: 2, id: `${swarm.id}~2`, name: 'nothing', status: 'succeeded', output: null, ...ran },
    ]);
  });

  test('of runSettled contain each item of a swarm that was stopped, too', async () => {
    const swarm = await mage.swarm({
      tasks: [await mage.sign(work, { fail: 'broken' }), work, work],
      config: { maxConcurrency: 1, stopAfterNFailures: 1 },
      isSwarmClosed: true,
    });
    expect((await swarm.runSettled({})).map(({ index, status }) => ({ index, status }))).toEqual([
      { index: 0, status: 'failed' },
      { index: 1, status: 'cancelled' },
      { index: 2, status: 'cancelled' },
    ]);
  });

  test('are a TaskFailedError with the failures when the swarm failed', async () => {
    const swarm = await mage.swarm({
      tasks: [work, await mage.sign(work, { fail: 'broken' }, { name: 'row 1' })],
      config: { maxConcurrency: 1, stopAfterNFailures: 1 },
      name: 'nightly',
    });
    const handle = await swarm.runNoWait({});
    const error = (await rejection(handle.output)) as TaskFailedError;
    expect(error).toBeInstanceOf(TaskFailedError);
    expect(error.message).toContain('nightly');
    expect(error.message).toContain('broken');
    expect(error.failures).toEqual([{ id: (await all(swarm))[1]?.id, name: 'row 1', index: 1, message: 'broken' }]);
  });

  test('carry the first 100 failures only', async () => {
    const swarm = await mage.swarm({
      tasks: Array.from({ length: 130 }, () => work),
      config: { stopAfterNFailures: 103, maxConcurrency: 1 },
      isSwarmClosed: true,
      errorCallbacks: [taskSet.errorCallback],
    });
    const error = (await rejection(swarm.run({ fail: 'broken' }))) as TaskFailedError;
    expect(error.failures.map(({ index }) => index)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    await taskSet.settled(swarm);
    expect(taskSet.errorCallbacks(swarm)[0]?.input).toMatchObject({ error: { failureCount: 103 } });
  });

  describe('waiting for them', () => {
    test('ends after timeoutMs, and the work goes on', async () => {
      const swarm = await mage.swarm({ tasks: [work], isSwarmClosed: true });
      const error = await rejection(swarm.run({ waitFor: 'timeout' }, { timeoutMs: 50 }));
      expect(error.name).toBe('WaitTimeoutError');
      taskSet.openGate('timeout');
      expect(await all(swarm)).toHaveLength(1);
      expect(await swarm.status()).toBe('succeeded');
    });

    test('ends with its signal, with the reason of that', async () => {
      const swarm = await mage.swarm({ tasks: [work], isSwarmClosed: true });
      const controller = new AbortController();
      const settled = rejection(swarm.runSettled({ waitFor: 'signal' }, { signal: controller.signal }));
      await taskSet.started(swarm, 1);
      controller.abort(new Error('no longer wanted'));
      expect((await settled).message).toBe('no longer wanted');
      taskSet.openGate('signal');
      expect(await all(swarm)).toHaveLength(1);
    });

    test('is the same for an item', async () => {
      const swarm = await mage.swarm({});
      const item = await swarm.addTask(work);
      expect((await rejection(item.run({ waitFor: 'item' }, { timeoutMs: 50 }))).name).toBe('WaitTimeoutError');
      taskSet.openGate('item');
      await eventually('it has succeeded', async () => (await item.status()) === 'succeeded');
    });
  });

  test('have no run of the whole swarm in the engine', async () => {
    const swarm = await mage.swarm({ isSwarmClosed: true });
    const handle = await swarm.runNoWait();
    expect(handle.id).toBe(swarm.id);
    expect(await rejection(handle.runId)).toBeInstanceOf(ConfigurationError);
  });

  async function stopped() {
    const swarm = await mage.swarm({
      tasks: [work, await mage.sign(work, { fail: 'broken' }), work, work],
      config: { maxConcurrency: 1, stopAfterNFailures: 1 },
    });
    await swarm.runNoWait({});
    return swarm;
  }
});
