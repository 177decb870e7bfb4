import fc from 'fast-check';
import type { Action, Config } from './actions';
import type { Choice } from './choice';
import { makers, newItem } from './choices';
import type { Real } from './real';
import { both, type Run } from './run';

/** What is chosen by numbers becomes an action when it is known what there is. */
export class Command implements fc.AsyncCommand<Run, Real> {
  constructor(private readonly choice: Choice) {}

  check(run: Readonly<Run>): boolean {
    return makers[this.choice.what]!(run as Run, this.choice) !== undefined;
  }
  async run(run: Run, real: Real): Promise<void> {
    const call = makers[this.choice.what]!(run, this.choice);
    if (!call) return;
    run.choices.push(this.choice);
    if (this.choice.what === 'say') run.words.push({ on: this.choice.a % 2 === 0, version: await now(real) });
    else await both(run, real, { ...call, by: this.choice.by } as Action);
  }
  toString(): string {
    const { what, by, a, b, c } = this.choice;
    return `${'AB'[by]}:${what}(${a},${b},${c})`;
  }
}

async function now(real: Real): Promise<number> {
  const [seconds, micros] = await real.stores[0].redis.use('time', (client) => client.time());
  return Number(seconds) * 1_000_000 + Number(micros);
}

const often: Record<string, number> = {
  advance: 40,
  again: 6,
  restart: 5,
  handBack: 3,
  late: 3,
  start: 5,
  finish: 6,
  settle: 5,
  run: 2,
  add: 3,
  resume: 2,
  pauseOver: 3,
  refill: 2,
  idleOver: 8,
  more: 4,
  runNested: 3,
  retry: 4,
  retrySome: 2,
  suspend: 3,
  suspendEntry: 5,
};
const whats = Object.keys(makers).flatMap((what) => Array.from({ length: often[what] ?? 1 }, () => what));
const small = fc.nat({ max: 59 });

export const commands = (replayPath?: string) =>
  fc.commands(
    [
      fc
        .record({ what: fc.constantFrom(...whats), by: fc.nat({ max: 1 }), a: small, b: small, c: small })
        .map((choice) => new Command(choice)),
    ],
    { maxCommands: 45, size: 'max', ...(replayPath ? { replayPath } : {}) },
  );

const items = (min: number, max: number) =>
  fc.array(
    fc.tuple(fc.nat({ max: 11 }), fc.nat({ max: 11 })).map(([n, m]) => ({ ...newItem(n, m), key: '', message: '' })),
    { minLength: min, maxLength: max },
  );

export const configs: fc.Arbitrary<Config> = fc
  .record({
    kind: fc.constantFrom(
      'swarm' as const,
      'swarm' as const,
      'swarm' as const,
      'chain' as const,
      'root' as const,
      'task' as const,
    ),
    items: fc.oneof({ weight: 9, arbitrary: items(0, 6) }, { weight: 1, arbitrary: items(20, 26) }),
    closed: fc.boolean(),
    limit: fc.integer({ min: 1, max: 4 }),
    stopAfter: fc.nat({ max: 3 }),
    ratio: fc.constantFrom(0, 0, 0.3),
    keepResults: fc.constantFrom(true, true, false),
    timeout: fc.boolean(),
    success: fc.nat({ max: 2 }),
    error: fc.nat({ max: 2 }),
    parent: fc.constantFrom(false, false, true),
    run: fc.boolean(),
    burst: fc.constantFrom(0, 0, 1, 2, 3),
    idle: fc.boolean(),
  })
  .map((config) => {
    const { kind, items: given } = config;
    if (kind === 'chain')
      return {
        ...config,
        items: given.length ? given : [newItem(1, 2)],
        closed: true,
        limit: 1,
        stopAfter: 1,
        ratio: 0,
        burst: 0,
        idle: false,
      };
    if (kind === 'task')
      return {
        ...config,
        items: [given[0] ?? newItem(1, 2)],
        closed: true,
        limit: 1,
        stopAfter: 0,
        ratio: 0,
        timeout: false,
        success: 0,
        error: 0,
        parent: false,
        burst: 0,
        idle: false,
      };
    if (kind === 'root') return { ...config, closed: false, parent: true, idle: false };
    return config;
  })
  .map((config) => ({ ...config, items: config.items.map((item) => ({ ...item, key: '', message: '' })) }));
