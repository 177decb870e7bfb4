// Measures for how long Redis is blocked at most when a swarm with 100,000 waiting items is cancelled by one call.
import { closeBench, openBench } from './helpers/bench-mage';
import { median } from './helpers/measure';
import { runAlone } from './helpers/run-alone';

const items = 100_000;
const rounds = 5;
const bench = openBench();
const { redis, mage } = bench;

/** The slowest command of one cancel, and how long the call took, both in ms. */
async function round(): Promise<{ slowest: number; call: number }> {
  const swarm = await mage.swarm({ config: { maxConcurrency: 1 } });
  const entries = Array.from({ length: items }, () => 'nobody-serves-this');
  await swarm.addTasks(entries);
  await swarm.runNoWait();
  await redis.call('SLOWLOG', 'RESET');
  const began = performance.now();
  await swarm.cancel();
  const call = performance.now() - began;
  const log = (await redis.call('SLOWLOG', 'GET', '10000')) as [number, number, number, string[]][];
  return { slowest: Math.max(0, ...log.map(([, , micros]) => micros)) / 1000, call };
}

async function main(): Promise<void> {
  await redis.config('SET', 'slowlog-log-slower-than', '0');
  await redis.config('SET', 'slowlog-max-len', '10000');
  const seen: Awaited<ReturnType<typeof round>>[] = [];
  for (let n = 0; n < rounds; n++) seen.push(await round());
  const show = (ms: number) => `${ms.toFixed(1)} ms`;
  console.log(
    `cancel of ${items} waiting items, ${rounds} times: slowest command ${seen.map(({ slowest }) => show(slowest)).join(', ')}` +
      ` (median ${show(median(seen.map(({ slowest }) => slowest)))}), the call ${show(median(seen.map(({ call }) => call)))}`,
  );
  await closeBench(bench);
}

runAlone(main);
