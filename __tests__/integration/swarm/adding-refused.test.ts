import { NotFoundError, SwarmClosedError, SwarmFinishedError, type TaskEntry } from '../../../src';
import { eventually, Fixture } from '../../helpers/fixture';
import { rejection, statusOf } from '../../helpers/outcomes';
import { openTasks } from '../../helpers/task-set';

describe('adding to a swarm that takes nothing any more', () => {
  const { fixture, taskSet, mage, work } = openTasks();

  const stored = async (of: Fixture) => {
    const keys = await of.writtenKeys();
    return Promise.all(keys.map(async (key) => [key, await of.redis.dump(key)]));
  };

  const refuses = async (swarm: Awaited<ReturnType<typeof mage.swarm>>, type: new (...args: never[]) => Error) => {
    if ((await swarm.status()) !== 'pending') await taskSet.settled(swarm);
    const before = await stored(fixture);
    const signed = await mage.sign(work);
    for (const add of [
      () => swarm.addTask(work),
      () => swarm.addTask(signed),
      () => swarm.addTasks([work, signed]),
      () => swarm.addTasks([work, signed], { run: true }),
    ]) {
      const error = await rejection(add());
      expect(error).toBeInstanceOf(type);
      expect(error.message).toContain(swarm.id);
      expect(error).toMatchObject({ added: 0 });
    }
    expect(await stored(fixture)).toEqual(before);
    // The signature is free again: the call left no trace on it either.
    const other = await mage.swarm({ tasks: [signed] });
    expect(await other.progress()).toMatchObject({ total: 1 });
  };

  test('throws SwarmClosedError for a closed one', async () => {
    const swarm = await mage.swarm({ tasks: [work], isSwarmClosed: true });
    await refuses(swarm, SwarmClosedError);
  });

  test('throws SwarmFinishedError for one that has succeeded', async () => {
    const swarm = await mage.swarm({ tasks: [work], isSwarmClosed: true });
    await swarm.run({});
    await refuses(swarm, SwarmFinishedError);
  });

  test('throws SwarmFinishedError for one that has failed', async () => {
    const swarm = await mage.swarm({ tasks: [work], config: { stopAfterNFailures: 1 } });
    await swarm.runNoWait({ fail: 'broken' });
    await statusOf(swarm, 'failed');
    await refuses(swarm, SwarmFinishedError);
  });

  test('throws SwarmFinishedError for one that is stopping', async () => {
    const swarm = await mage.swarm({ config: { stopAfterNFailures: 1 } });
    const held = await swarm.addTask(work, { waitFor: 'stopping' });
    await held.runNoWait({});
    await (await swarm.addTask(work, { fail: 'broken' })).runNoWait({});
    await eventually('it is stopping', async () => (await swarm.progress()).failed === 1);
    expect(await swarm.status()).toBe('running');
    expect(await rejection(swarm.addTask(work))).toMatchObject({ code: 'SWARM_FINISHED', added: 0 });
    taskSet.openGate('stopping');
    await statusOf(swarm, 'failed');
  });

  test('keeps the thousands that are in when the swarm is closed meanwhile, and the error says how many', async () => {
    const swarm = await mage.swarm();
    const signed = await mage.sign(work);
    const rows = async function* (): AsyncGenerator<TaskEntry> {
      for (let i = 0; i < 2_500; i++) {
        if (i === 2_200) await swarm.closeSwarm();
        yield i === 2_300 ? signed : work;
      }
    };
    const error = await rejection(swarm.addTasks(rows()));
    expect(error).toBeInstanceOf(SwarmClosedError);
    expect(error).toMatchObject({ added: 2_000 });
    expect(await swarm.progress()).toMatchObject({ total: 2_000, closed: true });
    expect(await (await mage.swarm()).addTask(signed)).toBe(signed);
  });

  test('keeps those that are in when the swarm stops meanwhile', async () => {
    const swarm = await mage.swarm({ config: { stopAfterNFailures: 1 } });
    const rows = async function* (): AsyncGenerator<TaskEntry> {
      for (let i = 0; i < 1_500; i++) {
        if (i === 1_200) {
          await (await swarm.addTask(work, { fail: 'broken' })).runNoWait({});
          await statusOf(swarm, 'failed');
        }
        yield work;
      }
    };
    expect(await rejection(swarm.addTasks(rows()))).toMatchObject({ code: 'SWARM_FINISHED', added: 1_000 });
    expect(await swarm.progress()).toMatchObject({ total: 1_001, cancelled: 1_000, failed: 1 });
  });

  test('throws NotFoundError for one whose retention is over, and writes nothing', async () => {
    const short = new Fixture({ retention: { finishedMs: 200 }, leaseMs: 300, reconcileIntervalMs: 100 });
    short.mage.startReconciler();
    try {
      const swarm = await short.mage.swarm({ isSwarmClosed: true });
      await swarm.run();
      await eventually(
        'Redis has forgotten it',
        async () => !(await short.keys()).some((key) => key.includes(swarm.id)),
      );
      const before = await stored(short);
      for (const call of [
        () => swarm.addTask(work as never),
        () => swarm.addTasks(['work'], { run: true }),
        () => swarm.closeSwarm(),
        () => swarm.progress(),
        () => swarm.status(),
        () => swarm.run({}),
        () => swarm.results()[Symbol.asyncIterator]().next(),
      ]) {
        expect(await rejection(call())).toBeInstanceOf(NotFoundError);
      }
      await eventually('the reconciler has left it', async () => (await stored(short)).length <= before.length);
      expect((await short.keys()).filter((key) => key.includes(swarm.id))).toEqual([]);
    } finally {
      await short.close();
    }
  });
});
