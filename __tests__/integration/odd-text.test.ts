// Text that JavaScript holds and UTF-8 or the engine's database does not: half a character, and NUL.
import { InvalidMessageError } from '../../src';
import { eventually, Fixture } from '../helpers/fixture';
import { expectRefusal } from '../helpers/refusals';

const cut = 'invoice for Ann \u{1F600}'.slice(0, 17);
const mended = 'invoice for Ann \ufffd';
const nul = 'no PDF, it begins with \0\0IHDR';
const shown = 'no PDF, it begins with \u2400\u2400IHDR';

const fixture = new Fixture();
const { mage, hatchet } = fixture;
const inputs: Record<string, unknown>[] = [];
const attempts: Record<string, number> = {};
const titled = mage.task({ name: 'titled', fn: ({ n }: { n: number }) => ({ title: n === 7 ? cut : 'ok' }) });
const keyed = mage.task({ name: 'keyed', fn: (input: Record<string, unknown>) => ({ [cut]: input }) });
const broken = mage.task({
  name: 'broken',
  retries: 1,
  fn: ({ which }: { which: 'nul' | 'cut' }): { ok: boolean } => {
    attempts[which] = (attempts[which] ?? 0) + 1;
    throw new Error(which === 'nul' ? nul : cut);
  },
});
const note = mage.task({ name: 'note', fn: (input: Record<string, unknown>) => (inputs.push(input), {}) });
const root = mage.rootTask({
  name: 'captures',
  fn: async (_input: Record<string, unknown>) => {
    await titled.runNoWait({ n: 0 }, { childKey: cut });
    return {};
  },
});
const both = mage.workflow({ name: 'both' });
both.task({ name: 'one', fn: () => ({ title: cut }) });

beforeAll(() => fixture.worker([titled, keyed, broken, note, root, both]));
afterAll(() => fixture.close());

const callback = (tag: string) => mage.sign(note, { tag });
const inputOf = (tag: string) => eventually(`${tag} ran`, () => inputs.find((input) => input['tag'] === tag));

/** How the engine records the runs of a swarm, once it does so of all. */
const recorded = (id: string, count: number, status: string) =>
  eventually(
    `the engine records ${count} runs as ${status}`,
    async () => {
      const { rows } = await hatchet.runs.list({ additionalMetadata: { 'mageflow.swarm': id } });
      return rows.filter((row) => (row.status as string) === status).length === count;
    },
    30_000,
  );

test('an output with half a character is made well-formed, and the engine records its run and the others', async () => {
  const swarm = await mage.swarm({
    tasks: Array.from({ length: 12 }, (_, n) => [titled, { n }] as const),
    isSwarmClosed: true,
  });
  const outputs = (await swarm.run()) as { title: string }[];
  expect(outputs.map(({ title }) => title)).toEqual(outputs.map((_, n) => (n === 7 ? mended : 'ok')));
  await recorded(swarm.id, 12, 'COMPLETED');
});

test('an output of a workflow with half a character is made well-formed too', async () => {
  const swarm = await mage.swarm({ tasks: ['both'], isSwarmClosed: true });
  await expect(swarm.run()).resolves.toEqual([{ one: { title: mended } }]);
});

test('a message with half a character reaches the body well-formed, its keys too', async () => {
  const output = await (await mage.sign(keyed, { bound: { [cut]: cut } })).run({ [cut]: [cut] });
  expect(output).toEqual({ [mended]: { bound: { [mended]: mended }, [mended]: [mended] } });
});

test.each([
  ['NUL characters', 'nul', shown],
  ['half a character', 'cut', mended],
] as const)(
  'an error with %s ends its item and its swarm, and both error callbacks get it',
  async (_, which, expected) => {
    const item = await mage.sign(broken, { which }, { errorCallbacks: [await callback(`item ${which}`)] });
    const swarm = await mage.swarm({
      tasks: [item],
      errorCallbacks: [await callback(`swarm ${which}`)],
      config: { stopAfterNFailures: 1 },
      isSwarmClosed: true,
    });
    expect(await swarm.runSettled()).toMatchObject([{ status: 'failed', error: expected }]);
    expect((await inputOf(`item ${which}`))['error']).toMatchObject({ message: expected });
    expect((await inputOf(`swarm ${which}`))['error']).toMatchObject({ failures: [{ message: expected }] });
    expect(attempts[which]).toBe(2);
    await recorded(swarm.id, 1, 'FAILED');
  },
);

test.each<[string, () => unknown]>([
  ['the name of a signature', () => mage.sign(note, {}, { name: cut })],
  ['the key of a signature', () => mage.sign(note, {}, { key: cut })],
  ['the name of a task', () => mage.sign(cut)],
  ['a metadata value', () => mage.sign(note, {}, { additionalMetadata: { for: cut } })],
  ['a metadata key', () => mage.sign(note, {}, { additionalMetadata: { [cut]: 'x' } })],
  ['a label', () => mage.sign(note, {}, { desiredWorkerLabels: { [cut]: { value: 'x' } } })],
  ["a label's value", () => mage.sign(note, {}, { desiredWorkerLabels: { zone: { value: cut } } })],
  ['the name of a swarm', () => mage.swarm({ name: cut })],
  ['the key of a swarm', () => mage.swarm({ key: cut })],
  ['the name of an item', () => mage.swarm({ tasks: [[note, {}, { name: cut }]] })],
  ['the name of a chain', () => mage.chain([note], { name: cut })],
  ['a callback', () => mage.swarm({ successCallbacks: [cut] })],
  ['the metadata of a run', async () => (await mage.sign(note)).runNoWait({}, { additionalMetadata: { for: cut } })],
])('half a character is refused in %s, and nothing is written', async (_, call) => {
  await expectRefusal(fixture, call, InvalidMessageError, 'expected well-formed text', 'half a character');
});

test('half a character is refused in the key of what a body of a root runs', async () => {
  const run = (await mage.sign(root)).run({});
  await expect(run).rejects.toThrow('expected well-formed text');
});
