import type { Swarm } from '../../../src';
import { eventually } from '../../helpers/fixture';
import { progressOf, statusOf } from '../../helpers/outcomes';
import { openTasks } from '../../helpers/task-set';

describe('progress and status', () => {
  const { fixture, taskSet, mage, work } = openTasks();

  test('count each item at the one place where it is', async () => {
    const [ok, ok2, bad] = await Promise.all([mage.sign(work), mage.sign(work), mage.sign(work, { fail: 'broken' })]);
    const [held, held2, queued] = await Promise.all([
      mage.sign(work, { waitFor: 'counts' }),
      mage.sign(work, { waitFor: 'counts' }),
      mage.sign(work),
    ]);
    const [waiting, waiting2] = await Promise.all([mage.sign(work), mage.sign(work)]);
    const tasks = [ok, ok2, bad, held, held2, queued, waiting, waiting2];
    const swarm = await mage.swarm({ tasks, config: { maxConcurrency: 2 } });
    for (const item of [ok, ok2, bad, held, held2, queued]) await item.runNoWait({});
    await taskSet.started(swarm, 5);
    expect(await swarm.progress()).toMatchObject({
      total: 8,
      waiting: 2,
      queued: 1,
      running: 2,
      succeeded: 2,
      failed: 1,
      cancelled: 0,
      closed: false,
      status: 'running',
      callbacks: { pending: 0, succeeded: 0, failed: 0 },
    });
    expect(await Promise.all(tasks.map((item) => item.status()))).toEqual([
      'succeeded',
      'succeeded',
      'failed',
      'running',
      'running',
      'queued',
      'pending',
      'pending',
    ]);

    await swarm.runNoWait({});
    expect(await swarm.progress()).toMatchObject({ waiting: 0, queued: 3, running: 2 });
    expect(await Promise.all([waiting.status(), waiting2.status()])).toEqual(['queued', 'queued']);
    taskSet.openGate('counts');
    expect(await progressOf(swarm, { succeeded: 7 })).toMatchObject({ queued: 0, running: 0, failed: 1 });
    await swarm.closeSwarm();
    expect(await swarm.progress()).toMatchObject({ total: 8, closed: true, status: 'succeeded' });
  });

  test('say cancelled for what never started of a stopped swarm, which runs until the rest has ended', async () => {
    const [bad, held, never] = await Promise.all([
      mage.sign(work, { fail: 'broken' }),
      mage.sign(work, { waitFor: 'stopping' }),
      mage.sign(work),
    ]);
    const swarm = await mage.swarm({ tasks: [held, bad, never], config: { maxConcurrency: 2, stopAfterNFailures: 1 } });
    const late = await swarm.addTask(work);
    await held.runNoWait({});
    await taskSet.started(swarm, 1);
    await bad.runNoWait({});
    await progressOf(swarm, { failed: 1 });
    expect(await swarm.progress()).toMatchObject({
      total: 4,
      waiting: 0,
      queued: 0,
      running: 1,
      succeeded: 0,
      failed: 1,
      cancelled: 2,
      closed: true,
      status: 'running',
      callbacks: { pending: 0, succeeded: 0, failed: 0 },
    });
    expect(await swarm.status()).toBe('running');
    expect(await Promise.all([held, bad, never, late].map((item) => item.status()))).toEqual([
      'running',
      'failed',
      'cancelled',
      'cancelled',
    ]);
    taskSet.openGate('stopping');
    await statusOf(swarm, 'failed');
    expect(await swarm.progress()).toMatchObject({ running: 0, succeeded: 1, failed: 1, cancelled: 2 });
  });

  test('are the same from any instance', async () => {
    const swarm = await mage.swarm({ tasks: [work, work], config: { maxConcurrency: 1 } });
    await swarm.runNoWait({ waitFor: 'elsewhere' });
    await taskSet.started(swarm, 1);
    const elsewhere = await fixture.another().load<Swarm<unknown>>(swarm.id);
    expect(await elsewhere.progress()).toEqual(await swarm.progress());
    expect(await elsewhere.progress()).toMatchObject({ running: 1, queued: 1 });
    taskSet.openGate('elsewhere');
    await progressOf(swarm, { succeeded: 2 });
  });

  test('never go backwards for an item, however often they are read', async () => {
    const order = ['pending', 'queued', 'running', 'succeeded'];
    const swarm = await mage.swarm({ config: { maxConcurrency: 5 } });
    for (let i = 0; i < 10; i++) {
      const item = await swarm.addTask(work);
      await item.runNoWait({});
      const seen: number[] = [];
      await eventually('it has succeeded', async () => {
        // So many that Redis does other things between the parts of one reading.
        for (const status of await Promise.all(Array.from({ length: 500 }, () => item.status())))
          seen.push(order.indexOf(status));
        return seen.at(-1) === 3;
      });
      expect(new Set(seen)).not.toContain(0);
      expect(seen).toEqual([...seen].sort());
    }
  });

  test('add up to the total whenever they are read', async () => {
    const swarm = await mage.swarm({
      tasks: Array.from({ length: 60 }, () => work),
      config: { maxConcurrency: 4 },
      isSwarmClosed: true,
    });
    await swarm.runNoWait({ waitFor: 'adding up' });
    await taskSet.started(swarm, 4);
    expect((await swarm.progress()).running).toBe(4);
    taskSet.openGate('adding up');
    await eventually('it has ended', async () => {
      const { total, waiting, queued, running, succeeded, failed, cancelled, status } = await swarm.progress();
      expect(waiting + queued + running + succeeded + failed + cancelled).toBe(total);
      expect(running).toBeLessThanOrEqual(4);
      expect(Math.min(waiting, queued, running)).toBeGreaterThanOrEqual(0);
      return status === 'succeeded';
    });
  });

  test('of a signature that was never run are pending, and running of its own', async () => {
    const alone = await mage.sign(work);
    expect(await alone.status()).toBe('pending');
    await alone.runNoWait({ waitFor: 'alone' });
    await statusOf(alone, 'running');
    taskSet.openGate('alone');
    await statusOf(alone, 'succeeded');
    const failing = await mage.sign(work, { fail: 'broken' });
    await failing.runNoWait({});
    await statusOf(failing, 'failed');
  });
});
