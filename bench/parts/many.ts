import pLimit from 'p-limit';
import type { Mageflow } from '../../src';
import { closeBench, openBench, reporter } from '../helpers/bench-mage';
import { entriesOf, InstantSwarms } from '../helpers/instant-swarm';
import { median } from '../helpers/measure';
import { interleave, summary } from '../helpers/sampling';
import type { Measured, Part, PartOptions, Table, Target } from '../part';

const itemsPerSwarm = 10;
const openAtOnce = 200;
/** Of a worker on the engine, also when more of what is granted could run. */
const slots = 200;
/** Other than on an engine that answers at once, where 10,000 take seconds: here they take a quarter of an hour on each side. */
const fewOnEngine = 500;
const allOnEngine = 10_000;

type Item = InstantSwarms['item'];
type Workflows = NonNullable<NonNullable<Parameters<Mageflow['worker']>[1]>['workflows']>;
type Sides = Record<'many' | 'one', () => Promise<number>>;
interface Found {
  what: string;
  many: number[];
  one: number[];
}

const itemOf = (mage: Mageflow): Item => mage.task({ name: 'item', fn: ({ n }: { n: number }) => ({ n }) });

const thousands = (count: number) => count.toLocaleString('en');

/** The same items in many swarms and in one. Both sides wait for all outputs, as a user would. */
function swarmSides(mage: Mageflow, item: Item, count: number): Sides {
  const entries = [...entriesOf(item, itemsPerSwarm)];
  return {
    many: async () => {
      const began = performance.now();
      const atMost = pLimit(openAtOnce);
      const one = async () => {
        const config = { maxConcurrency: itemsPerSwarm };
        const swarm = await mage.swarm({ tasks: entries, config, isSwarmClosed: true });
        const { output } = await swarm.runNoWait({});
        await output;
      };
      await Promise.all(Array.from({ length: count }, () => atMost(one)));
      return performance.now() - began;
    },
    one: async () => {
      const began = performance.now();
      const config = { maxConcurrency: openAtOnce * itemsPerSwarm };
      const swarm = await mage.swarm<readonly (readonly [Item, { n: number }])[]>({ config });
      await swarm.addTasks(entriesOf(item, count * itemsPerSwarm));
      await swarm.closeSwarm();
      const { output } = await swarm.runNoWait({});
      await output;
      return performance.now() - began;
    },
  };
}

/** Runs something while a worker serves it. */
async function served<T>(mage: Mageflow, workflows: Workflows, use: () => Promise<T>): Promise<T> {
  const worker = await mage.worker('bench', { workflows, slots, handleKill: false });
  const running = worker.start();
  await worker.waitUntilReady(60_000);
  const result = await use();
  await worker.stop();
  await running;
  return result;
}

async function found(what: string, sides: Sides, rounds: number, say: (line: string) => void): Promise<Found> {
  const samples = await interleave(sides, rounds, (line) => say(`${what}: ${line}`));
  return { what, many: samples['many'] ?? [], one: samples['one'] ?? [] };
}

/** What mageflow and Redis spend on it: beside what the engine spends, which is forty times as much, it would hardly be seen. */
async function bookkeeping({ scale, rounds = 5 }: PartOptions, say: (line: string) => void): Promise<Found> {
  const count = Math.round(10_000 * scale);
  const swarms = new InstantSwarms();
  const what = `${thousands(count)} swarms of ${itemsPerSwarm}, ${openAtOnce} open at once (engine answers at once)`;
  const result = await found(what, swarmSides(swarms.bench.mage, swarms.item, count), rounds, say);
  await closeBench(swarms.bench);
  return result;
}

async function swarmsOnEngine(count: number, rounds: number, say: (line: string) => void): Promise<Found> {
  const bench = openBench();
  const { mage } = bench;
  const item = itemOf(mage);
  const what = `${thousands(count)} swarms of ${itemsPerSwarm}, ${openAtOnce} open at once`;
  const result = await served(mage, [item], async () => {
    for (const side of Object.values(swarmSides(mage, item, Math.min(50, count)))) await side();
    return found(what, swarmSides(mage, item, count), rounds, say);
  });
  await closeBench(bench);
  return result;
}

async function rootsOnEngine({ scale, rounds = 5 }: PartOptions, say: (line: string) => void): Promise<Found> {
  const count = 50;
  const children = Math.max(1, Math.round(100 * scale));
  const limit = slots / 2;
  const bench = openBench();
  const { mage } = bench;
  const { task: report, timed } = reporter(mage);
  const item = itemOf(mage);
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
  const sides: Sides = {
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
  const result = await served(mage, [item, report, small, large], async () => {
    for (const side of Object.values(sides)) await side();
    return found(`${count} roots with ${children} children each`, sides, rounds, say);
  });
  await closeBench(bench);
  return result;
}

/** Many groups at once, beside one that holds as many items. */
export const many: Part = {
  name: 'many',
  about: '10,000 swarms of 10 items, and 50 root tasks with 100 children each at once, beside one with as many items.',
  needs: 'stack',
  async run(options, say): Promise<Measured> {
    const { scale, rounds } = options;
    const swarms = await bookkeeping(options, say);
    const onEngine = [await swarmsOnEngine(Math.round(fewOnEngine * scale), rounds ?? 5, say)];
    const roots = await rootsOnEngine(options, say);
    if (options.all) onEngine.push(await swarmsOnEngine(Math.round(allOnEngine * scale), rounds ?? 1, say));
    const all = [swarms, ...onEngine, roots];
    const table: Table = {
      title: 'Time to the end of all',
      columns: ['', 'many', 'one with as many items'],
      rows: all.map((one) => [one.what, summary(one.many), summary(one.one)]),
    };
    const slower = (what: string, { many: several, one }: Found, limit: Pick<Target, 'must' | 'aim'>): Target => ({
      what,
      ...limit,
      got: median(several) / median(one),
      more: false,
      unit: 'times as long',
    });
    return {
      tables: [table],
      targets: [
        // Nobody waits for this by itself: it shows what the engine's own time hides.
        slower('many swarms beside one, bookkeeping alone', swarms, { aim: 1.2 }),
        ...onEngine.map((measured) => slower(`${measured.what}, beside one`, measured, { must: 1.2 })),
        slower('many roots beside one', roots, { must: 1.2 }),
      ],
      raw: { swarms, onEngine, roots },
    };
  },
};
