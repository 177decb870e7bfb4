import { Events } from '../../src/config/events';
import type { Signature, Swarm } from '../../src';
import { GroupCache } from '../../src/orchestrator/group-cache';
import { Commands } from '../../src/orchestrator/commands';
import { Completion } from '../../src/orchestrator/completion';
import { Nesting } from '../../src/orchestrator/nesting';
import { claimToken } from '../../src/store/executions';
import { newSecret, type GroupStore } from '../../src/store/group-store';
import { childrenId, nestedId, newId } from '../../src/store/ids';
import { packSpec } from '../../src/store/spec';
import { eventually } from '../helpers/fixture';
import { Faults } from '../helpers/faults';
import { execution } from '../helpers/store';

const faults = new Faults({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const { mage, recorder } = faults;
/** A process that is dead: what it was granted, nobody does but the reconciler. */
const { store, reader } = faults.deadProcess();
/** The same, whose leases don't run out: what it left is not asked about, unless a test says so. */
const patient = faults.deadProcess({ leaseMs: 3_600_000 }).store;
const died = new Error('the process is dead');
/** One that dies when it has started a group, before its parent knows. */
const dying = faults.deadProcess().store;
dying.confirm = () => Promise.reject(died);
const known = new GroupCache(reader);
const commands = new Commands(dying, () => Promise.resolve());
const completion = new Completion(dying, reader, new Events(faults.log), {} as never, commands);
const nesting = new Nesting(dying, reader, commands, { cache: known, completion } as never, () => undefined);

beforeAll(async () => {
  await faults.worker(recorder.tasks(mage));
});
afterAll(() => faults.close());

const times = async (...items: number[]) => (await recorder.started()).filter((n) => items.includes(n));
const done = (mark: string) => mage.sign('done', { mark });

/** The callbacks of this mark, once there are any. */
async function callbacks(mark: string): Promise<unknown[]> {
  const found = async () =>
    (await recorder.stamps('callback')).filter(({ input }) => (input as { mark?: string }).mark === mark);
  await eventually(`a callback of ${mark} has run`, async () => (await found()).length > 0);
  return (await found()).map(({ input }) => input);
}

/** Starts the group that an entry is, as a process does that then dies, before it confirms or publishes anything. */
async function startAndDie(groupId: string, entry: string): Promise<string> {
  const facts = await reader.record(groupId);
  const item = await reader.item(groupId, entry);
  if (!facts || !item) throw new Error('There is no such entry.');
  const { spec } = item;
  await expect(nesting.start(groupId, entry, { record: facts, spec, input: {}, own: '' })).rejects.toBe(died);
  return `g:${spec.id ?? nestedId(groupId, entry)}`;
}

/** Runs an item without an engine, as a process does that then dies, before it does what follows. */
async function endAndDie(groupId: string, entry: string, by: GroupStore, child = ''): Promise<void> {
  const secret = (await reader.record(groupId))?.secret ?? '';
  const run = execution(`run-${groupId}-${entry}`);
  expect((await by.start(groupId, entry, run, { token: claimToken(secret, entry), child })).code).toBe('run');
  await by.finish(groupId, entry, run, { outcome: 'succeeded', payload: `{"n":${entry}}`, retries: 0 });
}

async function tree(n: number) {
  const inner = await mage.swarm({
    tasks: [['stamp', { n }]],
    successCallbacks: [await done(`inner ${n}`)],
    isSwarmClosed: true,
  });
  const chain = await mage.chain([await mage.sign('stamp', { n: n + 1 }), await mage.sign('stamp', { n: n + 2 })], {
    successCallbacks: [await done(`chain ${n}`)],
  });
  const outer = await mage.swarm({
    tasks: [inner, chain],
    successCallbacks: [await done(`outer ${n}`)],
    isSwarmClosed: true,
  });
  return { inner, chain, outer };
}

/** Everything ran once, every callback once, and the outer list is whole. */
async function allOnce(
  n: number,
  groups: { inner: Swarm<unknown>; chain: Signature<never, unknown>; outer: Swarm<unknown> },
) {
  expect(await faults.ended(groups.outer)).toBe('succeeded');
  expect((await times(n, n + 1, n + 2)).sort()).toEqual([n, n + 1, n + 2]);
  for (const what of ['inner', 'chain']) expect(await callbacks(`${what} ${n}`)).toHaveLength(1);
  expect(await callbacks(`outer ${n}`)).toEqual([{ mark: `outer ${n}`, returnValue: [[{ n }], { n: n + 2 }] }]);
  expect(await groups.outer.progress()).toMatchObject({ succeeded: 2, running: 0 });
}

test('nested groups that a dead process was granted and never started are started', async () => {
  const groups = await tree(10);
  await store.run(groups.outer.id, '{}');
  await allOnce(10, groups);
});

test('nested groups that a process started and did not confirm are not started again, and go on', async () => {
  const groups = await tree(20);
  await store.run(groups.outer.id, '{}');
  expect(await startAndDie(groups.outer.id, '0')).toBe(`g:${groups.inner.id}`);
  expect(await startAndDie(groups.outer.id, '1')).toBe(`g:${groups.chain.id}`);
  await allOnce(20, groups);
});

test('a process that dies over and over between start and confirmation starts nothing twice', async () => {
  const groups = await tree(30);
  await store.run(groups.outer.id, '{}');
  for (const entry of ['0', '1', '0', '1']) await startAndDie(groups.outer.id, entry);
  await allOnce(30, groups);
});

test("when a process does not report the end of a nested group to its parent, another process's reconciler does, once", async () => {
  const inner = await mage.swarm({ tasks: ['stamp'], isSwarmClosed: true });
  const outer = await mage.swarm({
    tasks: [inner],
    successCallbacks: [await done('told late')],
    isSwarmClosed: true,
  });
  // Of the outer swarm no lease runs out: only that of the inner one's report does.
  await patient.run(outer.id, '{}');
  await startAndDie(outer.id, '0');
  await patient.confirm(outer.id, ['0', `g:${inner.id}`]);
  await endAndDie(inner.id, '0', store);
  expect(await inner.status()).toBe('succeeded');
  expect(await faults.ended(outer)).toBe('succeeded');
  expect(await callbacks('told late')).toEqual([{ mark: 'told late', returnValue: [[{ n: 0 }]] }]);
});

test('when the process that was to report an end is dead and the report is lost, the parent asks', async () => {
  const inner = await mage.swarm({ tasks: ['stamp'], isSwarmClosed: true });
  const outer = await mage.swarm({ tasks: [inner], successCallbacks: [await done('asked')], isSwarmClosed: true });
  await store.run(outer.id, '{}');
  await startAndDie(outer.id, '0');
  await store.confirm(outer.id, ['0', `g:${inner.id}`]);
  await endAndDie(inner.id, '0', patient);
  await patient.parentNotified(inner.id);
  expect(await faults.ended(outer)).toBe('succeeded');
  expect(await callbacks('asked')).toHaveLength(1);
});

test('a parent counts an end that is reported twice once', async () => {
  const inner = await mage.swarm({ tasks: [['stamp', { n: 40 }]], isSwarmClosed: true });
  const outer = await mage.swarm({
    tasks: [inner, ['stamp', { n: 41, gate: 'told twice' }]],
    successCallbacks: [await done('told twice')],
    isSwarmClosed: true,
  });
  const handle = await outer.runNoWait({});
  await eventually('the inner one has ended', async () => (await outer.progress()).succeeded === 1);
  await Promise.all([nesting.notifyParent(inner.id), nesting.notifyParent(inner.id)]);
  await nesting.notifyParent(inner.id);
  expect(await outer.progress()).toMatchObject({ succeeded: 1, running: 1, status: 'running' });
  await recorder.open('told twice');
  expect(await handle.output).toEqual([[{ n: 40 }], { n: 41 }]);
  expect(await callbacks('told twice')).toHaveLength(1);
});

test('a nested group whose parent is gone ends by itself and is forgotten after its retention', async () => {
  const inner = await mage.swarm({
    tasks: [['stamp', { n: 50, gate: 'orphan' }]],
    successCallbacks: [await done('orphan')],
    isSwarmClosed: true,
  });
  const outer = await mage.swarm({ tasks: [inner], isSwarmClosed: true });
  await outer.runNoWait({});
  await eventually('it runs', async () => (await times(50)).length === 1);
  await faults.redis.unlink(...store.keys.group(outer.id));
  await recorder.open('orphan');
  await eventually('it has ended', async () => (await inner.status()) === 'succeeded');
  expect(await callbacks('orphan')).toHaveLength(1);
  await eventually('it has a time to go', async () => (await faults.redis.pttl(store.keys.state(inner.id))) > 0);
});

test('an entry whose group is gone fails, and its slot is handed on', async () => {
  const inner = await mage.swarm({ tasks: ['stamp'], name: 'lost', isSwarmClosed: true });
  const outer = await mage.swarm({
    tasks: [inner, ['stamp', { n: 60 }]],
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
  });
  await faults.redis.unlink(...store.keys.group(inner.id));
  const [first, second] = await outer.runSettled({});
  expect(first).toMatchObject({ name: 'lost', status: 'failed', error: expect.stringContaining(inner.id) as string });
  expect(second).toMatchObject({ status: 'succeeded', output: { n: 60 } });
});

describe('a root whose process died after its body returned', () => {
  /** A root that has returned, as its process left it: with a child that it was granted, or before it opened its group. */
  async function returned(mark: string, child?: object) {
    const id = newId();
    const shape = {
      closed: true,
      maxConcurrency: 1,
      stopAfterNFailures: null,
      keepResults: true,
      successCallbacks: [],
      errorCallbacks: [],
    };
    const spec = packSpec({
      task: 'stamp',
      group: 'root',
      successCallbacks: [packSpec({ task: 'done', data: JSON.stringify({ mark }) })],
    });
    await store.create({ id, kind: 'task', name: 'root', secret: newSecret(), ...shape }, [spec], { message: '{}' });
    const children = childrenId(id, '0');
    if (child) {
      const parent = { groupId: id, entry: '0' };
      const group = { ...shape, closed: false, maxConcurrency: 5, parent, above: { root: id } };
      await store.create({ id: children, kind: 'root', name: 'root-swarm:root', secret: newSecret(), ...group }, [], {
        message: '',
      });
      const item = { spec: packSpec({ task: 'stamp', data: JSON.stringify(child) }), key: '' };
      await store.add(children, [item], { run: true });
    }
    await endAndDie(id, '0', store, children);
    expect(await reader.itemState(id, 0)).toBe('returned');
    return mage.load(id);
  }

  test('has its children closed by the reconciler, and ends with them', async () => {
    const root = await returned('closed late', { n: 70 });
    await eventually('it has ended', async () => (await root.status()) === 'succeeded');
    expect(await times(70)).toEqual([70]);
    expect(await callbacks('closed late')).toEqual([
      { mark: 'closed late', returnValue: { n: 0 }, childResults: [{ n: 70 }] },
    ]);
  });

  test('whose child fails ends well all the same, with the failure left out', async () => {
    const root = await returned('child failed', { n: 71, fails: true });
    await eventually('it has ended', async () => (await root.status()) === 'succeeded');
    expect(await callbacks('child failed')).toEqual([
      { mark: 'child failed', returnValue: { n: 0 }, childResults: [] },
    ]);
  });

  test('without any group of children ends as its body did', async () => {
    const root = await returned('no children');
    await eventually('it has ended', async () => (await root.status()) === 'succeeded');
    expect(await callbacks('no children')).toEqual([
      expect.objectContaining({ mark: 'no children', returnValue: { n: 0 } }),
    ]);
  });
});

test('a swarm that was being cancelled when its process died is cancelled down to what runs below it', async () => {
  const inner = await mage.swarm({
    tasks: [
      ['stamp', { n: 80, gate: 'cancelled' }],
      ['stamp', { n: 81 }],
    ],
    config: { maxConcurrency: 1 },
  });
  const outer = await mage.swarm({
    tasks: [inner],
    errorCallbacks: [await done('cancelled late')],
    isSwarmClosed: true,
  });
  await outer.runNoWait({});
  await eventually('it runs', async () => (await times(80)).length === 1);
  await store.cancel(outer.id, 'user');
  for (const swarm of [inner, outer])
    await eventually('it is cancelled', async () => (await swarm.status()) === 'cancelled');
  expect(await callbacks('cancelled late')).toHaveLength(1);
  await recorder.open('cancelled');
  expect(await times(81)).toEqual([]);
});

test('groups that a swarm will never get to are cancelled when the process died that stopped it', async () => {
  const never = await mage.swarm({ tasks: [['stamp', { n: 90 }]] });
  const outer = await mage.swarm({
    tasks: ['stamp', ['stamp', { n: 91, gate: 'stopped' }], never],
    config: { maxConcurrency: 2, stopAfterNFailures: 1 },
  });
  await store.run(outer.id, '{}');
  const secret = (await reader.record(outer.id))?.secret ?? '';
  const run = execution('run of the failure');
  await store.start(outer.id, '0', run, { token: claimToken(secret, '0') });
  const failure = { outcome: 'failed' as const, payload: '{"message":"no"}', retries: 0 };
  expect((await store.finish(outer.id, '0', run, failure)).effects.status).toBe('stopping');
  await eventually('it is cancelled', async () => (await never.status()) === 'cancelled');
  await recorder.open('stopped');
  expect(await faults.ended(outer)).toBe('failed');
  expect(await times(90, 91)).toEqual([91]);
});
