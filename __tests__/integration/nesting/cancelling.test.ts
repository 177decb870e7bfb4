import { CancelledError, SwarmFinishedError, type Swarm } from '../../../src';
import { eventually } from '../../helpers/fixture';
import { openTasks, shortLease } from '../../helpers/task-set';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';

const { fixture, mage, taskSet, work, callback } = openTasks(shortLease);

const runStatus = async (runId: string | undefined) => (await fixture.hatchet.runs.getDetails(runId ?? '')).status;

/** The engine's runs of these bodies are cancelled, and the bodies have seen it. */
async function cancelledInTheEngine(label: string): Promise<void> {
  const bodies = taskSet.executions(label);
  expect(bodies.length).toBeGreaterThan(0);
  for (const body of bodies) {
    await eventually(`the body of ${label} has seen it`, () => body.aborted);
    await eventually(`the run of ${label} is cancelled`, async () => (await runStatus(body.runId)) === 'CANCELLED');
  }
}

/** A tree whose leaves go on until they are cancelled: swarm > chain > swarm > tasks. */
async function tree(label: string) {
  const leaves = await mage.swarm({
    name: 'leaves',
    tasks: [1, 2, 3].map(() => [work, { label: `${label} leaf`, untilCancelled: true }] as const),
    config: { maxConcurrency: 2 },
    errorCallbacks: [await mage.sign(callback, { label: `${label} leaves told` })],
    isSwarmClosed: true,
  });
  const chain = await mage.chain([work, leaves, await mage.sign(work, { label: `${label} never` })], {
    name: 'chain',
    errorCallbacks: [await mage.sign(callback, { label: `${label} chain told` })],
    successCallbacks: [await mage.sign(callback, { label: `${label} never` })],
  });
  const waiting = await mage.swarm({
    name: 'waiting',
    tasks: [[work, { label: `${label} never` }]],
    errorCallbacks: [await mage.sign(callback, { label: `${label} never` })],
  });
  const outer = await mage.swarm({
    name: 'outer',
    tasks: [chain, [work, { label: `${label} direct`, untilCancelled: true }], waiting],
    config: { maxConcurrency: 2, stopAfterNFailures: 1 },
    errorCallbacks: [await mage.sign(callback, { label: `${label} told` })],
    successCallbacks: [await mage.sign(callback, { label: `${label} never` })],
  });
  const handle = await outer.runNoWait({});
  await taskSet.started(`${label} leaf`, 2);
  await taskSet.started(`${label} direct`);
  return { leaves, chain, waiting, outer, handle };
}

test('cancelling a swarm cancels everything below it, down to the runs in the engine', async () => {
  const { leaves, chain, waiting, outer, handle } = await tree('down');
  await outer.cancel();
  const error = await rejection(handle.output);
  expect(error).toBeInstanceOf(CancelledError);
  expect(error.message).toContain('"outer"');
  await cancelledInTheEngine('down leaf');
  await cancelledInTheEngine('down direct');
  for (const group of [leaves, chain, waiting, outer]) await statusOf(group, 'cancelled');
  expect(await outer.progress()).toMatchObject({ total: 3, cancelled: 3, failed: 0, running: 0, closed: true });
  expect(await leaves.progress()).toMatchObject({ total: 3, cancelled: 3, failed: 0, running: 0 });
  expect(taskSet.executions('down leaf')).toHaveLength(2);
  await taskSet.settled(outer);
  expect(taskSet.executions('down never')).toEqual([]);
});

test('error callbacks run once on each level that had started, after all below is quiet, and say that it was cancelled', async () => {
  const { outer } = await tree('told once');
  await Promise.all([outer.cancel(), outer.cancel()]);
  await taskSet.settled(outer);
  for (const [label, name] of [
    ['told once told', 'outer'],
    ['told once chain told', 'chain'],
    ['told once leaves told', 'leaves'],
  ] as const) {
    expect(taskSet.executions(label)).toHaveLength(1);
    expect(taskSet.executions(label)[0]?.input['error']).toMatchObject({
      message: expect.stringContaining(`"${name}" was cancelled`) as string,
    });
  }
  await outer.cancel();
  await taskSet.settled(outer);
  expect(taskSet.executions('told once told')).toHaveLength(1);
});

test('nothing can be added to or run in what was cancelled', async () => {
  const { leaves, waiting, outer } = await tree('over');
  await outer.cancel();
  await statusOf(outer, 'cancelled');
  for (const group of [leaves, waiting, outer]) {
    await statusOf(group, 'cancelled');
    expect(await rejection(group.addTask(work))).toBeInstanceOf(SwarmFinishedError);
  }
  expect(await rejection(waiting.run({}))).toBeInstanceOf(SwarmFinishedError);
});

test('a cancelled nested swarm is cancelled outside as well, and no failure', async () => {
  const inner = await mage.swarm({
    tasks: [1, 2].map(() => [work, { label: 'inner only', untilCancelled: true }] as const),
    config: { maxConcurrency: 1 },
    errorCallbacks: [await mage.sign(callback, { label: 'inner told' })],
    isSwarmClosed: true,
  });
  const outer = await mage.swarm({
    tasks: [[work, { value: 1 }], inner, [work, { value: 3 }]],
    config: { stopAfterNFailures: 1 },
    errorCallbacks: [await mage.sign(callback, { label: 'outer never told' })],
    isSwarmClosed: true,
  });
  const handle = await outer.runNoWait({});
  await taskSet.started('inner only');
  await inner.cancel();
  expect(await handle.output).toEqual([1, 3]);
  await cancelledInTheEngine('inner only');
  expect(await outer.progress()).toMatchObject({ succeeded: 2, failed: 0, cancelled: 1, status: 'succeeded' });
  expect(await inner.status()).toBe('cancelled');
  await taskSet.onlyExecution('inner told', outer);
  expect(taskSet.executions('outer never told')).toEqual([]);
});

test('a cancelled swarm as a step ends its chain as cancelled', async () => {
  const step = await mage.swarm({ name: 'step', tasks: [[work, { label: 'step of a chain', untilCancelled: true }]] });
  const last = await mage.sign(work, { label: 'never after a cancelled step' });
  const chain = await mage.chain([work, step, last], {
    name: 'cancelled chain',
    errorCallbacks: [await mage.sign(callback, { label: 'chain told' })],
    successCallbacks: [await mage.sign(callback, { label: 'never after a cancelled step' })],
  });
  const handle = await chain.runNoWait({});
  await taskSet.started('step of a chain');
  await step.cancel();
  const error = await rejection(handle.output);
  expect(error).toBeInstanceOf(CancelledError);
  expect(error.message).toContain('"cancelled chain"');
  expect([await chain.status(), await step.status(), await last.status()]).toEqual([
    'cancelled',
    'cancelled',
    'cancelled',
  ]);
  await taskSet.onlyExecution('chain told', chain);
  expect(taskSet.executions('never after a cancelled step')).toEqual([]);
});

test('a nested swarm that waits for its slot is cancelled there, and its own error callbacks run', async () => {
  const inner = await mage.swarm({
    tasks: [[work, { label: 'cancelled while it waited' }]],
    errorCallbacks: [await mage.sign(callback, { label: 'waiting told' })],
    isSwarmClosed: true,
  });
  const outer = await mage.swarm({
    tasks: [[work, { waitFor: 'the only slot', value: 1 }], inner],
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
  });
  const handle = await outer.runNoWait({});
  await progressOf(outer, { running: 1, queued: 1 });
  await inner.cancel();
  expect(await inner.status()).toBe('cancelled');
  taskSet.openGate('the only slot');
  expect(await handle.output).toEqual([1]);
  expect(await outer.progress()).toMatchObject({ succeeded: 1, cancelled: 1, failed: 0 });
  await taskSet.onlyExecution('waiting told', outer);
  expect(taskSet.executions('cancelled while it waited')).toEqual([]);
});

test('a swarm that is cancelled right after its run cancels what has only just been started in it', async () => {
  const inner = await mage.swarm({
    tasks: [[work, { label: 'just started', untilCancelled: true }]],
    isSwarmClosed: true,
  });
  const chain = await mage.chain([await mage.sign(work, { label: 'just started', untilCancelled: true })]);
  const outer = await mage.swarm({ tasks: [inner, chain], isSwarmClosed: true });
  const handle = await outer.runNoWait({});
  await outer.cancel();
  expect(await rejection(handle.output)).toBeInstanceOf(CancelledError);
  for (const group of [inner, chain]) await statusOf(group, 'cancelled');
  await taskSet.settled(outer);
  for (const body of taskSet.executions('just started')) expect(body.aborted).toBe(true);
});

test('cancelling what nobody started: nothing runs but its own error callbacks', async () => {
  const inner = await mage.swarm({ tasks: [[work, { label: 'unstarted' }]] });
  const outer = await mage.swarm({
    tasks: [inner, [work, { label: 'unstarted' }]],
    errorCallbacks: [await mage.sign(callback, { label: 'unstarted told' })],
  });
  await outer.cancel();
  expect(await outer.status()).toBe('cancelled');
  await statusOf(inner, 'cancelled');
  await taskSet.onlyExecution('unstarted told', outer);
  expect(taskSet.executions('unstarted')).toEqual([]);
  expect(await rejection(outer.run({}))).toBeInstanceOf(SwarmFinishedError);
});

test('cancelling what has ended changes nothing', async () => {
  const inner = await mage.swarm({ tasks: [[work, { value: 1 }]], isSwarmClosed: true });
  const outer = await mage.swarm({
    tasks: [inner],
    errorCallbacks: [await mage.sign(callback, { label: 'told after the end' })],
    isSwarmClosed: true,
  });
  await outer.run({});
  await outer.cancel();
  await inner.cancel();
  await taskSet.settled(outer);
  expect([await outer.status(), await inner.status()]).toEqual(['succeeded', 'succeeded']);
  expect(taskSet.executions('told after the end')).toEqual([]);
});

test('another process cancels by a loaded swarm', async () => {
  const { outer, leaves } = await tree('loaded');
  const loaded = await fixture.another().load<Swarm<unknown>>(leaves.id);
  await loaded.cancel();
  await statusOf(leaves, 'cancelled');
  await cancelledInTheEngine('loaded leaf');
  await (await fixture.another().load<Swarm<unknown>>(outer.id)).cancel();
  await statusOf(outer, 'cancelled');
  await cancelledInTheEngine('loaded direct');
});

test('a body that does not listen runs on, and what it gives no longer counts', async () => {
  const inner = await mage.swarm({
    tasks: [
      [
        work,
        { label: 'deaf', waitFor: 'deaf', value: 'late' },
        { successCallbacks: [await mage.sign(callback, { label: 'deaf success' })] },
      ],
    ],
    isSwarmClosed: true,
  });
  const outer = await mage.swarm({ tasks: [inner], isSwarmClosed: true });
  const handle = await outer.runNoWait({});
  await taskSet.started('deaf');
  await outer.cancel();
  expect(await rejection(handle.output)).toBeInstanceOf(CancelledError);
  taskSet.openGate('deaf');
  expect([await outer.status(), await inner.status()]).toEqual(['cancelled', 'cancelled']);
  await taskSet.settled(outer);
  expect(taskSet.executions('deaf success')).toEqual([]);
});
