import { TaskFailedError, type TaskEntry } from '../../../src';
import { openPieces } from '../../helpers/pieces';
import { rejection } from '../../helpers/workshop';

const { fixture, pieces, mage, piece, note } = openPieces();
const family = mage.rootTask({
  name: 'family',
  stopAfterNFailures: 1,
  onStop: 'cancel',
  fn: async ({ tag = '' }: { tag?: string }) => {
    await (await mage.sign(piece, { tag: `${tag} patient`, patient: true })).runNoWait({});
    await pieces.begun(`${tag} patient`);
    await (await mage.sign(piece, { tag: `${tag} bad`, fail: 'bad' })).runNoWait({});
    return {};
  },
});
let failures = 0;
const failsOnce = mage.task({
  name: 'fails-once',
  fn: async () => {
    await pieces.held('fails once');
    if (failures++ === 0) throw new Error('bad');
    return { ok: true };
  },
});
beforeAll(async () => {
  await fixture.worker([family, failsOnce]);
});

/** A swarm that its first failure stops, which comes when all others have begun. */
const stopping = async (tag: string, others: TaskEntry[], onStop?: 'finish' | 'cancel') =>
  mage.swarm({
    tasks: [[piece, { tag: `${tag} bad`, hold: `${tag} bad`, fail: 'bad' }], ...others],
    config: { stopAfterNFailures: 1, onStop, maxConcurrency: others.length + 1 },
    errorCallbacks: [await mage.sign(note, { tag: `${tag} error` })],
    isSwarmClosed: true,
  });

test("with onStop 'cancel', a failure limit cancels what runs: the swarm fails, and its error callback runs once", async () => {
  const tags = ['one', 'two'];
  const swarm = await stopping(
    'all',
    tags.map((tag) => [piece, { tag, patient: true }]),
    'cancel',
  );
  const waiting = await swarm.addTask(piece, { tag: 'waiting' }).catch((error: unknown) => error);
  expect(waiting).toBeInstanceOf(Error);
  const { output } = await swarm.runNoWait({});
  const failed = rejection(output);
  for (const tag of tags) await pieces.begun(tag);
  pieces.open('all bad');
  expect(await failed).toBeInstanceOf(TaskFailedError);
  expect((await failed).message).toContain('1 of its 3 items failed, the first with: bad');
  expect(await swarm.progress()).toMatchObject({ status: 'failed', failed: 1, cancelled: 2 });
  expect(tags.flatMap((tag) => pieces.of(tag)).map(({ aborted }) => aborted)).toEqual([true, true]);
  const { input } = await pieces.only('all error', swarm);
  expect(input).toMatchObject({ error: { message: expect.stringContaining('bad') } });
});

test("with onStop 'cancel', groups and callbacks are treated as by cancel()", async () => {
  const inner = await mage.chain([
    await mage.sign(piece, { tag: 'step', patient: true }),
    await mage.sign(piece, { tag: 'never' }),
  ]);
  const swarm = await stopping('nested', [inner], 'cancel');
  const { output } = await swarm.runNoWait({});
  const failed = rejection(output);
  await pieces.begun('step');
  pieces.open('nested bad');
  await failed;
  await pieces.settled(swarm);
  expect([await swarm.status(), await inner.status()]).toEqual(['failed', 'cancelled']);
  expect([pieces.of('step')[0]?.aborted, pieces.of('never')]).toEqual([true, []]);
});

test.each(['finish', undefined] as const)('with onStop %s, what runs finishes', async (onStop) => {
  const tag = `finish ${onStop}`;
  const swarm = await stopping(tag, [[piece, { tag, hold: tag }]], onStop);
  const { output } = await swarm.runNoWait({});
  const failed = rejection(output);
  await pieces.begun(tag);
  pieces.open(`${tag} bad`);
  await pieces.begun(`${tag} bad`);
  pieces.open(tag);
  await failed;
  expect(await swarm.progress()).toMatchObject({ status: 'failed', failed: 1, succeeded: 1, cancelled: 0 });
});

test('onStop can be changed while the swarm runs', async () => {
  const swarm = await stopping('changed', [[piece, { tag: 'changed', patient: true }]]);
  const { output } = await swarm.runNoWait({});
  const failed = rejection(output);
  await pieces.begun('changed');
  await swarm.update({ onStop: 'cancel' });
  pieces.open('changed bad');
  await failed;
  expect(await swarm.progress()).toMatchObject({ status: 'failed', failed: 1, cancelled: 1 });
});

test("the children of a root task are cancelled with onStop 'cancel', and the root fails", async () => {
  const root = await mage.sign(family, { tag: 'root' });
  const failed = await rejection(root.run({}));
  expect(failed.message).toContain('bad');
  await pieces.settled(root);
  expect(await root.status()).toBe('failed');
  expect(pieces.of('root patient').map(({ aborted }) => aborted)).toEqual([true]);
});

test('a swarm that stopped by cancelling can be tried again', async () => {
  const swarm = await mage.swarm({
    tasks: [
      [failsOnce, {}],
      [piece, { tag: 'again', hold: 'again', give: 2 }],
    ],
    config: { stopAfterNFailures: 1, onStop: 'cancel' },
    isSwarmClosed: true,
  });
  const { output } = await swarm.runNoWait({});
  const failed = rejection(output);
  await pieces.begun('again');
  pieces.open('fails once');
  // The body does not listen to its signal. What it returns later has no effect.
  await failed;
  pieces.open('again');
  expect(await swarm.retryFailed()).toBe(2);
  expect(await swarm.wait()).toEqual([{ ok: true }, 2]);
  expect(await swarm.progress()).toMatchObject({ status: 'succeeded', succeeded: 2, failed: 0, cancelled: 0 });
});

test.each([
  [{ onStop: 'stop' }, "onStop: expected 'finish' or 'cancel', got \"stop\"."],
  [{ onStop: true }, "onStop: expected 'finish' or 'cancel', got true."],
])('%j is refused', async (config, message) => {
  expect((await rejection(mage.swarm({ config: config as never }))).message).toBe(message);
});
