import type { Swarm } from '../../../src';
import { childrenId } from '../../../src/store/ids';
import { Faults } from '../../helpers/faults';
import { eventually } from '../../helpers/fixture';
import { Mending } from '../../helpers/mending';
import { Roots } from '../../helpers/roots';
import { progressOf, statusOf } from '../../helpers/outcomes';

const faults = new Faults({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const { mage } = faults;
const mending = new Mending(faults);
const roots = new Roots(faults);
const { mend, callback } = mending;
const root = roots.declare('root', { stopAfterNFailures: 1 });
/** A process that dies after its first call. */
const { store } = faults.deadProcess();

beforeAll(async () => {
  await faults.worker([...mending.tasks, ...roots.tasks]);
});
afterAll(() => faults.close());
afterEach(() => mending.mendAll());

const keysOf = async (id: string) => (await faults.keys()).filter((key) => key.includes(`{${id}}`));
const ttls = async (id: string) => Promise.all((await keysOf(id)).map((key) => faults.redis.pttl(key)));

test('a retry that its process left half done is completed by the reconciler, which keeps all that it refers to', async () => {
  mending.break('left 1');
  const inner = await mage.swarm({ tasks: [[mend, { label: 'left 0' }]], isSwarmClosed: true });
  const outer = await mage.swarm({
    tasks: [inner, [mend, { label: 'left 1' }]],
    successCallbacks: [await mage.sign(callback, { label: 'left done' })],
    isSwarmClosed: true,
  });
  await outer.run({});
  await mending.settled(outer);
  await eventually('all of it would expire', async () =>
    [...(await ttls(outer.id)), ...(await ttls(inner.id))].every((ttl) => ttl > 0),
  );
  mending.mendAll();
  mending.halted.add('left 1');
  expect((await store.retry(outer.id)).code).toBe('continue');
  expect(await outer.progress()).toMatchObject({ status: 'running', running: 0, queued: 1 });
  await mending.started('left 1', 2);
  expect(new Set([...(await ttls(outer.id)), ...(await ttls(inner.id))])).toEqual(new Set([-1]));
  mending.openGate('left 1');
  await statusOf(outer, 'succeeded');
  await mending.settled(outer);
  expect(mending.counts('left 0', 'left 1', 'left done')).toEqual({ 'left 0': 1, 'left 1': 2, 'left done': 2 });
});

test('a retry of chosen items that its process left half done runs what it had reached, and the group ends', async () => {
  const labels = [0, 1, 2, 3].map((n) => `chosen ${n}`);
  mending.break(...labels);
  const swarm = await mage.swarm({
    tasks: labels.map((label) => [mend, { label }] as const),
    successCallbacks: [await mage.sign(callback, { label: 'chosen done' })],
    isSwarmClosed: true,
  });
  await swarm.run({});
  await mending.settled(swarm);
  mending.mendAll();
  const lease = 'of a dead process';
  expect((await store.retry(swarm.id, undefined, { lease, round: 0 })).code).toBe('continue');
  await store.retrySome(swarm.id, lease, { from: 0, row: '-q', changes: [] });
  await progressOf(swarm, { succeeded: 1, failed: 3, status: 'succeeded' });
  await mending.settled(swarm);
  expect(mending.counts(...labels, 'chosen done')).toEqual({
    'chosen 0': 1,
    'chosen 1': 2,
    'chosen 2': 1,
    'chosen 3': 1,
    'chosen done': 2,
  });
});

test("a retry of a root's child that its process left half done is completed by the reconciler, and the root waits for it again", async () => {
  mending.break('child 0');
  const signed = await roots.sign(
    root,
    async () => {
      await (await mage.sign(mend, { label: 'child 0' })).runNoWait({});
      return 'body';
    },
    { successCallbacks: [await mage.sign(callback, { label: 'root done' })] },
  );
  const handle = await signed.runNoWait();
  await expect(handle.output).rejects.toThrow('child 0 is broken');
  await mending.settled(signed);
  mending.mendAll();
  expect((await store.retry(childrenId(signed.id, '0'))).code).toBe('continue');
  await statusOf(signed, 'succeeded');
  expect(await handle.output).toBe('body');
  await mending.settled(signed);
  expect(mending.counts('child 0', 'root done')).toEqual({ 'child 0': 2, 'root done': 1 });
});

test('when the process that ran a swarm is gone, another one runs what failed again', async () => {
  const serving = new Faults({ leaseMs: 1_000, reconcileIntervalMs: 300 });
  try {
    const first = await serving.process({ role: 'worker' });
    const swarm: Swarm<unknown> = await serving.mage.swarm({
      tasks: [
        ['stamp', { n: 0 }],
        ['stamp', { n: 1, fails: true }],
      ],
      successCallbacks: ['done'],
      isSwarmClosed: true,
    });
    await swarm.run({});
    await eventually('the callback ran', async () => (await serving.recorder.stamps('callback')).length === 1);
    await first.kill();
    const second = await serving.process({ role: 'worker' });
    expect(await swarm.retryFailed()).toBe(1);
    await progressOf(swarm, { succeeded: 1, failed: 1, status: 'succeeded' });
    await eventually('the callback ran again', async () => (await serving.recorder.stamps('callback')).length === 2);
    const started = (await serving.recorder.stamps('start')).map(({ n, pid }) => `${n} ${pid}`);
    expect(started.sort()).toEqual([`0 ${first.pid}`, `1 ${first.pid}`, `1 ${second.pid}`].sort());
  } finally {
    await serving.close();
  }
});
