import { ConcurrencyLimitStrategy, type HatchetClient, type Worker } from '@hatchet-dev/typescript-sdk';
import pLimit from 'p-limit';
import type { Mageflow } from '../../src';
import { closeBench, openBench, reporter } from '../helpers/bench-mage';
import { engineRuns, median } from '../helpers/measure';
import { interleave, summary, type Samples } from '../helpers/sampling';
import type { Measured, Part, PartOptions, Target } from '../part';

/** How many items, how long their bodies take, and how many of them may run at once. */
interface Case {
  items: number;
  ms: number;
  limit: number;
  /** Only measured when all is asked for: it takes long, and no target hangs on it. */
  long?: boolean;
}

const cases: readonly Case[] = [
  { items: 500, ms: 0, limit: 1 },
  { items: 500, ms: 0, limit: 30 },
  { items: 2_000, ms: 0, limit: 100 },
  { items: 300, ms: 1_000, limit: 30 },
  { items: 2_000, ms: 0, limit: 30, long: true },
  { items: 500, ms: 20, limit: 30, long: true },
  { items: 500, ms: 0, limit: 100, long: true },
  { items: 500, ms: 20, limit: 1, long: true },
  { items: 500, ms: 20, limit: 100, long: true },
  { items: 2_000, ms: 0, limit: 1, long: true },
  { items: 2_000, ms: 20, limit: 30, long: true },
  { items: 2_000, ms: 20, limit: 100, long: true },
  { items: 300, ms: 1_000, limit: 100, long: true },
];

const names = {
  fanOut: 'raw, no limit',
  slots: 'raw, as many slots',
  engine: "raw, the engine's limit",
  pLimit: 'raw, p-limit',
  parent: 'raw parent, as many slots',
  swarm: 'mageflow swarm',
  root: 'mageflow root',
} as const;

type Input = { n: number; ms: number };
const work = async ({ n, ms }: Input) => {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  return { n };
};
const inputs = ({ items, ms }: Case): Input[] => Array.from({ length: items }, (_, n) => ({ n, ms }));
const unlimited = 100;

/** What all sides of one limit work with: a worker for each, as a user would have it. */
function declare(hatchet: HatchetClient, mage: Mageflow, limit: number) {
  const { task: report, timed } = reporter(mage, `report-${limit}`);
  const own = { retries: 0, executionTimeout: '10m' } as const;
  const task = (side: string, options: object = {}) =>
    hatchet.task<Input, { n: number }>({ name: `${side}-${limit}`, fn: work, ...own, ...options });
  const open = task('open');
  const slots = task('slots');
  const throttled = task('throttled', {
    concurrency: { expression: "'all'", maxRuns: limit, limitStrategy: ConcurrencyLimitStrategy.GROUP_ROUND_ROBIN },
  });
  let lastSwarm = '';
  let lastOutput = (): void => undefined;
  const child = task('child');
  const parent = hatchet.task({
    name: `parent-${limit}`,
    ...own,
    fn: async ({ all }: { all: Input[] }, ctx) => {
      const refs = await ctx.bulkRunNoWaitChildren(all.map((input) => ({ workflow: child, input })));
      await Promise.all(refs.map((ref) => ref.output));
      lastOutput();
      return {};
    },
  });
  const item = mage.task<Input, { n: number }>({ name: `item-${limit}`, fn: work, ...own });
  const root = mage.rootTask({
    name: `root-${limit}`,
    maxConcurrency: limit,
    ...own,
    fn: async ({ all }: { all: Input[] }) => {
      await item.runNoWait(all);
      return {};
    },
  });

  const fanOut = (declaration: typeof open) => async (of: Case) => {
    const began = performance.now();
    const refs = await declaration.runNoWait(inputs(of));
    await Promise.all(refs.map((ref) => ref.output));
    return performance.now() - began;
  };
  const sides: Record<string, (of: Case) => Promise<number>> = {
    [names.fanOut]: fanOut(open),
    [names.slots]: fanOut(slots),
    [names.engine]: fanOut(throttled),
    [names.pLimit]: async (of) => {
      const began = performance.now();
      const atMost = pLimit(limit);
      await Promise.all(inputs(of).map((input) => atMost(() => open.run(input))));
      return performance.now() - began;
    },
    [names.parent]: async (of) => {
      const end = new Promise<number>((resolve) => (lastOutput = () => resolve(performance.now())));
      const began = performance.now();
      await parent.runNoWait({ all: inputs(of) });
      return (await end) - began;
    },
    [names.swarm]: (of) =>
      timed(async () => {
        const swarm = await mage.swarm({
          tasks: inputs(of).map((input) => [item, input] as const),
          successCallbacks: [report],
          config: { maxConcurrency: limit },
          isSwarmClosed: true,
        });
        await swarm.runNoWait({});
        lastSwarm = swarm.id;
      }),
    [names.root]: (of) =>
      timed(async () => {
        const signature = await mage.sign(root, { all: inputs(of) }, { successCallbacks: [report] });
        await signature.runNoWait();
      }),
  };
  const workers = async (): Promise<Worker[]> =>
    Promise.all([
      hatchet.worker(`open-${limit}`, { workflows: [open, throttled, parent], slots: unlimited, handleKill: false }),
      hatchet.worker(`slots-${limit}`, { workflows: [slots], slots: limit, handleKill: false }),
      hatchet.worker(`child-${limit}`, { workflows: [child], slots: limit, handleKill: false }),
      mage.worker(`mage-${limit}`, { workflows: [item, root, report], slots: unlimited + 10, handleKill: false }),
    ]);
  return { sides, workers, lastSwarm: () => lastSwarm };
}

async function measure(of: Case, options: PartOptions, say: (line: string) => void) {
  const bench = openBench();
  const { sides, workers, lastSwarm } = declare(bench.hatchet, bench.mage, of.limit);
  const started = await workers();
  const running = started.map((worker) => worker.start());
  await Promise.all(started.map((worker) => worker.waitUntilReady(60_000)));
  const warmUp: Case = { ...of, items: Math.min(of.items, 2 * of.limit + 20), ms: 0 };
  for (const side of Object.values(sides)) await side(warmUp);
  const bound = Object.fromEntries(Object.entries(sides).map(([name, side]) => [name, () => side(of)]));
  const samples = await interleave(bound, options.rounds ?? 5, (line) => say(`${describeCase(of)}: ${line}`));
  const runs = await engineRuns(bench.hatchet, { 'mageflow.swarm': lastSwarm() });
  await Promise.all(started.map((worker) => worker.stop()));
  await Promise.all(running);
  await closeBench(bench);
  return { ...of, samples, runs };
}

function describeCase({ items, ms, limit }: Case): string {
  return `${items.toLocaleString('en')} items of ${ms} ms at ${limit}`;
}

/** What a swarm and a root have to be, as many times as fast as something else. */
function targets(of: Case, samples: Samples): Target[] {
  const { items, ms, limit } = of;
  const of_ = (name: string) => median(samples[name] ?? []);
  const raw = Math.min(of_(names.slots), of_(names.engine));
  const wanted =
    ms === 0 && limit === 1
      ? { must: 1.1, aim: 1.3, raw, than: "the better of the worker's slots and the engine's limit" }
      : ms === 0 && limit === 30
        ? { must: 1.3, aim: 1.6, raw, than: "the better of the worker's slots and the engine's limit" }
        : ms === 0 && limit === 100 && items >= 1_000
          ? { must: 1, aim: 1.2, raw: of_(names.fanOut), than: 'the fan-out without a limit' }
          : ms === 1_000 && limit === 30
            ? { must: 1 / 1.02, raw: of_(names.slots), than: "the worker's slots" }
            : undefined;
  if (!wanted) return [];
  const { must, aim, than } = wanted;
  const target = (what: string, against: number, name: string): Target => ({
    what: `${describeCase(of)}: ${what}`,
    must,
    ...(aim === undefined ? {} : { aim }),
    got: against / of_(name),
    unit: 'times as fast',
  });
  return [
    target(`a swarm beside ${than}`, wanted.raw, names.swarm),
    target('a root beside a raw parent on a worker with as many slots', of_(names.parent), names.root),
  ];
}

export const sides: Part = {
  name: 'sides',
  about: 'Swarms and root tasks beside the raw SDK, the limits of the engine and of a worker, and p-limit.',
  needs: 'stack',
  async run(options, say): Promise<Measured> {
    const chosen = cases
      .filter(({ long }) => options.all || !long)
      .map((of) => ({ ...of, items: Math.max(1, Math.round(of.items * options.scale)) }));
    const measured: Awaited<ReturnType<typeof measure>>[] = [];
    for (const of of chosen) measured.push(await measure(of, options, say));
    const columns = ['side', ...measured.map(describeCase)];
    const rows = Object.values(names).map((name) => [
      name,
      ...measured.map(({ samples }) => summary(samples[name] ?? [])),
    ]);
    return {
      tables: [
        {
          title: 'Time to the last output, or to the body of the success callback: median (lowest to highest)',
          columns,
          rows,
        },
      ],
      targets: measured.flatMap((one) => targets(one, one.samples)),
      notes: measured.map(
        (one) => `${describeCase(one)}: ${one.runs} runs of the engine for a swarm of ${one.items} and its callback.`,
      ),
      raw: measured,
    };
  },
};
