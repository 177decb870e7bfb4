// Measures what one queued item costs Redis beside its payload: 10,000 items through addTasks of a declaration, and
// through an array of signatures.
import { closeBench, openBench } from './helpers/bench-mage';
import { usedMemory } from './helpers/measure';

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

async function main(): Promise<void> {
  const rows = Array.from({ length: items }, (_, row) => row);
  await measure('addTasks of a declaration', async () => {
    const swarm = await mage.swarm();
    await swarm.addTasks(rows.map((row) => [item, payload(row)] as const));
  });
  await measure('an array of signatures', async () => {
    await mage.swarm({ tasks: await Promise.all(rows.map((row) => mage.sign(item, payload(row)))) });
  });
  await closeBench(bench);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
