import type { MageflowEvents, Signature } from '../../src';
import { eventually } from '../helpers/fixture';
import { openTasks, shortLease, type WorkInput } from '../helpers/task-set';
import { rejection } from '../helpers/outcomes';

// The engine lets a run wait for a worker for 5 minutes, or for as long as the declaration says that was registered last. Here that is
// one of the plain client: mageflow's own say nothing.
const { fixture, mage, taskSet, work, callback } = openTasks(shortLease);
const { hatchet, log } = fixture;
const ran: string[] = [];
const begun = async ({ label = '', waitFor = '' }: WorkInput) => {
  ran.push(label);
  if (waitFor) await taskSet.gateOpened(waitFor);
  return { label };
};
/** A worker with one slot serves these. */
const narrow = mage.task({ name: 'narrow', fn: begun });
const narrowRoot = mage.rootTask({ name: 'narrow-root', fn: begun });
const narrowPair = mage.workflow({ name: 'narrow-pair' });
narrowPair.task({ name: 'one', fn: () => begun({ label: 'pair' }) });
/** Nobody serves these at first. */
const absent = mage.task({ name: 'absent', fn: begun });
const hasty = mage.task({ name: 'hasty', scheduleTimeout: '2s', fn: begun });
const hastyPlain = hatchet.task({ name: 'hasty-plain', scheduleTimeout: { seconds: 2 }, fn: () => ({}) });
const parent = mage.rootTask({
  name: 'parent',
  fn: async ({ label = '' }: WorkInput) => {
    await (await mage.sign(narrow, { label })).runNoWait({});
    return {};
  },
});

const repairs: MageflowEvents['repair'][] = [];
mage.on('repair', (repair) => repairs.push(repair));
const againOf = (groupId: string) =>
  repairs.filter((repair) => repair.groupId === groupId && repair.message.includes('no worker has taken'));

type Workflows = NonNullable<Parameters<typeof fixture.worker>[0]>;

/** Registers what nobody serves from then on. */
async function register(workflows: Workflows): Promise<void> {
  const worker = await hatchet.worker('registers', { workflows, handleKill: false });
  const running = worker.start();
  await worker.waitUntilReady(120_000);
  await worker.stop();
  await running;
}

beforeAll(async () => {
  await fixture.worker([parent]);
  await fixture.worker([narrow, narrowRoot, narrowPair], { slots: 1 });
  const short = ['narrow', 'narrow-root', 'absent', 'by-name'].map((name) =>
    hatchet.task({ name, scheduleTimeout: '2s', fn: () => ({}) }),
  );
  const pair = hatchet.workflow({ name: 'narrow-pair' });
  pair.task({ name: 'one', scheduleTimeout: '2s', fn: () => ({}) });
  await register([...short, pair, hasty, hastyPlain]);
});

/** Takes the one slot until its gate is opened. */
async function fill(gate: string) {
  const handle = await (await mage.sign(narrow, { label: gate, waitFor: gate })).runNoWait({});
  await eventually('the slot is taken', () => ran.includes(gate));
  return handle;
}

/**
 * Starts something until it has waited in vain. Until the engine has counted its slots anew, a full worker may get one run more:
 * what begins like that did not wait, and is left to end.
 */
async function untilItWaits<T extends { hasWaited: () => boolean; ended: () => Promise<unknown> }>(
  label: string,
  start: () => Promise<T>,
) {
  for (let tries = 0; tries < 10; tries++) {
    const from = ran.length;
    const bodies = () => ran.slice(from).filter((one) => one === label);
    const started = await start();
    const how = await eventually('it has waited in vain', () =>
      started.hasWaited() ? 'waited' : bodies().length > 0 && 'began',
    );
    if (how === 'waited') return { ...started, bodies };
    await started.ended();
  }
  throw new Error('The engine gave a full worker ten runs more.');
}

test('items that wait for a slot longer than the schedule timeout are published again, and all of them succeed', async () => {
  const swarm = await mage.swarm({
    tasks: [0, 1, 2, 3].map((n) => [narrow, { label: `item ${n}`, waitFor: 'items' }] as const),
    config: { maxConcurrency: 4 },
    isSwarmClosed: true,
  });
  const { output } = await swarm.runNoWait();
  // Three of the four, or two where the full worker got one run more.
  await eventually('two items have waited in vain, twice', () => {
    const counts = new Map<string, number>();
    for (const { entry } of againOf(swarm.id)) counts.set(entry, (counts.get(entry) ?? 0) + 1);
    return [...counts.values()].filter((count) => count >= 2).length >= 2;
  });
  taskSet.openGate('items');
  expect(await output).toEqual([0, 1, 2, 3].map((n) => ({ label: `item ${n}` })));
  expect(await swarm.progress()).toMatchObject({ succeeded: 4, failed: 0 });
  expect(ran.filter((label) => label.startsWith('item')).sort()).toEqual([0, 1, 2, 3].map((n) => `item ${n}`));
  // Each event has the whole wait, and the log has some of them.
  const waits = againOf(swarm.id).map(({ message }) => Number(/taken narrow for (\d+)s/.exec(message)?.[1]));
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(2);
  expect(Math.max(...waits)).toBeGreaterThanOrEqual(4);
  const warned = log.lines.filter((line) => line.includes(swarm.id) && line.includes('no worker has taken'));
  expect(warned[0]).toMatch(
    /^warn mageflow: no worker has taken narrow for \d+s: item \d \("narrow"\) of the swarm "swarm" .* is published again\./,
  );
  expect(warned.length).toBeLessThanOrEqual(waits.length);
});

test.each<[string, (label: string) => Promise<Signature<any, unknown>>]>([
  ['a task by itself', (label) => mage.sign(narrow, { label })],
  ['a root by itself', (label) => mage.sign(narrowRoot, { label })],
  ['a step of a chain', async (label) => mage.chain([await mage.sign(narrow, { label })])],
  ['a child of a root', (label) => mage.sign(parent, { label })],
])('%s that waits too long for a slot is published again, and runs once', async (what, make) => {
  const held = await fill(`before ${what}`);
  const { signature, output, bodies } = await untilItWaits(what, async () => {
    const signature = await make(what);
    const { output } = await signature.runNoWait({});
    // A root's children have an id that begins with the root's.
    const hasWaited = () =>
      repairs.some(
        ({ groupId, message }) => groupId.startsWith(signature.id) && message.includes('no worker has taken'),
      );
    return { signature, output, hasWaited, ended: () => output };
  });
  taskSet.openGate(`before ${what}`);
  await Promise.all([output, held.output]);
  expect(bodies()).toEqual([what]);
  expect(await signature.status()).toBe('succeeded');
});

test('a callback that waits too long for a slot is published again, and runs once', async () => {
  const held = await fill('before the callback');
  const { swarm, bodies } = await untilItWaits('callback', async () => {
    const attached = await mage.sign(narrow, { label: 'callback' }, { errorCallbacks: [callback] });
    const swarm = await mage.swarm({ tasks: [[work, {}]], successCallbacks: [attached], isSwarmClosed: true });
    await swarm.run();
    const hasWaited = () => againOf(swarm.id).some(({ entry }) => entry === 'c0');
    return { swarm, hasWaited, ended: () => taskSet.settled(swarm) };
  });
  taskSet.openGate('before the callback');
  await held.output;
  await taskSet.settled(swarm);
  expect(bodies()).toEqual(['callback']);
});

test('a workflow whose tasks wait too long for a slot is published again', async () => {
  const held = await fill('before the pair');
  const { output, bodies } = await untilItWaits('pair', async () => {
    const signature = await mage.sign(narrowPair as unknown as typeof narrow, {});
    const { output } = await signature.runNoWait({});
    return { output, hasWaited: () => againOf(signature.id).length > 0, ended: () => output };
  });
  taskSet.openGate('before the pair');
  expect(await output).toEqual({ one: { label: 'pair' } });
  await held.output;
  expect(bodies()).toEqual(['pair']);
});

test('a task that no worker serves for a while is published again until one does', async () => {
  const item = await mage.sign(absent, { label: 'absent' });
  const { output } = await item.runNoWait({});
  await eventually('it has waited in vain, twice', () => againOf(item.id).length >= 2);
  await fixture.worker([absent]);
  expect(await output).toEqual({ label: 'absent' });
  expect(ran.filter((label) => label === 'absent')).toHaveLength(1);
});

test('a name of a task that mageflow knows no declaration of is published again', async () => {
  const item = await mage.sign('by-name', {});
  await item.runNoWait({});
  await eventually('it has waited in vain', () => againOf(item.id).length >= 1);
  await item.cancel();
  await eventually('it is cancelled', async () => (await item.status()) === 'cancelled');
});

describe('where the declaration says how long a run may wait, the item fails, and the reason says so', () => {
  const reason = 'no worker took it within 2s';

  test.each([
    ['a wrapped declaration', hasty],
    ['a declaration of the plain client', hastyPlain],
    ['a name, of which a wrapped declaration is known', 'hasty'],
  ])('by %s', async (what, task) => {
    const item = await mage.sign(
      task as typeof hasty,
      {},
      { errorCallbacks: [await mage.sign(callback, { label: what })] },
    );
    expect((await rejection(item.run({}))).message).toContain(reason);
    expect((await taskSet.onlyExecution(what, item)).input).toMatchObject({
      error: { message: expect.stringContaining(reason) },
    });
    expect(againOf(item.id)).toEqual([]);
  });

  test('by a name, of which only another process knows the declaration', async () => {
    const other = fixture.another();
    other.task({ name: 'announced', scheduleTimeout: '2s', fn: () => ({}) });
    await register([hatchet.task({ name: 'announced', scheduleTimeout: '2s', fn: () => ({}) })]);
    other.startReconciler();
    await eventually('it is announced', async () => {
      const served = (await fixture.keys()).find((key) => key.endsWith(':served'));
      return served !== undefined && (await fixture.redis.hget(served, 'announced'));
    });
    await other.stopReconciler();
    const item = await fixture.another().sign('announced', {});
    expect((await rejection(item.run({}))).message).toContain(reason);
  });
});
