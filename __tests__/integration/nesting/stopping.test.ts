import { CancelledError, SwarmFinishedError, TaskFailedError } from '../../../src';
import { eventually } from '../../helpers/fixture';
import { openTasks, shortLease } from '../../helpers/task-set';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';

const { mage, taskSet, work, callback } = openTasks(shortLease);

/** An outer swarm that stops at its first failure, with groups that run and groups that it never gets to. */
async function stopping(label: string) {
  const running = await mage.swarm({
    tasks: [1, 2, 3].map((n) => [work, { value: n, label: `${label} running`, waitFor: label }] as const),
    config: { maxConcurrency: 1 },
    successCallbacks: [await mage.sign(callback, { label: `${label} inner done` })],
    isSwarmClosed: true,
  });
  const steps = [await mage.sign(work, { label: `${label} step` }), await mage.sign(work, { label: `${label} step` })];
  const never = {
    open: await mage.swarm({ tasks: [[work, { label: `${label} never` }]], name: 'open' }),
    closed: await mage.swarm({
      tasks: [[work, { label: `${label} never` }]],
      errorCallbacks: [await mage.sign(callback, { label: `${label} never` })],
      isSwarmClosed: true,
    }),
    chain: await mage.chain(steps, { errorCallbacks: [await mage.sign(callback, { label: `${label} never` })] }),
  };
  const outer = await mage.swarm({
    name: label,
    tasks: [running, [work, { fail: 'stop', waitFor: `${label} failure` }], never.open, never.closed, never.chain],
    config: { maxConcurrency: 2, stopAfterNFailures: 1 },
    errorCallbacks: [await mage.sign(callback, { label: `${label} stopped` })],
    successCallbacks: [await mage.sign(callback, { label: `${label} never` })],
  });
  const handle = await outer.runNoWait({});
  await taskSet.started(`${label} running`);
  taskSet.openGate(`${label} failure`);
  await progressOf(outer, { failed: 1, running: 1, cancelled: 3, status: 'running' });
  return { running, steps, never, outer, handle };
}

test('what the outer swarm never got to is cancelled at once', async () => {
  const { never, steps, outer, handle } = await stopping('at once');
  for (const group of Object.values(never)) await statusOf(group, 'cancelled');
  for (const step of steps) expect(await step.status()).toBe('cancelled');
  expect(await rejection(never.open.addTask(work))).toBeInstanceOf(SwarmFinishedError);
  expect(await rejection(never.open.addTasks([work]))).toBeInstanceOf(SwarmFinishedError);
  expect(await rejection(outer.addTask(work))).toBeInstanceOf(SwarmFinishedError);
  expect(await never.open.progress()).toMatchObject({ total: 1, cancelled: 1, waiting: 0, status: 'cancelled' });
  expect(await rejection(never.closed.run({}))).toBeInstanceOf(SwarmFinishedError);
  taskSet.openGate('at once');
  await rejection(handle.output);
});

test('a group that runs goes on to its end first, with its items that wait, and only then the error callbacks run', async () => {
  const { running, outer, handle } = await stopping('runs out');
  expect(taskSet.executions('runs out stopped')).toEqual([]);
  expect(await running.status()).toBe('running');
  taskSet.openGate('runs out');
  const error = (await rejection(handle.output)) as TaskFailedError;
  expect(error).toBeInstanceOf(TaskFailedError);
  expect(error.failures).toEqual([{ id: `${outer.id}~1`, name: 'work', index: 1, message: 'stop' }]);
  await taskSet.onlyExecution('runs out stopped', outer);
  expect(taskSet.executions('runs out running')).toHaveLength(3);
  expect(await running.progress()).toMatchObject({ succeeded: 3, status: 'succeeded' });
  expect(taskSet.order('runs out running', 'runs out stopped').at(-1)).toBe('runs out stopped');
  expect(taskSet.executions('runs out inner done')).toHaveLength(1);
});

test('what never started runs neither a body nor a callback', async () => {
  const { outer, handle } = await stopping('quiet');
  taskSet.openGate('quiet');
  await rejection(handle.output);
  await taskSet.onlyExecution('quiet stopped', outer);
  expect(taskSet.executions('quiet never')).toEqual([]);
  expect(taskSet.executions('quiet step')).toEqual([]);
});

test('a nested group that is run when its outer swarm has stopped is refused as finished', async () => {
  const inner = await mage.swarm({ tasks: [work], isSwarmClosed: true });
  const outer = await mage.swarm({ config: { stopAfterNFailures: 1 } });
  await outer.addTask(inner);
  await (await outer.addTask(work, { fail: 'stop' })).runNoWait({});
  await statusOf(outer, 'failed');
  await statusOf(inner, 'cancelled');
  expect(await rejection(inner.run({}))).toBeInstanceOf(SwarmFinishedError);
});

test('the steps of a failed chain that are groups are cancelled', async () => {
  const swarm = await mage.swarm({ tasks: [[work, { label: 'after a failed step' }]] });
  const inner = await mage.chain([swarm]);
  const direct = await mage.swarm({ tasks: [[work, { label: 'after a failed step' }]] });
  const chain = await mage.chain([await mage.sign(work, { fail: 'no' }), direct, inner]);
  await rejection(chain.run({}));
  expect(await inner.status()).toBe('cancelled');
  for (const group of [direct, swarm]) {
    await statusOf(group, 'cancelled');
    expect(await rejection(group.addTask(work))).toBeInstanceOf(SwarmFinishedError);
  }
  await taskSet.settled(chain);
  expect(taskSet.executions('after a failed step')).toEqual([]);
});

test('groups two levels below one that stops are cancelled as well', async () => {
  const deepest = await mage.swarm({ tasks: [work] });
  const chain = await mage.chain([deepest]);
  const middle = await mage.swarm({ tasks: [chain], isSwarmClosed: true });
  const outer = await mage.swarm({
    tasks: [[work, { fail: 'stop' }], middle],
    config: { maxConcurrency: 1, stopAfterNFailures: 1 },
  });
  await outer.runNoWait({});
  await statusOf(outer, 'failed');
  for (const group of [middle, chain, deepest]) await statusOf(group, 'cancelled');
  expect(await rejection(deepest.addTask(work))).toBeInstanceOf(SwarmFinishedError);
});

test('a chain that runs goes on to its end, with the swarm that is its later step', async () => {
  const later = await mage.swarm({
    tasks: [
      [work, { value: 1 }],
      [work, { value: 2 }],
    ],
    isSwarmClosed: true,
  });
  const chain = await mage.chain([await mage.sign(work, { waitFor: 'first of two', label: 'first of two' }), later]);
  const outer = await mage.swarm({
    tasks: [chain, [work, { fail: 'stop' }]],
    config: { maxConcurrency: 2, stopAfterNFailures: 1 },
    isSwarmClosed: true,
  });
  const handle = await outer.runNoWait({});
  await taskSet.started('first of two');
  await progressOf(outer, { failed: 1, running: 1 });
  expect(await later.status()).toBe('pending');
  taskSet.openGate('first of two');
  await rejection(handle.output);
  expect([await chain.status(), await later.status(), await outer.status()]).toEqual([
    'succeeded',
    'succeeded',
    'failed',
  ]);
});

test('waiting for a group that was never started rejects when it is cancelled', async () => {
  const inner = await mage.swarm({ tasks: [work], isSwarmClosed: true });
  const outer = await mage.swarm({ config: { maxConcurrency: 1, stopAfterNFailures: 1 } });
  await (await outer.addTask(work, { fail: 'stop', waitFor: 'who waits' })).runNoWait({});
  await outer.addTask(inner);
  const handle = await inner.runNoWait({});
  await eventually('it is in the queue', async () => (await outer.progress()).queued === 1);
  taskSet.openGate('who waits');
  expect(await rejection(handle.output)).toBeInstanceOf(CancelledError);
});
