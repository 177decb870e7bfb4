import { NotFoundError, type MageflowOptions, type Signature, type Swarm } from '../../../src';
import { eventually, Fixture } from '../../helpers/fixture';
import { TaskSet } from '../../helpers/task-set';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';

interface Opened {
  fixture: Fixture;
  taskSet: TaskSet;
  mage: Fixture['mage'];
  root: ReturnType<Fixture['mage']['rootTask']>;
}

function open(options: MageflowOptions): Opened {
  const fixture = new Fixture({ leaseMs: 500, reconcileIntervalMs: 100, ...options });
  const taskSet = new TaskSet(fixture);
  const { mage } = fixture;
  const root = mage.rootTask({
    name: 'root',
    fn: async ({ child = {} }: { child?: object }) => {
      await (await mage.sign(taskSet.work, child)).runNoWait({});
      await (await mage.swarm({ tasks: [taskSet.work], isSwarmClosed: true })).runNoWait({});
      return 'body';
    },
  });
  return { fixture, taskSet, mage, root };
}

/** Waits until a time is over, by Redis's clock. */
async function passed({ redis, keyPrefix }: Fixture, ms: number): Promise<void> {
  const key = `${keyPrefix}:a while ${Math.random()}`;
  await redis.set(key, '', 'PX', ms);
  await eventually('the time is over', async () => (await redis.exists(key)) === 0);
}

describe('when their time is over, Redis holds nothing of', () => {
  // Long enough for what a test does with a thing before its time is over, on a slow machine too.
  const opened = open({ retention: { finishedMs: 3_000, abandonedMs: 5_000 }, commandTimeoutMs: 2_000 });
  const { fixture, taskSet, mage, root } = opened;
  const { work, callback } = taskSet;
  const made = new Map<string, string>();

  /** Remembers what something was, for the last test to compare with what is left. */
  function remember<S extends Signature<any, any>>(what: string, signature: S): S {
    made.set(signature.id, what);
    return signature;
  }
  const failing = () => mage.sign(work, { fail: 'no' });
  const noted = () => mage.sign(callback, { label: 'noted' });

  beforeAll(async () => {
    await fixture.worker([...taskSet.tasks, root]);
  });
  afterAll(() => fixture.close());

  test('a swarm, its results and its callbacks', async () => {
    const swarm = remember(
      'swarm',
      await mage.swarm({
        tasks: [
          ...Array.from({ length: 150 }, () => work),
          await failing(),
          await mage.sign(work, {}, { successCallbacks: [await noted()] }),
        ],
        successCallbacks: [await noted(), await mage.chain([work, await noted()])],
        config: { maxConcurrency: 100 },
        isSwarmClosed: true,
        key: 'a key',
      }),
    );
    const ends = await swarm.runSettled({});
    // With its reason, should one fail that ought not to.
    expect(ends.flatMap(({ index, error }) => (error === undefined ? [] : [[index, error]]))).toEqual([[150, 'no']]);
  });

  test('a swarm that failed, was cancelled or timed out', async () => {
    const config = { stopAfterNFailures: 1, maxConcurrency: 1 };
    const failed = remember(
      'failed',
      await mage.swarm({ tasks: [await failing(), work], config, errorCallbacks: [callback] }),
    );
    await failed.runNoWait({});
    await statusOf(failed, 'failed');
    const cancelled = remember(
      'cancelled',
      await mage.swarm({ tasks: [[work, { untilCancelled: true }], work], config }),
    );
    await cancelled.runNoWait({});
    await cancelled.cancel();
    const late = remember(
      'timed out',
      await mage.swarm({ tasks: [[work, { untilCancelled: true }]], config: { timeoutMs: 300 }, isSwarmClosed: true }),
    );
    await late.runNoWait({});
    await statusOf(late, 'failed');
  });

  test('chains, tasks and roots', async () => {
    const chain = remember('chain', await mage.chain([work, work], { successCallbacks: [callback] }));
    const task = remember('task', await mage.sign(work, {}, { successCallbacks: [await noted(), root] }));
    const signed = remember('root', await mage.sign(root, {}, { successCallbacks: [await noted()] }));
    await Promise.all([chain.run({}), task.run({}), signed.run()]);
    // One that nobody signed.
    await root.run({});
  });

  test('nested groups', async () => {
    const inner = remember('inner', await mage.swarm({ tasks: [work, await mage.chain([work])], isSwarmClosed: true }));
    const never = remember('never reached', await mage.swarm({ tasks: [work] }));
    const outer = remember(
      'outer',
      await mage.swarm({
        tasks: [inner, await mage.sign(root, {}), await mage.chain([work, await failing(), never])],
        isSwarmClosed: true,
      }),
    );
    await outer.run({});
  });

  test('what was tried again', async () => {
    const again = await mage.sign(work, { label: 'again', fail: 'at first' });
    const inner = await mage.swarm({ tasks: [again], config: { stopAfterNFailures: 1 } });
    const swarm = remember('retried', await mage.swarm({ tasks: [inner, await failing(), work], isSwarmClosed: true }));
    await swarm.run({});
    expect(await swarm.retryFailed()).toBe(2);
    await statusOf(swarm, 'succeeded');
    expect(taskSet.executions('again')).toHaveLength(2);
    const chain = remember('retried chain', await mage.chain([work, await failing()]));
    await rejection(chain.run({}));
    expect(await chain.retryFailed()).toBe(1);
    await statusOf(chain, 'failed');
    const signed = remember('retried root', await mage.sign(root, { child: { fail: 'no' } }));
    await signed.run();
    expect(await (await signed.children()).retryFailed()).toBe(1);
    await statusOf(signed, 'succeeded');
  });

  test('what was suspended, and went on', async () => {
    const swarm = remember('resumed', await mage.swarm({ tasks: [work, work], isSwarmClosed: true }));
    const item = await mage.load(`${swarm.id}~1`);
    await item.suspend();
    await swarm.suspend();
    await swarm.runNoWait({});
    await swarm.resume();
    await statusOf(swarm, 'succeeded');
    const task = remember('resumed task', await mage.sign(work, {}, { successCallbacks: [callback] }));
    await task.suspend();
    await task.runNoWait({});
    await task.resume();
    await statusOf(task, 'succeeded');
  });

  test('what was suspended and left, or left open', async () => {
    const swarm = remember(
      'left suspended',
      await mage.swarm({ tasks: [work], isSwarmClosed: true, errorCallbacks: [callback] }),
    );
    await swarm.suspend();
    await swarm.runNoWait({});
    const held = remember('left held', await mage.sign(work, {}, { errorCallbacks: [callback] }));
    await held.suspend();
    await held.runNoWait({});
    const outer = remember(
      'left open below',
      await mage.swarm({ tasks: [remember('left open', await mage.swarm({ tasks: [work] }))], isSwarmClosed: true }),
    );
    await outer.runNoWait({});
  });

  test('what was never started', async () => {
    const inner = remember('never started, inside', await mage.swarm({ tasks: [work] }));
    remember(
      'never started',
      await mage.swarm({ tasks: [inner, await mage.chain([await mage.swarm({ tasks: [work] })])] }),
    );
    remember('never started, as a callback', await mage.swarm({ tasks: [work], successCallbacks: [inner] }));
    const task = remember('suspended, never run', await mage.sign(work));
    await task.suspend();
  });

  test('what was removed', async () => {
    const inner = await mage.swarm({ tasks: [work] });
    const swarm = remember('removed', await mage.swarm({ tasks: [inner, work] }));
    await swarm.remove();
    const ended = remember('removed after its end', await mage.swarm({ tasks: [work], isSwarmClosed: true }));
    await ended.run({});
    await eventually('it may be removed', async () => {
      await ended.remove();
      return true;
    });
  });

  test('any of them, and when the last process is gone, nothing at all', async () => {
    const { keyPrefix, hatchet } = fixture;
    const base = `${keyPrefix}:${hatchet.tenantId}:${hatchet.config.namespace}`;
    const ofProcesses = (key: string) =>
      key.startsWith(`${base}:process:`) || [`${base}:served`, `${base}:reconcilers`, `${base}:meta`].includes(key);
    await eventually('only what living processes say of themselves is left', async () => {
      const left = (await fixture.keys()).filter((key) => !ofProcesses(key));
      const named = left.map((key) => `${key} (${made.get(/{([^}~]*)/.exec(key)?.[1] ?? '') ?? '?'})`);
      if (left.length > 0) throw new Error(named.join('\n'));
      return true;
    });
    for (const id of made.keys()) expect(await rejection(mage.load(id))).toBeInstanceOf(NotFoundError);
    await mage.close();
    await eventually('nothing is left', async () => (await fixture.writtenKeys()).length === 0);
    expect(fixture.log.lines.filter((line) => line.includes('is put off'))).toEqual([]);
  });
});

describe('what lives does not expire', () => {
  // Both shorter than what is done here takes; the first long enough to read what has ended on a slow machine.
  const finishedMs = 4_000;
  const abandonedMs = 1_000;
  const { fixture, taskSet, mage, root } = open({ retention: { finishedMs, abandonedMs } });
  const { work } = taskSet;
  const patient = open({ retention: { finishedMs, abandonedMs: 3_600_000 } });

  beforeAll(async () => {
    await fixture.worker([...taskSet.tasks, root]);
    await patient.fixture.worker([...patient.taskSet.tasks, patient.root]);
  });
  afterAll(async () => {
    await fixture.close();
    await patient.fixture.close();
  });

  const longerThanAnything = () => passed(fixture, 1.2 * (finishedMs + abandonedMs));

  test('while a body runs: its swarm, its chain, itself, with what has ended in them', async () => {
    const handles = [
      await (
        await mage.swarm({
          tasks: [
            [work, { value: 1 }],
            [work, { label: 'in a swarm', waitFor: 'bodies', value: 2 }],
          ],
          isSwarmClosed: true,
        })
      ).runNoWait({}),
      await (
        await mage.chain([
          await mage.sign(work, { value: 'one' }),
          await mage.sign(work, { label: 'in a chain', waitFor: 'bodies' }),
        ])
      ).runNoWait({}),
      await (await mage.sign(work, { label: 'alone', waitFor: 'bodies', value: 'alone' })).runNoWait({}),
      await (await mage.sign(root, { child: { label: 'in a root', waitFor: 'bodies' } })).runNoWait({}),
    ];
    for (const label of ['in a swarm', 'in a chain', 'alone', 'in a root']) await taskSet.started(label);
    await longerThanAnything();
    for (const { id } of handles) expect(await (await mage.load(id)).status()).toBe('running');
    const outputs = Promise.all(handles.map(({ output }) => output as Promise<unknown>));
    taskSet.openGate('bodies');
    expect(await outputs).toEqual([[1, 2], { label: 'in a chain', received: 'one' }, 'alone', 'body']);
  });

  test('while a queue is worked off slowly', async () => {
    const swarm = await mage.swarm({
      tasks: Array.from({ length: 4 }, (_, n) => [work, { label: 'slow', waitFor: `slow ${n}`, value: n }] as const),
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    // Waited for from the start, as what has ended is kept for a short time only.
    const { output } = await swarm.runNoWait({});
    for (let n = 0; n < 4; n++) {
      await taskSet.started('slow', n + 1);
      await passed(fixture, (finishedMs + abandonedMs) / 2);
      taskSet.openGate(`slow ${n}`);
    }
    expect(await output).toEqual([0, 1, 2, 3]);
  });

  test('while it waits for a worker', async () => {
    const narrow = mage.task({
      name: 'narrow',
      scheduleTimeout: '10m',
      fn: async ({ wait }: { wait?: boolean }) => {
        if (wait) await taskSet.gateOpened('the only slot');
        return 'narrow';
      },
    });
    await fixture.worker([narrow], { slots: 1 });
    const waiting = await mage.sign(narrow, { wait: true });
    const first = await waiting.runNoWait({});
    await statusOf(waiting, 'running');
    const swarm = await mage.swarm({ tasks: [narrow, narrow], isSwarmClosed: true });
    const handle = await swarm.runNoWait({});
    const task = await mage.sign(work, {}, { successCallbacks: [await mage.sign(narrow)] });
    await task.run({});
    await longerThanAnything();
    expect(await swarm.status()).toBe('running');
    expect(await task.status()).toBe('succeeded');
    taskSet.openGate('the only slot');
    expect(await first.output).toBe('narrow');
    expect(await handle.output).toEqual(['narrow', 'narrow']);
  });

  test('while a callback of it runs', async () => {
    const swarm = await mage.swarm({
      tasks: [[work, { value: 1 }]],
      successCallbacks: [await mage.sign(work, { label: 'callback', waitFor: 'callback' })],
      isSwarmClosed: true,
    });
    expect(await swarm.run({})).toEqual([1]);
    await taskSet.started('callback');
    await longerThanAnything();
    expect(await swarm.status()).toBe('succeeded');
    taskSet.openGate('callback');
    await eventually('then it goes', async () => !(await fixture.keys()).some((key) => key.includes(`{${swarm.id}}`)));
  });

  test('while it is suspended, within abandonedMs, with what has ended in it', async () => {
    const { mage: own, taskSet: works, fixture: store } = patient;
    const inner = await own.swarm({ tasks: [[works.work, { value: 'inner' }]], isSwarmClosed: true });
    const swarm = await own.swarm({
      tasks: [
        inner,
        [works.work, { label: 'ends', waitFor: 'ends', value: 'second' }],
        [works.work, { value: 'third' }],
      ],
      successCallbacks: [await own.sign(works.callback, { label: 'in the end' })],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    const handle = await swarm.runNoWait({});
    await works.started('ends');
    await swarm.suspend();
    works.openGate('ends');
    await progressOf(swarm, { succeeded: 2, status: 'suspended' });
    await passed(store, 1.5 * finishedMs);
    expect(await inner.status()).toBe('succeeded');
    await swarm.resume();
    expect(await handle.output).toEqual([['inner'], 'second', 'third']);
    expect((await works.onlyExecution('in the end', swarm)).input['returnValue']).toEqual([
      ['inner'],
      'second',
      'third',
    ]);
  });

  test('while it is open, within abandonedMs', async () => {
    const { mage: own, taskSet: works, fixture: store } = patient;
    const swarm = await own.swarm({ tasks: [[works.work, { value: 1 }]] });
    const handle = await swarm.runNoWait({});
    await progressOf(swarm, { succeeded: 1 });
    await passed(store, 1.5 * finishedMs);
    await swarm.addTasks([[works.work, { value: 2 }]], { run: true });
    await swarm.closeSwarm();
    expect(await handle.output).toEqual([1, 2]);
  });

  test('including the record by which its signatures are found', async () => {
    const { mage: own, taskSet: works, fixture: store } = patient;
    const signed = await own.sign(works.work, { label: 'found', waitFor: 'found' });
    const swarm = await own.swarm({ tasks: [signed], isSwarmClosed: true });
    await swarm.runNoWait({});
    await works.started('found');
    // As if it had been recorded, and renewed, so long ago that hardly any of its time is left.
    const records = (await store.keys()).filter((key) => key.includes(':ids:'));
    expect(records.length).toBeGreaterThan(0);
    for (const key of records) await store.redis.pexpire(key, 600_000);
    const [state = ''] = (await store.keys()).filter((key) => key.endsWith(`{${swarm.id}}:g`));
    await store.redis.hset(state, 'lr', 1_000);
    await eventually('one of them has all its time again', async () => {
      const left = await Promise.all(records.map((key) => store.redis.pttl(key)));
      return left.some((ms) => ms > 3_000_000);
    });
    expect(await (await own.load(signed.id)).status()).toBe('running');
    works.openGate('found');
    await statusOf(swarm, 'succeeded');
  });

  test('while it is tried again, with what it holds', async () => {
    const { mage: own, taskSet: works, fixture: store } = patient;
    const kept = await own.swarm({ tasks: [[works.work, { value: 'kept' }]], isSwarmClosed: true });
    const swarm = await own.swarm({
      tasks: [kept, [works.work, { value: 'also kept' }], await own.sign('tried', {})],
      isSwarmClosed: true,
    });
    let fails = true;
    const tried = own.task({
      name: 'tried',
      fn: async () => {
        if (fails) throw new Error('at first');
        await works.gateOpened('tried');
        return 'at last';
      },
    });
    await store.worker([tried]);
    expect(await swarm.run({})).toEqual([['kept'], 'also kept']);
    fails = false;
    expect(await swarm.retryFailed()).toBe(1);
    await passed(store, 1.5 * finishedMs);
    works.openGate('tried');
    await statusOf(swarm, 'succeeded');
    const outputs: unknown[] = [];
    for await (const { index, output } of swarm.results()) outputs[index] = output;
    expect(outputs).toEqual([['kept'], 'also kept', 'at last']);
  });
});

test('a signature that is removed by itself takes its place among all with it', async () => {
  const { fixture, mage } = open({});
  try {
    const swarm: Swarm<unknown> = await mage.swarm({ tasks: ['anything'] });
    expect((await mage.list()).items.map(({ id }) => id)).toEqual([swarm.id]);
    await swarm.remove();
    expect(await fixture.writtenKeys()).toEqual([]);
  } finally {
    await fixture.close();
  }
});
