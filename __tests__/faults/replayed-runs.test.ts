import { eventually } from '../helpers/fixture';
import { openPieces, type Piece } from '../helpers/pieces';
import { endOfRun, replayEnded } from '../helpers/runs';
import { progressOf, rejection, statusOf } from '../helpers/workshop';

// Finished and failed items are in integration/claims/second-runs.test.ts, those that were tried again in control/.
const { fixture, mage, pieces, piece, note } = openPieces();
const { hatchet } = fixture;
const closed = { isSwarmClosed: true } as const;
const told = (tag: string) => mage.sign(note, { tag });
const begun: unknown[] = [];
const narrow = mage.task({
  name: 'narrow',
  fn: async ({ tag, hold }: Piece) => {
    begun.push(tag);
    if (hold) await pieces.held(hold);
    return { tag };
  },
});
const root = mage.rootTask({
  name: 'root',
  fn: async ({ tag, hold, fail }: Piece) => {
    begun.push(tag);
    await (await mage.sign(piece, { tag: `child of ${tag}`, ...(hold ? { hold } : {}) })).runNoWait({});
    if (fail) throw new Error(fail);
    return { of: tag };
  },
});

beforeAll(async () => {
  await fixture.worker([root]);
  await fixture.worker([narrow], { slots: 1 });
});

const times = (tag: string) => begun.filter((one) => one === tag).length;

const ended = (runId: string) => endOfRun(hatchet, runId);
const replay = (runId: string) => replayEnded(fixture, runId);

const runOf = (group: { id: string }, index = 0) =>
  eventually(`item ${index} of ${group.id} is published`, async () => {
    const key = (await fixture.keys()).find((one) => one.endsWith(`{${group.id}}:a`));
    return key && (await fixture.redis.hget(key, String(index)))?.split('|')[1];
  });

test('a callback returns what it returned, or throws what it threw, and none of its own runs again', async () => {
  const good = await mage.sign(piece, { tag: 'good', give: 1 }, { successCallbacks: [await told('after good')] });
  const bad = await mage.sign(
    piece,
    { tag: 'bad', fail: 'bad callback' },
    { errorCallbacks: [await told('after bad')] },
  );
  const swarm = await mage.swarm({ tasks: [piece], successCallbacks: [good, bad], ...closed });
  await swarm.run();
  const [goodRun, badRun] = [await pieces.only('good', swarm), await pieces.only('bad', swarm)];
  expect(await replay(goodRun.runId)).toMatchObject({ status: 'COMPLETED' });
  const again = await replay(badRun.runId);
  expect([again.status, again.error]).toEqual(['FAILED', expect.stringContaining('bad callback')]);
  await pieces.settled(swarm);
  expect(pieces.order('good', 'bad', 'after good', 'after bad').sort()).toEqual([
    'after bad',
    'after good',
    'bad',
    'good',
  ]);
  expect(await swarm.status()).toBe('succeeded');
});

test('a step of a chain starts no later step again, neither after its success nor after its failure', async () => {
  const chain = await mage.chain(
    [
      await mage.sign(piece, { tag: 'step 0', give: { n: 0 } }),
      await mage.sign(piece, { tag: 'step 1', fail: 'step 1 failed' }),
      await mage.sign(piece, { tag: 'step 2' }),
    ],
    { errorCallbacks: [await told('chain failed')] },
  );
  await rejection(chain.run({}));
  await pieces.settled(chain);
  const runs = ['step 0', 'step 1'].map((tag) => pieces.of(tag)[0]?.runId ?? '');
  expect(await replay(runs[0] ?? '')).toMatchObject({ status: 'COMPLETED', output: { n: 0 } });
  const again = await replay(runs[1] ?? '');
  expect([again.status, again.error]).toEqual(['FAILED', expect.stringContaining('step 1 failed')]);
  expect(pieces.order('step 0', 'step 1', 'step 2', 'chain failed')).toEqual(['step 0', 'step 1', 'chain failed']);
  expect(await chain.status()).toBe('failed');
});

test('a root publishes no children again: while they run, and after their end', async () => {
  const signature = await mage.sign(
    root,
    { tag: 'root', hold: 'child' },
    { successCallbacks: [await told('root done')] },
  );
  const { output } = await signature.runNoWait({});
  const runId = await runOf(signature);
  await pieces.begun('child of root');
  expect(await replay(runId)).toMatchObject({ status: 'COMPLETED', output: { of: 'root' } });
  expect(pieces.of('root done')).toEqual([]);
  expect(await signature.status()).toBe('running');
  pieces.open('child');
  expect(await output).toEqual({ of: 'root' });
  await pieces.settled(signature);
  expect(await replay(runId)).toMatchObject({ status: 'COMPLETED', output: { of: 'root' } });
  await pieces.settled(signature);
  expect([times('root'), pieces.of('child of root').length, pieces.of('root done').length]).toEqual([1, 1, 1]);
});

test('a root that has failed throws what its body threw', async () => {
  const signature = await mage.sign(
    root,
    { tag: 'bad root', fail: 'no root' },
    { errorCallbacks: [await told('root failed')] },
  );
  const { output } = await signature.runNoWait({});
  const runId = await runOf(signature);
  expect((await rejection(output)).message).toContain('no root');
  await pieces.settled(signature);
  const again = await replay(runId);
  expect([again.status, again.error]).toEqual(['FAILED', expect.stringContaining('no root')]);
  expect([times('bad root'), pieces.of('root failed').length]).toEqual([1, 1]);
});

test('an item of a swarm that is suspended, or cancelled, changes nothing of it', async () => {
  const tasks = [
    [piece, { tag: 'done before', give: 1 }],
    [piece, { tag: 'stopped', patient: true }],
    [piece, { tag: 'waits' }],
  ] as const;
  const swarm = await mage.swarm({
    tasks,
    config: { maxConcurrency: 1 },
    errorCallbacks: [await told('stopped all')],
    ...closed,
  });
  const failed = rejection((await swarm.runNoWait()).output);
  const [stopped] = await pieces.begun('stopped');
  const first = pieces.of('done before')[0]?.runId ?? '';
  await swarm.suspend();
  expect(await replay(first)).toMatchObject({ status: 'COMPLETED' });
  expect(await swarm.progress()).toMatchObject({ succeeded: 1, running: 1, queued: 1, status: 'suspended' });
  await swarm.cancel();
  await failed;
  await pieces.settled(swarm);
  const again = await replay(stopped?.runId ?? '');
  expect([again.status, again.error]).toEqual(['FAILED', expect.stringContaining('cancelled')]);
  expect(await swarm.progress()).toMatchObject({ succeeded: 1, failed: 0, cancelled: 2, status: 'cancelled' });
  expect(pieces.order('done before', 'stopped', 'waits', 'stopped all')).toEqual([
    'done before',
    'stopped',
    'stopped all',
  ]);
});

/**
 * A swarm of one item whose run suspend() took back. Until the engine has counted its slots anew, a full worker may get one
 * run more: between its note of an assignment and the commit of that, it counts the slot as free. Such a run begins at once.
 */
async function takenBack() {
  for (let attempt = 0; attempt < 10; attempt++) {
    const tag = `taken back ${attempt}`;
    const swarm = await mage.swarm({ tasks: [[narrow, { tag }]], ...closed });
    const { output } = await swarm.runNoWait();
    const runId = await runOf(swarm);
    await swarm.suspend();
    if ((await ended(runId)).status === 'CANCELLED') return { tag, swarm, output, runId };
    expect(times(tag)).toBe(1);
  }
  throw new Error('The engine gave a full worker ten runs more.');
}

test('a run that was taken back by suspend() runs nothing, and the item runs once after resume()', async () => {
  const holder = await mage.sign(narrow, { tag: 'holder', hold: 'holder' });
  const held = await holder.runNoWait({});
  await eventually('the narrow worker is full', () => times('holder') === 1);
  const { tag, swarm, output, runId } = await takenBack();
  await hatchet.runs.replay({ ids: [runId] });
  await eventually('it waits again', async () => !(await hatchet.runs.getDetails(runId)).done);
  pieces.open('holder');
  await held.output;
  expect((await ended(runId)).status).not.toBe('COMPLETED');
  expect(await swarm.progress()).toMatchObject({ queued: 1, status: 'suspended' });
  await swarm.resume();
  expect(await output).toEqual([{ tag }]);
  expect(times(tag)).toBe(1);
});

test('a failed item while its swarm goes on is counted once', async () => {
  const swarm = await mage.swarm({
    tasks: [
      [piece, { tag: 'fails', fail: 'once' }],
      [piece, { tag: 'goes on', hold: 'goes on' }],
    ],
    config: { stopAfterNFailures: 2 },
    ...closed,
  });
  const { output } = await swarm.runNoWait();
  await pieces.begun('goes on');
  await progressOf(swarm, { failed: 1 });
  const [fails] = pieces.of('fails');
  expect(await replay(fails?.runId ?? '')).toMatchObject({ status: 'FAILED' });
  expect(await swarm.progress()).toMatchObject({ failed: 1, running: 1, status: 'running' });
  pieces.open('goes on');
  expect(await output).toHaveLength(1);
  await statusOf(swarm, 'succeeded');
  expect(pieces.of('fails')).toHaveLength(1);
});

test('a plain run runs its body again, as without mageflow', async () => {
  const ref = await hatchet.runNoWait(piece, { tag: 'plain', give: { plain: true } }, {});
  const runId = await ref.runId;
  await ended(runId);
  await hatchet.runs.replay({ ids: [runId] });
  const [, second] = await pieces.begun('plain', 2);
  expect(second?.runId).toBe(runId);
  expect(await ended(runId)).toMatchObject({ status: 'COMPLETED', output: { plain: true } });
});
