// Measures how exact a rate limit is: how many of the allowed items start, and by how many starts a window ever has too many.
import { closeBench, openBench } from './helpers/bench-mage';
import { runAlone } from './helpers/run-alone';

const seconds = Number(process.env.BENCH_SECONDS ?? 20);
const bench = openBench();
const { mage } = bench;
let begins: number[] = [];
const item = mage.task({
  name: 'limited-item',
  fn: () => {
    begins.push(performance.now());
    return {};
  },
});

async function measure({ limit, perMs, burst }: { limit: number; perMs: number; burst: number }): Promise<void> {
  begins = [];
  const items = burst + Math.floor((limit * seconds * 1_000) / perMs);
  const swarm = await mage.swarm({
    tasks: Array.from({ length: items }, () => item),
    config: { maxConcurrency: 200, rateLimit: { limit, perMs, burst } },
    isSwarmClosed: true,
  });
  await swarm.run();
  const tookMs = (begins.at(-1) ?? 0) - (begins[0] ?? 0);
  const allowedMs = ((items - burst) * perMs) / limit;
  const share = ((100 * allowedMs) / tookMs).toFixed(1);
  console.log(
    `${limit} in ${perMs} ms, burst ${burst}: ${items} starts in ${(tookMs / 1_000).toFixed(1)} s, ${share} % of what is allowed; at most ${excess(limit / perMs, burst).toFixed(1)} starts more than allowed in a window`,
  );
}

/** By how many starts the fullest window exceeds `burst` and what the rate allows in its time. */
function excess(perMs: number, burst: number): number {
  let most = -Infinity;
  for (let from = 0; from < begins.length; from++)
    for (let to = from; to < begins.length; to++) {
      const allowed = burst + perMs * ((begins[to] ?? 0) - (begins[from] ?? 0));
      most = Math.max(most, to - from + 1 - allowed);
    }
  return most;
}

async function main(): Promise<void> {
  const worker = await mage.worker('bench-rate-limit', { workflows: [item], slots: 200 });
  void worker.start();
  await worker.waitUntilReady();
  await measure({ limit: 5, perMs: 1_000, burst: 1 });
  await measure({ limit: 300, perMs: 60_000, burst: 10 });
  await measure({ limit: 50, perMs: 1_000, burst: 20 });
  await measure({ limit: 100, perMs: 1_000, burst: 100 });
  await worker.stop();
  await closeBench(bench);
}

runAlone(main);
