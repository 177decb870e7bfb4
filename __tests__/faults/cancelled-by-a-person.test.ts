import { CancelledError, type MageflowEvents } from '../../src';
import { eventually } from '../helpers/fixture';
import { openPieces, type Piece } from '../helpers/pieces';
import { cancelByHand } from '../helpers/runs';
import { progressOf, rejection, statusOf } from '../helpers/workshop';

// What runs or waits for a worker, as an item of a swarm, is in integration/claims/attempts.test.ts.
const { fixture, mage, pieces, piece, note } = openPieces();
const { hatchet } = fixture;
const fn = ({ tag = '', hold = '' }: Piece) => {
  begun.push(tag);
  return hold ? pieces.held(hold).then(() => ({ tag })) : Promise.resolve({ tag });
};
const begun: string[] = [];
/** A worker with one slot serves it. */
const narrow = mage.task({ name: 'narrow', fn });
/** Waits for a minute before it is tried again. */
const waiting = mage.task({
  name: 'waiting',
  retries: 2,
  backoff: { factor: 60, maxSeconds: 60 },
  fn: ({ tag = '' }: Piece) => {
    begun.push(tag);
    throw new Error('the first attempt');
  },
});
const root = mage.rootTask({
  name: 'root',
  maxConcurrency: 2,
  fn: async ({ tag = '', children = [] }: Piece & { children?: Piece[] }, ctx) => {
    begun.push(tag);
    for (const child of children) await (await mage.sign(piece, child as object)).runNoWait({});
    if (tag.endsWith('body'))
      await new Promise<void>((resolve) => ctx.abortController.signal.addEventListener('abort', () => resolve()));
    return { children: children.length };
  },
});
const pair = mage.workflow({ name: 'pair' });
pair.task({ name: 'quick', fn: () => ({ begun: begun.push('quick') }) });
pair.task({ name: 'slow', fn: () => fn({ tag: 'slow', hold: 'pair' }) });

beforeAll(async () => {
  await fixture.worker([waiting, root, pair]);
  await fixture.worker([narrow], { slots: 1 });
});

const told = (tag: string) => mage.sign(note, { tag });
const cancel = (...ids: string[]) => cancelByHand(hatchet, ...ids);
const words = expect.stringMatching(/cancelled in the engine/) as string;

/** The state of an item and the run that was published for it. */
async function stored({ id }: { id: string }, index: number): Promise<string[]> {
  const key = (await fixture.keys()).find((one) => one.endsWith(`{${id}}:a`));
  return ((key && (await fixture.redis.hget(key, String(index)))) || '').split('|');
}

const runOf = (group: { id: string }, index = 0) =>
  eventually(`item ${index} of ${group.id} is published`, async () => (await stored(group, index))[1]);

test('an item that waits for its next attempt fails, and hands its slot on', async () => {
  const swarm = await mage.swarm({
    tasks: [
      [waiting, { tag: 'between' }, { errorCallbacks: [await told('between failed')] }],
      [piece, { give: 'next' }],
    ],
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
  });
  const { output } = await swarm.runNoWait();
  const runId = await runOf(swarm);
  await eventually('its first attempt is over for the engine', async () => {
    const detail = await hatchet.runs.getDetails(runId);
    if (begun.includes('between') && String(detail.status) !== 'RUNNING') return true;
    throw new Error(JSON.stringify(detail));
  });
  await cancel(runId);
  expect(await output).toEqual(['next']);
  expect(await swarm.progress()).toMatchObject({ succeeded: 1, failed: 1, cancelled: 0 });
  const callback = await pieces.only('between failed', swarm);
  expect(callback.input).toMatchObject({ error: { message: words, failureCount: 1 } });
  expect(begun.filter((tag) => tag === 'between')).toHaveLength(1);
});

test.each([
  ['runs', piece, { patient: true }],
  ['waits for a worker', narrow, {}],
])('a step of a chain that %s fails the chain, and later steps never run', async (how, task, data) => {
  const tag = (what: string) => `${what}, ${how}`;
  const holder = await mage.sign(narrow, { tag: tag('holder'), hold: tag('holder') });
  const held = await holder.runNoWait({});
  await eventually('the narrow worker is full', () => begun.includes(tag('holder')));
  const step = await mage.sign(
    task,
    { tag: tag('step'), ...data },
    { errorCallbacks: [await told(tag('step failed'))] },
  );
  const chain = await mage.chain([piece, step, await mage.sign(piece, { tag: tag('later') })], {
    errorCallbacks: [await told(tag('chain failed'))],
    successCallbacks: [await told(tag('chain succeeded'))],
  });
  const handle = await chain.runNoWait({});
  if (how === 'runs') await pieces.begun(tag('step'));
  await cancel(await runOf(chain, 1));
  expect((await rejection(handle.output)).message).toContain('cancelled in the engine');
  expect(await chain.status()).toBe('failed');
  expect(await step.status()).toBe('failed');
  expect((await pieces.only(tag('chain failed'), chain)).input).toMatchObject({ error: { message: words } });
  expect(pieces.of(tag('step failed'))).toHaveLength(1);
  expect(pieces.order(tag('later'), tag('chain succeeded'))).toEqual([]);
  pieces.open(tag('holder'));
  await held.output;
  expect(begun).not.toContain(tag('step'));
});

test('the body of a root: its children finish, then its error callbacks run, once', async () => {
  const signature = await mage.sign(
    root,
    { tag: 'cancelled body', children: [{ tag: 'child of it', hold: 'child of it' }] },
    { errorCallbacks: [await told('root failed')], successCallbacks: [await told('root succeeded')] },
  );
  const { output } = await signature.runNoWait({});
  const failed = rejection(output);
  await pieces.begun('child of it');
  await cancel(await runOf(signature));
  const children = await signature.children();
  await eventually('its body has ended', async () => (await stored(signature, 0))[0] === 'returned');
  expect(pieces.of('root failed')).toEqual([]);
  pieces.open('child of it');
  expect((await failed).message).toContain('cancelled in the engine');
  expect((await pieces.only('root failed', signature)).input).toMatchObject({ error: { message: words } });
  expect(await children.progress()).toMatchObject({ succeeded: 1, failed: 0 });
  expect(pieces.of('root succeeded')).toEqual([]);
});

test('a child of a root is one failure of its children, and the root succeeds without it', async () => {
  const signature = await mage.sign(
    root,
    { tag: 'parent', children: [{ tag: 'lost child', patient: true }, { give: 'kept' }] },
    { successCallbacks: [await told('parent succeeded')] },
  );
  const { output } = await signature.runNoWait({});
  const [child] = await pieces.begun('lost child');
  await cancel(child?.runId ?? '');
  expect(await output).toEqual({ children: 2 });
  expect(await (await signature.children()).progress()).toMatchObject({ succeeded: 1, failed: 1, cancelled: 0 });
  expect((await pieces.only('parent succeeded', signature)).input).toMatchObject({ childResults: ['kept'] });
});

test('a callback leaves what it belongs to as it was, and is told by its own error callbacks and by the log', async () => {
  const errors: MageflowEvents['error'][] = [];
  const stop = mage.on('error', (error) => errors.push(error));
  const callback = await mage.sign(
    piece,
    { tag: 'stuck callback', patient: true },
    {
      errorCallbacks: [await told('callback failed')],
    },
  );
  const swarm = await mage.swarm({ tasks: [piece], successCallbacks: [callback], isSwarmClosed: true });
  await swarm.run();
  const [run] = await pieces.begun('stuck callback');
  await cancel(run?.runId ?? '');
  expect((await pieces.only('callback failed', swarm)).input).toMatchObject({ error: { message: words } });
  expect(await swarm.status()).toBe('succeeded');
  expect(errors).toHaveLength(1);
  stop();
});

test('all runs of a swarm at once: they fail, and what had not started yet goes on', async () => {
  const swarm = await mage.swarm({
    tasks: [0, 1, 2, 3, 4].map((n) => [piece, { tag: 'all at once', patient: n < 3, give: n }] as const),
    config: { maxConcurrency: 3 },
    isSwarmClosed: true,
  });
  const { output } = await swarm.runNoWait();
  await pieces.begun('all at once', 3);
  await eventually('the engine lists them', async () => {
    const { rows } = await hatchet.runs.list({ additionalMetadata: { 'mageflow.swarm': swarm.id } });
    return (rows ?? []).length === 3;
  });
  await hatchet.runs.cancel({ filters: { since: new Date(0), additionalMetadata: { 'mageflow.swarm': swarm.id } } });
  expect(await output).toEqual([3, 4]);
  expect(await swarm.progress()).toMatchObject({ succeeded: 2, failed: 3, cancelled: 0, status: 'succeeded' });
});

test('a workflow of two tasks is one failure, also when one of them has done its work', async () => {
  const swarm = await mage.swarm({ tasks: [pair, [piece, { give: 1 }]], isSwarmClosed: true });
  const { output } = await swarm.runNoWait();
  const runId = await runOf(swarm);
  await eventually('both of its tasks have begun', () => begun.includes('quick') && begun.includes('slow'));
  await cancel(runId);
  expect(await output).toEqual([1]);
  expect(await swarm.progress()).toMatchObject({ succeeded: 1, failed: 1, cancelled: 0 });
  pieces.open('pair');
});

test('what mageflow cancels itself counts as cancelled, also when a person cancels the same run too', async () => {
  const swarm = await mage.swarm({
    tasks: [[piece, { tag: 'both', patient: true }]],
    errorCallbacks: [await told('both failed')],
    isSwarmClosed: true,
  });
  const { output } = await swarm.runNoWait();
  const failed = rejection(output);
  const [run] = await pieces.begun('both');
  await Promise.all([swarm.cancel(), cancel(run?.runId ?? '')]);
  await statusOf(swarm, 'cancelled');
  expect(await failed).toBeInstanceOf(CancelledError);
  await pieces.only('both failed', swarm);
  await progressOf(swarm, { failed: 0, cancelled: 1 });
});
