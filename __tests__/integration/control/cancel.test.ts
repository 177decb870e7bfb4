import { CancelledError, type Progress, type Signature, type Swarm } from '../../../src';
import { eventually, Fixture } from '../../helpers/fixture';
import { TaskSet } from '../../helpers/task-set';
import { rejection, statusOf } from '../../helpers/outcomes';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 250 });
const taskSet = new TaskSet(fixture);
const { mage } = fixture;
const { work, callback } = taskSet;
const looks: Progress[] = [];
const caught: unknown[] = [];

const look = mage.task({
  name: 'look',
  fn: async ({ of }: { of: string }) => {
    const swarm = await mage.load<Swarm<unknown>>(of);
    looks.push(await swarm.progress());
  },
});
const awaits = mage.rootTask({
  name: 'awaits',
  fn: async ({ label }: { label: string }) => {
    caught.push(await rejection((await mage.sign(work, { label, untilCancelled: true }, { key: label })).run({})));
    await (await mage.sign(work, { label: `${label} after` })).run({});
    return { well: true };
  },
});

beforeAll(async () => {
  await fixture.worker([...taskSet.tasks, look, awaits]);
});
afterAll(() => fixture.close());

const callbacks = async (label: string) => ({
  successCallbacks: [await mage.sign(callback, { label: `${label} well` })],
  errorCallbacks: [await mage.sign(callback, { label: `${label} badly` })],
});

/** How often each kind of callback ran. */
const ran = (label: string) => ({
  well: taskSet.executions(`${label} well`).length,
  badly: taskSet.executions(`${label} badly`).length,
});

describe('when a swarm is cancelled', () => {
  test('the error callbacks of the swarm run when nothing of it runs any more', async () => {
    const swarm = await mage.swarm({
      key: 'looked at',
      tasks: Array.from({ length: 6 }, () => [work, { label: 'looked at', untilCancelled: true }] as const),
      errorCallbacks: [look],
      config: { maxConcurrency: 4 },
      isSwarmClosed: true,
    });
    await swarm.runNoWait({ of: swarm.id });
    await taskSet.started('looked at', 4);
    await swarm.cancel();
    await taskSet.settled(swarm);
    expect(looks).toMatchObject([{ status: 'cancelled', running: 0, cancelled: 6, total: 6 }]);
    expect(taskSet.executions('looked at')).toHaveLength(4);
  });

  test('what its bodies give afterwards is no success, and runs no callback of theirs', async () => {
    const swarm = await mage.swarm({
      tasks: [await mage.sign(work, { label: 'late', waitFor: 'late', value: 'late' }, await callbacks('late'))],
      ...(await callbacks('late swarm')),
      isSwarmClosed: true,
    });
    const handle = await swarm.runNoWait({});
    const [body] = await taskSet.started('late');
    await swarm.cancel();
    await expect(handle.output).rejects.toBeInstanceOf(CancelledError);
    taskSet.openGate('late');
    await taskSet.settled(swarm);
    await eventually('its run has ended', async () => {
      const { done } = await fixture.hatchet.runs.getDetails(body?.runId ?? '');
      return done;
    });
    expect(await swarm.progress()).toMatchObject({ succeeded: 0, cancelled: 1, status: 'cancelled' });
    expect(ran('late').well).toBe(0);
    expect(ran('late swarm')).toEqual({ well: 0, badly: 1 });
    for await (const item of swarm.results()) expect(item).not.toHaveProperty('output');
  });

  test('a root goes on without a child that was cancelled, and its body receives the error', async () => {
    const root = await mage.sign(awaits, { label: 'child' }, await callbacks('root'));
    const handle = await root.runNoWait({});
    const [child] = await taskSet.started('child');
    await (await mage.load(child?.context?.signatureId ?? '')).cancel();
    await expect(handle.output).resolves.toEqual({ well: true });
    expect(caught).toEqual([expect.any(CancelledError)]);
    expect(await (await root.children()).progress()).toMatchObject({ succeeded: 1, cancelled: 1, status: 'succeeded' });
    await taskSet.settled(root);
    expect(ran('root')).toEqual({ well: 1, badly: 0 });
  });
});

describe('what waits for a worker in the engine', () => {
  // Without a reconciler, which would find it too, but only when it comes to look.
  const quiet = new Fixture({ reconcileIntervalMs: 3_600_000 });
  const held = new TaskSet(quiet);

  beforeAll(async () => {
    await quiet.worker(held.tasks, { slots: 1 });
    await (await quiet.mage.sign(held.work, { label: 'in the way', waitFor: 'the way' })).runNoWait({});
    await held.started('in the way');
  });
  afterAll(() => quiet.close());

  /** The engine may take a moment to end its runs: calling again asks again. */
  const cancelled = (signature: Signature<any, any>) =>
    eventually('it is cancelled', async () => {
      await signature.cancel();
      return (await signature.status()) === 'cancelled';
    });

  test.each(['at once', 'once it is confirmed'])('is cancelled with its swarm, %s', async (when) => {
    const swarm = await quiet.mage.swarm({
      tasks: [1, 2, 3].map(() => [held.work, { label: 'never' }] as const),
      config: { maxConcurrency: 2 },
      isSwarmClosed: true,
    });
    const handle = await swarm.runNoWait({});
    if (when !== 'at once') {
      const active = (await quiet.keys()).find((key) => key.endsWith(`{${swarm.id}}:a`)) ?? '';
      await eventually('both runs are confirmed', async () => {
        const states = await quiet.redis.hvals(active);
        return states.filter((packed) => /^published\|[^|]+/.test(packed)).length === 2;
      });
      expect(await swarm.progress()).toMatchObject({ running: 2, queued: 1 });
    }
    await cancelled(swarm);
    await expect(handle.output).rejects.toBeInstanceOf(CancelledError);
    expect(await swarm.progress()).toMatchObject({ cancelled: 3, running: 0, queued: 0 });
  });

  test('is cancelled by itself', async () => {
    const task = await quiet.mage.sign(held.work, { label: 'never' });
    const handle = await task.runNoWait({});
    const runId = await handle.runId;
    await cancelled(task);
    await expect(handle.output).rejects.toBeInstanceOf(CancelledError);
    expect(String((await quiet.hatchet.runs.getDetails(runId)).status)).toBe('CANCELLED');
  });

  test('never runs, also when there is a worker for it again', async () => {
    held.openGate('the way');
    await (await quiet.mage.sign(held.work, { label: 'after them' })).run({});
    expect(held.executions('never')).toEqual([]);
  });
});

describe('cancelled just as it ends', () => {
  const rounds = 16;

  test('a swarm has succeeded or was cancelled, with its callbacks, once', async () => {
    const swarms = await Promise.all(
      Array.from({ length: rounds }, async (_, i) => {
        const label = `last ${i}`;
        const swarm = await mage.swarm({
          tasks: [
            [work, { label, value: 1 }],
            [work, { label, value: 2 }],
          ],
          ...(await callbacks(label)),
          config: { maxConcurrency: 1 + (i % 2) },
          isSwarmClosed: true,
        });
        await swarm.runNoWait({});
        return { swarm, label };
      }),
    );
    const elsewhere = fixture.another();
    await Promise.all(
      swarms.map(async ({ swarm, label }, i) => {
        // Each a little later than the one before: as it begins, while it runs, as it ends.
        await eventually('it has begun', () => taskSet.executions(label).length >= i % 3);
        const other = await elsewhere.load<Swarm<unknown>>(swarm.id);
        await Promise.all([swarm.cancel(), other.cancel()]);
      }),
    );
    for (const { swarm, label } of swarms) {
      await taskSet.settled(swarm);
      const { status, succeeded, cancelled, failed, total, running, queued } = await swarm.progress();
      expect({ running, queued, failed, all: succeeded + cancelled }).toEqual({
        running: 0,
        queued: 0,
        failed: 0,
        all: total,
      });
      expect(status).toBe(cancelled === 0 ? 'succeeded' : 'cancelled');
      expect(ran(label)).toEqual(status === 'succeeded' ? { well: 1, badly: 0 } : { well: 0, badly: 1 });
      expect(taskSet.executions(label).length).toBeLessThanOrEqual(2);
      const statuses = [];
      for await (const item of swarm.results()) statuses.push(item.status);
      expect(statuses.filter((one) => one === 'succeeded')).toHaveLength(succeeded);
      expect(statuses.filter((one) => one === 'cancelled')).toHaveLength(cancelled);
    }
  });

  test('an item frees its slot once, and the swarm ends well with or without it', async () => {
    const swarms = await Promise.all(
      Array.from({ length: rounds }, async (_, i) => {
        const label = `item ${i}`;
        const swarm = await mage.swarm({ ...(await callbacks(label)), config: { maxConcurrency: 1 } });
        const item = await swarm.addTask(work, { label });
        await swarm.addTask(work, { label: `${label} next` });
        await swarm.closeSwarm();
        await swarm.runNoWait({});
        return { swarm, item, label };
      }),
    );
    await Promise.all(
      swarms.map(async ({ item, label }, i) => {
        await eventually('it has begun', () => taskSet.executions(label).length >= i % 2);
        await Promise.all([item.cancel(), item.cancel()]);
      }),
    );
    for (const { swarm, item, label } of swarms) {
      await taskSet.settled(swarm);
      const status = await item.status();
      expect(['succeeded', 'cancelled']).toContain(status);
      expect(await swarm.progress()).toMatchObject({
        status: 'succeeded',
        running: 0,
        succeeded: status === 'succeeded' ? 2 : 1,
        cancelled: status === 'succeeded' ? 0 : 1,
      });
      expect(ran(label)).toEqual({ well: 1, badly: 0 });
      expect(taskSet.executions(`${label} next`)).toHaveLength(1);
    }
  });

  test('while another process adds, changes, suspends, resumes and closes, it ends as cancelled', async () => {
    const elsewhere = fixture.another();
    const swarms = await Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        const label = `all at once ${i}`;
        const swarm = await mage.swarm({
          tasks: [[work, { label, untilCancelled: true }]],
          ...(await callbacks(label)),
          config: { maxConcurrency: 2 },
        });
        const other = await elsewhere.load<Swarm<unknown>>(swarm.id);
        const calls: (() => Promise<unknown>)[] = [
          () =>
            other.addTasks(
              [1, 2, 3].map(() => [work, { label, untilCancelled: true }] as const),
              { run: true },
            ),
          () => other.update({ maxConcurrency: 4 }),
          () => other.suspend(),
          () => swarm.cancel(),
          () => other.resume(),
          () => other.closeSwarm(),
        ];
        await swarm.runNoWait({});
        // The same calls, begun with another one each time.
        const at = i % calls.length;
        await Promise.allSettled([...calls.slice(at), ...calls.slice(0, at)].map((call) => call()));
        return { swarm, label };
      }),
    );
    for (const { swarm, label } of swarms) {
      await statusOf(swarm, 'cancelled');
      await taskSet.settled(swarm);
      const { total, cancelled, running, closed } = await swarm.progress();
      expect({ cancelled, running, closed }).toEqual({ cancelled: total, running: 0, closed: true });
      expect(ran(label)).toEqual({ well: 0, badly: 1 });
      for (const body of taskSet.executions(label)) await eventually('its body has seen it', () => body.aborted);
    }
  });
});
