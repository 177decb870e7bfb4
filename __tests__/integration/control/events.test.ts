import { randomUUID } from 'node:crypto';
import { ConfigurationError, type ErrorEvent, type GroupEvent, type ItemEvent, type Signature } from '../../../src';
import { claimToken } from '../../../src/store/executions';
import { eventually } from '../../helpers/fixture';
import { Faults } from '../../helpers/faults';
import { TaskSet } from '../../helpers/task-set';
import { rejection, statusOf } from '../../helpers/outcomes';

const faults = new Faults({ leaseMs: 1_000, reconcileIntervalMs: 250 });
const taskSet = new TaskSet(faults);
const { mage } = faults;
const { work, retriedWork, callback } = taskSet;
const { recorder } = faults;
const root = mage.rootTask({
  name: 'root',
  fn: async ({ child = {}, fail }: { child?: object; fail?: string }) => {
    await (await mage.sign(work, child)).runNoWait({});
    if (fail) throw new Error(fail);
    return 'body';
  },
});
const twofold = mage.workflow<{ fail?: string }, any>({ name: 'twofold' });
const first = twofold.task({ name: 'first', fn: () => ({ n: 1 }) });
twofold.task({
  name: 'second',
  parents: [first],
  fn: ({ fail }) => {
    if (fail) throw new Error(fail);
    return { n: 2 };
  },
});

beforeAll(async () => {
  await faults.worker([...taskSet.tasks, root, twofold, ...recorder.tasks(mage)]);
});
afterAll(() => faults.close());

/** Collects all events of an instance from now on. */
function listen(instance = mage) {
  const items: ItemEvent[] = [];
  const groups: GroupEvent[] = [];
  const errors: ErrorEvent[] = [];
  const of = ({ id }: { id: string }) => items.filter(({ groupId }) => groupId === id);
  const stops = [
    instance.on('item', (event) => items.push(event)),
    instance.on('group', (event) => groups.push(event)),
    instance.on('error', (event) => errors.push(event)),
  ];
  return {
    items,
    groups,
    errors,
    stop: () => stops.forEach((stop) => stop()),
    of,
    /** The events of a group's entries, once there are this many: an end is emitted a moment after it can be read. */
    atLeast: async (group: { id: string }, count: number) => {
      await eventually(`${count} events`, () => of(group).length >= count);
      return of(group);
    },
    statuses: ({ id }: { id: string }) => groups.filter((event) => event.id === id).map(({ status }) => status),
    errorsOf: ({ id }: { id: string }) => errors.filter(({ groupId }) => groupId === id),
  };
}

let events: ReturnType<typeof listen>;
beforeEach(() => (events = listen()));
afterEach(() => events.stop());

const text = expect.any(String) as string;

describe("'item'", () => {
  test('is emitted at the beginning and the end of each item, with the id of its signature', async () => {
    const signed = await mage.sign(work, { label: 'signed item', value: 1 });
    const swarm = await mage.swarm({
      tasks: [signed, [work, { fail: 'broken' }]],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    await swarm.run({});
    const one = { id: signed.id, groupId: swarm.id, task: 'work', index: 0, callback: false, runId: text };
    const two = { ...one, id: `${swarm.id}~1`, index: 1 };
    expect(await events.atLeast(swarm, 4)).toEqual([
      { ...one, status: 'running' },
      { ...one, status: 'succeeded' },
      { ...two, status: 'running' },
      { ...two, status: 'failed', error: 'broken' },
    ]);
    const runIds = events.of(swarm).map(({ runId }) => runId);
    expect(runIds.slice(0, 2)).toEqual(Array(2).fill(taskSet.executions('signed item')[0]?.runId));
    expect(runIds[2]).toBe(runIds[3]);
  });

  test('is emitted at the start of each attempt, and once at the end', async () => {
    const task = await mage.sign(retriedWork, { fail: 'not yet', failUntilAttempt: 2 });
    await task.run({});
    expect((await events.atLeast(task, 4)).map(({ status }) => status)).toEqual([
      'running',
      'running',
      'running',
      'succeeded',
    ]);
    const failing = await mage.sign(retriedWork, { fail: 'never' });
    await rejection(failing.run({}));
    expect((await events.atLeast(failing, 4)).map(({ status, error }) => [status, error])).toEqual([
      ['running', undefined],
      ['running', undefined],
      ['running', undefined],
      ['failed', 'never'],
    ]);
  });

  test('of a task that runs by itself has no index', async () => {
    const task = await mage.sign(work, { value: 1 });
    await task.run({});
    const expected = { id: task.id, groupId: task.id, task: 'work', callback: false, runId: text };
    expect(await events.atLeast(task, 2)).toEqual([
      { ...expected, status: 'running' },
      { ...expected, status: 'succeeded' },
    ]);
  });

  test('is emitted for callbacks', async () => {
    const attached = await mage.sign(callback, { label: 'told' });
    const task = await mage.sign(work, {}, { successCallbacks: [attached, callback] });
    await task.run({});
    await taskSet.settled(task);
    const callbacks = (await events.atLeast(task, 6)).filter((event) => event.callback);
    const one = { groupId: task.id, task: 'callback', callback: true, runId: text };
    expect(callbacks).toHaveLength(4);
    for (const id of [attached.id, `${task.id}~c1`])
      expect(callbacks.filter((event) => event.id === id)).toEqual([
        { ...one, id, status: 'running' },
        { ...one, id, status: 'succeeded' },
      ]);
  });

  test('is emitted for items that are cancelled while they run, or one by one before they start', async () => {
    const swarm = await mage.swarm({
      tasks: [[work, { label: 'cancelled', untilCancelled: true }], work],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    await swarm.runNoWait({});
    await taskSet.started('cancelled');
    await (await mage.load(`${swarm.id}~1`)).cancel();
    await swarm.cancel();
    await statusOf(swarm, 'cancelled');
    const one = { id: `${swarm.id}~0`, groupId: swarm.id, task: 'work', index: 0, callback: false, runId: text };
    const { runId: _never, ...two } = { ...one, id: `${swarm.id}~1`, index: 1 };
    expect(await events.atLeast(swarm, 3)).toEqual([
      { ...one, status: 'running' },
      { ...two, status: 'cancelled' },
      { ...one, status: 'cancelled' },
    ]);
  });

  test('is emitted for items that never ran, with the id of their signature', async () => {
    const signed = await mage.sign('nobody-serves-this');
    const swarm = await mage.swarm({ tasks: [signed, 'nobody-serves-this'], isSwarmClosed: true });
    await swarm.run({});
    const expected = {
      groupId: swarm.id,
      task: 'nobody-serves-this',
      callback: false,
      status: 'failed',
      runId: text,
      error: expect.stringContaining('no worker has registered a task named nobody-serves-this') as string,
    };
    expect([...(await events.atLeast(swarm, 2))].sort((a, b) => Number(a.index) - Number(b.index))).toEqual([
      { ...expected, id: signed.id, index: 0 },
      { ...expected, id: `${swarm.id}~1`, index: 1 },
    ]);
    const alone = await mage.sign('nobody-serves-this');
    await rejection(alone.run({}));
    const [event] = await events.atLeast(alone, 1);
    expect(event).toMatchObject({ id: alone.id, status: 'failed' });
    expect(event).not.toHaveProperty('index');
  });

  test("of a root's end is emitted after its children have ended", async () => {
    const well = await mage.sign(root, {});
    await well.run();
    const childrenOf = ({ id }: { id: string }) => events.of({ id: `${id}~0.r` });
    expect(await events.atLeast(well, 2)).toMatchObject([
      { id: well.id, task: 'root', callback: false, status: 'running' },
      { id: well.id, task: 'root', callback: false, status: 'succeeded' },
    ]);
    expect(childrenOf(well).map(({ index, status }) => [index, status])).toEqual([
      [0, 'running'],
      [0, 'succeeded'],
    ]);
    const order = events.items.filter(({ id }) => id.startsWith(well.id)).map(({ id, status }) => [id, status]);
    expect(order.at(-1)).toEqual([well.id, 'succeeded']);

    const broken = await mage.sign(root, { fail: 'the body broke' });
    await rejection(broken.run());
    expect(await events.atLeast(broken, 2)).toMatchObject([
      { status: 'running' },
      { status: 'failed', error: 'the body broke' },
    ]);
  });

  test('is emitted once for a workflow of several tasks, when all of it has ended', async () => {
    const swarm = await mage.swarm({
      tasks: [
        [twofold, {}],
        [twofold, { fail: 'half' }],
      ],
      isSwarmClosed: true,
    });
    await swarm.run({});
    const ends = [...(await events.atLeast(swarm, 2))].sort((a, b) => Number(a.index) - Number(b.index));
    expect(ends).toMatchObject([
      { id: `${swarm.id}~0`, task: 'twofold', index: 0, status: 'succeeded' },
      {
        id: `${swarm.id}~1`,
        task: 'twofold',
        index: 1,
        status: 'failed',
        error: expect.stringContaining('half') as string,
      },
    ]);
  });

  test('is not emitted for runs that mageflow did not publish', async () => {
    await work.run({ label: 'plain' });
    const [{ runId } = {}] = taskSet.executions('plain');
    const task = await mage.sign(work, {});
    await task.run({});
    await events.atLeast(task, 2);
    expect(runId).toEqual(text);
    expect(events.items.filter((event) => event.runId === runId)).toEqual([]);
  });
});

describe("'group'", () => {
  test('is emitted for a swarm when it starts and when it ends', async () => {
    const swarm = await mage.swarm({ name: 'told', tasks: [work], isSwarmClosed: true });
    expect(events.statuses(swarm)).toEqual([]);
    await swarm.run({});
    await eventually('its end is emitted', () => events.statuses(swarm).length === 2);
    const expected = { id: swarm.id, kind: 'swarm', name: 'told' };
    expect(events.groups.filter(({ id }) => id === swarm.id)).toEqual([
      { ...expected, status: 'running' },
      { ...expected, status: 'succeeded' },
    ]);
  });

  test('is emitted when a swarm stops at its failure limit, and when it fails', async () => {
    const swarm = await mage.swarm({
      tasks: [
        [work, { label: 'goes on', waitFor: 'stopping' }],
        [work, { fail: 'no' }],
      ],
      config: { stopAfterNFailures: 1 },
      isSwarmClosed: true,
    });
    await swarm.runNoWait({});
    await eventually('it is stopping', () => events.statuses(swarm).includes('stopping'));
    expect(events.statuses(swarm)).toEqual(['running', 'stopping']);
    taskSet.openGate('stopping');
    await statusOf(swarm, 'failed');
    await eventually('its end is emitted', () => events.statuses(swarm).length === 3);
    expect(events.statuses(swarm)).toEqual(['running', 'stopping', 'failed']);
  });

  test('is emitted once for each suspension and each resumption', async () => {
    const swarm = await mage.swarm({
      tasks: [[work, { label: 'in between', waitFor: 'between' }]],
      isSwarmClosed: true,
    });
    await swarm.suspend();
    await swarm.resume();
    await swarm.runNoWait({});
    await taskSet.started('in between');
    await swarm.suspend();
    await swarm.suspend();
    await swarm.resume();
    await swarm.resume();
    taskSet.openGate('between');
    await statusOf(swarm, 'succeeded');
    await eventually('its end is emitted', () => events.statuses(swarm).includes('succeeded'));
    expect(events.statuses(swarm)).toEqual(['suspended', 'pending', 'running', 'suspended', 'running', 'succeeded']);
  });

  test('is emitted when a swarm is cancelled, and when it is retried', async () => {
    const swarm = await mage.swarm({
      tasks: [[work, { label: 'to cancel', waitFor: 'to cancel' }]],
      isSwarmClosed: true,
    });
    await swarm.runNoWait({});
    await taskSet.started('to cancel');
    await swarm.cancel();
    taskSet.openGate('to cancel');
    await statusOf(swarm, 'cancelled');
    await eventually('its end is emitted', () => events.statuses(swarm).includes('cancelled'));
    expect(events.statuses(swarm)).toEqual(['running', 'cancelling', 'cancelled']);
    await eventually('all of it is quiet', async () => {
      expect(await swarm.retryFailed()).toBe(1);
      return true;
    });
    await statusOf(swarm, 'succeeded');
    await eventually('its end is emitted', () => events.statuses(swarm).length === 5);
    expect(events.statuses(swarm).slice(3)).toEqual(['running', 'succeeded']);
  });

  test('is emitted for chains and for the internal swarms of roots', async () => {
    const chain = await mage.chain([work, work], { name: 'two steps' });
    await chain.run({});
    await eventually('its end is emitted', () => events.statuses(chain).length === 2);
    expect(events.groups.filter(({ id }) => id === chain.id)).toEqual([
      { id: chain.id, kind: 'chain', name: 'two steps', status: 'running' },
      { id: chain.id, kind: 'chain', name: 'two steps', status: 'succeeded' },
    ]);
    const signed = await mage.sign(root, {});
    await signed.run();
    const { id } = await signed.children();
    await eventually('their end is emitted', () => events.statuses({ id }).length === 2);
    expect(events.groups.filter((event) => event.id === id)).toEqual([
      { id, kind: 'swarm', name: 'root-swarm:root', status: 'running' },
      { id, kind: 'swarm', name: 'root-swarm:root', status: 'succeeded' },
    ]);
    // The root itself is an item.
    expect(events.statuses(signed)).toEqual([]);
  });
});

describe("'error'", () => {
  const good = () => mage.sign(callback, { label: `beside ${Math.random()}` });

  /** Runs a task with a callback that fails and one that doesn't, and expects one error event. */
  async function withCallback(attached: Signature<any, any>, message: RegExp): Promise<void> {
    const fine = await good();
    const task = await mage.sign(work, { value: 'well' }, { successCallbacks: [attached, fine] });
    expect(await task.run({})).toBe('well');
    await eventually('an error is emitted', () => events.errorsOf(task).length > 0);
    await taskSet.settled(task);
    expect(events.errorsOf(task)).toEqual([
      { groupId: task.id, entry: 'c0', message: expect.stringMatching(message) as string },
    ]);
    expect(await task.status()).toBe('succeeded');
    expect(await fine.status()).toBe('succeeded');
    expect(await attached.status()).toBe('failed');
  }

  test("is emitted when a callback fails, and the callback's parent stays as it was", async () => {
    await withCallback(
      await mage.sign(work, { fail: 'the callback broke' }),
      /^the success callback "work" of the task "work" \(\S+\) failed: the callback broke$/,
    );
  });

  test('is emitted once for a callback with retries, after the last attempt', async () => {
    await withCallback(await mage.sign(retriedWork, { fail: 'thrice' }), /thrice/);
  });

  test('is emitted for a callback that no worker serves', async () => {
    await withCallback(await mage.sign('nobody-serves-this-callback'), /no worker has registered a task named/);
  });

  test('is emitted for a callback that the engine refuses', async () => {
    let asked = 0;
    // Fine when it is checked, with a NUL when it is stored.
    const field = { toJSON: () => (asked++ === 0 ? 'fine' : 'x\0y') };
    await withCallback(await mage.sign(callback, { field }), /the engine refused to run callback/);
  });

  test('is emitted for a chain, a swarm and a root that fail as callbacks', async () => {
    const failing = await mage.sign(work, { fail: 'a step broke' });
    await withCallback(await mage.chain([failing]), /a step broke/);
    const swarm = await mage.swarm({ tasks: [[work, { fail: 'an item broke' }]], config: { stopAfterNFailures: 1 } });
    await withCallback(swarm, /an item broke/);
    await withCallback(await mage.sign(root, { fail: 'a body broke' }), /a body broke/);
  });

  test('is not emitted for items, whose failures belong to their swarm', async () => {
    const swarm = await mage.swarm({ tasks: [[work, { fail: 'an item' }]], isSwarmClosed: true });
    await swarm.run({});
    await taskSet.settled(swarm);
    expect(events.errorsOf(swarm)).toEqual([]);
  });
});

describe("'repair'", () => {
  test('is emitted for what the reconciler took over from a dead process', async () => {
    const repairs: { groupId: string; entry: string; message: string }[] = [];
    const stop = mage.on('repair', (event) => repairs.push(event));
    const { store } = faults.deadProcess();
    const swarm = await mage.swarm({ tasks: [[work, { value: 1 }]], isSwarmClosed: true });
    await store.run(swarm.id, '{}');
    await statusOf(swarm, 'succeeded');
    await eventually('it is emitted', () => repairs.some(({ groupId }) => groupId === swarm.id));
    stop();
    expect(repairs.filter(({ groupId }) => groupId === swarm.id)).toEqual([
      {
        groupId: swarm.id,
        entry: '0',
        message: expect.stringMatching(/publishing item 0 \("work"\) of the swarm "swarm" .* again/) as string,
      },
    ]);
  });

  test('is emitted for an item that fails because the engine no longer has its run', async () => {
    const repairs: { groupId: string; message: string }[] = [];
    const stop = mage.on('repair', (event) => repairs.push(event));
    const { store, reader } = faults.deadProcess();
    const swarm = await mage.swarm({ tasks: [[work, {}]], isSwarmClosed: true });
    const runId = randomUUID();
    await store.run(swarm.id, '{}');
    await store.confirm(swarm.id, ['0', runId]);
    const token = claimToken((await reader.record(swarm.id))?.secret ?? '', '0');
    await store.start(swarm.id, '0', { runId, retryCount: 0, invocation: 1, nonce: 'n' }, { token });
    await statusOf(swarm, 'succeeded');
    await eventually('it is emitted', () => repairs.some(({ groupId }) => groupId === swarm.id));
    stop();
    expect(repairs.filter(({ groupId }) => groupId === swarm.id)).toMatchObject([
      { message: expect.stringContaining(`the engine has no run ${runId} any more`) as string },
    ]);
    expect(await events.atLeast(swarm, 1)).toMatchObject([{ status: 'failed', index: 0, task: 'work', runId }]);
  });
});

describe('listening', () => {
  test('ends with the function that it gives, for that listener only', async () => {
    const seen: string[] = [];
    const listener = ({ id }: { id: string }) => seen.push(id);
    const [stopOne, stopTwo] = [mage.on('item', listener), mage.on('item', listener)];
    const run = async () => {
      const task = await mage.sign(work);
      await task.run({});
      await events.atLeast(task, 2);
      return seen.filter((id) => id === task.id).length;
    };
    expect(await run()).toBe(4);
    stopOne();
    stopOne();
    expect(await run()).toBe(2);
    stopTwo();
    expect(await run()).toBe(0);
  });

  test('disturbs nothing when a listener throws or rejects; that is logged', async () => {
    const thrower = () => {
      throw new Error('a listener threw');
    };
    const stops = [
      mage.on('item', thrower),
      mage.on('group', thrower),
      mage.on('error', () => Promise.reject(new Error('a listener rejected'))),
      mage.on('item', () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- a listener may
        throw undefined;
      }),
    ];
    const swarm = await mage.swarm({
      tasks: [[work, { value: 1 }]],
      successCallbacks: [await mage.sign(work, { fail: 'a callback' })],
      isSwarmClosed: true,
    });
    expect(await swarm.run({})).toEqual([1]);
    await taskSet.settled(swarm);
    await eventually('it is logged', () => faults.log.lines.some((line) => line.includes('a listener rejected')));
    stops.forEach((stop) => stop());
    const logged = faults.log.lines.filter((line) => line.includes('a listener threw'));
    expect(logged).toContain("error mageflow: a listener of 'item' threw: a listener threw");
    expect(logged).toContain("error mageflow: a listener of 'group' threw: a listener threw");
    expect((await events.atLeast(swarm, 2)).map(({ status }) => status)).toContain('succeeded');
  });

  test('refuses other names, and what is no function', () => {
    for (const name of ['items', '', 'toString', undefined])
      expect(() => mage.on(name as never, () => undefined)).toThrow(ConfigurationError);
    expect(() => mage.on('items' as never, () => undefined)).toThrow(
      "on: expected 'item', 'group', 'repair' or 'error', got \"items\".",
    );
    expect(() => mage.on('item', 'console.log' as never)).toThrow(ConfigurationError);
  });

  test('receives no events of another instance, nor of another process', async () => {
    const other = faults.another();
    const elsewhere = listen(other);
    const swarm = await mage.swarm({ tasks: [[work, {}]], isSwarmClosed: true });
    await swarm.run({});
    expect(await events.atLeast(swarm, 2)).toHaveLength(2);
    expect([elsewhere.items, elsewhere.groups]).toEqual([[], []]);

    const client = await faults.process({ role: 'client', items: 2 });
    const { id } = (await client.lineOf('swarm')) as unknown as { id: string };
    await eventually('its end is emitted here, as the items ran here', () =>
      events.statuses({ id }).includes('succeeded'),
    );
    // Its start was the other process's.
    expect(events.statuses({ id })).toEqual(['succeeded']);
    expect(elsewhere.groups).toEqual([]);
    elsewhere.stop();
  });

  test('does not capture what a listener publishes while the body of a root runs', async () => {
    const runs: Promise<unknown>[] = [];
    const stop = mage.on('group', ({ name, status }) => {
      if (name !== 'made in a body' || status !== 'running') return;
      runs.push(mage.sign(work, { label: 'published by a listener' }).then((signed) => signed.runNoWait({})));
    });
    const making = mage.rootTask({
      name: 'making',
      fn: async () => {
        const made = await mage.swarm({ name: 'made in a body', tasks: [work], isSwarmClosed: true });
        await made.run({});
        return {};
      },
    });
    await faults.worker([making]);
    const signed = await mage.sign(making);
    await signed.run();
    stop();
    expect(runs).toHaveLength(1);
    await Promise.all(runs);
    await taskSet.started('published by a listener');
    expect(taskSet.executions('published by a listener')[0]?.context?.rootId).toBeUndefined();
    expect(await (await signed.children()).progress()).toMatchObject({ total: 1 });
  });
});
