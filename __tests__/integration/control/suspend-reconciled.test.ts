import { eventually } from '../../helpers/fixture';
import { Faults } from '../../helpers/faults';
import { progressOf } from '../../helpers/outcomes';

const faults = new Faults({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const { mage, recorder } = faults;
/** A process that says a word, and is dead before it does what follows from it. */
const { store } = faults.deadProcess();

beforeAll(async () => {
  await faults.worker(recorder.tasks(mage), { slots: 2 });
});
afterAll(() => faults.close());

const times = async (...items: number[]) => (await recorder.started()).filter((n) => items.includes(n));
const done = (mark: string) => mage.sign('done', { mark });
const callbacks = async (mark: string) =>
  (await recorder.stamps('callback')).filter(({ input }) => (input as { mark?: string }).mark === mark).length;

/** Two stamps, one at a time, of which the first waits at the gate of its name, in a chain in a swarm. */
async function tree(n: number) {
  const inner = await mage.swarm({
    tasks: [
      ['stamp', { n, gate: `gate ${n}` }],
      ['stamp', { n: n + 1 }],
    ],
    config: { maxConcurrency: 1 },
    successCallbacks: [await done(`inner ${n}`)],
    isSwarmClosed: true,
  });
  const chain = await mage.chain([inner, await mage.sign('stamp', { n: n + 2 })]);
  const outer = await mage.swarm({
    tasks: [chain],
    successCallbacks: [await done(`outer ${n}`)],
    isSwarmClosed: true,
  });
  await outer.runNoWait({});
  await eventually('it runs', async () => (await times(n)).length === 1);
  return { inner, outer };
}

test('a suspension that did not reach the groups below is passed on by the reconciler, and so is the next one', async () => {
  const { inner, outer } = await tree(10);
  expect((await store.suspend(outer.id, true)).code).toBe('suspended');
  await eventually('it has reached the inner one', async () => (await inner.status()) === 'suspended');
  await recorder.open('gate 10');
  await progressOf(inner, { succeeded: 1, queued: 1, running: 0 });
  expect((await store.suspend(outer.id, false)).code).toBe('resumed');
  expect(await faults.ended(outer)).toBe('succeeded');
  expect(await times(10, 11, 12)).toEqual([10, 11, 12]);
  for (const mark of ['inner 10', 'outer 10'])
    await eventually('its callback runs', async () => (await callbacks(mark)) === 1);
});

test('a suspension of one entry that did not reach the group in it is passed on by the reconciler', async () => {
  const { inner, outer } = await tree(20);
  expect((await store.suspendEntry(outer.id, '0', true)).code).toBe('suspended');
  await eventually('it has reached the inner one', async () => (await inner.status()) === 'suspended');
  expect(await outer.status()).toBe('running');
  await recorder.open('gate 20');
  await progressOf(inner, { succeeded: 1, queued: 1, running: 0 });
  expect((await store.suspendEntry(outer.id, '0', false)).code).toBe('resumed');
  expect(await faults.ended(outer)).toBe('succeeded');
  expect(await times(20, 21, 22)).toEqual([20, 21, 22]);
});

test('an older suspension that arrives late changes nothing', async () => {
  const { inner, outer } = await tree(30);
  const { version } = await store.suspend(outer.id, true);
  await eventually('it has reached the inner one', async () => (await inner.status()) === 'suspended');
  await inner.resume();
  expect((await store.suspend(inner.id, true, version)).code).toBe('older');
  await recorder.open('gate 30');
  await eventually('the inner one goes on', async () => (await inner.status()) === 'succeeded');
  expect(await times(30, 31, 32)).toEqual([30, 31]);
  await outer.resume();
  expect(await faults.ended(outer)).toBe('succeeded');
  expect(await times(30, 31, 32)).toEqual([30, 31, 32]);
});

test('runs that a dead process did not take back do not run their bodies, and go on once after resume', async () => {
  const swarm = await mage.swarm({
    tasks: [40, 41, 42, 43].map((n) => ['stamp', { n, gate: 'gate 40' }] as const),
    config: { maxConcurrency: 4 },
    successCallbacks: [await done('taken back')],
    isSwarmClosed: true,
  });
  await swarm.runNoWait({});
  await eventually('both slots of the worker are taken', async () => (await times(40, 41, 42, 43)).length === 2);
  await store.suspend(swarm.id, true);
  await recorder.open('gate 40');
  await progressOf(swarm, { succeeded: 2, queued: 2, running: 0, status: 'suspended' });
  expect(await times(40, 41, 42, 43)).toHaveLength(2);
  await store.suspend(swarm.id, false);
  expect(await faults.ended(swarm)).toBe('succeeded');
  expect((await times(40, 41, 42, 43)).sort()).toEqual([40, 41, 42, 43]);
  await eventually('its callback runs', async () => (await callbacks('taken back')) === 1);
});

test('callbacks that a dead process let go are published by the reconciler, once', async () => {
  const swarm = await mage.swarm({
    tasks: [['stamp', { n: 50, gate: 'gate 50' }, { successCallbacks: [await done('own 50')] }]],
    successCallbacks: [await done('swarm 50')],
    isSwarmClosed: true,
  });
  await swarm.runNoWait({});
  await eventually('it runs', async () => (await times(50)).length === 1);
  await swarm.suspend();
  await recorder.open('gate 50');
  await progressOf(swarm, { succeeded: 1, running: 0, status: 'suspended' });
  expect([await callbacks('own 50'), await callbacks('swarm 50')]).toEqual([0, 0]);
  const { effects } = await store.suspend(swarm.id, false);
  expect(effects.callbacks).toHaveLength(2);
  for (const mark of ['own 50', 'swarm 50'])
    await eventually('its callback runs', async () => (await callbacks(mark)) === 1);
  expect(await faults.ended(swarm)).toBe('succeeded');
});

test('what was granted to a process that died just before the word is not published while it lasts', async () => {
  const swarm = await mage.swarm({ tasks: [['stamp', { n: 60 }]], isSwarmClosed: true });
  expect((await store.run(swarm.id, '{}')).effects.grants).toHaveLength(1);
  await store.suspend(swarm.id, true);
  await progressOf(swarm, { running: 0, queued: 1, status: 'suspended' });
  expect(await times(60)).toEqual([]);
  await swarm.resume();
  expect(await faults.ended(swarm)).toBe('succeeded');
  expect(await times(60)).toEqual([60]);
});
