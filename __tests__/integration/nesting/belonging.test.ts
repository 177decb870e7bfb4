import { ConfigurationError } from '../../../src';
import { Fixture } from '../../helpers/fixture';
import { expectRefusal } from '../../helpers/refusals';
import { openTasks, shortLease } from '../../helpers/task-set';

const { fixture, mage, work } = openTasks(shortLease);

const refused = (call: () => unknown, ...texts: string[]) => expectRefusal(fixture, call, ConfigurationError, ...texts);

test('a swarm is in one group, whatever the second one is, and the error names both', async () => {
  const inner = await mage.swarm({ tasks: [work], name: 'inner' });
  await mage.swarm({ tasks: [inner], name: 'morning' });
  const evening = await mage.swarm({ name: 'evening' });
  await refused(() => evening.addTask(inner), '"inner"', '"morning"', '"evening"');
  await refused(() => evening.addTasks([work, inner]), '"inner"', '"morning"', '"evening"');
  await refused(() => mage.swarm({ name: 'night', tasks: [work, inner] }), '"inner"', '"morning"', '"night"');
  await refused(() => mage.chain([inner], { name: 'etl' }), '"inner"', '"morning"', '"etl"');
  expect(await evening.progress()).toMatchObject({ total: 0 });
});

test('a swarm in a chain is in no other group', async () => {
  const inner = await mage.swarm({ tasks: [work], name: 'inner' });
  await mage.chain([inner], { name: 'etl' });
  await refused(() => mage.swarm({ name: 'batch', tasks: [inner] }), '"inner"', '"etl"', '"batch"');
  await refused(() => mage.chain([inner], { name: 'other' }), '"inner"', '"other"');
});

test('a swarm that was loaded again, here or elsewhere, is in one group too', async () => {
  const inner = await mage.swarm({ tasks: [work], name: 'inner' });
  await mage.swarm({ tasks: [inner], name: 'morning' });
  const evening = await mage.swarm({ name: 'evening' });
  for (const loaded of [await mage.load(inner.id), await fixture.another().load(inner.id)])
    await refused(() => evening.addTask(loaded), '"inner"', '"morning"', '"evening"');
});

test('one swarm twice in one group is refused', async () => {
  const inner = await mage.swarm({ tasks: [work], name: 'inner' });
  await refused(() => mage.swarm({ name: 'twins', tasks: [inner, inner] }), '"inner"', 'twice');
  await refused(() => mage.chain([inner, inner], { name: 'twins' }), '"inner"', 'twice');
  const outer = await mage.swarm({ name: 'outer' });
  await refused(() => outer.addTasks([inner, inner]), '"inner"', 'twice');
  await outer.addTask(inner);
  await refused(() => outer.addTask(inner), '"inner"', '"outer"', 'twice');
  expect(await outer.progress()).toMatchObject({ total: 1 });
});

test('twice in one group is refused for two objects of one swarm as well', async () => {
  const inner = await mage.swarm({ tasks: [work], name: 'inner' });
  const outer = await mage.swarm({ name: 'outer' });
  await outer.addTask(inner);
  const loaded = await mage.load(inner.id);
  await refused(() => outer.addTask(loaded), '"inner"', '"outer"');
  expect(await outer.progress()).toMatchObject({ total: 1 });
});

test('of two groups at once, one gets it', async () => {
  const inner = await mage.swarm({ tasks: [work] });
  const loaded = await fixture.another().load(inner.id);
  const outers = await Promise.all([mage.swarm(), mage.swarm()]);
  const results = await Promise.allSettled([outers[0]?.addTask(inner), outers[1]?.addTask(loaded)]);
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const totals = await Promise.all(outers.map(async (outer) => (await outer.progress()).total));
  expect(totals.sort()).toEqual([0, 1]);
});

test('a refused group leaves the swarms free that it would have taken', async () => {
  const free = await mage.swarm({ tasks: [[work, { value: 'free' }]], isSwarmClosed: true });
  const taken = await mage.swarm({ tasks: [work] });
  await mage.swarm({ tasks: [taken] });
  await refused(() => mage.swarm({ tasks: [free, taken] }));
  await refused(() => mage.chain([free, taken]));
  const closed = await mage.swarm({ isSwarmClosed: true });
  await expect(closed.addTask(free)).rejects.toThrow(/closed/);
  expect(await free.run({})).toEqual(['free']);
});

test('a swarm that was run, or whose items were, is refused', async () => {
  const ran = await mage.swarm({ tasks: [work], name: 'ran', isSwarmClosed: true });
  await ran.run({});
  await refused(() => mage.swarm({ tasks: [ran], name: 'outer' }), '"ran"', 'has been run', '"outer"');
  await refused(() => mage.chain([ran]), '"ran"', 'has been run');
  const started = await mage.swarm({ name: 'started' });
  await (await started.addTask(work)).run({});
  await refused(() => mage.swarm({ tasks: [started] }), '"started"', 'has been run');
});

test('a swarm does not go into itself', async () => {
  const swarm = await mage.swarm({ name: 'itself' });
  await refused(() => swarm.addTask(swarm), '"itself"');
  const outer = await mage.swarm({ name: 'outer', tasks: [swarm] });
  await refused(() => swarm.addTask(outer), '"outer"');
});

test('a circle over three groups is refused', async () => {
  const inner = await mage.swarm({ name: 'inner' });
  const middle = await mage.swarm({ name: 'middle', tasks: [inner] });
  const outer = await mage.swarm({ name: 'outer', tasks: [middle] });
  await refused(() => inner.addTask(outer), '"outer"', '"inner"');
  const chain = await mage.chain([outer], { name: 'etl' });
  await refused(() => inner.addTask(chain), '"etl"', '"inner"');
});

test('what a key names is made of the same swarm each time', async () => {
  const make = async (from: typeof mage) => {
    const inner = await from.swarm({ key: 'keyed inner', tasks: ['work'], isSwarmClosed: true });
    return { inner, outer: await from.swarm({ key: 'keyed outer', tasks: [inner], isSwarmClosed: true }) };
  };
  const first = await make(mage);
  const second = await make(fixture.another());
  expect(second.outer.id).toBe(first.outer.id);
  // It still belongs to the outer one, however often that was made.
  await refused(() => mage.swarm({ name: 'other', tasks: [second.inner] }), 'belongs to');
  await second.outer.run({});
  expect(await first.inner.status()).toBe('succeeded');
  expect(await first.outer.progress()).toMatchObject({ total: 1, succeeded: 1 });
});

test('a swarm of another store is refused', async () => {
  const other = new Fixture();
  try {
    const foreign = await other.mage.swarm({ tasks: ['work'], name: 'foreign' });
    await refused(() => mage.swarm({ tasks: [foreign] }), '"foreign"', 'another Mageflow');
    await refused(() => mage.chain([foreign]), '"foreign"', 'another Mageflow');
  } finally {
    await other.close();
  }
});
