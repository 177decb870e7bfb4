import { mageContext } from '../../src';
import { eventually, Fixture, required } from '../helpers/fixture';

// The process that publishes and the one that serves were given different stores, as a wrong setting gives them.
const options = { maxInlineBytes: 1_000, leaseMs: 5_000, reconcileIntervalMs: 500 };
const serving = new Fixture(options);
const { mage, hatchet } = serving;
const seen: { input: unknown; context: unknown }[] = [];
const note = (input: unknown) => {
  seen.push({ input, context: mageContext() });
  return {};
};
const work = mage.task({ name: 'work', fn: note });
const pair = mage.workflow({ name: 'pair' });
const first = pair.task({ name: 'first', fn: note });
pair.task({ name: 'second', parents: [first], fn: () => ({}) });

const publishers = {
  keyPrefix: new Fixture({ ...options, keyPrefix: `${serving.keyPrefix}-other` }, hatchet),
  // The mark in a claim is the same: only the missing keys show the difference.
  Redis: new Fixture({ ...options, keyPrefix: serving.keyPrefix }, hatchet, `${required('REDIS_URL')}/1`),
};

beforeAll(() => serving.worker([work, pair]));
afterAll(async () => {
  for (const publisher of Object.values(publishers)) await publisher.close();
  await serving.close();
});
beforeEach(() => {
  seen.splice(0);
  serving.log.lines.splice(0);
});

const end = (runId: string) =>
  eventually('the run has ended', async () => {
    const { done, status, taskRuns } = await hatchet.runs.getDetails(runId);
    return (
      done && {
        status: String(status),
        error: Object.values(taskRuns)
          .map((task) => task.error)
          .join(),
      }
    );
  });
const warnings = (id: string) => serving.log.lines.filter((line) => line.startsWith('warn') && line.includes(id));

describe.each(Object.keys(publishers) as (keyof typeof publishers)[])(
  'runs that were published through another %s',
  (what) => {
    const publisher = publishers[what].mage;

    test.each(['work', 'pair'])(
      'run plainly, and one warning for their group names both reasons there can be (%s)',
      async (name) => {
        const swarm = await publisher.swarm({
          tasks: [0, 1, 2].map((n) => [name, { n }] as const),
          isSwarmClosed: true,
        });
        await swarm.runNoWait();
        await eventually('all have run', () => seen.length === 3);
        expect(seen.every(({ context }) => context === undefined)).toBe(true);
        expect(warnings(swarm.id)).toHaveLength(1);
        expect(warnings(swarm.id)[0]).toMatch(
          /another Redis, keyPrefix or Hatchet namespace.* retention of its group has passed/,
        );
      },
    );

    test.each(['work', 'pair'])('fail without their body where a value travels by reference (%s)', async (name) => {
      const signature = await publisher.sign(name, { large: 'x'.repeat(2_000), small: 1 });
      const { runId } = await signature.runNoWait();
      const { status, error } = await end(await runId);
      expect({ status, seen }).toEqual({ status: 'FAILED', seen: [] });
      expect(error).toMatch(/expected the whole input, got references to values .*\(large\).*another Redis, keyPrefix/);
      expect(warnings(signature.id)).toHaveLength(1);
    });
  },
);

test('a run that comes after its group was removed is logged, and its body gets no reference either', async () => {
  const signature = await mage.sign(work, { large: 'x'.repeat(2_000) });
  const { runId, output } = await signature.runNoWait();
  await output;
  const { input, additionalMetadata } = await hatchet.runs.getDetails(await runId);
  await (await mage.load(signature.id)).remove();
  seen.splice(0);
  const replayed = await hatchet.runNoWait('work', input as never, {
    additionalMetadata: additionalMetadata as Record<string, string>,
  });
  expect(await end(await replayed.runId)).toMatchObject({ status: 'FAILED' });
  expect(seen).toEqual([]);
  expect(warnings(signature.id)).toHaveLength(1);
});

test('plain runs are not logged, nor are runs that an item starts plainly', async () => {
  await work.run({ n: 1 });
  const outer = mage.task({ name: 'outer', fn: async () => ({ inner: await work.run({ n: 2 }) }) });
  await serving.worker([outer]);
  await (await mage.sign(outer)).run();
  expect(seen.map(({ input }) => input)).toEqual([{ n: 1 }, { n: 2 }]);
  expect(serving.log.lines.filter((line) => line.startsWith('warn'))).toEqual([]);
});

test('a plain run whose input is a copy of what was published with references fails without its body', async () => {
  const { runId } = await work.runNoWait({ large: { 'mageflow.ref': 'field' } });
  expect(await end(await runId)).toMatchObject({ status: 'FAILED' });
  expect(seen).toEqual([]);
  await work.run({ own: { 'mageflow.ref': 'of the user' } });
  expect(seen).toHaveLength(1);
});
