// Measures, in one process and interleaved: N no-op items in a swarm at a limit, beside the raw SDK's
// `runNoWait([...])` of N on a worker with as many slots. Also counts engine runs and script calls.
// Run it on a quiet machine: npm run bench
import { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { Mageflow } from '../src';
import { commandCalls, engineRuns, median, quietLogger, ratio } from './measure';

const { values } = parseArgs({
  options: {
    items: { type: 'string', default: '1000' },
    limit: { type: 'string', default: '30' },
    rounds: { type: 'string', default: '3' },
  },
});
const items = Number(values.items);
const limit = Number(values.limit);
const rounds = Number(values.rounds);

const namespace = `bench${randomBytes(4).toString('hex')}`;
const hatchet = HatchetClient.init({ namespace, logger: quietLogger as never });
const redis = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379');
const mage = new Mageflow(hatchet, redis, { keyPrefix: namespace });

let reported: (() => void) | undefined;
const raw = hatchet.task<{ n: number }, { n: number }>({ name: 'raw', fn: ({ n }) => ({ n }) });
const item = mage.task<{ n: number }, { n: number }>({ name: 'item', fn: ({ n }) => ({ n }) });
const report = mage.task({
  name: 'report',
  fn: () => {
    reported?.();
    return {};
  },
});

async function rawRound(): Promise<number> {
  const started = performance.now();
  const refs = await raw.runNoWait(Array.from({ length: items }, (_, n) => ({ n })));
  await Promise.all(refs.map((ref) => ref.output));
  return performance.now() - started;
}

async function swarmRound(): Promise<{ ms: number; id: string }> {
  const callback = new Promise<void>((resolve) => (reported = resolve));
  const started = performance.now();
  const swarm = await mage.swarm({
    tasks: Array.from({ length: items }, (_, n) => [item, { n }] as const),
    successCallbacks: [report],
    config: { maxConcurrency: limit },
    isSwarmClosed: true,
  });
  await swarm.runNoWait({});
  await callback;
  return { ms: performance.now() - started, id: swarm.id };
}

async function main(): Promise<void> {
  const worker = await mage.worker('bench', { workflows: [item, report], slots: 100, handleKill: false });
  const rawWorker = await hatchet.worker('bench-raw', { workflows: [raw], slots: limit, handleKill: false });
  const running = [worker.start(), rawWorker.start()];
  await Promise.all([worker.waitUntilReady(), rawWorker.waitUntilReady()]);
  await Promise.all([rawRound(), swarmRound()].map((warmUp) => warmUp.then(() => undefined)));
  const raws: number[] = [];
  const swarms: number[] = [];
  let scripts = 0;
  let lastSwarm = '';
  for (let round = 0; round < rounds; round++) {
    raws.push(await rawRound());
    await redis.config('RESETSTAT');
    const { ms, id } = await swarmRound();
    scripts = await commandCalls(redis, ['evalsha', 'eval']);
    swarms.push(ms);
    lastSwarm = id;
    console.log(`round ${round + 1}: raw ${Math.round(raws[round] ?? 0)} ms, swarm ${Math.round(ms)} ms`);
  }
  console.log(
    `${items} items at ${limit}: raw ${Math.round(median(raws))} ms, swarm ${Math.round(median(swarms))} ms, raw/swarm ${ratio(raws, swarms)}`,
  );
  console.log(`script calls per item: ${(scripts / items).toFixed(2)}`);
  const runs = await engineRuns(hatchet, { 'mageflow.swarm': lastSwarm });
  console.log(`engine runs of the last swarm: ${runs} (items + callbacks: ${items + 1})`);
  await Promise.all([worker.stop(), rawWorker.stop()]);
  await Promise.all(running);
  await mage.close();
  redis.disconnect();
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
