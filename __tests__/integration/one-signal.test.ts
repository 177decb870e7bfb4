// One AbortSignal for many waits, as a server has one for its shutdown.
import { getEventListeners } from 'node:events';
import { eventually } from '../helpers/fixture';
import { openTasks } from '../helpers/task-set';

const { taskSet, mage, work } = openTasks();

const listenersOf = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

async function thirtyRuns(gateName: string, run: () => Promise<unknown>, signal: AbortSignal): Promise<unknown[]> {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on('warning', onWarning);
  try {
    const running = Array.from({ length: 30 }, run);
    await eventually('all bodies run', () => taskSet.gauge().now === 30);
    expect(listenersOf(signal)).toBe(1);
    taskSet.openGate(gateName);
    const outputs = await Promise.all(running);
    expect(warnings).toEqual([]);
    return outputs;
  } finally {
    process.off('warning', onWarning);
  }
}

test('30 tasks that are run with one signal put one listener on it, and none once they have ended', async () => {
  const { signal } = new AbortController();
  const outputs = await thirtyRuns(
    'tasks',
    async () => (await mage.sign(work, { waitFor: 'tasks' })).run({}, { signal }),
    signal,
  );
  expect(outputs).toHaveLength(30);
  expect(listenersOf(signal)).toBe(0);
});

test('30 swarms that are run with one signal put one listener on it, and none once they have ended', async () => {
  const { signal } = new AbortController();
  const outputs = await thirtyRuns(
    'swarms',
    async () => (await mage.swarm({ tasks: [[work, { waitFor: 'swarms' }]], isSwarmClosed: true })).run({}, { signal }),
    signal,
  );
  expect(outputs).toHaveLength(30);
  expect(listenersOf(signal)).toBe(0);
});

test('an abort ends all waits on its signal with its reason, and leaves the other waits alone', async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const held = () => mage.sign(work, { waitFor: 'abort' });
  const waits = [(await held()).run({}, { signal }), (await held()).run({}, { signal })];
  const other = (await held()).run({}, { signal: new AbortController().signal });
  controller.abort('shutting down');
  expect(await Promise.allSettled(waits)).toEqual([
    { status: 'rejected', reason: 'shutting down' },
    { status: 'rejected', reason: 'shutting down' },
  ]);
  expect(listenersOf(signal)).toBe(0);
  taskSet.openGate('abort');
  expect(await other).toMatchObject({ received: null });
});
