import { ConfigurationError } from '../../../src';
import { Fixture } from '../../helpers/fixture';
import { expectRefusal } from '../../helpers/refusals';
import { openTasks, shortLease } from '../../helpers/task-set';

const { fixture, mage, work, callback } = openTasks(shortLease);

const refused = (call: () => unknown, ...texts: string[]) => expectRefusal(fixture, call, ConfigurationError, ...texts);

test('a step of one chain is refused by another chain and by a swarm, naming both', async () => {
  const step = await mage.sign(work, {}, { name: 'row 7' });
  await mage.chain([work, step], { name: 'morning' });
  await refused(() => mage.chain([step], { name: 'evening' }), 'row 7', '"morning"', '"evening"');
  await refused(() => mage.swarm({ tasks: [step], name: 'batch' }), 'row 7', '"morning"', '"batch"');
  const open = await mage.swarm({ name: 'open' });
  await refused(() => open.addTask(step), 'row 7', '"morning"', '"open"');
});

test('an item of a swarm is refused by a chain, naming both', async () => {
  const item = await mage.sign(work, {}, { name: 'row 7' });
  await mage.swarm({ tasks: [item], name: 'batch' });
  await refused(() => mage.chain([item], { name: 'etl' }), 'row 7', '"batch"', '"etl"');
});

test('one signature twice in one chain is refused', async () => {
  const step = await mage.sign(work, {}, { name: 'row 7' });
  await refused(() => mage.chain([step, step], { name: 'etl' }), 'row 7', '"etl"', 'twice');
});

test('a refused chain leaves its other steps free', async () => {
  const free = await mage.sign(work, { value: 'free' });
  const taken = await mage.sign(work);
  await mage.swarm({ tasks: [taken] });
  await refused(() => mage.chain([free, taken]));
  expect(await (await mage.chain([free])).run({})).toBe('free');
});

test('what was run by itself is refused as a step, and a step that ran in another process as well', async () => {
  const alone = await mage.sign(work, {}, { name: 'alone' });
  await alone.run({});
  await refused(() => mage.chain([alone]), 'alone');
  const step = await mage.sign(work, {}, { name: 'row 7' });
  await (await mage.chain([step], { name: 'morning' })).run({});
  const loaded = await fixture.another().load(step.id);
  await refused(() => mage.chain([loaded], { name: 'evening' }), 'row 7', '"morning"', '"evening"');
});

test('a chain is in one group: another chain, a swarm and a run of its own are refused', async () => {
  const inner = await mage.chain([work], { name: 'inner' });
  await mage.chain([inner], { name: 'outer' });
  await refused(() => mage.chain([inner], { name: 'other' }), '"outer"', '"other"');
  await refused(() => mage.swarm({ tasks: [inner], name: 'batch' }), '"outer"', '"batch"');
  await refused(() => mage.chain([inner, inner]), 'inner');
  await refused(() => inner.runNoWait({}), '"outer"');
  const ran = await mage.chain([work], { name: 'ran' });
  await ran.run({});
  await refused(() => mage.swarm({ tasks: [ran] }), 'ran');
});

test('tasks, names and callbacks are used any number of times', async () => {
  const done = await mage.sign(callback, { label: 'shared' });
  const chains = await Promise.all(
    [1, 2].map(() => mage.chain([work, work, 'work', 'work'], { successCallbacks: [done, done] })),
  );
  for (const chain of chains)
    expect(await chain.run({})).toMatchObject({ received: { received: { received: { received: null } } } });
});

test('a signature of another store is refused', async () => {
  const other = new Fixture();
  try {
    const foreign = await other.mage.sign('work', {}, { name: 'foreign' });
    await refused(() => mage.chain([foreign]), 'foreign', 'another Mageflow');
    const chain = await other.mage.chain(['work'], { name: 'foreign chain' });
    await refused(() => mage.swarm({ tasks: [chain] }), 'foreign chain', 'another Mageflow');
  } finally {
    await other.close();
  }
});
