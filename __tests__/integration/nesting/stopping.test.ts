import { CancelledError, SwarmFinishedError, TaskFailedError } from '../../../src';
import { eventually } from '../../helpers/fixture';
import { openPieces } from '../../helpers/pieces';
import { progressOf, rejection, statusOf } from '../../helpers/workshop';

const { mage, pieces, piece, note } = openPieces();

/** An outer swarm that stops at its first failure, with groups that run and groups that it never gets to. */
async function stopping(tag: string) {
  const running = await mage.swarm({
    tasks: [1, 2, 3].map((n) => [piece, { give: n, tag: `${tag} running`, hold: tag }] as const),
    config: { maxConcurrency: 1 },
    successCallbacks: [await mage.sign(note, { tag: `${tag} inner done` })],
    isSwarmClosed: true,
  });
  const steps = [await mage.sign(piece, { tag: `${tag} step` }), await mage.sign(piece, { tag: `${tag} step` })];
  const never = {
    open: await mage.swarm({ tasks: [[piece, { tag: `${tag} never` }]], name: 'open' }),
    closed: await mage.swarm({
      tasks: [[piece, { tag: `${tag} never` }]],
      errorCallbacks: [await mage.sign(note, { tag: `${tag} never` })],
      isSwarmClosed: true,
    }),
    chain: await mage.chain(steps, { errorCallbacks: [await mage.sign(note, { tag: `${tag} never` })] }),
  };
  const outer = await mage.swarm({
    name: tag,
    tasks: [running, [piece, { fail: 'stop', hold: `${tag} failure` }], never.open, never.closed, never.chain],
    config: { maxConcurrency: 2, stopAfterNFailures: 1 },
    errorCallbacks: [await mage.sign(note, { tag: `${tag} stopped` })],
    successCallbacks: [await mage.sign(note, { tag: `${tag} never` })],
  });
  const handle = await outer.runNoWait({});
  await pieces.begun(`${tag} running`);
  pieces.open(`${tag} failure`);
  await progressOf(outer, { failed: 1, running: 1, cancelled: 3, status: 'running' });
  return { running, steps, never, outer, handle };
}

test('what the outer swarm never got to is cancelled at once', async () => {
  const { never, steps, outer, handle } = await stopping('at once');
  for (const group of Object.values(never)) await statusOf(group, 'cancelled');
  for (const step of steps) expect(await step.status()).toBe('cancelled');
  expect(await rejection(never.open.addTask(piece))).toBeInstanceOf(SwarmFinishedError);
  expect(await rejection(never.open.addTasks([piece]))).toBeInstanceOf(SwarmFinishedError);
  expect(await rejection(outer.addTask(piece))).toBeInstanceOf(SwarmFinishedError);
  expect(await never.open.progress()).toMatchObject({ total: 1, cancelled: 1, waiting: 0, status: 'cancelled' });
  expect(await rejection(never.closed.run({}))).toBeInstanceOf(SwarmFinishedError);
  pieces.open('at once');
  await rejection(handle.output);
});

test('a group that runs goes on to its end first, with its items that wait, and only then the error callbacks run', async () => {
  const { running, outer, handle } = await stopping('runs out');
  expect(pieces.of('runs out stopped')).toEqual([]);
  expect(await running.status()).toBe('running');
  pieces.open('runs out');
  const error = (await rejection(handle.output)) as TaskFailedError;
  expect(error).toBeInstanceOf(TaskFailedError);
  expect(error.failures).toEqual([{ id: `${outer.id}~1`, name: 'piece', index: 1, message: 'stop' }]);
  await pieces.only('runs out stopped', outer);
  expect(pieces.of('runs out running')).toHaveLength(3);
  expect(await running.progress()).toMatchObject({ succeeded: 3, status: 'succeeded' });
  expect(pieces.order('runs out running', 'runs out stopped').at(-1)).toBe('runs out stopped');
  expect(pieces.of('runs out inner done')).toHaveLength(1);
});

test('what never started runs neither a body nor a callback', async () => {
  const { outer, handle } = await stopping('quiet');
  pieces.open('quiet');
  await rejection(handle.output);
  await pieces.only('quiet stopped', outer);
  expect(pieces.of('quiet never')).toEqual([]);
  expect(pieces.of('quiet step')).toEqual([]);
});

test('a nested group that is run when its outer swarm has stopped is refused as finished', async () => {
  const inner = await mage.swarm({ tasks: [piece], isSwarmClosed: true });
  const outer = await mage.swarm({ config: { stopAfterNFailures: 1 } });
  await outer.addTask(inner);
  await (await outer.addTask(piece, { fail: 'stop' })).runNoWait({});
  await statusOf(outer, 'failed');
  await statusOf(inner, 'cancelled');
  expect(await rejection(inner.run({}))).toBeInstanceOf(SwarmFinishedError);
});

test('the steps of a failed chain that are groups are cancelled', async () => {
  const swarm = await mage.swarm({ tasks: [[piece, { tag: 'after a failed step' }]] });
  const inner = await mage.chain([swarm]);
  const direct = await mage.swarm({ tasks: [[piece, { tag: 'after a failed step' }]] });
  const chain = await mage.chain([await mage.sign(piece, { fail: 'no' }), direct, inner]);
  await rejection(chain.run({}));
  expect(await inner.status()).toBe('cancelled');
  for (const group of [direct, swarm]) {
    await statusOf(group, 'cancelled');
    expect(await rejection(group.addTask(piece))).toBeInstanceOf(SwarmFinishedError);
  }
  await pieces.settled(chain);
  expect(pieces.of('after a failed step')).toEqual([]);
});

test('groups two levels below one that stops are cancelled as well', async () => {
  const deepest = await mage.swarm({ tasks: [piece] });
  const chain = await mage.chain([deepest]);
  const middle = await mage.swarm({ tasks: [chain], isSwarmClosed: true });
  const outer = await mage.swarm({
    tasks: [[piece, { fail: 'stop' }], middle],
    config: { maxConcurrency: 1, stopAfterNFailures: 1 },
  });
  await outer.runNoWait({});
  await statusOf(outer, 'failed');
  for (const group of [middle, chain, deepest]) await statusOf(group, 'cancelled');
  expect(await rejection(deepest.addTask(piece))).toBeInstanceOf(SwarmFinishedError);
});

test('a chain that runs goes on to its end, with the swarm that is its later step', async () => {
  const later = await mage.swarm({
    tasks: [
      [piece, { give: 1 }],
      [piece, { give: 2 }],
    ],
    isSwarmClosed: true,
  });
  const chain = await mage.chain([await mage.sign(piece, { hold: 'first of two', tag: 'first of two' }), later]);
  const outer = await mage.swarm({
    tasks: [chain, [piece, { fail: 'stop' }]],
    config: { maxConcurrency: 2, stopAfterNFailures: 1 },
    isSwarmClosed: true,
  });
  const handle = await outer.runNoWait({});
  await pieces.begun('first of two');
  await progressOf(outer, { failed: 1, running: 1 });
  expect(await later.status()).toBe('pending');
  pieces.open('first of two');
  await rejection(handle.output);
  expect([await chain.status(), await later.status(), await outer.status()]).toEqual([
    'succeeded',
    'succeeded',
    'failed',
  ]);
});

test('who waits for a group that was never started hears that it was cancelled', async () => {
  const inner = await mage.swarm({ tasks: [piece], isSwarmClosed: true });
  const outer = await mage.swarm({ config: { maxConcurrency: 1, stopAfterNFailures: 1 } });
  await (await outer.addTask(piece, { fail: 'stop', hold: 'who waits' })).runNoWait({});
  await outer.addTask(inner);
  const handle = await inner.runNoWait({});
  await eventually('it is in the queue', async () => (await outer.progress()).queued === 1);
  pieces.open('who waits');
  expect(await rejection(handle.output)).toBeInstanceOf(CancelledError);
});
