// Measures what the reconciler costs Redis while nothing happens: 1,000 swarms that wait, half of them suspended, and 20 instances
// that look after them, beside the same Redis without any. Takes a Redis of its own, so that nobody else is counted.
import { Redis } from 'ioredis';
import { Mageflow } from '../src';
import { OwnRedis } from '../__tests__/helpers/own-redis';
import { quietLogger } from '../__tests__/helpers/quiet';
import { newClient } from './helpers/bench-mage';
import { commandCounts, cpuSeconds } from './helpers/usage';
import { runAlone } from './helpers/run-alone';

const swarms = 1_000;
const processes = 20;
const seconds = Number(process.env.BENCH_SECONDS ?? 60);
const hatchet = newClient();

async function main(): Promise<void> {
  // As a server that is used in earnest: data reach the disk each second.
  const server = await OwnRedis.open('--appendfsync', 'everysec');
  const redis = new Redis(server.url);
  const logger = quietLogger();
  const instances = Array.from({ length: processes }, () => new Mageflow(hatchet, server.url, { logger }));
  const baseline = await measure(redis, 'nobody looks after anything');

  const [first] = instances;
  if (!first) throw new Error('There is no instance.');
  for (let n = 0; n < swarms; n++) {
    const swarm = await first.swarm({ name: `waits ${n}` });
    // Started and open: it waits for items.
    await swarm.runNoWait();
    if (n % 2 === 1) await swarm.suspend();
  }
  for (const instance of instances) instance.startReconciler();
  await pause(15_000);
  const busy = await measure(redis, `${swarms} idle swarms, ${processes} processes`);
  console.log(`reconciler: ${((busy - baseline) * 100).toFixed(2)} % of a core`);
  for (const instance of instances) await instance.close();
  redis.disconnect();
  await server.close();
}

/** What share of a core Redis used. */
async function measure(redis: Redis, what: string): Promise<number> {
  await redis.config('RESETSTAT');
  const before = await cpuSeconds(redis);
  const began = performance.now();
  await pause(seconds * 1000);
  const share = ((await cpuSeconds(redis)) - before) / ((performance.now() - began) / 1000);
  const top = (await commandCounts(redis))
    .slice(0, 8)
    .map(({ name, calls }) => `${name} ${(calls / seconds).toFixed(1)}`);
  console.log(`${what}: ${(share * 100).toFixed(2)} % of a core; commands a second: ${top.join(', ')}`);
  return share;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

runAlone(main);
