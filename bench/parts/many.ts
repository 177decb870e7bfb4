import pLimit from 'p-limit';
import { closeBench, openBench, reporter } from '../helpers/bench-mage';
import { InstantSwarms } from '../helpers/instant-swarm';
import { interleave, summary } from '../helpers/sampling';
import { median } from '../helpers/measure';
import type { Measured, Part, PartOptions, Table, Target } from '../part';

const itemsPerSwarm = 10;
const openAtOnce = 200;
const slower = (what: string, many: readonly number[], one: readonly number[]): Target => ({
  what,
  must: 1.2,
  got: median(many) / median(one),
  more: false,
  unit: 'times as long',
});

/** Bookkeeping only, as 10,000 swarms would take the engine a quarter of an hour. Both sides wait for all outputs, as a user would. */
async function manySwarms({ scale, rounds = 5 }: PartOptions, say: (line: string) => void) {
  const count = Math.round(10_000 * scale);
  const items = count * itemsPerSwarm;
  const swarms = new InstantSwarms();
  const { mage } = swarms.bench;
  const { item } = swarms;
  const entries = Array.from({ length: itemsPerSwarm }, (_, n) => [item, { n }] as const);
  const concurrency = { maxConcurrency: itemsPerSwarm };
  const many = async () => {
    const began = performance.now();
    const atMost = pLimit(openAtOnce);
    const one = async () => {
      const swarm = await mage.swarm({ tasks: entries, config: concurrency, isSwarmClosed: true });
      const { output } = await swarm.runNoWait({});
      await output;
    };
    await Promise.all(Array.from({ length: count }, () => atMost(one)));
    return performance.now() - began;
  };
  const one = async () => {
    const began = performance.now();
    const swarm = await mage.swarm<[typeof item, { n: number }]>({
      config: { maxConcurrency: openAtOnce * itemsPerSwarm },
    });
    await swarm.addTasks(swarms.entries(items));
    await swarm.closeSwarm();
    const { output } = await swarm.runNoWait({});
    await output;
    return performance.now() - began;
  };
  const sides = { many, one };
  const samples = await interleave(sides, rounds, say);
  await closeBench(swarms.bench);
  return { count, items, many: samples['many'] ?? [], one: samples['one'] ?? [] };
}

async function manyRoots({ scale, rounds = 5 }: PartOptions, say: (line: string) => void) {
  const count = 50;
  const children = Math.max(1, Math.round(100 * scale));
  const limit = 100;
  const bench = openBench();
  const { mage } = bench;
  const { task: report, timed } = reporter(mage);
  const item = mage.task({ name: 'item', fn: ({ n }: { n: number }) => ({ n }) });
  const spawn = (name: string, maxConcurrency: number) =>
    mage.rootTask({
      name,
      maxConcurrency,
      executionTimeout: '10m',
      fn: async ({ children: number }: { children: number }) => {
        await item.runNoWait(Array.from({ length: number }, (_, n) => ({ n })));
        return {};
      },
    });
  const [small, large] = [spawn('small', 2), spawn('large', limit)];
  const worker = await mage.worker('bench', {
    workflows: [item, report, small, large],
    slots: 2 * limit,
    handleKill: false,
  });
  const running = worker.start();
  await worker.waitUntilReady(60_000);
  const sides = {
    many: () =>
      timed(async () => {
        const tasks = Array.from({ length: count }, () => [small, { children }] as const);
        const swarm = await mage.swarm({
          tasks,
          successCallbacks: [report],
          config: { maxConcurrency: count },
          isSwarmClosed: true,
        });
        await swarm.runNoWait({});
      }),
    one: () =>
      timed(async () => {
        const root = await mage.sign(large, { children: count * children }, { successCallbacks: [report] });
        await root.runNoWait();
      }),
  };
  for (const side of Object.values(sides)) await side();
  const samples = await interleave(sides, rounds, say);
  await worker.stop();
  await running;
  await closeBench(bench);
  return { count, children, many: samples['many'] ?? [], one: samples['one'] ?? [] };
}

/** Many groups at once, beside one that holds as many items. */
export const many: Part = {
  name: 'many',
  about:
    '10,000 swarms of 10 items, and 50 root tasks with 100 children each at once, beside one of each with as many items.',
  needs: 'stack',
  async run(options, say): Promise<Measured> {
    const swarms = await manySwarms(options, (line) => say(`swarms, ${line}`));
    const roots = await manyRoots(options, (line) => say(`roots, ${line}`));
    const table: Table = {
      title: 'Time to the end of all',
      columns: ['', 'many', 'one with as many items'],
      rows: [
        [
          `${swarms.count.toLocaleString('en')} swarms of ${itemsPerSwarm}, ${openAtOnce} open at once (engine answers at once)`,
          summary(swarms.many),
          summary(swarms.one),
        ],
        [`${roots.count} roots with ${roots.children} children each`, summary(roots.many), summary(roots.one)],
      ],
    };
    return {
      tables: [table],
      targets: [
        slower('many swarms beside one', swarms.many, swarms.one),
        slower('many roots beside one', roots.many, roots.one),
      ],
      raw: { swarms, roots },
    };
  },
};
