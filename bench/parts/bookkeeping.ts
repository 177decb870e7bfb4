import { closeBench } from '../helpers/bench-mage';
import { InstantSwarms } from '../helpers/instant-swarm';
import { perSecond, usedMemory } from '../helpers/measure';
import { commandCounts, cpuSeconds } from '../helpers/usage';
import type { Measured, Part } from '../part';

const limit = 200;
const tenths = 10;
const mib = 1024 * 1024;

/** One swarm of a million items, with an engine that answers at once. */
export const bookkeeping: Part = {
  name: 'bookkeeping',
  about:
    "What mageflow itself costs: one swarm of a million items on a real Redis, the engine's part answered at once.",
  needs: 'redis',
  async run({ scale }, say): Promise<Measured> {
    const items = Math.round(1_000_000 * scale);
    const swarms = new InstantSwarms();
    const { redis } = swarms.bench;
    // The code is compiled while it runs for the first time.
    const warmUp = await swarms.swarm(limit);
    await warmUp.addTasks(swarms.entries(Math.min(20_000, items)));
    await swarms.finish(warmUp);
    await redis.flushall();
    swarms.done = 0;

    const empty = await usedMemory(redis);
    const swarm = await swarms.swarm(limit);
    const beganAdding = performance.now();
    await swarm.addTasks(swarms.entries(items));
    const addingMs = performance.now() - beganAdding;
    const queuedBytes = ((await usedMemory(redis)) - empty) / items;
    say(`adding: ${perSecond(items, addingMs)} items a second, ${queuedBytes.toFixed(0)} bytes each`);

    const marks = [{ at: performance.now(), rss: process.memoryUsage().rss }];
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
    const redisUs = (((await cpuSeconds(redis)) - redisBefore) / items) * 1e6;
    const commands = (await commandCounts(redis)).map(({ name, calls }) => ({ name, perItem: calls / items }));
    const finishedBytes = ((await usedMemory(redis)) - empty) / items;
    const calls = swarms.engine.calls - callsBefore;
    await closeBench(swarms.bench);
    if (swarms.engine.failures > 0) throw new Error(`${swarms.engine.failures} bodies failed.`);

    const times = marks.slice(1).map(({ at }, i) => at - (marks[i]?.at ?? 0));
    const [firstTenth = 0, lastTenth = 0] = [times[0], times.at(-1)];
    // From the second tenth on: the first one still grows to what it needs.
    const rss = marks.slice(1).map((mark) => mark.rss / mib);
    const growth = Math.max(...rss) - (rss[0] ?? 0);
    const nodeUs = (node.user + node.system) / items;
    const rows = [
      ['items a second', perSecond(items, ms)],
      ['items a second, adding', perSecond(items, addingMs)],
      ['processor time of Redis an item', `${redisUs.toFixed(0)} µs`],
      ['processor time of Node an item', `${nodeUs.toFixed(0)} µs`],
      ['bytes of Redis an item, queued', queuedBytes.toFixed(0)],
      ['bytes of Redis an item, finished', finishedBytes.toFixed(0)],
      ["time of the last tenth beside the first's", (lastTenth / firstTenth).toFixed(2)],
      ['memory of Node after each tenth, MiB', rss.map((value) => value.toFixed(0)).join(', ')],
      ['runs in a call to the engine', (items / calls).toFixed(0)],
      [
        'script calls an item',
        commands
          .filter(({ name }) => name.startsWith('eval'))
          .reduce((sum, one) => sum + one.perItem, 0)
          .toFixed(2),
      ],
    ];
    return {
      tables: [
        { title: `A swarm of ${items.toLocaleString('en')} items at ${limit}`, columns: ['', 'measured'], rows },
      ],
      targets: [
        { what: 'items a second', must: 10_000, aim: 20_000, got: (items / ms) * 1000, unit: 'a second' },
        {
          what: 'the last tenth beside the first',
          must: 1.2,
          got: lastTenth / firstTenth,
          more: false,
          unit: 'times as long',
        },
        { what: 'growth of Node after the first tenth', must: 100, got: growth, more: false, unit: 'MiB' },
      ],
      raw: { items, ms, addingMs, redisUs, nodeUs, queuedBytes, finishedBytes, times, rss, calls, commands },
    };
  },
};
