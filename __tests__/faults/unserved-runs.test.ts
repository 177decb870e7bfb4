import { eventually } from '../helpers/fixture';
import { openPieces, type Piece } from '../helpers/pieces';
import { rejection, statusOf } from '../helpers/workshop';

// One that finds no free slot of a worker that lives is in integration/claims/attempts.test.ts.
const { fixture, mage, pieces, piece, note } = openPieces();
const { hatchet } = fixture;
const closed = { isSwarmClosed: true } as const;
const told = (tag: string) => mage.sign(note, { tag });
const ran: unknown[] = [];
const fn = async ({ tag }: Piece) => ({ ran: ran.push(tag) });
const left = mage.task({ name: 'left', scheduleTimeout: '2s', fn });
const plain = hatchet.task({ name: 'left-plain', scheduleTimeout: '2s', fn });
const pair = mage.workflow({ name: 'left-pair' });
pair.task({ name: 'one', scheduleTimeout: '2s', fn: () => ({ ran: ran.push('pair') }) });
pair.task({ name: 'two', scheduleTimeout: '2s', fn: () => ({ ran: ran.push('pair') }) });
const root = mage.rootTask({
  name: 'root',
  fn: async () => {
    await (await mage.sign(left, { tag: 'child' })).runNoWait({});
    await (await mage.sign(piece, { give: 'served child' })).runNoWait({});
    return {};
  },
});
const words = expect.stringMatching(/cancelled in the engine|timed out/i) as string;

beforeAll(async () => {
  await fixture.worker([root]);
  // The engine knows its tasks from then on, and nobody serves them.
  const worker = await mage.worker('leaves', { workflows: [left, plain, pair], handleKill: false });
  const running = worker.start();
  await worker.waitUntilReady(120_000);
  await worker.stop();
  await running;
});
afterAll(() => expect(ran).toEqual([]));

test.each([
  ['a wrapped task', left],
  ['a task that nobody wrapped', plain],
  ['a workflow of two tasks', pair],
])(
  '%s that no worker serves in time fails, is told to its error callbacks, and hands its slot on',
  async (what, task) => {
    const swarm = await mage.swarm({
      tasks: [
        [task, { tag: what }, { errorCallbacks: [await told(what)] }],
        [piece, { give: 'next' }],
      ],
      config: { maxConcurrency: 1 },
      ...closed,
    });
    expect(await swarm.run()).toEqual(['next']);
    expect(await swarm.progress()).toMatchObject({ succeeded: 1, failed: 1, cancelled: 0 });
    expect((await pieces.only(what, swarm)).input).toMatchObject({ error: { message: words, failureCount: 1 } });
  },
);

test('as a step it fails its chain, and later steps never run', async () => {
  const later = await mage.sign(piece, { tag: 'later' });
  const chain = await mage.chain([piece, left, later], { errorCallbacks: [await told('chain')] });
  await rejection(chain.run({}));
  expect(await chain.status()).toBe('failed');
  expect(await later.status()).toBe('cancelled');
  await pieces.only('chain', chain);
  expect(pieces.of('later')).toEqual([]);
});

test('as a callback it changes nothing, and its own error callbacks run', async () => {
  const callback = await mage.sign(left, {}, { errorCallbacks: [await told('callback')] });
  const swarm = await mage.swarm({ tasks: [piece], successCallbacks: [callback], ...closed });
  await swarm.run();
  expect((await pieces.only('callback', swarm)).input).toMatchObject({ error: { message: words } });
  expect(await swarm.status()).toBe('succeeded');
});

test('as a child it is one failure, and the root ends with its other children', async () => {
  const signature = await mage.sign(root, {}, { successCallbacks: [await told('root')] });
  await signature.run({});
  expect((await pieces.only('root', signature)).input).toMatchObject({ childResults: ['served child'] });
  expect(await (await signature.children()).progress()).toMatchObject({ succeeded: 1, failed: 1 });
});

test('an item whose worker comes later than its lease waits for it, and runs once', async () => {
  const tags: unknown[] = [];
  const late = mage.task({ name: 'late', fn: async ({ tag }: Piece) => ({ ran: tags.push(tag) }) });
  const early = await mage.worker('registers', { workflows: [late], handleKill: false });
  const running = early.start();
  await early.waitUntilReady(120_000);
  await early.stop();
  await running;
  const item = await mage.sign(late, { tag: 'patient' });
  const { output } = await item.runNoWait({});
  const lease = async () => {
    const key = (await fixture.keys()).find((one) => one.endsWith(`{${item.id}}:l`));
    return Number(key && (await fixture.redis.zscore(key, '0')));
  };
  const first = await lease();
  await eventually('its lease was over, and renewed', async () => (await lease()) > first + 1_000);
  await statusOf(item, 'queued');
  await fixture.worker([late]);
  expect(await output).toEqual({ ran: 1 });
  expect(tags).toEqual(['patient']);
});
