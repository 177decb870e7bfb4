// A key that was run already: a later run attaches to the first one, and its own message is ignored.
import { CancelledError, TaskFailedError, type Signature } from '../../src';
import { eventually, Fixture } from '../helpers/fixture';
import { TaskSet } from '../helpers/task-set';
import { rejection } from '../helpers/outcomes';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 200, retention: { finishedMs: 60_000 } });
const taskSet = new TaskSet(fixture);
const { mage } = fixture;
const { work } = taskSet;
const other = fixture.another();

/** Runs a child by a key, keeps what it got, and fails at its first attempt. */
const got: unknown[] = [];
const parent = mage.task({
  name: 'parent',
  retries: 1,
  fn: async ({ key, label }: { key: string; label: string }, ctx) => {
    const child = await mage.sign(work, { label, value: `by attempt ${ctx.retryCount()}` }, { key });
    got.push([await child.run({}), child.created]);
    if (ctx.retryCount() === 0) throw new Error('the first attempt fails');
    return 'done';
  },
});
const bodies: unknown[] = [];
const root = mage.rootTask({
  name: 'root',
  retries: 1,
  fn: async ({ label }: { label: string }, ctx) => {
    const child = await mage.sign(work, { label, value: `by attempt ${ctx.retryCount()}` }, { key: 'child' });
    bodies.push([await child.run({}), await child.run({}), child.created]);
    const swarm = await mage.swarm({
      key: 'batch',
      tasks: [[work, { label: `${label} item`, value: 1 }]],
      isSwarmClosed: true,
    });
    bodies.push([await swarm.run({}), await swarm.run({}), swarm.created]);
    if (ctx.retryCount() === 0) throw new Error('the first attempt fails');
    return 'rooted';
  },
});

beforeAll(() => fixture.worker([...taskSet.tasks, parent, root]));
afterAll(() => fixture.close());

type Any = Signature<any, any>;
const task = (from: typeof mage, key: string, data: object): Promise<Any> => from.sign('work', data, { key });
const chain = async (from: typeof mage, key: string, data: object): Promise<Any> =>
  from.chain([await from.sign('work', data)], { key });
const kinds = { task, chain };

test.each(Object.entries(kinds))(
  'a second run of a keyed %s in another process gives the first result while it runs and after its end, and runs nothing',
  async (kind, make) => {
    const first = await make(mage, `second ${kind}`, {
      label: `second ${kind}`,
      value: 'first',
      waitFor: `second ${kind}`,
    });
    const running = first.run({});
    await eventually('it runs', () => taskSet.executions(`second ${kind}`).length > 0);
    const second = await make(other, `second ${kind}`, { label: `second ${kind}`, value: 'second' });
    const handle = await second.runNoWait({ waitFor: 'never' });
    expect(handle.id).toBe(first.id);
    taskSet.openGate(`second ${kind}`);
    expect([await running, await handle.output, await second.run({})]).toEqual(['first', 'first', 'first']);
    expect(await (await make(mage, `second ${kind}`, {})).run({})).toBe('first');
    expect(await (await other.load(first.id)).run({})).toBe('first');
    expect(await first.run({})).toBe('first');
    expect(taskSet.executions(`second ${kind}`)).toHaveLength(1);
    expect([first.created, second.created]).toEqual([true, false]);
  },
);

test('the handle of a later run has the run of the first', async () => {
  const first = await (await task(mage, 'handle', { label: 'handle' })).runNoWait();
  const second = await (await task(other, 'handle', {})).runNoWait();
  expect(await second.runId).toBe(await first.runId);
});

test('a keyed swarm hands out the first result by run, runNoWait and runSettled, and ignores the later message', async () => {
  const make = (from: typeof mage) =>
    from.swarm({ key: 'swarm', tasks: [[work, { label: 'swarm', waitFor: 'swarm' }]], isSwarmClosed: true });
  const first = await make(mage);
  const running = first.run({ value: 'first' });
  const second = await make(other);
  const handle = await second.runNoWait({ value: 'second' });
  const settled = second.runSettled({ value: 'third' });
  taskSet.openGate('swarm');
  expect(await Promise.all([running, handle.output])).toEqual([['first'], ['first']]);
  expect(await settled).toMatchObject([{ status: 'succeeded', output: 'first' }]);
  expect(await first.run({})).toEqual(['first']);
  expect(await (await other.load(first.id)).run({})).toEqual(['first']);
  expect(taskSet.executions('swarm')).toHaveLength(1);
  expect([first.created, second.created]).toEqual([true, false]);
});

test('a later run of a key that failed rejects with the first failure', async () => {
  for (const make of [task, chain]) {
    const first = (await rejection((await make(mage, 'fails', { fail: 'broken' })).run({}))) as TaskFailedError;
    const second = (await rejection((await make(other, 'fails', { value: 1 })).run({}))) as TaskFailedError;
    expect(second).toBeInstanceOf(TaskFailedError);
    expect([second.message, second.failures]).toEqual([first.message, first.failures]);
  }
  const swarm = await mage.swarm({ key: 'cancelled before' });
  await swarm.cancel();
  expect(await rejection((await other.swarm({ key: 'cancelled before' })).run({}))).toBeInstanceOf(CancelledError);
});

test('of ten runs of one key at once in two processes one runs, and all get its result', async () => {
  for (const [kind, make] of Object.entries(kinds)) {
    const signatures = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        make(i % 2 ? mage : other, 'at once', { label: `at once ${kind}`, value: i }),
      ),
    );
    const outputs = await Promise.all(signatures.map((signature) => signature.run({})));
    expect(new Set(outputs).size).toBe(1);
    expect(signatures.filter(({ created }) => created)).toHaveLength(1);
    expect(taskSet.executions(`at once ${kind}`)).toHaveLength(1);
  }
});

test('two runs at once of one keyed signature both get its result', async () => {
  const signature = await task(mage, 'twice at once', { label: 'twice at once', value: 1 });
  expect(await Promise.all([signature.run({}), signature.run({})])).toEqual([1, 1]);
  expect(taskSet.executions('twice at once')).toHaveLength(1);
});

test('a swarm that only its items have started still gets the message of its first own run', async () => {
  const make = (from: typeof mage) =>
    from.swarm({ key: 'by its items', tasks: [[work, { label: 'by its items' }]], isSwarmClosed: false });
  const first = await make(mage);
  const item = await first.addTask(work, { label: 'by its items', value: 'own' });
  await item.run({});
  const second = await make(other);
  const { output } = await second.runNoWait({ value: 'message' });
  await second.closeSwarm();
  expect(await output).toEqual(['message', 'own']);
});

test('a keyed signature that was suspended before its run is run by another process, and both get its result', async () => {
  const first = await task(mage, 'suspended', { label: 'suspended', value: 1 });
  await first.suspend();
  const second = await task(other, 'suspended', { value: 2 });
  const outputs = [second.run({}), first.run({})];
  await second.resume();
  expect(await Promise.all(outputs)).toEqual([1, 1]);
  expect([first.created, second.created]).toEqual([true, false]);
});

test('an ordinary task that is tried again gets the result of the child that its first attempt ran by a key', async () => {
  const run = await mage.sign(parent, { key: 'of a parent', label: 'of a parent' });
  expect(await run.run()).toBe('done');
  expect(got).toEqual([
    ['by attempt 0', true],
    ['by attempt 0', false],
  ]);
  expect(taskSet.executions('of a parent')).toHaveLength(1);
});

test("a root's body that is tried again gets what its first attempt ran by a key, however often it runs it", async () => {
  expect(await (await mage.sign(root, { label: 'of a root' })).run()).toBe('rooted');
  expect(bodies).toEqual([
    ['by attempt 0', 'by attempt 0', true],
    [[1], [1], true],
    ['by attempt 0', 'by attempt 0', false],
    [[1], [1], false],
  ]);
  expect([...taskSet.executions('of a root'), ...taskSet.executions('of a root item')]).toHaveLength(2);
});

test('after the retention the key is new, also for the signature that ran it before', async () => {
  const short = new Fixture(
    { leaseMs: 1_000, reconcileIntervalMs: 200, retention: { finishedMs: 300 } },
    fixture.hatchet,
  );
  try {
    await short.worker([short.mage.wrap(mage.hatchet.task({ name: 'short-lived', fn: () => ({ ran: true }) }))]);
    const first = await short.mage.sign('short-lived', {}, { key: 'again' });
    const runId = await (await first.runNoWait()).runId;
    const isGone = () =>
      short.mage.load(first.id).then(
        () => false,
        (error: Error) => error.name === 'NotFoundError',
      );
    await eventually('it is forgotten', isGone);
    const second = await short.mage.sign('short-lived', {}, { key: 'again' });
    const later = await second.runNoWait();
    expect(second.created).toBe(true);
    expect(await later.runId).not.toBe(runId);
    expect(await later.output).toEqual({ ran: true });
    await eventually('it is forgotten again', isGone);
    expect(await first.run({})).toEqual({ ran: true });
  } finally {
    await short.close();
  }
});

test('created says of each signature with a key whether a swarm was given it for the first time', async () => {
  const sign = () => mage.sign(work, {}, { key: 'row' });
  const [first, second] = [await sign(), await sign()];
  expect(first.created).toBeUndefined();
  const swarm = await mage.swarm({ tasks: [first] });
  await swarm.addTask(second);
  expect([swarm.created, first.created, second.created]).toEqual([true, true, false]);
  expect((await swarm.addTask(work, {}, { key: 'row' })).created).toBe(false);
  expect((await swarm.addTask(work, {}, { key: 'another' })).created).toBe(true);
});
