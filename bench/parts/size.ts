import { closeBench, openBench, reporter } from '../helpers/bench-mage';
import { median } from '../helpers/measure';
import { inOrder, summary } from '../helpers/sampling';
import { cpuSeconds, machineCpuSeconds } from '../helpers/usage';
import type { Measured, Part } from '../part';

const limit = 100;

interface Pace {
  count: number;
  ms: number;
}

/** One side in one round. */
interface Found {
  all: Pace;
  /** Counted by the starts of the bodies. */
  quarters: Pace[];
  /** Seconds of processor time: of Node, of Redis, and of all that ran. */
  used: { node: number; redis: number; all: number };
}

const rate = ({ count, ms }: Pace) => (count / ms) * 1000;

const lastToFirst = ({ quarters }: Found) => {
  const [first = Number.NaN, , , last = Number.NaN] = quarters.map(rate);
  return last / first;
};

const whole = (value: number) => value.toFixed(0);

function paces(name: string, rounds: readonly Found[]): string[] {
  const quarters = [0, 1, 2, 3].map((i) => rounds.map(({ quarters }) => rate(quarters[i] ?? { count: 0, ms: 1 })));
  return [
    name,
    summary(
      rounds.map(({ all }) => rate(all)),
      whole,
    ),
    ...quarters.map((rates) => whole(median(rates))),
  ];
}

function usage(name: string, rounds: readonly Found[]): string[] {
  const perItem = (of: (used: Found['used']) => number) =>
    `${median(rounds.map(({ used, all }) => (of(used) / all.count) * 1000)).toFixed(2)} ms`;
  return [
    name,
    perItem(({ all, node, redis }) => all - node - redis),
    perItem(({ node }) => node),
    perItem(({ redis }) => redis),
  ];
}

/** Whether a large swarm keeps its pace to the end. */
export const size: Part = {
  name: 'size',
  about: '20,000 items of one swarm on the engine, beside as many runs of the raw SDK.',
  needs: 'stack',
  async run({ scale, rounds = 5 }, say): Promise<Measured> {
    const items = Math.round(20_000 * scale);
    const bench = openBench();
    const { mage, hatchet } = bench;
    const { task: report, timed } = reporter(mage);
    let ends: number[] = [];
    const body = ({ n }: { n: number }) => {
      ends.push(performance.now());
      return { n };
    };
    const item = mage.task({ name: 'item', fn: body });
    const raw = hatchet.task({ name: 'raw', fn: body });
    const workers = await Promise.all([
      mage.worker('bench', { workflows: [item, report], slots: limit + 10, handleKill: false }),
      hatchet.worker('bench-raw', { workflows: [raw], slots: limit, handleKill: false }),
    ]);
    const running = workers.map((worker) => worker.start());
    await Promise.all(workers.map((worker) => worker.waitUntilReady(60_000)));

    const quarters = (began: number) =>
      [0, 1, 2, 3].map((quarter) => {
        const from = quarter === 0 ? began : (ends[Math.floor((items * quarter) / 4) - 1] ?? began);
        const to = ends[Math.floor((items * (quarter + 1)) / 4) - 1] ?? began;
        return { count: items / 4, ms: to - from };
      });
    const measure = async (start: () => Promise<unknown>): Promise<Found> => {
      ends = [];
      const before = { all: machineCpuSeconds(), node: process.cpuUsage(), redis: await cpuSeconds(bench.redis) };
      const began = performance.now();
      await start();
      const ms = performance.now() - began;
      const node = process.cpuUsage(before.node);
      const used = {
        node: (node.user + node.system) / 1e6,
        redis: (await cpuSeconds(bench.redis)) - before.redis,
        all: machineCpuSeconds() - before.all,
      };
      return { all: { count: items, ms }, quarters: quarters(began), used };
    };
    const swarm = () =>
      timed(async () => {
        const made = await mage.swarm({ successCallbacks: [report], config: { maxConcurrency: limit } });
        await made.addTasks(Array.from({ length: items }, (_, n) => [item, { n }] as const));
        await made.closeSwarm();
        await made.runNoWait({});
      });
    const fanOut = async () => {
      const refs = await raw.runNoWait(Array.from({ length: items }, (_, n) => ({ n })));
      await Promise.all(refs.map((ref) => ref.output));
    };
    const sides = { swarm, raw: fanOut };
    const found: Record<keyof typeof sides, Found[]> = { swarm: [], raw: [] };
    for (let round = 1; round <= rounds; round++) {
      for (const side of inOrder(['raw', 'swarm'] as const, round)) {
        const result = await measure(sides[side]);
        found[side].push(result);
        say(`round ${round}: ${side}: ${result.quarters.map((pace) => whole(rate(pace))).join(', ')} a second`);
      }
    }
    await Promise.all(workers.map((worker) => worker.stop()));
    await Promise.all(running);
    await closeBench(bench);

    const time = (rounds: readonly Found[]) => median(rounds.map(({ all }) => all.ms));
    return {
      tables: [
        {
          title: `${items.toLocaleString('en')} no-op items at ${limit}, items a second, medians`,
          columns: ['', 'all (lowest to highest)', 'first quarter', 'second', 'third', 'last quarter'],
          rows: [paces('swarm', found.swarm), paces('raw', found.raw)],
        },
        {
          title: 'Processor time of one item, medians',
          columns: ['', 'engine and Postgres', 'Node: the worker, and who starts the work', 'Redis'],
          rows: [usage('swarm', found.swarm), usage('raw', found.raw)],
        },
      ],
      targets: [
        {
          what: "the last quarter's rate beside the first's, median of the rounds",
          must: 0.8,
          got: median(found.swarm.map(lastToFirst)),
          unit: 'times as fast',
        },
        {
          what: 'a swarm beside the raw SDK',
          must: 1,
          got: time(found.raw) / time(found.swarm),
          unit: 'times as fast',
        },
      ],
      raw: found,
    };
  },
};
