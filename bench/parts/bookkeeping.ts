import { closeBench } from '../helpers/bench-mage';
import { InstantSwarms } from '../helpers/instant-swarm';
import { median, perSecond, usedMemory } from '../helpers/measure';
import { commandCounts, cpuSeconds } from '../helpers/usage';
import type { Measured, Part, Table } from '../part';

const limit = 200;
const tenths = 10;
const mib = 1024 * 1024;

/** One swarm from its first item to its callback. */
interface Round {
  items: number;
  addingMs: number;
  ms: number;
  redisUs: number;
  nodeUs: number;
  queuedBytes: number;
  finishedBytes: number;
  /** How long each tenth took, in ms, and what Node's process held after it, in MiB. */
  times: number[];
  rss: number[];
  /** Calls to the engine. */
  calls: number;
  commands: { name: string; perItem: number }[];
}

async function measure(swarms: InstantSwarms, items: number, say: (line: string) => void): Promise<Round> {
  const { redis } = swarms.bench;
  await redis.flushall();
  swarms.done = 0;
  const empty = await usedMemory(redis);
  const swarm = await swarms.swarm(limit);
  const beganAdding = performance.now();
  await swarm.addTasks(swarms.entries(items));
  const addingMs = performance.now() - beganAdding;
  const queuedBytes = ((await usedMemory(redis)) - empty) / items;
  say(`adding: ${perSecond(items, addingMs)} items a second, ${queuedBytes.toFixed(0)} bytes each`);

  const marks = [{ at: performance.now(), rss: 0 }];
  const tenth = Math.floor(items / tenths);
  swarms.onBody = () => {
    if (swarms.done % tenth !== 0) return;
    marks.push({ at: performance.now(), rss: process.memoryUsage().rss });
    const last = marks.at(-1)!.at - marks.at(-2)!.at;
    say(`${swarms.done} items, the last tenth at ${perSecond(tenth, last)} a second`);
  };
  await redis.config('RESETSTAT');
  const [redisBefore, nodeBefore, callsBefore] = [await cpuSeconds(redis), process.cpuUsage(), swarms.engine.calls];
  const ms = await swarms.finish(swarm);
  const node = process.cpuUsage(nodeBefore);
  return {
    items,
    addingMs,
    ms,
    redisUs: (((await cpuSeconds(redis)) - redisBefore) / items) * 1e6,
    nodeUs: (node.user + node.system) / items,
    queuedBytes,
    finishedBytes: ((await usedMemory(redis)) - empty) / items,
    times: marks.slice(1).map(({ at }, i) => at - (marks[i]?.at ?? 0)),
    rss: marks.slice(1).map(({ rss }) => rss / mib),
    calls: swarms.engine.calls - callsBefore,
    commands: (await commandCounts(redis)).map(({ name, calls }) => ({ name, perItem: calls / items })),
  };
}

const lastToFirst = ({ times }: Round) => (times.at(-1) ?? 0) / (times[0] ?? 0);

const scriptCalls = ({ commands }: Round) =>
  commands.filter(({ name }) => name.startsWith('eval')).reduce((sum, { perItem }) => sum + perItem, 0);

function table(rounds: readonly Round[]): Table {
  const row = (what: string, of: (round: Round) => string) => [what, ...rounds.map(of)];
  return {
    title: `A swarm of ${rounds[0]?.items.toLocaleString('en')} items at ${limit}, one after the other in one process`,
    columns: ['', ...rounds.map((_, i) => `round ${i + 1}`)],
    rows: [
      row('items a second', ({ items, ms }) => perSecond(items, ms)),
      row('items a second, adding', ({ items, addingMs }) => perSecond(items, addingMs)),
      row('processor time of Redis an item', ({ redisUs }) => `${redisUs.toFixed(0)} µs`),
      row('processor time of Node an item', ({ nodeUs }) => `${nodeUs.toFixed(0)} µs`),
      row('bytes of Redis an item, queued', ({ queuedBytes }) => queuedBytes.toFixed(0)),
      row('bytes of Redis an item, finished', ({ finishedBytes }) => finishedBytes.toFixed(0)),
      row("time of the last tenth beside the first's", (round) => lastToFirst(round).toFixed(2)),
      row('memory of Node after each tenth, MiB', ({ rss }) => rss.map((value) => value.toFixed(0)).join(', ')),
      row('runs in a call to the engine', ({ items, calls }) => (items / calls).toFixed(0)),
      row('script calls an item', (round) => scriptCalls(round).toFixed(2)),
    ],
  };
}

/** Swarms of a million items, with an engine that answers at once. */
export const bookkeeping: Part = {
  name: 'bookkeeping',
  about:
    "What mageflow itself costs: swarms of a million items on a real Redis, the engine's part answered at once; medians.",
  needs: 'redis',
  async run({ scale, rounds: number = 3 }, say): Promise<Measured> {
    const items = Math.round(1_000_000 * scale);
    const swarms = new InstantSwarms();
    // The code is compiled while it runs for the first time.
    const warmUp = await swarms.swarm(limit);
    await warmUp.addTasks(swarms.entries(Math.min(20_000, items)));
    await swarms.finish(warmUp);
    const rounds: Round[] = [];
    for (let i = 1; i <= number; i++) rounds.push(await measure(swarms, items, (line) => say(`round ${i}: ${line}`)));
    await closeBench(swarms.bench);
    if (swarms.engine.failures > 0) throw new Error(`${swarms.engine.failures} bodies failed.`);
    // From the second tenth of each on: until its first collection Node keeps what adding, and the list for the callback before, have left.
    const [settled = 0, ...later] = rounds.flatMap(({ rss }) => rss.slice(1));
    const growth = Math.max(settled, ...later) - settled;
    return {
      tables: [table(rounds)],
      targets: [
        {
          what: 'items a second',
          must: 10_000,
          aim: 20_000,
          got: median(rounds.map(({ ms }) => (items / ms) * 1000)),
          unit: 'a second',
        },
        {
          what: 'the last tenth beside the first',
          must: 1.2,
          got: median(rounds.map(lastToFirst)),
          more: false,
          unit: 'times as long',
        },
        { what: 'growth of Node after the first tenth of each', must: 100, got: growth, more: false, unit: 'MiB' },
      ],
      raw: { rounds },
    };
  },
};
