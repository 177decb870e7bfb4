// Measures, in one process and interleaved, N no-op children at a limit: of a root task, of a raw SDK task that fans them
// out to a worker with as many slots, raw ones without a parent (what a parent costs the engine), and N items of a swarm.
// Ends: the success callback's body of a root and of a swarm, the last child's end of the raw ones.
// Run it on a quiet machine: npm run bench:root -- --items 1000 --limit 30 --rounds 3
import { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { Mageflow } from '../src';
import { engineRuns, median, quietLogger, ratio } from './measure';

const { values } = parseArgs({
  options: {
    items: { type: 'string', default: '1000' },
    limit: { type: 'string', default: '30' },
    rounds: { type: 'string', default: '3' },
    // Publishes each child as a signature of its own, as the documents do, and not with one `runNoWait([...])`.
    signed: { type: 'boolean', default: false },
  },
});
const items = Number(values.items);
const limit = Number(values.limit);
const rounds = Number(values.rounds);
const inputs = Array.from({ length: items }, (_, n) => ({ n }));

const namespace = `bench${randomBytes(4).toString('hex')}`;
const hatchet = HatchetClient.init({ namespace, logger: quietLogger as never });
const redis = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379');
const mage = new Mageflow(hatchet, redis, { keyPrefix: namespace });

let reported = (): void => undefined;
let rawChildrenLeft = 0;

const rawChild = hatchet.task<{ n: number }, { n: number }>({
  name: 'raw-child',
  fn: ({ n }) => {
    rawChildrenLeft -= 1;
    if (rawChildrenLeft === 0) reported();
    return { n };
  },
});
const rawParent = hatchet.task({
  name: 'raw-parent',
  executionTimeout: '10m',
  fn: async (_input, ctx) => {
    await ctx.bulkRunNoWaitChildren(inputs.map((input) => ({ workflow: rawChild, input })));
    return { published: items };
  },
});
const child = mage.task<{ n: number }, { n: number }>({ name: 'child', fn: ({ n }) => ({ n }) });
const root = mage.rootTask({
  name: 'root',
  maxConcurrency: limit,
  executionTimeout: '10m',
  fn: async () => {
    if (values.signed) for (const input of inputs) await (await mage.sign(child)).runNoWait(input);
    else await child.runNoWait(inputs);
    return { published: items };
  },
});
const report = mage.task({
  name: 'report',
  fn: () => {
    reported();
    return {};
  },
});

async function untilReported(start: () => Promise<unknown>): Promise<number> {
  const end = new Promise<number>((resolve) => (reported = () => resolve(performance.now())));
  const started = performance.now();
  await start();
  return (await end) - started;
}

let lastRoot = '';
const variants = {
  'raw parent': () => {
    rawChildrenLeft = items;
    return untilReported(() => rawParent.runNoWait({}));
  },
  'raw, no parent': () => {
    rawChildrenLeft = items;
    return untilReported(() => rawChild.runNoWait(inputs));
  },
  root: () =>
    untilReported(async () => {
      const signature = await mage.sign(root, {}, { successCallbacks: [report] });
      lastRoot = signature.id;
      await signature.runNoWait();
    }),
  swarm: () =>
    untilReported(async () => {
      const swarm = await mage.swarm({
        tasks: inputs.map((input) => [child, input] as const),
        successCallbacks: [report],
        config: { maxConcurrency: limit },
        isSwarmClosed: true,
      });
      await swarm.runNoWait({});
    }),
};
type Variant = keyof typeof variants;
const names = Object.keys(variants) as Variant[];

async function main(): Promise<void> {
  const workers = await Promise.all([
    mage.worker('bench', { workflows: [root, child, report], slots: 100, handleKill: false }),
    hatchet.worker('bench-raw-parent', { workflows: [rawParent], slots: 5, handleKill: false }),
    hatchet.worker('bench-raw', { workflows: [rawChild], slots: limit, handleKill: false }),
  ]);
  const running = workers.map((worker) => worker.start());
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));
  for (const name of names) await variants[name]();
  const times: Record<Variant, number[]> = { 'raw parent': [], 'raw, no parent': [], root: [], swarm: [] };
  for (let round = 0; round < rounds; round++) {
    for (const name of names) times[name].push(await variants[name]());
    const shown = names.map((name) => `${name} ${Math.round(times[name][round] ?? 0)} ms`);
    console.log(`round ${round + 1}: ${shown.join(', ')}`);
  }
  const medians = names.map((name) => `${name} ${Math.round(median(times[name]))} ms`);
  console.log(`${items} children at ${limit}, medians of ${rounds}: ${medians.join(', ')}`);
  console.log(`raw parent/root ${ratio(times['raw parent'], times.root)} (at least 1: the root is not slower)`);
  console.log(`swarm/root ${ratio(times.swarm, times.root)}`);
  console.log(
    `raw parent/raw without one ${ratio(times['raw parent'], times['raw, no parent'])}: the engine's own cost`,
  );
  const children = await engineRuns(hatchet, { 'mageflow.root': lastRoot });
  console.log(`engine runs below the last root: ${children} (children: ${items})`);
  await Promise.all(workers.map((worker) => worker.stop()));
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
