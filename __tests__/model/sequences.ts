import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { resolveOptions } from '../../src/config/options';
import { GroupStore } from '../../src/store/group-store';
import { RedisConnection } from '../../src/store/connection';
import type { Case } from './cases';
import type { Config } from './actions';
import { Command, commands, configs } from './commands';
import { same } from './compare';
import { drain } from './drain';
import { Model } from './model';
import { defineDump, Real } from './real';
import { both, look, Run } from './run';

export interface Sequences {
  runs: number;
  /** The sequences of each are a share of the runs. */
  seeds: readonly number[];
  /** Of a failure: leads to its shortest sequence. */
  path?: string;
}

/** How many there are of one seed: one that is drawn stands for itself and the next ones. */
const lanes = 64;

export const seedsFrom = (seed: number): number[] => Array.from({ length: lanes }, (_, i) => (seed + i) | 0);

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
// So long that nothing lapses but what a sequence lets lapse.
const options = { leaseMs: 3_600_000, logger: silent, commandTimeoutMs: 60_000 };

/** Two processes' stores below a prefix of their own. */
export class Stores {
  readonly pair: readonly [GroupStore, GroupStore];
  private readonly connection: RedisConnection;

  constructor(
    private readonly redis: Redis,
    keyPrefix: string,
  ) {
    const settings = resolveOptions({ ...options, keyPrefix }, silent);
    this.connection = new RedisConnection(this.redis, settings);
    defineDump(this.connection.client);
    const store = () => new GroupStore(this.connection, settings, 'tenant', 'namespace');
    this.pair = [store(), store()];
  }

  async close(): Promise<void> {
    const [{ keys, redis }] = this.pair;
    await redis.use('unlink', (client) => client.unlink(keys.topLevelIndex(), ...keys.dueIndexes()));
    this.connection.close();
    this.redis.disconnect();
  }
}

/**
 * Runs random sequences of calls on groups of their own, some at once, and compares each answer and what readers see with the model.
 * @returns how many it ran
 * @throws with the shortest sequence that fails, and how to run it again
 */
export async function runSequences({ pair }: Stores, sequences: Sequences, signal?: AbortSignal): Promise<number> {
  const { runs, seeds, path } = sequences;
  // The first one that fails goes on to the shortest sequence, the others end.
  let failing: number | undefined;
  let done = 0;
  const all = seeds.map((seed) =>
    lane(
      pair,
      { runs: Math.ceil(runs / seeds.length), seed, path },
      {
        isOver: () => signal?.aborted === true || (failing !== undefined && failing !== seed),
        fails: () => (failing ??= seed),
        passes: () => (done += 1),
      },
    ),
  );
  const ended = await Promise.allSettled(all);
  for (const end of ended) if (end.status === 'rejected') throw end.reason as Error;
  return done;
}

/** Runs a sequence that was found before. @throws when the store differs from the model, or when it can't be run any more */
export async function runCase({ pair }: Stores, { config, choices }: Case): Promise<void> {
  const steps = async (run: Run, real: Real) => {
    for (const choice of choices) {
      const command = new Command(choice);
      if (!command.check(run))
        throw new Error(
          `${run.describe()}\nExpected that ${command.toString()} can be done next, which the model denies: write a new case.`,
        );
      await command.run(run, real);
    }
  };
  await onGroup(pair, config, steps);
}

/** Does something with a group of its own in Redis and with the model, and then what brings it to its end. */
async function onGroup(
  pair: Stores['pair'],
  config: Config,
  steps: (run: Run, real: Real) => Promise<void>,
): Promise<void> {
  const real = new Real(pair, config);
  const run = new Run(new Model(config));
  try {
    same('what is granted at its creation', await real.begin(), run.model.begin(config.run));
    await look(run, real);
    await steps(run, real);
    await drain(run, (action) => both(run, real, action));
  } catch (error) {
    const asCase = JSON.stringify({ what: '', config, choices: run.choices });
    throw new Error(`${(error as Error).message}\nFor __tests__/model/cases.json: ${asCase}`, { cause: error });
  } finally {
    await real.forget();
  }
}

interface Others {
  isOver(): boolean;
  fails(): void;
  passes(): void;
}

interface Lane {
  runs: number;
  seed: number;
  path: string | undefined;
}

async function lane(pair: Stores['pair'], { runs, seed, path }: Lane, others: Others): Promise<void> {
  const [trail, replayPath] = path?.split('@') ?? [];
  const property = fc.asyncProperty(configs, commands(replayPath), async (config, steps) => {
    if (others.isOver()) return;
    try {
      await onGroup(pair, config, (run, real) => fc.asyncModelRun(() => ({ model: run, real }), steps));
      others.passes();
    } catch (error) {
      others.fails();
      throw error;
    }
  });
  const details = await fc.check(property, { numRuns: runs, seed, ...(trail ? { path: trail } : {}) });
  if (!details.failed) return;
  const shown = /replayPath="([^"]*)"/.exec(fc.stringify(details.counterexample?.[1])) ?? [];
  const again = `npm run model -- --seed ${details.seed} --path '${details.counterexamplePath ?? ''}@${shown[1] ?? ''}'`;
  const error = details.errorInstance as Error | undefined;
  throw new Error(
    `Sequence ${details.numRuns} of those of seed ${details.seed}, after ${details.numShrinks} steps of shortening:\n${error?.message ?? 'interrupted'}\nAgain: ${again}`,
    { cause: error },
  );
}
