import { mageContext } from '../../src';
import { dump } from '../helpers/dump';
import { eventually, Fixture } from '../helpers/fixture';
import { rejection } from '../helpers/outcomes';

// A workflow of several tasks is an item as a whole: its tasks claim nothing, so that nothing but the token tells them
// from runs with made-up metadata.
const fixture = new Fixture({ leaseMs: 5_000, reconcileIntervalMs: 500, maxInlineBytes: 1_000 });
const { mage } = fixture;
const seen: { input: unknown; signatureId: string | undefined; results: unknown[] }[] = [];

const item = mage.task({ name: 'item', fn: () => ({ result: 'private result' }) });
const pair = mage.workflow({ name: 'pair' });
const first = pair.task({
  name: 'first',
  fn: async (input) => {
    const context = mageContext();
    const results: unknown[] = [];
    for await (const result of context?.results ?? []) results.push(result);
    seen.push({ input, signatureId: context?.signatureId, results });
    return {};
  },
});
pair.task({ name: 'second', parents: [first], fn: () => ({}) });
const root = mage.rootTask({ name: 'root', fn: () => Promise.resolve({ ...mageContext() }) });

beforeAll(() => fixture.worker([item, pair, root]));
afterAll(() => fixture.close());
beforeEach(() => seen.splice(0));

const large = 'x'.repeat(2_000);
const reference = { 'mageflow.ref': 'field' };

/** A swarm that has ended, with values and results that nobody else may see. */
async function victim() {
  const swarm = await mage.swarm({ tasks: [[item, { password: large }]], isSwarmClosed: true });
  await swarm.run({ customer: large });
  return swarm.id;
}

const forged = (id: string, claim: string) => ({
  additionalMetadata: { 'mageflow.claim': claim, 'mageflow.swarm': id, 'mageflow.signature': id },
});

test.each(['0', 'c0'])(
  "a made-up claim of a workflow's run to entry %s reads no value and no result of another group",
  async (entry) => {
    const id = await victim();
    const before = await dump(fixture);
    const claim = `${id} ${entry} madeup g `;
    const error = await rejection(pair.run({ password: reference, customer: reference }, forged(id, claim)));
    expect(String(error)).toMatch(
      /expected the whole input, got references .*\((password, customer|customer, password)\)/,
    );
    expect(seen).toEqual([]);
    await pair.run({ mine: 1 }, forged(id, claim));
    expect(seen).toEqual([{ input: { mine: 1 }, signatureId: undefined, results: [] }]);
    expect(await dump(fixture)).toEqual(before);
  },
);

test("a workflow's run with the claim that mageflow gave it gets its large values", async () => {
  const swarm = await mage.swarm({ tasks: [[pair, { password: large }]], isSwarmClosed: true });
  await swarm.run({ customer: large });
  expect(seen).toMatchObject([{ input: { password: large, customer: large }, signatureId: `${swarm.id}~0` }]);
});

test('the context of a root by itself names its own signature, whatever metadata its run has', async () => {
  const id = await victim();
  for (const claim of [`${id} 0 madeup g `, '']) {
    const context = (await root.run({}, forged(id, claim))) as { signatureId: string; rootId: string };
    expect(context.signatureId).not.toBe(id);
    expect(context).toEqual({ attempt: 1, signatureId: context.signatureId, rootId: context.signatureId, message: {} });
  }
});

test('a run with a made-up claim is not given out as the run of an item', async () => {
  const signature = await mage.sign(item);
  const { output, runId } = await signature.runNoWait();
  await output;
  const { id } = signature;
  await item.run({}, forged(id, `${id} 0 madeup  `));
  const additionalMetadata = { 'mageflow.signature': id };
  await eventually('the history has both', async () => {
    const { rows } = await fixture.hatchet.runs.list({ additionalMetadata });
    return rows.length === 2;
  });
  expect((await fixture.another().describe(id)).runId).toBe(await runId);
});
