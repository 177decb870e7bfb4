/**
 * `npm run model [-- --runs N --seed S]`: random sequences of calls of the store on a Redis, compared with a model of what
 * they must do. `--seed S --path P`, as a failure prints them, runs its shortest sequence again. `--in-process` takes the
 * Redis of the testing kit in place of a real one.
 */
import { Redis } from 'ioredis';
import { parseArgs } from 'node:util';
import { runSequences, seedsFrom, Stores, type Sequences } from '../__tests__/model/sequences';
import { connectTo } from '../src/testing/redis/connection';
import { openRedis } from '../__tests__/in-process/redis';
import { errorMessage } from './stack/errors';
import { withRedis } from './with-redis';

function readSequences(): Sequences & { seed: number; inProcess: boolean } {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { runs: text, seed: text, path: text, 'in-process': { type: 'boolean' } } });
  const { runs = '2000', seed, path, 'in-process': inProcess = false } = values;
  const given = { runs: Number(runs), seed: seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(seed) };
  for (const [name, value] of Object.entries(given))
    if (!Number.isSafeInteger(value)) throw new Error(`--${name}: expected a whole number.`);
  if (path !== undefined && seed === undefined)
    throw new Error('--path: expected --seed with it, as the failure printed them.');
  const { runs: count, seed: first } = given;
  return path === undefined
    ? { runs: count, seed: first, seeds: seedsFrom(first), inProcess }
    : { runs: 1, seed: first, seeds: [first], path, inProcess };
}

async function compare(redis: Redis, sequences: Sequences & { seed: number }, signal?: AbortSignal): Promise<void> {
  const began = Date.now();
  const stores = new Stores(redis, `model-${process.pid}`);
  try {
    console.log(`seed ${sequences.seed}`);
    const done = await runSequences(stores, sequences, signal);
    console.log(`${done} sequences, ${Math.round((Date.now() - began) / 1_000)} s`);
    if (signal?.aborted) throw new Error('It was interrupted.');
  } finally {
    await stores.close();
  }
}

async function main(): Promise<void> {
  const { inProcess, ...sequences } = readSequences();
  if (inProcess) return compare(connectTo(openRedis()), sequences);
  await withRedis((url, signal) => compare(new Redis(url, { lazyConnect: true }), sequences, signal));
}

main().catch((error: unknown) => {
  console.error(errorMessage(error));
  process.exitCode = 1;
});
