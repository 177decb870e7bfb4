import type { Description } from '../../src';
import { eventually, Fixture, newHatchet } from '../helpers/fixture';
import { OwnCluster } from '../helpers/own-cluster';
import { Pieces } from '../helpers/pieces';
import { Roots } from '../helpers/roots';

// A sample of what groups can do, on three masters: `tsx scripts/on-cluster.ts` runs whole suites on them.
let cluster: OwnCluster;
let fixture: Fixture;
let pieces: Pieces;
let roots: Roots;
let root: ReturnType<Roots['declare']>;

beforeAll(async () => {
  cluster = await OwnCluster.open('--appendonly', 'no');
  fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 250 }, newHatchet(), cluster.connect());
  pieces = new Pieces(fixture);
  roots = new Roots(fixture);
  root = roots.declare('root', { maxConcurrency: 2 });
  await fixture.worker([...pieces.tasks, ...roots.tasks]);
});
afterAll(async () => {
  // Not there when the cluster did not start.
  await (fixture as Fixture | undefined)?.close();
  await (cluster as OwnCluster | undefined)?.close();
});

const sign = (tag: string, more: object = {}) => fixture.mage.sign(pieces.piece, { tag, ...more });
const note = (tag: string) => fixture.mage.sign(pieces.note, { tag });

test('a swarm of 300 keeps its limit, and its callback gets all outputs', async () => {
  const swarm = await fixture.mage.swarm({
    tasks: Array.from({ length: 300 }, (_, n) => [pieces.piece, { give: n, gauge: 'limited' }] as const),
    config: { maxConcurrency: 12 },
    successCallbacks: [await note('all 300')],
    isSwarmClosed: true,
  });
  pieces.gauge('limited').fill(12);
  await expect(swarm.run()).resolves.toEqual(Array.from({ length: 300 }, (_, n) => n));
  expect((await pieces.only('all 300', swarm)).input['returnValue']).toHaveLength(300);
  expect(pieces.gauge('limited')).toMatchObject({ total: 300, max: 12 });
});

test('a chain in a swarm hands its outputs on, and the swarm gets its last one', async () => {
  const { mage } = fixture;
  const chain = await mage.chain([await sign('first', { give: 'one' }), await sign('second')]);
  const inner = await mage.swarm({ tasks: [await sign('inner', { give: 'in' })], isSwarmClosed: true });
  const outer = await mage.swarm({ tasks: [chain, inner, await sign('beside', { give: 2 })], isSwarmClosed: true });
  await expect(outer.run()).resolves.toEqual([{ tag: 'second', got: 'one' }, ['in'], 2]);
});

test('a root in a root ends with all of its children, and then tells its callback', async () => {
  const inner = await roots.sign(root, async () => {
    for (const tag of ['deep 1', 'deep 2', 'deep 3']) await (await sign(tag)).runNoWait({});
    return 'inner body';
  });
  const outer = await fixture.mage.sign(
    root,
    roots.body(async () => {
      await inner.runNoWait();
      // Whatever is begun before the body returns is a child, awaited or not.
      void (await sign('not awaited')).runNoWait({});
      return 'outer body';
    }),
    { successCallbacks: [await note('outer done')] },
  );
  await expect(outer.run()).resolves.toBe('outer body');
  const { input } = await pieces.only('outer done', outer);
  expect(input['childResults']).toEqual(['inner body', { tag: 'not awaited', got: null }]);
  expect(pieces.order('deep 1', 'deep 2', 'deep 3', 'outer done')).toHaveLength(4);
});

test('what is suspended starts nothing, and goes on from there when it is resumed', async () => {
  const { mage } = fixture;
  const nested = await mage.swarm({ tasks: [await sign('later')], isSwarmClosed: true });
  const swarm = await mage.swarm({
    tasks: [await sign('running', { hold: 'suspended' }), nested],
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
  });
  const ended = swarm.run();
  await pieces.begun('running');
  await swarm.suspend();
  pieces.open('suspended');
  await eventually('the first has ended', async () => (await swarm.progress()).succeeded === 1);
  expect(pieces.of('later')).toHaveLength(0);
  await swarm.resume();
  await expect(ended).resolves.toHaveLength(2);
});

test('a cancel goes down the tree, and the error callback tells of it once', async () => {
  const { mage } = fixture;
  const nested = await mage.swarm({ tasks: [await sign('cancelled', { patient: true })], isSwarmClosed: true });
  const swarm = await mage.swarm({
    tasks: [nested, await sign('never', {})],
    config: { maxConcurrency: 1 },
    errorCallbacks: [await note('told of the cancel')],
    isSwarmClosed: true,
  });
  await swarm.runNoWait();
  await pieces.begun('cancelled');
  await swarm.cancel();
  await pieces.only('told of the cancel', swarm);
  await expect(nested.status()).resolves.toBe('cancelled');
  expect(pieces.of('never')).toHaveLength(0);
});

test('only what failed is tried again', async () => {
  const swarm = await fixture.mage.swarm({
    tasks: [await sign('well', { give: 1 }), await sign('badly', { fail: 'not yet' })],
    config: { stopAfterNFailures: 1 },
    isSwarmClosed: true,
  });
  await swarm.runSettled();
  await pieces.settled(swarm);
  await swarm.retryFailed();
  await pieces.begun('badly', 2);
  await pieces.settled(swarm);
  expect(pieces.of('well')).toHaveLength(1);
  await expect(swarm.status()).resolves.toBe('failed');
});

test('groups are listed, described as a tree, and removed with all that belongs to them', async () => {
  const { mage } = fixture;
  const inner = await mage.swarm({ name: 'inner', tasks: [await sign('in it')], isSwarmClosed: true });
  const outer = await mage.swarm({ name: 'to be removed', tasks: [inner], isSwarmClosed: true });
  await outer.run();
  await pieces.settled(outer);
  const { items } = await mage.list({ limit: 50 });
  expect(items.map(({ id }) => id)).toContain(outer.id);
  const shown: Description = await mage.describe(outer.id);
  expect(shown).toMatchObject({ name: 'to be removed', status: 'succeeded', children: [{ name: 'inner' }] });
  await outer.remove();
  const left = (await fixture.keys()).filter((key) => [outer.id, inner.id].some((id) => key.includes(`{${id}`)));
  expect(left).toEqual([]);
});
