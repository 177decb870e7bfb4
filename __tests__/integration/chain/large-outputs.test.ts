import { eventually, Fixture } from '../../helpers/fixture';
import { openPieces, Pieces } from '../../helpers/pieces';
import { rejection } from '../../helpers/workshop';

const { fixture, mage, pieces, piece, note } = openPieces({ maxInlineBytes: 1_000, maxResultBytes: 100_000 });

const text = (length: number) => 'ä'.repeat(length / 2);

/** How long the input of a run is that the engine holds. */
async function sentBytes(runId: string | undefined): Promise<number> {
  const details = await eventually('the run is known', () => fixture.hatchet.runs.getDetails(runId ?? ''));
  return JSON.stringify(details.input).length;
}

test("a step's large output stays out of the engine's inputs, and the next step and the callback see it whole", async () => {
  const give = { inside: text(50_000) };
  const chain = await mage.chain(
    [await mage.sign(piece, { give }), await mage.sign(piece, { tag: 'large step', small: 1 })],
    { successCallbacks: [await mage.sign(note, { tag: 'large last' })] },
  );
  const last = { tag: 'large step', got: give };
  expect(await chain.run({})).toEqual(last);
  const [step] = pieces.of('large step');
  expect(step?.input).toEqual({ tag: 'large step', small: 1, returnValue: give });
  const callback = await pieces.only('large last', chain);
  expect(callback.input).toEqual({ tag: 'large last', returnValue: last });
  for (const run of [step, callback]) expect(await sentBytes(run?.runId)).toBeLessThan(1_500);
});

test('outputs that together are more than the engine takes in one run are handed on', async () => {
  const own = new Fixture();
  const ownPieces = new Pieces(own);
  try {
    await own.worker(ownPieces.tasks);
    const outputs = [1, 2, 3].map((n) => `${n}${text(2 * 1024 * 1024)}`);
    const swarm = await own.mage.swarm({
      tasks: outputs.map((give) => [ownPieces.piece, { give }] as const),
      isSwarmClosed: true,
    });
    const count = await own.mage.sign(ownPieces.piece, { tag: 'beyond', give: 'counted' });
    expect(await (await own.mage.chain([swarm, count])).run({})).toBe('counted');
    expect(ownPieces.of('beyond')[0]?.input['returnValue']).toEqual(outputs);
  } finally {
    await own.close();
  }
});

test("a swarm's list above the limit travels by reference to the next step, and to the one after it inside what is given", async () => {
  const outputs = Array.from({ length: 5 }, (_, n) => `${n}${text(2_000)}`);
  const swarm = await mage.swarm({ tasks: outputs.map((give) => [piece, { give }] as const), isSwarmClosed: true });
  const chain = await mage.chain([swarm, await mage.sign(piece, { tag: 'list step' })]);
  expect(await chain.run({})).toEqual({ tag: 'list step', got: outputs });
  const [step] = pieces.of('list step');
  expect(step?.input).toEqual({ tag: 'list step', returnValue: outputs });
  expect(await sentBytes(step?.runId)).toBeLessThan(1_500);
});

test('a failed step with a large input hands it to the error callbacks whole', async () => {
  const give = text(20_000);
  const chain = await mage.chain([await mage.sign(piece, { give }), await mage.sign(piece, { fail: 'too much' })], {
    errorCallbacks: [await mage.sign(note, { tag: 'large failed' })],
  });
  await rejection(chain.run({}));
  const callback = await pieces.only('large failed', chain);
  expect(callback.input).toMatchObject({ returnValue: give, error: { message: 'too much' } });
  expect(await sentBytes(callback.runId)).toBeLessThan(2_000);
});

test('a large list is handed into a group that is a step, down to its first task', async () => {
  const outputs = Array.from({ length: 5 }, (_, n) => `${n}${text(2_000)}`);
  const swarm = await mage.swarm({ tasks: outputs.map((give) => [piece, { give }] as const), isSwarmClosed: true });
  const inner = await mage.chain([await mage.sign(piece, { tag: 'inner of list' }), piece]);
  const chain = await mage.chain([swarm, inner]);
  await chain.run({});
  expect(pieces.of('inner of list')[0]?.input).toEqual({ tag: 'inner of list', returnValue: outputs });
});

test('an output that looks like a reference of mageflow stays what it is', async () => {
  const fake = { 'mageflow.ref': 'results', of: 'somewhere' };
  for (const give of [fake, { 'mageflow.ref': 'field' }]) {
    const chain = await mage.chain([await mage.sign(piece, { give }), piece]);
    expect(await chain.run({})).toEqual({ got: give });
  }
});
