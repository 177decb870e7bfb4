import { CancelledError, SwarmClosedError, type Swarm, type SwarmConfig } from '../../../src';
import { openTasks, shortLease } from '../../helpers/task-set';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';

const { fixture, mage, taskSet, work, callback } = openTasks(shortLease);

/** A closed swarm of pieces that all wait at the gate of its name, with both kinds of callbacks. */
async function made(label: string, items: number, config: SwarmConfig = {}, more: object = {}) {
  return mage.swarm({
    name: label,
    tasks: Array.from(
      { length: items },
      (_, n) => [work, { label: `${label} ${n}`, value: n, waitFor: label, ...more }] as const,
    ),
    config,
    successCallbacks: [await mage.sign(callback, { label: `${label} done` })],
    errorCallbacks: [await mage.sign(callback, { label: `${label} told` })],
    isSwarmClosed: true,
  });
}

const labels = (label: string, items: number) => Array.from({ length: items }, (_, n) => `${label} ${n}`);

test('when a swarm is suspended what runs finishes and counts, nothing else starts, and the rest goes on in the old order', async () => {
  const swarm = await made('order', 5, { maxConcurrency: 1 });
  const handle = await swarm.runNoWait({});
  await taskSet.started('order 0');
  await swarm.suspend();
  expect(await swarm.progress()).toMatchObject({ running: 1, queued: 4, status: 'suspended' });
  taskSet.openGate('order');
  await progressOf(swarm, { succeeded: 1, running: 0, queued: 4, status: 'suspended' });
  expect(taskSet.order(...labels('order', 5))).toEqual(['order 0']);
  await swarm.resume();
  expect(await handle.output).toEqual([0, 1, 2, 3, 4]);
  expect(taskSet.order(...labels('order', 5))).toEqual(labels('order', 5));
  await taskSet.onlyExecution('order done', swarm);
  expect(taskSet.executions('order told')).toEqual([]);
});

test('the items of a suspended swarm keep what they are while they run, and wait otherwise', async () => {
  const swarm = await mage.swarm({ config: { maxConcurrency: 1 } });
  const first = await swarm.addTask(work, { label: 'states', waitFor: 'states' });
  const second = await swarm.addTask(work, {});
  const unready = await swarm.addTask(work, {});
  await first.runNoWait({});
  await second.runNoWait({});
  await taskSet.started('states');
  await swarm.suspend();
  expect([await first.status(), await second.status(), await unready.status()]).toEqual([
    'running',
    'suspended',
    'suspended',
  ]);
  await swarm.resume();
  expect([await first.status(), await second.status(), await unready.status()]).toEqual([
    'running',
    'queued',
    'pending',
  ]);
  taskSet.openGate('states');
  await swarm.closeSwarm();
  await statusOf(swarm, 'succeeded');
});

test('a swarm that is suspended during its last item keeps its callbacks and those who wait for it', async () => {
  const swarm = await made('last', 2);
  let ended = false;
  const outputs = swarm.run({}).finally(() => (ended = true));
  await taskSet.started('last 0');
  await taskSet.started('last 1');
  await swarm.suspend();
  taskSet.openGate('last');
  await progressOf(swarm, { succeeded: 2, running: 0, status: 'suspended' });
  expect([ended, taskSet.executions('last done')]).toEqual([false, []]);
  await swarm.resume();
  expect(await outputs).toEqual([0, 1]);
  await taskSet.onlyExecution('last done', swarm);
});

test("the own callbacks of a suspended swarm's items wait too", async () => {
  const done = await mage.sign(callback, { label: 'own done' });
  const alert = await mage.sign(callback, { label: 'own told' });
  const callbacks = { successCallbacks: [done], errorCallbacks: [alert] };
  const swarm = await mage.swarm({
    tasks: [
      [work, { label: 'own', value: 1, waitFor: 'own' }, callbacks],
      [work, { label: 'own', fail: 'no', waitFor: 'own' }, callbacks],
    ],
    isSwarmClosed: true,
  });
  const handle = await swarm.runNoWait({});
  await taskSet.started('own', 2);
  await swarm.suspend();
  taskSet.openGate('own');
  await progressOf(swarm, { succeeded: 1, failed: 1, status: 'suspended' });
  expect([await done.status(), await alert.status()]).toEqual(['suspended', 'suspended']);
  expect(taskSet.order('own done', 'own told')).toEqual([]);
  await swarm.resume();
  await handle.output;
  await taskSet.onlyExecution('own done', swarm);
  await taskSet.onlyExecution('own told', swarm);
});

test('a swarm that is suspended before it is run starts nothing until it is resumed', async () => {
  const swarm = await made('before', 2);
  await swarm.suspend();
  expect(await swarm.status()).toBe('suspended');
  const handle = await swarm.runNoWait({ given: 'by run' });
  expect(await swarm.progress()).toMatchObject({ queued: 2, running: 0, status: 'suspended' });
  taskSet.openGate('before');
  await swarm.resume();
  expect(await handle.output).toEqual([0, 1]);
  for (const label of labels('before', 2))
    expect((await taskSet.onlyExecution(label, swarm)).input['given']).toBe('by run');
});

test('a swarm that is suspended and resumed before it is run behaves as if nothing had been', async () => {
  const swarm = await made('nothing', 1);
  await swarm.suspend();
  await swarm.resume();
  expect(await swarm.status()).toBe('pending');
  taskSet.openGate('nothing');
  expect(await swarm.run({})).toEqual([0]);
});

test('an empty swarm that is run while it is suspended ends when it is resumed', async () => {
  const swarm = await made('empty', 0);
  await swarm.suspend();
  const handle = await swarm.runNoWait({});
  expect(await swarm.status()).toBe('suspended');
  await swarm.resume();
  expect(await handle.output).toEqual([]);
  expect((await taskSet.onlyExecution('empty done', swarm)).input['returnValue']).toEqual([]);
});

test('items can be added and run, and the swarm closed, while it is suspended', async () => {
  const swarm = await mage.swarm({ tasks: [[work, { value: 0 }]], name: 'added' });
  await swarm.runNoWait({});
  await progressOf(swarm, { succeeded: 1 });
  await swarm.suspend();
  const item = await swarm.addTask(work, { value: 1, label: 'added' });
  const handle = await item.runNoWait({});
  expect(await swarm.addTasks([[work, { value: 2, label: 'added' }]], { run: true })).toBe(1);
  await swarm.addTask(work, { value: 3, label: 'added' });
  await swarm.closeSwarm();
  await expect(swarm.addTask(work)).rejects.toBeInstanceOf(SwarmClosedError);
  expect(await swarm.progress()).toMatchObject({ queued: 3, running: 0, closed: true, status: 'suspended' });
  expect(taskSet.executions('added')).toEqual([]);
  await swarm.resume();
  expect(await handle.output).toBe(1);
  await statusOf(swarm, 'succeeded');
  expect(taskSet.executions('added')).toHaveLength(3);
});

test('when a limit of failures is reached while a swarm is suspended, the callbacks wait for resume', async () => {
  const swarm = await made('limit', 4, { maxConcurrency: 2, stopAfterNFailures: 2 }, { fail: 'no' });
  const handle = await swarm.runNoWait({});
  await taskSet.started('limit 0');
  await taskSet.started('limit 1');
  await swarm.suspend();
  taskSet.openGate('limit');
  await progressOf(swarm, { failed: 2, running: 0, cancelled: 2, status: 'suspended' });
  expect(taskSet.executions('limit told')).toEqual([]);
  await swarm.resume();
  expect((await rejection(handle.output)).message).toContain('2 of its 4 items failed');
  await taskSet.onlyExecution('limit told', swarm);
  expect([taskSet.executions('limit done'), taskSet.executions('limit 2'), taskSet.executions('limit 3')]).toEqual([
    [],
    [],
    [],
  ]);
});

test('of several calls the last counts: a swarm that is suspended twice is resumed once', async () => {
  const swarm = await made('twice', 2, { maxConcurrency: 1 });
  const handle = await swarm.runNoWait({});
  await taskSet.started('twice 0');
  await swarm.suspend();
  await swarm.suspend();
  await swarm.resume();
  await swarm.suspend();
  taskSet.openGate('twice');
  await progressOf(swarm, { succeeded: 1, running: 0, queued: 1, status: 'suspended' });
  await swarm.resume();
  expect(await handle.output).toEqual([0, 1]);
  await taskSet.settled(swarm);
  expect(taskSet.order(...labels('twice', 2))).toEqual(labels('twice', 2));
});

test('resume of a swarm without suspend changes nothing', async () => {
  const swarm = await made('no suspend', 2, { maxConcurrency: 1 });
  await swarm.resume();
  expect(await swarm.status()).toBe('pending');
  const handle = await swarm.runNoWait({});
  await taskSet.started('no suspend 0');
  await swarm.resume();
  expect(await swarm.progress()).toMatchObject({ running: 1, queued: 1, status: 'running' });
  taskSet.openGate('no suspend');
  expect(await handle.output).toEqual([0, 1]);
});

test('after the end of a swarm suspend and resume change nothing', async () => {
  const swarm = await made('ended', 1);
  taskSet.openGate('ended');
  await swarm.run({});
  await swarm.suspend();
  expect(await swarm.status()).toBe('succeeded');
  await taskSet.onlyExecution('ended done', swarm);
  await swarm.resume();
  expect(await swarm.progress()).toMatchObject({ succeeded: 1, status: 'succeeded' });
});

test('another instance suspends and resumes a loaded swarm', async () => {
  const swarm = await made('loaded', 3, { maxConcurrency: 1 });
  const handle = await swarm.runNoWait({});
  await taskSet.started('loaded 0');
  const loaded = await fixture.another().load<Swarm<unknown>>(swarm.id);
  await loaded.suspend();
  expect(await swarm.status()).toBe('suspended');
  taskSet.openGate('loaded');
  await progressOf(swarm, { succeeded: 1, running: 0, queued: 2, status: 'suspended' });
  await (await fixture.another().load<Swarm<unknown>>(swarm.id)).resume();
  expect(await handle.output).toEqual([0, 1, 2]);
  await taskSet.onlyExecution('loaded done', swarm);
});

describe('cancel of a suspended one', () => {
  test('that nobody has started runs its error callbacks and nothing else', async () => {
    const swarm = await made('cancelled pending', 1);
    await swarm.suspend();
    await swarm.cancel();
    expect(await swarm.status()).toBe('cancelled');
    await taskSet.onlyExecution('cancelled pending told', swarm);
    expect(taskSet.order('cancelled pending 0', 'cancelled pending done')).toEqual([]);
  });

  test('cancels what runs and what waits', async () => {
    const swarm = await made('cancelled', 3, { maxConcurrency: 1 }, { untilCancelled: true, waitFor: undefined });
    const handle = await swarm.runNoWait({});
    const [body] = await taskSet.started('cancelled 0');
    await swarm.suspend();
    await swarm.cancel();
    expect(await rejection(handle.output)).toBeInstanceOf(CancelledError);
    await taskSet.onlyExecution('cancelled told', swarm);
    expect(body?.aborted).toBe(true);
    expect(await swarm.progress()).toMatchObject({ cancelled: 3, running: 0, status: 'cancelled' });
    await swarm.resume();
    expect(await swarm.status()).toBe('cancelled');
    expect(taskSet.order(...labels('cancelled', 3), 'cancelled done')).toEqual(['cancelled 0']);
  });

  test('lets the callbacks go that were held back', async () => {
    const own = await mage.sign(callback, { label: 'let go own' });
    const swarm = await mage.swarm({
      tasks: [[work, { label: 'let go', waitFor: 'let go' }, { successCallbacks: [own] }], work],
      config: { maxConcurrency: 1 },
      errorCallbacks: [await mage.sign(callback, { label: 'let go told' })],
      isSwarmClosed: true,
    });
    await swarm.runNoWait({});
    await taskSet.started('let go');
    await swarm.suspend();
    taskSet.openGate('let go');
    await progressOf(swarm, { succeeded: 1, running: 0, status: 'suspended' });
    await swarm.cancel();
    await taskSet.onlyExecution('let go own', swarm);
    await taskSet.onlyExecution('let go told', swarm);
    expect(await swarm.progress()).toMatchObject({ succeeded: 1, cancelled: 1, status: 'cancelled' });
  });
});
