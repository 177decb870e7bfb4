// Measures what one item costs Redis. Queued, beside its payload: 10,000 items through addTasks of a declaration, and
// through an array of signatures. Before it has started and after its end, with its times: 10,000 that an instant engine ends.
import { closeBench, openBench } from './helpers/bench-mage';
import { InstantSwarms } from './helpers/instant-swarm';
import { usedMemory } from './helpers/measure';
import { runAlone } from './helpers/run-alone';

const items = 10_000;
const bench = openBench();
const { redis, mage } = bench;
const item = mage.task<{ row: number; text: string }>({ name: 'process-item', fn: () => ({}) });
const payload = (row: number) => ({ row, text: 'x'.repeat(40) });

async function measure(what: string, add: () => Promise<unknown>): Promise<void> {
  await redis.flushall();
  await mage.swarm({ tasks: [item] });
  const before = await usedMemory(redis);
  const started = performance.now();
  await add();
  const seconds = (performance.now() - started) / 1000;
  const bytes = ((await usedMemory(redis)) - before) / items;
  const own = JSON.stringify(payload(5_000)).length;
  console.log(
    `${what}: ${(bytes - own).toFixed(0)} bytes an item beside its payload of ${own}, ${Math.round(items / seconds)} items/s`,
  );
}

/** Ends all items of a swarm, and measures what each one takes then, and which part of that are its times. */
async function measureEnds(): Promise<void> {
  const swarms = new InstantSwarms();
  await redis.flushall();
  const empty = await usedMemory(redis);
  const swarm = await swarms.swarm(200);
  await swarm.addTasks(swarms.entries(items));
  const queued = (await usedMemory(redis)) - empty;
  await swarms.finish(swarm);
  const ended = (await usedMemory(redis)) - empty;
  const [key = ''] = await redis.keys(`*{${swarm.id}}:t`);
  const times = Number(await redis.memory('USAGE', key, 'SAMPLES', 0));
  await closeBench(swarms.bench);
  const each = (bytes: number) => (bytes / items).toFixed(1);
  console.log(
    `an item and its share of the swarm: ${each(queued)} bytes before it has started, ${each(ended)} after its end, of which its times are ${each(times)}`,
  );
}

async function main(): Promise<void> {
  const rows = Array.from({ length: items }, (_, row) => row);
  await measure('addTasks of a declaration', async () => {
    const swarm = await mage.swarm();
    await swarm.addTasks(rows.map((row) => [item, payload(row)] as const));
  });
  await measure('an array of signatures', async () => {
    await mage.swarm({ tasks: await Promise.all(rows.map((row) => mage.sign(item, payload(row)))) });
  });
  await measureEnds();
  await closeBench(bench);
}

runAlone(main);
