import { closeBench, openBench, reporter } from '../helpers/bench-mage';
import { perSecond } from '../helpers/measure';
import { cpuSeconds, machineCpuSeconds } from '../helpers/usage';
import type { Measured, Part } from '../part';

const limit = 100;

/** Whether a large swarm keeps its pace to the end. */
export const size: Part = {
  name: 'size',
  about: '20,000 items of one swarm on the engine, beside as many runs of the raw SDK.',
  needs: 'stack',
  async run({ scale }, say): Promise<Measured> {
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

    /** Items a second in each quarter, counted by the starts of their bodies. */
    const quarters = (began: number) =>
      [0, 1, 2, 3].map((quarter) => {
        const from = quarter === 0 ? began : (ends[Math.floor((items * quarter) / 4) - 1] ?? began);
        const to = ends[Math.floor((items * (quarter + 1)) / 4) - 1] ?? began;
        return { count: items / 4, ms: to - from };
      });
    const measure = async (what: string, start: () => Promise<unknown>) => {
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
      const found = { all: { count: items, ms }, quarters: quarters(began), used };
      say(`${what}: ${perSecond(items, found.all.ms)} a second`);
      return found;
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
    const found = { swarm: await measure('swarm', swarm), raw: await measure('raw', fanOut) };
    await Promise.all(workers.map((worker) => worker.stop()));
    await Promise.all(running);
    await closeBench(bench);

    const rate = ({ count, ms }: { count: number; ms: number }) => (count / ms) * 1000;
    const row = (name: keyof typeof found) => [
      name,
      rate(found[name].all).toFixed(0),
      ...found[name].quarters.map((quarter) => rate(quarter).toFixed(0)),
    ];
    const perItem = (seconds: number) => `${((seconds / items) * 1000).toFixed(2)} ms`;
    const usage = (name: keyof typeof found) => {
      const { node, redis, all } = found[name].used;
      return [name, perItem(all - node - redis), perItem(node), perItem(redis)];
    };
    const [first, , , last] = found.swarm.quarters.map(rate);
    return {
      tables: [
        {
          title: `${items.toLocaleString('en')} no-op items at ${limit}, items a second`,
          columns: ['', 'all', 'first quarter', 'second', 'third', 'last quarter'],
          rows: [row('swarm'), row('raw')],
        },
        {
          title: 'Processor time of one item',
          columns: ['', 'engine and Postgres', 'Node: the worker, and who starts the work', 'Redis'],
          rows: [usage('swarm'), usage('raw')],
        },
      ],
      targets: [
        {
          what: "the last quarter's rate beside the first's",
          must: 0.8,
          got: (last ?? 0) / (first ?? 1),
          unit: 'times as fast',
        },
        {
          what: 'a swarm beside the raw SDK',
          must: 1,
          got: found.raw.all.ms / found.swarm.all.ms,
          unit: 'times as fast',
        },
      ],
      raw: found,
    };
  },
};
