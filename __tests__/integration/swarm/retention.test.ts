import { NotFoundError, type Swarm } from '../../../src';
import { eventually, Fixture, gate } from '../../helpers/fixture';
import { progressOf, rejection } from '../../helpers/outcomes';
import { TaskSet } from '../../helpers/task-set';

const finishedMs = 60_000;
const abandonedMs = 600_000;

describe('keys of a swarm in Redis', () => {
  const fixture = new Fixture({ retention: { finishedMs, abandonedMs }, leaseMs: 1_000, reconcileIntervalMs: 300 });
  const taskSet = new TaskSet(fixture);
  const { mage, redis } = fixture;
  const { work, callback, errorCallback } = taskSet;

  beforeAll(async () => {
    await fixture.worker(taskSet.tasks);
  });
  afterAll(() => fixture.close());

  const ttls = async (filter: (key: string) => boolean) => {
    const keys = (await fixture.keys()).filter(filter);
    return new Map(await Promise.all(keys.map(async (key) => [key, await redis.pttl(key)] as const)));
  };
  const ofSwarm = (swarm: { id: string }) => ttls((key) => key.includes(`{${swarm.id}}`));

  test('all have a time to live when it has finished, results and callbacks too', async () => {
    const signed = await Promise.all(Array.from({ length: 300 }, () => mage.sign(work)));
    const swarm = await mage.swarm({
      tasks: [await mage.sign(work, { fail: 'broken' }, { errorCallbacks: [errorCallback] }), ...signed],
      successCallbacks: [await mage.sign(callback)],
      config: { maxConcurrency: 100 },
      isSwarmClosed: true,
    });
    await swarm.run({ label: 'x' });
    await taskSet.settled(swarm);
    const keys = await eventually('every key of it expires', async () => {
      const all = await ofSwarm(swarm);
      return ![...all.values()].includes(-1) && all;
    });
    // The group, its items, their states and results (in several hashes), callbacks and the log of ends.
    expect(keys.size).toBeGreaterThanOrEqual(7);
    for (const ttl of keys.values()) {
      expect(ttl).toBeGreaterThan(finishedMs - 50_000);
      expect(ttl).toBeLessThanOrEqual(finishedMs + 1_000);
    }
    const places = await ttls((key) => key.includes(':ids:'));
    expect(places.size).toBeGreaterThan(0);
    for (const ttl of places.values()) expect(ttl).toBeGreaterThan(0);
  });

  test('all have one when it has failed', async () => {
    const swarm = await mage.swarm({ errorCallbacks: [errorCallback], config: { stopAfterNFailures: 1 } });
    await swarm.addTasks(Array.from({ length: 300 }, () => work));
    await (await swarm.addTask(work, { fail: 'broken' })).runNoWait({});
    await taskSet.settled(swarm);
    await eventually('every key of it expires', async () => ![...(await ofSwarm(swarm)).values()].includes(-1));
  });

  test('have none while it runs', async () => {
    const swarm = await mage.swarm({ tasks: [work, work], config: { maxConcurrency: 1 } });
    await swarm.runNoWait({ waitFor: 'no expiry' });
    await taskSet.started(swarm, 1);
    await swarm.addTask(work);
    const keys = await ofSwarm(swarm);
    expect(keys.size).toBeGreaterThan(3);
    expect(new Set(keys.values())).toEqual(new Set([-1]));
    taskSet.openGate('no expiry');
    await swarm.closeSwarm();
    await progressOf(swarm, { status: 'succeeded' });
  });

  test('have a long one while nobody has started it, and each addition puts that off', async () => {
    const swarm = await mage.swarm({ tasks: [work] });
    const [first] = (await ofSwarm(swarm)).values();
    expect(first).toBeGreaterThan(abandonedMs - 50_000);
    expect(first).toBeLessThanOrEqual(abandonedMs);
    for (const key of (await ofSwarm(swarm)).keys()) await redis.pexpire(key, 5_000);
    await swarm.addTask(work);
    for (const ttl of (await ofSwarm(swarm)).values()) expect(ttl).toBeGreaterThan(abandonedMs - 50_000);
  });

  test('stay while a callback still needs them, however long it waits for a worker', async () => {
    const short = new Fixture({ retention: { finishedMs: 300 }, leaseMs: 500, reconcileIntervalMs: 100 });
    const lists: unknown[][] = [];
    const { opened, open } = gate();
    const late = short.mage.task({
      name: 'late',
      fn: async ({ returnValue: list }: { returnValue?: unknown[] }) => {
        if (list) lists.push(list);
        else await opened;
        return {};
      },
    });
    try {
      const works = new TaskSet(short);
      await short.worker([works.work]);
      await short.worker([late], { slots: 1 });
      // Takes the only slot that the callback could run in.
      await (await short.mage.sign(late)).runNoWait({});
      const swarm = await short.mage.swarm({
        tasks: Array.from({ length: 300 }, () => works.work),
        successCallbacks: [late],
        config: { maxConcurrency: 100 },
        isSwarmClosed: true,
      });
      // Together above what travels inside the callback's input.
      const outputs = await swarm.run({ value: 'z'.repeat(2_000) });
      await short.redis.set(`${short.keyPrefix}:longer than its retention`, '', 'PX', 2_500);
      await eventually(
        'its retention would be over',
        async () => !(await short.keys()).some((key) => key.includes('longer')),
      );
      open();
      await eventually('the callback has run', () => lists.length === 1);
      expect(lists[0]).toEqual(outputs);
    } finally {
      await short.close();
    }
  });

  test('are gone when its retention is over, without waiting for Redis to find out', async () => {
    const short = new Fixture({ retention: { finishedMs: 500 }, leaseMs: 500, reconcileIntervalMs: 100 });
    try {
      const works = new TaskSet(short);
      await short.worker(works.tasks);
      const swarm = await short.mage.swarm({
        tasks: Array.from({ length: 300 }, () => works.work),
        config: { maxConcurrency: 100 },
        successCallbacks: [works.callback],
        isSwarmClosed: true,
      });
      await swarm.runNoWait({});
      await eventually('Redis holds nothing of it', async () => {
        const keys = (await short.keys()).filter((key) => key.includes(swarm.id));
        return keys.length === 0;
      });
      expect(works.callbacks(swarm)).toHaveLength(1);
      await eventually(
        'the reconciler has left it',
        async () => !(await short.keys()).some((key) => key.includes(':due:')),
      );
      expect(await rejection(short.mage.load<Swarm<unknown>>(swarm.id))).toBeInstanceOf(NotFoundError);
    } finally {
      await short.close();
    }
  });
});
