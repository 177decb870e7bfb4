import { eventually } from '../../helpers/fixture';
import { openTasks, shortLease } from '../../helpers/task-set';
import { rejection } from '../../helpers/outcomes';

const { fixture, mage, taskSet, work, callback } = openTasks(shortLease);

interface Row {
  name: string | undefined;
  status: string;
  metadata: Record<string, string>;
}

async function list(filter: Record<string, string>): Promise<Row[]> {
  const { rows } = await fixture.hatchet.runs.list({ additionalMetadata: filter, limit: 500, onlyTasks: true });
  return (rows ?? []).map(({ additionalMetadata, workflowName, status }) => ({
    name: workflowName?.slice((fixture.hatchet.config.namespace ?? '').length),
    status,
    metadata: { ...(additionalMetadata as Record<string, string>) },
  }));
}

/** The engine's list lags behind: once it holds a run that was published later, nothing else is on its way. */
async function exactly(filter: Record<string, string>, count: number): Promise<Row[]> {
  await eventually(`${count} runs`, async () => (await list(filter)).length >= count);
  const last = await mage.sign(work);
  await last.run({});
  await eventually('the last run', async () => (await list({ 'mageflow.signature': last.id })).length === 1);
  const rows = await list(filter);
  expect(rows).toHaveLength(count);
  return rows;
}

test('a chain of 50 steps costs 50 runs', async () => {
  const steps = Array.from({ length: 50 }, (_, n) => mage.sign(work, { value: n }, { name: `step ${n}` }));
  const chain = await mage.chain(await Promise.all(steps));
  expect(await chain.run({})).toBe(49);
  const rows = await exactly({ 'mageflow.chain': chain.id }, 50);
  expect(new Set(rows.map(({ metadata }) => metadata['mageflow.index'])).size).toBe(50);
});

test('the runs of a chain are found by the chain, each with its signature, its place and its name', async () => {
  const step = await mage.sign(work, {}, { name: 'transform', additionalMetadata: { customer: 'acme' } });
  const done = await mage.sign(callback, {}, { name: 'done' });
  const chain = await mage.chain([work, step], { name: 'etl', successCallbacks: [done] });
  await chain.run({});
  await taskSet.settled(chain);
  const rows = await exactly({ 'mageflow.chain': chain.id }, 3);
  const common = { 'mageflow.swarm': '', 'mageflow.swarm_name': '', 'mageflow.root': '', 'mageflow.chain': chain.id };
  const all = rows.map(({ metadata }) => metadata);
  const run = (metadata: object) => expect.objectContaining({ ...common, ...metadata }) as unknown;
  expect(all).toContainEqual(
    run({
      'mageflow.signature': `${chain.id}~0`,
      'mageflow.index': '0',
      'mageflow.callback': '',
      'mageflow.name': 'work',
    }),
  );
  expect(all).toContainEqual(
    run({ 'mageflow.signature': step.id, 'mageflow.index': '1', 'mageflow.name': 'transform', customer: 'acme' }),
  );
  expect(all).toContainEqual(
    run({
      'mageflow.signature': done.id,
      'mageflow.index': '',
      'mageflow.callback': 'success',
      'mageflow.name': 'done',
    }),
  );
});

test('a failed chain costs the steps that ran and its callbacks', async () => {
  const chain = await mage.chain([work, await mage.sign(work, { fail: 'no' }), work, work], {
    errorCallbacks: [callback],
    successCallbacks: [callback],
  });
  await rejection(chain.run({}));
  await taskSet.settled(chain);
  const rows = await exactly({ 'mageflow.chain': chain.id }, 3);
  expect(rows.map(({ metadata }) => metadata['mageflow.callback']).sort()).toEqual(['', '', 'error']);
});

test('the bodies of a chain know the chain and their place in it', async () => {
  const step = await mage.sign(work, { label: 'knows' });
  const chain = await mage.chain([work, work, step], {
    successCallbacks: [await mage.sign(callback, { label: 'knows too' })],
  });
  await chain.run({});
  expect(taskSet.executions('knows')[0]?.context).toEqual({
    attempt: 1,
    signatureId: step.id,
    chainId: chain.id,
    index: 2,
    message: {},
  });
  const execution = await taskSet.onlyExecution('knows too', chain);
  expect(execution.context).toMatchObject({ chainId: chain.id });
  expect(execution.context?.index).toBeUndefined();
  expect(execution.context?.swarmId).toBeUndefined();
});

test('the options of a chain and of its run are those of its steps, unless they have their own', async () => {
  const own = await mage.sign(work, {}, { additionalMetadata: { customer: 'own' } });
  const chain = await mage.chain([work, own], { additionalMetadata: { customer: 'chain', team: 'a' }, priority: 3 });
  await chain.run({}, { additionalMetadata: { team: 'run' } });
  const rows = await exactly({ 'mageflow.chain': chain.id }, 2);
  const byIndex = Object.fromEntries(rows.map(({ metadata }) => [metadata['mageflow.index'], metadata]));
  expect(byIndex).toMatchObject({ 0: { customer: 'chain', team: 'run' }, 1: { customer: 'own', team: 'run' } });
});

test('a chain in a swarm: one run a step, all found by the chain and by the swarm', async () => {
  const chain = await mage.chain([await mage.sign(work, { label: 'in both' }), work], { name: 'etl' });
  const swarm = await mage.swarm({ name: 'batch', tasks: [work, chain], isSwarmClosed: true });
  await swarm.run({});
  await exactly({ 'mageflow.chain': chain.id }, 2);
  const rows = await exactly({ 'mageflow.swarm': swarm.id }, 3);
  expect(rows.map(({ metadata }) => metadata['mageflow.swarm_name'])).toEqual(['batch', 'batch', 'batch']);
  expect(taskSet.executions('in both')[0]?.context).toMatchObject({ chainId: chain.id, swarmId: swarm.id, index: 0 });
});
