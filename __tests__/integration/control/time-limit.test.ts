import {
  AlreadyStartedError,
  CancelledError,
  ConfigurationError,
  SwarmFinishedError,
  TaskFailedError,
  type Swarm,
} from '../../../src';
import { eventually, Fixture, gate } from '../../helpers/fixture';
import { TaskSet } from '../../helpers/task-set';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';

// Whether a body begins before its swarm's time is over depends on the machine. So what has to be seen while items run is
// given a time only when they do, and what gets a short one from its start says nothing of how far it came.
const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 250 });
const taskSet = new TaskSet(fixture);
const { mage, redis } = fixture;
const { work, retriedWork, callback } = taskSet;
const bodies = { released: gate(), refused: [] as unknown[] };

const root = mage.rootTask({
  name: 'root',
  maxConcurrency: 1,
  timeoutMs: 600_000,
  fn: async ({ label }: { label: string }) => {
    await (await mage.sign(work, { label: `${label} child`, untilCancelled: true })).runNoWait({});
    await (await mage.sign(work, { label: `${label} never` })).runNoWait({});
    await bodies.released.opened;
    bodies.refused.push(await rejection((await mage.sign(work, { label: `${label} never` })).run({})));
    return { well: true };
  },
});
const hasty = mage.rootTask({
  name: 'hasty',
  timeoutMs: 400,
  fn: async ({ label }: { label: string }) => {
    await (await mage.sign(work, { label, untilCancelled: true })).runNoWait({});
  },
});

fixture.onRelease(() => bodies.released.open());
beforeAll(async () => {
  await fixture.worker([...taskSet.tasks, root, hasty]);
});
afterAll(() => fixture.close());

/** Callbacks by whose tags one finds what ran. */
const callbacksNamed = async (label: string) => ({
  errorCallbacks: [await mage.sign(callback, { label: `${label} told` })],
  successCallbacks: [await mage.sign(callback, { label: `${label} never` })],
});

const patient = (label: string, count = 1) =>
  Array.from({ length: count }, () => [work, { label, untilCancelled: true }] as const);

/** Redis's time, by which limits are kept, in ms. */
async function now(): Promise<number> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1000 + Number(micros) / 1000;
}

async function passed(since: number, ms: number): Promise<void> {
  await eventually(`${ms} ms have passed`, async () => (await now()) > since + ms);
}

/** The error callback of a swarm ran, once, and no success callback. Gives what it got. */
async function alertedOnce(label: string, swarm: { id: string }): Promise<Record<string, unknown>> {
  const { input } = await taskSet.onlyExecution(`${label} told`, swarm);
  expect(taskSet.executions(`${label} never`)).toEqual([]);
  return input;
}

describe('when the time of a swarm is over', () => {
  test('what waits never starts, what runs is cancelled in the engine, and it has failed', async () => {
    const swarm = await mage.swarm({
      name: 'nightly',
      tasks: [
        [work, { label: 'over fails', fail: 'broken' }],
        [retriedWork, { label: 'over', untilCancelled: true }],
        [retriedWork, { label: 'over', untilCancelled: true }],
        [work, { label: 'over never' }],
      ],
      ...(await callbacksNamed('over')),
      config: { maxConcurrency: 2, timeoutMs: 600_000 },
      isSwarmClosed: true,
    });
    const output = rejection(swarm.run({ day: 'today' }));
    const running = await taskSet.started('over', 2);
    await progressOf(swarm, { failed: 1, running: 2, queued: 1 });
    await swarm.update({ timeoutMs: 1 });

    const error = await output;
    expect(error).toBeInstanceOf(TaskFailedError);
    expect(error.message).toBe('The swarm "nightly" timed out: it had not finished within its timeoutMs.');
    expect((error as TaskFailedError).failures).toMatchObject([{ index: 0, message: 'broken' }]);
    expect(await swarm.progress()).toMatchObject({
      status: 'failed',
      closed: true,
      running: 0,
      queued: 0,
      failed: 1,
      cancelled: 3,
    });
    for (const body of running) {
      await eventually('the body has seen it', () => body.aborted);
      await eventually('the engine says so', async () => {
        const { status, done } = await fixture.hatchet.runs.getDetails(body.runId);
        return done && String(status) === 'CANCELLED';
      });
    }
    expect(await alertedOnce('over', swarm)).toEqual({
      day: 'today',
      label: 'over told',
      error: { message: error.message, failureCount: 1, failures: (error as TaskFailedError).failures },
    });
    // It is not tried again, as a body that throws would be.
    expect(taskSet.executions('over')).toHaveLength(2);
    const statuses = [];
    for await (const { index, status } of swarm.results()) statuses.push([index, status]);
    expect(statuses.sort()).toEqual([
      [0, 'failed'],
      [1, 'cancelled'],
      [2, 'cancelled'],
      [3, 'cancelled'],
    ]);
  });

  test("runSettled returns each item's outcome, and does not throw", async () => {
    const swarm = await mage.swarm({
      tasks: [...patient('settled', 2), [work, { label: 'settled never' }]],
      config: { maxConcurrency: 2, timeoutMs: 300 },
      isSwarmClosed: true,
    });
    const settled = await swarm.runSettled({});
    expect(settled.map(({ index, status }) => [index, status])).toEqual([0, 1, 2].map((i) => [i, 'cancelled']));
    expect(taskSet.executions('settled never')).toEqual([]);
    expect(taskSet.executions('settled').length).toBeLessThanOrEqual(2);
  });

  test('an open swarm in which nothing runs has failed and takes nothing more', async () => {
    const swarm = await mage.swarm({ ...(await callbacksNamed('open')), config: { timeoutMs: 200 } });
    const waits = await swarm.addTask(work, { label: 'open never' });
    const handle = await (await swarm.addTask(work, { label: 'open first' })).runNoWait({});
    await statusOf(swarm, 'failed');
    await handle.output.catch((error: unknown) => expect(error).toBeInstanceOf(CancelledError));
    expect(await swarm.progress()).toMatchObject({ total: 2, closed: true, failed: 0 });
    expect(await waits.status()).toBe('cancelled');
    expect(await rejection(swarm.addTask(work))).toBeInstanceOf(SwarmFinishedError);
    expect(await rejection(swarm.update({ timeoutMs: null }))).toBeInstanceOf(SwarmFinishedError);
    await swarm.cancel();
    expect(await swarm.status()).toBe('failed');
    expect(await alertedOnce('open', swarm)).toEqual({
      label: 'open told',
      error: { message: expect.stringContaining('timed out') as string, failureCount: 0, failures: [] },
    });
  });

  test('a body that does not listen is not waited for, and what it gives is no success', async () => {
    const swarm = await mage.swarm({
      tasks: [[work, { label: 'deaf', waitFor: 'deaf', value: 'late' }]],
      ...(await callbacksNamed('deaf')),
      config: { timeoutMs: 600_000 },
      isSwarmClosed: true,
    });
    const handle = await swarm.runNoWait({});
    await taskSet.started('deaf');
    await swarm.update({ timeoutMs: 1 });
    await expect(handle.output).rejects.toThrow(/timed out/);
    taskSet.openGate('deaf');
    await alertedOnce('deaf', swarm);
    expect(await swarm.runSettled().catch((error: unknown) => error)).toBeInstanceOf(Error);
    expect(await swarm.progress()).toMatchObject({ succeeded: 0, cancelled: 1, status: 'failed' });
  });

  test('what is below the swarm is cancelled, with callbacks of its own', async () => {
    const inner = await mage.swarm({
      tasks: patient('below'),
      errorCallbacks: [await mage.sign(callback, { label: 'inner told' })],
      isSwarmClosed: true,
    });
    const step = await mage.sign(work, { label: 'below never' });
    const outer = await mage.swarm({
      name: 'outer',
      tasks: [await mage.chain([inner, step])],
      ...(await callbacksNamed('below')),
      config: { timeoutMs: 600_000 },
      isSwarmClosed: true,
    });
    const handle = await outer.runNoWait({});
    const [body] = await taskSet.started('below');
    await outer.update({ timeoutMs: 1 });
    await expect(handle.output).rejects.toThrow('"outer" timed out');
    await eventually('the body has seen it', () => body?.aborted);
    expect([await inner.status(), await step.status(), await outer.status()]).toEqual([
      'cancelled',
      'cancelled',
      'failed',
    ]);
    await alertedOnce('below', outer);
    const { input } = await taskSet.onlyExecution('inner told', outer);
    expect(input['error']).toMatchObject({ message: expect.stringContaining('was cancelled') as string });
  });
});

describe('a swarm that has a time is timed out', () => {
  test('when the instance that started it is gone', async () => {
    const starter = fixture.another();
    const swarm = await starter.swarm({
      tasks: patient('left'),
      ...(await callbacksNamed('left')),
      config: { timeoutMs: 1_200 },
      isSwarmClosed: true,
    });
    await swarm.runNoWait({});
    await starter.close();
    const left = await mage.load<Swarm<unknown>>(swarm.id);
    await statusOf(left, 'failed');
    expect(await left.progress()).toMatchObject({ cancelled: 1, running: 0 });
    for (const body of taskSet.executions('left')) await eventually('its body has seen it', () => body.aborted);
    await alertedOnce('left', left);
  });

  test('when no process was there as its time passed', async () => {
    const gone = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 250 });
    const later = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 250, keyPrefix: gone.keyPrefix }, gone.hatchet);
    try {
      // What it holds is not ready: nobody asks for a worker.
      const swarm = await gone.mage.swarm({ config: { timeoutMs: 600_000 } });
      await swarm.runNoWait({});
      const waits = await swarm.addTask('nobody');
      await swarm.update({ timeoutMs: 1_000 });
      const since = await now();
      await gone.mage.close();
      await passed(since, 1_500);
      const left = await later.mage.load<Swarm<unknown>>(swarm.id);
      expect(await left.status()).toBe('running');
      later.mage.startReconciler();
      await statusOf(left, 'failed');
      expect(await left.progress()).toMatchObject({ total: 1, failed: 0, cancelled: 1, closed: true });
      expect(await (await later.mage.load(waits.id)).status()).toBe('cancelled');
      expect(await rejection(left.run({}))).toBeInstanceOf(AlreadyStartedError);
    } finally {
      await later.close();
      await gone.close();
    }
  });

  test('when it is suspended, or was from its start', async () => {
    const swarms = [];
    for (const label of ['asleep', 'asleep from its start']) {
      const swarm = await mage.swarm({
        tasks: patient(label, 2),
        ...(await callbacksNamed(label)),
        config: { maxConcurrency: 1, timeoutMs: 600_000 },
        isSwarmClosed: true,
      });
      if (label === 'asleep') {
        await swarm.runNoWait({});
        await taskSet.started(label);
        await swarm.suspend();
      } else {
        await swarm.suspend();
        await swarm.runNoWait({});
      }
      expect(await swarm.status()).toBe('suspended');
      await swarm.update({ timeoutMs: 1 });
      await statusOf(swarm, 'failed');
      expect(await swarm.progress()).toMatchObject({ cancelled: 2, running: 0 });
      await swarm.resume();
      swarms.push({ swarm, label });
    }
    for (const { swarm, label } of swarms) {
      await alertedOnce(label, swarm);
      expect(await swarm.status()).toBe('failed');
    }
    expect(taskSet.executions('asleep')).toHaveLength(1);
    expect(taskSet.executions('asleep from its start')).toEqual([]);
  });

  test('when it has stopped at its limit of failures and still waits for what runs', async () => {
    const swarm = await mage.swarm({
      tasks: [[work, { label: 'stopping fails', fail: 'no' }], ...patient('stopping')],
      ...(await callbacksNamed('stopping')),
      config: { timeoutMs: 600_000 },
      isSwarmClosed: true,
    });
    const handle = await swarm.runNoWait({});
    await progressOf(swarm, { failed: 1, running: 1 });
    await taskSet.started('stopping');
    await swarm.update({ stopAfterNFailures: 1, timeoutMs: 1 });
    await expect(handle.output).rejects.toThrow(/timed out/);
    expect(await swarm.progress()).toMatchObject({ status: 'failed', failed: 1, cancelled: 1 });
    await alertedOnce('stopping', swarm);
  });

  test('when it is a callback, at each of its firings', async () => {
    const attached = await mage.swarm({
      tasks: patient('fired'),
      config: { timeoutMs: 300 },
      errorCallbacks: [await mage.sign(callback, { label: 'fired told' })],
    });
    for (const times of [1, 2]) {
      await (await mage.sign(work, { value: times }, { successCallbacks: [attached] })).run({});
      await taskSet.started('fired told', times);
    }
    expect(taskSet.executions('fired told').map(({ input }) => input['error'])).toMatchObject(
      [1, 2].map(() => ({ message: expect.stringContaining('timed out') as string })),
    );
  });
});

describe('a nested swarm that is timed out', () => {
  test('is one failure of the outer one, and its time counts from its own start', async () => {
    const inner = await mage.swarm({
      name: 'inner',
      tasks: patient('nested', 2),
      ...(await callbacksNamed('nested')),
      config: { maxConcurrency: 1, timeoutMs: 300 },
      isSwarmClosed: true,
    });
    const outer = await mage.swarm({
      tasks: [[work, { label: 'before nested', waitFor: 'before nested' }], inner, [work, { label: 'outer never' }]],
      ...(await callbacksNamed('outer')),
      config: { maxConcurrency: 1, stopAfterNFailures: 1 },
      isSwarmClosed: true,
    });
    const since = await now();
    const handle = await outer.runNoWait({});
    await taskSet.started('before nested');
    await passed(since, 900);
    expect(await inner.status()).toBe('pending');
    taskSet.openGate('before nested');

    await expect(handle.output).rejects.toThrow('The swarm "inner" timed out');
    expect(await inner.status()).toBe('failed');
    expect(await outer.progress()).toMatchObject({ status: 'failed', succeeded: 1, failed: 1, cancelled: 1 });
    await alertedOnce('nested', outer);
    expect((await alertedOnce('outer', outer))['error']).toMatchObject({
      failureCount: 1,
      failures: [{ index: 1, message: expect.stringContaining('"inner" timed out') as string }],
    });
  });

  test('fails the chain that it is a step of, and the next step never runs', async () => {
    const step = await mage.swarm({
      name: 'middle',
      tasks: patient('middle'),
      config: { timeoutMs: 300 },
      isSwarmClosed: true,
    });
    const chain = await mage.chain([work, step, await mage.sign(work, { label: 'chain never' })], {
      name: 'around',
      ...(await callbacksNamed('chain')),
    });
    await expect(chain.run({})).rejects.toThrow(/"around" failed at "middle" .*timed out/);
    expect([await chain.status(), await step.status()]).toEqual(['failed', 'failed']);
    expect((await alertedOnce('chain', chain))['error']).toMatchObject({
      message: expect.stringContaining('"middle" timed out') as string,
    });
  });
});

describe('the time of a root task', () => {
  test('is for its children; its body goes on, and the root fails when that has returned', async () => {
    const signature = await mage.sign(root, { label: 'rooted' }, await callbacksNamed('rooted'));
    const output = rejection(signature.run({}));
    const [child] = await taskSet.started('rooted child');
    const children = await signature.children();
    await children.update({ timeoutMs: 1 });
    await eventually('the child has seen it', () => child?.aborted);
    await progressOf(children, { total: 2, running: 0, cancelled: 2 });
    expect(await signature.status()).toBe('running');
    expect(taskSet.executions('rooted told')).toEqual([]);

    bodies.released.open();
    const error = await output;
    expect(error).toBeInstanceOf(TaskFailedError);
    expect(error.message).toMatch(/timed out/);
    expect(bodies.refused).toEqual([expect.any(CancelledError)]);
    expect([await signature.status(), await children.status()]).toEqual(['failed', 'failed']);
    expect(await children.progress()).toMatchObject({ total: 3, cancelled: 3, failed: 0 });
    expect((await alertedOnce('rooted', signature))['error']).toMatchObject({
      message: expect.stringContaining('timed out') as string,
    });
  });

  test('is an option of its declaration', async () => {
    const signature = await mage.sign(hasty, { label: 'hasty' }, await callbacksNamed('hasty'));
    await expect(signature.run({})).rejects.toThrow(/timed out/);
    expect(await (await signature.children()).progress()).toMatchObject({ status: 'failed', cancelled: 1, total: 1 });
    await alertedOnce('hasty', signature);
  });
});

describe('a time that', () => {
  const limitMs = 8_000;

  test('was made longer, taken away, or is not reached times nothing out', async () => {
    const make = async (label: string) => {
      const swarm = await mage.swarm({
        tasks: [[work, { label, waitFor: 'in time' }]],
        successCallbacks: [await mage.sign(callback, { label: `${label} well` })],
        errorCallbacks: [await mage.sign(callback, { label: `${label} badly` })],
        config: { timeoutMs: limitMs },
        isSwarmClosed: true,
      });
      await swarm.runNoWait({});
      return swarm;
    };
    const since = await now();
    const longer = await make('longer');
    await longer.update({ timeoutMs: 600_000 });
    const none = await make('none');
    await none.update({ timeoutMs: null });
    const asleep = await make('asleep and longer');
    await asleep.suspend();
    await asleep.update({ timeoutMs: 2 ** 33 });
    const done = await mage.swarm({
      tasks: [[work, { label: 'done' }]],
      successCallbacks: [await mage.sign(callback, { label: 'done well' })],
      errorCallbacks: [await mage.sign(callback, { label: 'done badly' })],
      config: { timeoutMs: limitMs },
      isSwarmClosed: true,
    });
    await done.run({});

    await passed(since, limitMs + 2_500);
    expect(await Promise.all([longer, none, asleep, done].map((swarm) => swarm.status()))).toEqual([
      'running',
      'running',
      'suspended',
      'succeeded',
    ]);
    taskSet.openGate('in time');
    await asleep.resume();
    for (const [label, swarm] of Object.entries({ longer, none, 'asleep and longer': asleep, done })) {
      await statusOf(swarm, 'succeeded');
      await taskSet.onlyExecution(`${label} well`, swarm);
      expect(taskSet.executions(`${label} badly`)).toEqual([]);
      expect(taskSet.executions(label)).toHaveLength(1);
    }
  });

  test('was set by an update counts from the start, also when another process sets it', async () => {
    const swarm = await mage.swarm({ tasks: patient('set'), ...(await callbacksNamed('set')), isSwarmClosed: true });
    const since = await now();
    const handle = await swarm.runNoWait({});
    await taskSet.started('set');
    await passed(since, 1_000);
    const elsewhere = await fixture.another().load<Swarm<unknown>>(swarm.id);
    await elsewhere.update({ timeoutMs: 900 });
    await expect(handle.output).rejects.toThrow(/timed out/);
    await alertedOnce('set', swarm);
  });

  test('belongs to a swarm that nobody has started does not run', async () => {
    const swarm = await mage.swarm({ ...(await callbacksNamed('pending')), config: { timeoutMs: 100 } });
    const first = await swarm.addTask(work, { label: 'pending', untilCancelled: true });
    const since = await now();
    await passed(since, 1_000);
    expect(await swarm.status()).toBe('pending');
    await first.runNoWait({});
    await statusOf(swarm, 'failed');
    expect(await first.status()).toBe('cancelled');
    await alertedOnce('pending', swarm);
  });

  test('ends just as the last item does: one of both counts, with its callbacks, once', async () => {
    const swarms = await Promise.all(
      Array.from({ length: 16 }, async (_, i) => {
        const label = `race ${i}`;
        const swarm = await mage.swarm({
          tasks: [[work, { label }]],
          successCallbacks: [await mage.sign(callback, { label: `${label} well` })],
          errorCallbacks: [await mage.sign(callback, { label: `${label} badly` })],
          config: { timeoutMs: 10 * i + 1 },
          isSwarmClosed: true,
        });
        await swarm.runNoWait({});
        return { swarm, label };
      }),
    );
    for (const { swarm, label } of swarms) {
      await taskSet.settled(swarm);
      const { status, succeeded, cancelled, failed, running } = await swarm.progress();
      const well = status === 'succeeded';
      expect({ status, succeeded, cancelled, failed, running }).toEqual({
        status: well ? 'succeeded' : 'failed',
        succeeded: well ? 1 : 0,
        cancelled: well ? 0 : 1,
        failed: 0,
        running: 0,
      });
      expect([taskSet.executions(`${label} well`).length, taskSet.executions(`${label} badly`).length]).toEqual(
        well ? [1, 0] : [0, 1],
      );
      expect(taskSet.executions(label).length).toBeLessThanOrEqual(1);
    }
  });

  test.each([0, -5, 1.5, NaN, Infinity, '1s'])('is %p is refused', async (timeoutMs) => {
    const config = { timeoutMs } as { timeoutMs: number };
    const error = await rejection(mage.swarm({ tasks: [work], config }));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toContain('timeoutMs: expected a whole number');
    expect(() => mage.rootTask({ name: 'refused', ...config, fn: () => ({}) })).toThrow(ConfigurationError);
  });
});

test('the process that runs the body of a root ends it in time, and does not leave that to the reconciler', async () => {
  const own = new Fixture({ leaseMs: 600_000, reconcileIntervalMs: 600_000 });
  try {
    const tasks = new TaskSet(own);
    const brief = own.mage.rootTask({
      name: 'brief',
      timeoutMs: 400,
      fn: async () => {
        await (await own.mage.sign(tasks.work, { label: 'brief', untilCancelled: true })).runNoWait({});
      },
    });
    await own.worker([...tasks.tasks, brief]);
    expect(await rejection((await own.mage.sign(brief)).run({}))).toBeInstanceOf(TaskFailedError);
  } finally {
    await own.close();
  }
});
