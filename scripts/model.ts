/**
 * `npm run model [-- --runs N --seed S]`: random sequences of calls of the store on a Redis, compared with a model of what
 * they must do. `--seed S --path P`, as a failure prints them, runs its shortest sequence again.
 */
import { parseArgs } from 'node:util';
import { runSequences, seedsFrom, Stores, type Sequences } from '../__tests__/model/sequences';
import { errorMessage } from './stack/errors';
import { withRedis } from './with-redis';

function readSequences(): Sequences & { seed: number } {
  const text = { type: 'string' } as const;
  const { runs = '2000', seed, path } = parseArgs({ options: { runs: text, seed: text, path: text } }).values;
  const given = { runs: Number(runs), seed: seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(seed) };
  for (const [name, value] of Object.entries(given))
    if (!Number.isSafeInteger(value)) throw new Error(`--${name}: expected a whole number.`);
  if (path !== undefined && seed === undefined)
    throw new Error('--path: expected --seed with it, as the failure printed them.');
  const { runs: count, seed: first } = given;
  return path === undefined
    ? { runs: count, seed: first, seeds: seedsFrom(first) }
    : { runs: 1, seed: first, seeds: [first], path };
}

async function main(): Promise<void> {
  const sequences = readSequences();
  const began = Date.now();
  await withRedis(async (url, signal) => {
    const stores = new Stores(url, `model-${process.pid}`);
    try {
      console.log(`seed ${sequences.seed}`);
      const done = await runSequences(stores, sequences, signal);
      console.log(`${done} sequences, ${Math.round((Date.now() - began) / 1_000)} s`);
      if (signal.aborted) throw new Error('It was interrupted.');
    } finally {
      await stores.close();
    }
  });
}

main().catch((error: unknown) => {
  console.error(errorMessage(error));
  process.exitCode = 1;
});
