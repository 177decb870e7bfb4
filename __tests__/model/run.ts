import { describeAction, type Action, type Attempt } from './actions';
import { compare, same } from './compare';
import type { Choice } from './choice';
import type { Model } from './model';
import type { Real } from './real';

/** One sequence: the model, and what was done, which a failure shows. */
export class Run {
  readonly history: Action[] = [];
  /** What was chosen by chance, with which the same can be done again. */
  readonly choices: Choice[] = [];
  /** Suspensions from above, which may reach a group late and in any order. */
  readonly words: { on: boolean; version: number }[] = [];
  /** The runs that there were of each entry, and the attempts of each run. */
  readonly runs = new Map<string, string[]>();
  readonly attempts = new Map<string, Attempt[]>();
  /** Both as they were after the last call. */
  last: { model: string; held: unknown } | undefined;
  private named = 0;

  constructor(readonly model: Model) {}

  newRun(): string {
    return `run-${(this.named += 1)}`;
  }
  newNonce(): string {
    return `n${(this.named += 1)}`;
  }
  runsOf(entry: string): string[] {
    return this.runs.get(entry) ?? [];
  }

  /** All that was done. */
  describe(): string {
    return [
      JSON.stringify(this.model.config),
      ...this.history.map((one, i) => `  ${i + 1}. ${describeAction(one)}`),
    ].join('\n');
  }

  note(action: Action): void {
    this.history.push(action);
    const pairs = 'pairs' in action ? action.pairs : [];
    for (const [entry, run] of pairs) this.keep(this.runs, entry, run);
    if (action.do !== 'start') return;
    this.keep(this.runs, action.entry, action.run);
    this.keep(this.attempts, action.run, action.attempt);
  }

  private keep<T>(map: Map<string, T[]>, key: string, value: T): void {
    const list = map.get(key) ?? [];
    if (!list.includes(value)) map.set(key, [...list, value]);
  }
}

/** Does something in both, and throws when they differ. */
export async function both(run: Run, real: Real, action: Action): Promise<void> {
  const { model } = run;
  run.note(action);
  try {
    const { answer, version } = await real.perform(action);
    const expected = model.perform(action, version === undefined ? {} : { version });
    same('the answer', answer, expected);
    await look(run, real);
  } catch (error) {
    throw new Error(`${run.describe()}\n${(error as Error).message}`, { cause: error });
  }
}

/** Compares what there is now. A call that changes nothing in the model changes nothing in Redis. */
export async function look(run: Run, real: Real): Promise<void> {
  const { model, last } = run;
  const { held, ttls } = await real.dump();
  run.last = { model: model.asText(), held };
  if (run.last.model === last?.model) return same('nothing may have changed', held, last.held);
  await compare(model, real, ttls);
}
