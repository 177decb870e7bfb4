import { CancelledError, type Signature, type Swarm } from '../../../src';
import { openTasks, shortLease } from '../../helpers/task-set';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';

const { fixture, mage, taskSet, work, callback } = openTasks(shortLease);

type Any = Signature<any, any>;

/** Swarm > chain > swarm > pieces, one at a time in each: the first leaf waits at the gate of this name. */
async function tree(label: string) {
  const callbacks = async (what: string) => ({
    successCallbacks: [await mage.sign(callback, { label: `${label} ${what} done` })],
    errorCallbacks: [await mage.sign(callback, { label: `${label} ${what} told` })],
  });
  const leaves = await mage.swarm({
    name: 'leaves',
    tasks: [1, 2].map((n) => [work, { label: `${label} leaf ${n}`, value: n, waitFor: label }] as const),
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
    ...(await callbacks('leaves')),
  });
  const last = await mage.sign(work, { label: `${label} last` });
  const chain = await mage.chain([leaves, last], { name: 'chain', ...(await callbacks('chain')) });
  const outer = await mage.swarm({
    name: 'outer',
    tasks: [chain, [work, { label: `${label} other`, value: 3 }]],
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
    ...(await callbacks('outer')),
  });
  return { leaves, chain, last, outer, output: [{ label: `${label} last`, received: [1, 2] }, 3] };
}

/** Every body and every success callback of a tree ran once, in order. */
async function allOnce(label: string, outer: { id: string }): Promise<void> {
  await taskSet.settled(outer);
  const bodies = ['leaf 1', 'leaf 2', 'last', 'other'].map((what) => `${label} ${what}`);
  expect(taskSet.order(...bodies)).toEqual(bodies);
  for (const what of ['leaves', 'chain', 'outer']) await taskSet.onlyExecution(`${label} ${what} done`, outer);
}

const statuses = (...signatures: Any[]) => Promise.all(signatures.map((one) => one.status()));

test('suspend goes down the tree, and so does resume, from any instance', async () => {
  const { leaves, chain, last, outer, output } = await tree('down');
  const handle = await outer.runNoWait({});
  await taskSet.started('down leaf 1');
  await (await fixture.another().load(outer.id)).suspend();
  expect(await statuses(outer, chain, leaves, last)).toEqual(['suspended', 'suspended', 'suspended', 'suspended']);
  taskSet.openGate('down');
  await progressOf(leaves, { succeeded: 1, queued: 1, running: 0 });
  expect(await outer.progress()).toMatchObject({ running: 1, queued: 1, status: 'suspended' });
  await (await fixture.another().load(outer.id)).resume();
  expect(await handle.output).toEqual(output);
  await allOnce('down', outer);
});

test('when the outer swarm is suspended before it is run, everything below waits', async () => {
  const { leaves, outer, output } = await tree('before');
  await outer.suspend();
  const handle = await outer.runNoWait({});
  expect(await statuses(outer, leaves)).toEqual(['suspended', 'suspended']);
  expect(await outer.progress()).toMatchObject({ queued: 2, running: 0 });
  taskSet.openGate('before');
  await outer.resume();
  expect(await handle.output).toEqual(output);
  await allOnce('before', outer);
});

test('when the outer swarm is suspended while the last of the innermost runs, all ends and callbacks above wait', async () => {
  const { leaves, chain, outer, output } = await tree('innermost');
  const handle = await outer.runNoWait({});
  await taskSet.started('innermost leaf 1');
  await leaves.update({ maxConcurrency: 2 });
  await taskSet.started('innermost leaf 2');
  await outer.suspend();
  taskSet.openGate('innermost');
  await progressOf(leaves, { succeeded: 2, running: 0, status: 'suspended' });
  expect(await statuses(chain, outer)).toEqual(['suspended', 'suspended']);
  expect(taskSet.order('innermost leaves done', 'innermost last')).toEqual([]);
  await outer.resume();
  expect(await handle.output).toEqual(output);
  await taskSet.settled(outer);
  for (const what of ['leaves', 'chain', 'outer']) await taskSet.onlyExecution(`innermost ${what} done`, outer);
});

describe('of opposite words on a group and on what is below it, the later counts', () => {
  test('a child that is resumed after its parent was suspended goes on', async () => {
    const { leaves, outer, output } = await tree('child resumed');
    const handle = await outer.runNoWait({});
    await taskSet.started('child resumed leaf 1');
    await outer.suspend();
    await leaves.resume();
    taskSet.openGate('child resumed');
    await statusOf(leaves, 'succeeded');
    expect([await outer.status(), taskSet.executions('child resumed last')]).toEqual(['suspended', []]);
    await outer.resume();
    expect(await handle.output).toEqual(output);
    await allOnce('child resumed', outer);
  });

  test('a child that is suspended after its parent was resumed waits', async () => {
    const { leaves, outer, output } = await tree('child suspended');
    const handle = await outer.runNoWait({});
    await taskSet.started('child suspended leaf 1');
    await outer.suspend();
    await outer.resume();
    await leaves.suspend();
    taskSet.openGate('child suspended');
    await progressOf(leaves, { succeeded: 1, queued: 1, running: 0, status: 'suspended' });
    expect(await outer.status()).toBe('running');
    await leaves.resume();
    expect(await handle.output).toEqual(output);
    await allOnce('child suspended', outer);
  });

  test('a child that was suspended by itself goes on with its parent', async () => {
    const { leaves, outer, output } = await tree('parent resumed');
    const handle = await outer.runNoWait({});
    await taskSet.started('parent resumed leaf 1');
    await leaves.suspend();
    await outer.suspend();
    await outer.resume();
    expect(await statuses(leaves, outer)).toEqual(['running', 'running']);
    taskSet.openGate('parent resumed');
    expect(await handle.output).toEqual(output);
    await allOnce('parent resumed', outer);
  });
});

test('a nested chain that is suspended by itself lets its neighbours go on, and its swarm waits for it', async () => {
  const { leaves, chain, outer, output } = await tree('chain alone');
  await outer.update({ maxConcurrency: 2 });
  const handle = await outer.runNoWait({});
  await taskSet.started('chain alone leaf 1');
  await (await fixture.another().load(chain.id)).suspend();
  expect(await statuses(leaves, chain, outer)).toEqual(['suspended', 'suspended', 'running']);
  taskSet.openGate('chain alone');
  await progressOf(outer, { succeeded: 1, running: 1 });
  await progressOf(leaves, { succeeded: 1, queued: 1, running: 0 });
  await chain.resume();
  expect(await handle.output).toEqual(output);
});

test('cancel of a suspended tree: what runs is cancelled, what waits never starts, and all error callbacks run', async () => {
  const leaves = await mage.swarm({
    tasks: [1, 2].map(() => [work, { label: 'cancelled leaf', untilCancelled: true }] as const),
    config: { maxConcurrency: 1 },
    errorCallbacks: [await mage.sign(callback, { label: 'cancelled leaves told' })],
    isSwarmClosed: true,
  });
  const chain = await mage.chain([leaves, work], {
    errorCallbacks: [await mage.sign(callback, { label: 'cancelled chain told' })],
  });
  const outer = await mage.swarm({
    tasks: [chain],
    errorCallbacks: [await mage.sign(callback, { label: 'cancelled outer told' })],
    isSwarmClosed: true,
  });
  const handle = await outer.runNoWait({});
  const [leaf] = await taskSet.started('cancelled leaf');
  await outer.suspend();
  await outer.cancel();
  expect(await rejection(handle.output)).toBeInstanceOf(CancelledError);
  await taskSet.settled(outer);
  expect([leaf?.aborted, taskSet.executions('cancelled leaf').length]).toEqual([true, 1]);
  expect(await statuses(leaves, chain, outer)).toEqual(['cancelled', 'cancelled', 'cancelled']);
  for (const what of ['leaves', 'chain', 'outer']) await taskSet.onlyExecution(`cancelled ${what} told`, outer);
});

test('a group that comes to be in a suspended one is suspended', async () => {
  const outer = await mage.swarm({ name: 'grown' });
  await outer.runNoWait({});
  await outer.suspend();
  const inner = await mage.swarm({ tasks: [[work, { label: 'grown', value: 1 }]], isSwarmClosed: true });
  await outer.addTasks([inner], { run: true });
  await outer.closeSwarm();
  expect([await outer.progress(), taskSet.executions('grown')]).toMatchObject([{ queued: 1, running: 0 }, []]);
  await outer.resume();
  await statusOf(outer, 'succeeded');
  expect(taskSet.executions('grown')).toHaveLength(1);
});

test('a chain with a swarm as a step, suspended before it is put into a swarm, waits there and loses nothing', async () => {
  const step = await mage.swarm({ tasks: [[work, { label: 'carried', value: 1 }]], isSwarmClosed: true });
  const chain = await mage.chain([step, work]);
  await chain.suspend();
  const outer = await mage.swarm({ tasks: [chain, [work, { value: 2 }]], isSwarmClosed: true });
  const handle = await outer.runNoWait({});
  await progressOf(outer, { succeeded: 1, queued: 1, running: 0 });
  expect([await chain.status(), taskSet.executions('carried')]).toEqual(['suspended', []]);
  await chain.resume();
  expect(await handle.output).toMatchObject([{ received: [1] }, 2]);
  await taskSet.onlyExecution('carried', outer);
});

test('callbacks that are groups, held back, run once after resume', async () => {
  const after = await mage.swarm({ tasks: [[work, { label: 'held group' }]], isSwarmClosed: true });
  const then = await mage.chain([await mage.sign(work, { label: 'held chain' }), work]);
  const swarm: Swarm<unknown> = await mage.swarm({
    tasks: [[work, { label: 'holder', waitFor: 'holder', value: 1 }]],
    successCallbacks: [after, then],
    isSwarmClosed: true,
  });
  const handle = await swarm.runNoWait({});
  await taskSet.started('holder');
  await swarm.suspend();
  taskSet.openGate('holder');
  await progressOf(swarm, { succeeded: 1, running: 0, status: 'suspended' });
  expect(taskSet.order('held group', 'held chain')).toEqual([]);
  await swarm.resume();
  await handle.output;
  await taskSet.onlyExecution('held group', swarm);
  await taskSet.onlyExecution('held chain', swarm);
});
