import { CancelledError, SwarmClosedError, type Swarm, type SwarmConfig } from '../../../src';
import { openPieces } from '../../helpers/pieces';
import { progressOf, rejection, statusOf } from '../../helpers/workshop';

const { fixture, mage, pieces, piece, note } = openPieces();

/** A closed swarm of pieces that all wait at the gate of its name, with both kinds of callbacks. */
async function made(tag: string, items: number, config: SwarmConfig = {}, more: object = {}) {
  return mage.swarm({
    name: tag,
    tasks: Array.from(
      { length: items },
      (_, n) => [piece, { tag: `${tag} ${n}`, give: n, hold: tag, ...more }] as const,
    ),
    config,
    successCallbacks: [await mage.sign(note, { tag: `${tag} done` })],
    errorCallbacks: [await mage.sign(note, { tag: `${tag} told` })],
    isSwarmClosed: true,
  });
}

const tags = (tag: string, items: number) => Array.from({ length: items }, (_, n) => `${tag} ${n}`);

test('what runs finishes and counts, nothing else starts, and the rest goes on in the old order', async () => {
  const swarm = await made('order', 5, { maxConcurrency: 1 });
  const handle = await swarm.runNoWait({});
  await pieces.begun('order 0');
  await swarm.suspend();
  expect(await swarm.progress()).toMatchObject({ running: 1, queued: 4, status: 'suspended' });
  pieces.open('order');
  await progressOf(swarm, { succeeded: 1, running: 0, queued: 4, status: 'suspended' });
  expect(pieces.order(...tags('order', 5))).toEqual(['order 0']);
  await swarm.resume();
  expect(await handle.output).toEqual([0, 1, 2, 3, 4]);
  expect(pieces.order(...tags('order', 5))).toEqual(tags('order', 5));
  await pieces.only('order done', swarm);
  expect(pieces.of('order told')).toEqual([]);
});

test('its items keep what they are while they run, and wait otherwise', async () => {
  const swarm = await mage.swarm({ config: { maxConcurrency: 1 } });
  const first = await swarm.addTask(piece, { tag: 'states', hold: 'states' });
  const second = await swarm.addTask(piece, {});
  const unready = await swarm.addTask(piece, {});
  await first.runNoWait({});
  await second.runNoWait({});
  await pieces.begun('states');
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
  pieces.open('states');
  await swarm.closeSwarm();
  await statusOf(swarm, 'succeeded');
});

test('suspended during its last item it keeps its callbacks and those who wait for it', async () => {
  const swarm = await made('last', 2);
  let ended = false;
  const outputs = swarm.run({}).finally(() => (ended = true));
  await pieces.begun('last 0');
  await pieces.begun('last 1');
  await swarm.suspend();
  pieces.open('last');
  await progressOf(swarm, { succeeded: 2, running: 0, status: 'suspended' });
  expect([ended, pieces.of('last done')]).toEqual([false, []]);
  await swarm.resume();
  expect(await outputs).toEqual([0, 1]);
  await pieces.only('last done', swarm);
});

test("its items' own callbacks wait too", async () => {
  const done = await mage.sign(note, { tag: 'own done' });
  const told = await mage.sign(note, { tag: 'own told' });
  const callbacks = { successCallbacks: [done], errorCallbacks: [told] };
  const swarm = await mage.swarm({
    tasks: [
      [piece, { tag: 'own', give: 1, hold: 'own' }, callbacks],
      [piece, { tag: 'own', fail: 'no', hold: 'own' }, callbacks],
    ],
    isSwarmClosed: true,
  });
  const handle = await swarm.runNoWait({});
  await pieces.begun('own', 2);
  await swarm.suspend();
  pieces.open('own');
  await progressOf(swarm, { succeeded: 1, failed: 1, status: 'suspended' });
  expect([await done.status(), await told.status()]).toEqual(['suspended', 'suspended']);
  expect(pieces.order('own done', 'own told')).toEqual([]);
  await swarm.resume();
  await handle.output;
  await pieces.only('own done', swarm);
  await pieces.only('own told', swarm);
});

test('suspended before it is run it starts nothing until it is resumed', async () => {
  const swarm = await made('before', 2);
  await swarm.suspend();
  expect(await swarm.status()).toBe('suspended');
  const handle = await swarm.runNoWait({ given: 'by run' });
  expect(await swarm.progress()).toMatchObject({ queued: 2, running: 0, status: 'suspended' });
  pieces.open('before');
  await swarm.resume();
  expect(await handle.output).toEqual([0, 1]);
  for (const tag of tags('before', 2)) expect((await pieces.only(tag, swarm)).input['given']).toBe('by run');
});

test('suspended and resumed before it is run, it is as if nothing had been', async () => {
  const swarm = await made('nothing', 1);
  await swarm.suspend();
  await swarm.resume();
  expect(await swarm.status()).toBe('pending');
  pieces.open('nothing');
  expect(await swarm.run({})).toEqual([0]);
});

test('an empty one that is run while it is suspended ends when it is resumed', async () => {
  const swarm = await made('empty', 0);
  await swarm.suspend();
  const handle = await swarm.runNoWait({});
  expect(await swarm.status()).toBe('suspended');
  await swarm.resume();
  expect(await handle.output).toEqual([]);
  expect((await pieces.only('empty done', swarm)).input['returnValue']).toEqual([]);
});

test('items can be added, run and the swarm closed while it is suspended', async () => {
  const swarm = await mage.swarm({ tasks: [[piece, { give: 0 }]], name: 'added' });
  await swarm.runNoWait({});
  await progressOf(swarm, { succeeded: 1 });
  await swarm.suspend();
  const item = await swarm.addTask(piece, { give: 1, tag: 'added' });
  const handle = await item.runNoWait({});
  expect(await swarm.addTasks([[piece, { give: 2, tag: 'added' }]], { run: true })).toBe(1);
  await swarm.addTask(piece, { give: 3, tag: 'added' });
  await swarm.closeSwarm();
  await expect(swarm.addTask(piece)).rejects.toBeInstanceOf(SwarmClosedError);
  expect(await swarm.progress()).toMatchObject({ queued: 3, running: 0, closed: true, status: 'suspended' });
  expect(pieces.of('added')).toEqual([]);
  await swarm.resume();
  expect(await handle.output).toBe(1);
  await statusOf(swarm, 'succeeded');
  expect(pieces.of('added')).toHaveLength(3);
});

test('a limit of failures that is reached while it is suspended: the callbacks wait for resume', async () => {
  const swarm = await made('limit', 4, { maxConcurrency: 2, stopAfterNFailures: 2 }, { fail: 'no' });
  const handle = await swarm.runNoWait({});
  await pieces.begun('limit 0');
  await pieces.begun('limit 1');
  await swarm.suspend();
  pieces.open('limit');
  await progressOf(swarm, { failed: 2, running: 0, cancelled: 2, status: 'suspended' });
  expect(pieces.of('limit told')).toEqual([]);
  await swarm.resume();
  expect((await rejection(handle.output)).message).toContain('2 of its 4 items failed');
  await pieces.only('limit told', swarm);
  expect([pieces.of('limit done'), pieces.of('limit 2'), pieces.of('limit 3')]).toEqual([[], [], []]);
});

test('of several words the last counts: suspended twice it is resumed once', async () => {
  const swarm = await made('twice', 2, { maxConcurrency: 1 });
  const handle = await swarm.runNoWait({});
  await pieces.begun('twice 0');
  await swarm.suspend();
  await swarm.suspend();
  await swarm.resume();
  await swarm.suspend();
  pieces.open('twice');
  await progressOf(swarm, { succeeded: 1, running: 0, queued: 1, status: 'suspended' });
  await swarm.resume();
  expect(await handle.output).toEqual([0, 1]);
  await pieces.settled(swarm);
  expect(pieces.order(...tags('twice', 2))).toEqual(tags('twice', 2));
});

test('resume without suspend changes nothing', async () => {
  const swarm = await made('no suspend', 2, { maxConcurrency: 1 });
  await swarm.resume();
  expect(await swarm.status()).toBe('pending');
  const handle = await swarm.runNoWait({});
  await pieces.begun('no suspend 0');
  await swarm.resume();
  expect(await swarm.progress()).toMatchObject({ running: 1, queued: 1, status: 'running' });
  pieces.open('no suspend');
  expect(await handle.output).toEqual([0, 1]);
});

test('after the end suspend and resume change nothing', async () => {
  const swarm = await made('ended', 1);
  pieces.open('ended');
  await swarm.run({});
  await swarm.suspend();
  expect(await swarm.status()).toBe('succeeded');
  await pieces.only('ended done', swarm);
  await swarm.resume();
  expect(await swarm.progress()).toMatchObject({ succeeded: 1, status: 'succeeded' });
});

test('another instance suspends and resumes a loaded one', async () => {
  const swarm = await made('loaded', 3, { maxConcurrency: 1 });
  const handle = await swarm.runNoWait({});
  await pieces.begun('loaded 0');
  const loaded = await fixture.another().load<Swarm<unknown>>(swarm.id);
  await loaded.suspend();
  expect(await swarm.status()).toBe('suspended');
  pieces.open('loaded');
  await progressOf(swarm, { succeeded: 1, running: 0, queued: 2, status: 'suspended' });
  await (await fixture.another().load<Swarm<unknown>>(swarm.id)).resume();
  expect(await handle.output).toEqual([0, 1, 2]);
  await pieces.only('loaded done', swarm);
});

describe('cancel of a suspended one', () => {
  test('that nobody has started runs its error callbacks and nothing else', async () => {
    const swarm = await made('cancelled pending', 1);
    await swarm.suspend();
    await swarm.cancel();
    expect(await swarm.status()).toBe('cancelled');
    await pieces.only('cancelled pending told', swarm);
    expect(pieces.order('cancelled pending 0', 'cancelled pending done')).toEqual([]);
  });

  test('cancels what runs and what waits', async () => {
    const swarm = await made('cancelled', 3, { maxConcurrency: 1 }, { patient: true, hold: undefined });
    const handle = await swarm.runNoWait({});
    const [body] = await pieces.begun('cancelled 0');
    await swarm.suspend();
    await swarm.cancel();
    expect(await rejection(handle.output)).toBeInstanceOf(CancelledError);
    await pieces.only('cancelled told', swarm);
    expect(body?.aborted).toBe(true);
    expect(await swarm.progress()).toMatchObject({ cancelled: 3, running: 0, status: 'cancelled' });
    await swarm.resume();
    expect(await swarm.status()).toBe('cancelled');
    expect(pieces.order(...tags('cancelled', 3), 'cancelled done')).toEqual(['cancelled 0']);
  });

  test('lets the callbacks go that were held back', async () => {
    const own = await mage.sign(note, { tag: 'let go own' });
    const swarm = await mage.swarm({
      tasks: [[piece, { tag: 'let go', hold: 'let go' }, { successCallbacks: [own] }], piece],
      config: { maxConcurrency: 1 },
      errorCallbacks: [await mage.sign(note, { tag: 'let go told' })],
      isSwarmClosed: true,
    });
    await swarm.runNoWait({});
    await pieces.begun('let go');
    await swarm.suspend();
    pieces.open('let go');
    await progressOf(swarm, { succeeded: 1, running: 0, status: 'suspended' });
    await swarm.cancel();
    await pieces.only('let go own', swarm);
    await pieces.only('let go told', swarm);
    expect(await swarm.progress()).toMatchObject({ succeeded: 1, cancelled: 1, status: 'cancelled' });
  });
});
