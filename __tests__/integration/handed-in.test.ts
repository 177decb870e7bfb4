import { WorkerLabelComparator } from '@hatchet-dev/typescript-sdk';
import type { TaskLike } from '../../src';
import { eventually, Fixture } from '../helpers/fixture';

const fixture = new Fixture();
const { mage } = fixture;

interface Seen {
  n: unknown;
  metadata: Record<string, string>;
}
const seen: Seen[] = [];
const fn = (input: { n?: number | undefined; tag?: string | undefined }, ctx: { additionalMetadata(): unknown }) => {
  seen.push({ n: input.tag ?? input.n, metadata: ctx.additionalMetadata() as Record<string, string> });
  return { n: input.n ?? 0 };
};
const work = mage.task({ name: 'work', fn });
const called = mage.task({ name: 'called', fn });
const uncalled = mage.task({ name: 'uncalled', fn });

beforeAll(() => fixture.worker([work, called, uncalled]));
afterAll(() => fixture.close());
beforeEach(() => {
  seen.length = 0;
});

const of = (n: unknown) => seen.filter((one) => one.n === n);
const batches = () => seen.map(({ n, metadata }) => [n, metadata['batch']]).sort();

test('one object of metadata that is changed between three calls of sign is for each what it was then', async () => {
  const additionalMetadata: Record<string, string> = {};
  const tasks = [];
  for (const n of [1, 2, 3]) {
    additionalMetadata['batch'] = `b${n}`;
    tasks.push(await mage.sign(work, { n }, { additionalMetadata }));
  }
  await (await mage.swarm({ tasks, isSwarmClosed: true })).run();
  expect(batches()).toEqual([
    [1, 'b1'],
    [2, 'b2'],
    [3, 'b3'],
  ]);
});

test('a row that is changed while its swarm is made is what it was when it was handed in', async () => {
  const rows = [1, 2].map((n) => ({ n }));
  const additionalMetadata = { batch: 'b1' };
  const tasks: [typeof work, { n: number }, { additionalMetadata: Record<string, string> }][] = rows.map((row) => [
    work,
    row,
    { additionalMetadata },
  ]);
  const making = mage.swarm({
    // A signature, which is reserved while the others wait.
    tasks: [await mage.sign(work, { n: 0 }), ...tasks],
    isSwarmClosed: true,
  });
  for (const row of rows) row.n = 100;
  additionalMetadata.batch = 'b2';
  tasks.length = 0;
  await (await making).run();
  expect(batches()).toEqual([
    [0, undefined],
    [1, 'b1'],
    [2, 'b1'],
  ]);
});

describe('lists of callbacks that are changed while something is made are what they were', () => {
  const makers: [what: string, make: (lists: Lists) => Promise<{ run: () => Promise<unknown>; id: string }>][] = [
    ['a task', (lists) => mage.sign(work, { n: 1 }, lists)],
    ['a chain', (lists) => mage.chain([work], lists)],
    ['a swarm', (lists) => mage.swarm({ tasks: [work], isSwarmClosed: true, ...lists })],
  ];
  interface Lists {
    successCallbacks: TaskLike[];
    errorCallbacks: TaskLike[];
  }
  test.each(makers)('of %s', async (what, make) => {
    const successCallbacks: TaskLike[] = [await mage.sign(called, { tag: `first ${what}` }), called];
    const errorCallbacks: TaskLike[] = [called];
    const making = make({ successCallbacks, errorCallbacks });
    successCallbacks[1] = await mage.sign(uncalled, { tag: 'late' });
    errorCallbacks.push('nobody serves this');
    const made = await making;
    await made.run();
    await eventually('the callback has run', () => of(`first ${what}`).length === 1);
    await eventually('all of it has ended', async () => {
      const { callbacks = { pending: 0, succeeded: 0 } } = (await mage.describe(made.id)).progress ?? {};
      return seen.length === 3 && callbacks.pending === 0;
    });
    expect(of('late')).toEqual([]);
  });

  test('of the declaration of a root', async () => {
    const successCallbacks: TaskLike[] = [];
    const root = mage.rootTask({ name: 'late-root', successCallbacks, fn: () => 1 });
    successCallbacks.push(5 as never);
    await expect(mage.sign(root)).resolves.toBeDefined();
  });
});

test('labels that are changed after they were checked are what was checked', async () => {
  const desiredWorkerLabels = { region: { value: 'eu', required: false, comparator: WorkerLabelComparator.EQUAL } };
  const signature = await mage.sign(work, { n: 7 }, { desiredWorkerLabels });
  // The engine would take these, and lose the run.
  desiredWorkerLabels.region.value = 'half of \ud83d' as never;
  desiredWorkerLabels.region.comparator = 2 ** 40;
  await expect(signature.run()).resolves.toEqual({ n: 7 });
});
