import type { NewItem } from './actions';
import { pick, type Maker } from './choice';
import type { Model } from './model';
import { ofRuns } from './run-choices';
import { isOutcome } from './unit';

/** Everything that can be done. */
export const makers: Record<string, Maker> = {
  ...ofRuns,
  run: (_, { a, b }) => ({ do: 'run', message: `{"m":${a % 3}}`, ready: b % 4 === 0 }),
  runNested: ({ model }, { a, b, c }) =>
    model.config.parent
      ? { do: 'runNested', message: b % 2 ? '{"m":1}' : '', rightful: a % 4 > 0, round: c % 3 }
      : undefined,
  runItem: ({ model }, { a, b }) => ({
    do: 'runItem',
    entry: String(a % (model.items.length + 1)),
    message: `{"own":${b % 4}}`,
  }),
  add: ({ model }, { a, b, c }) =>
    model.config.kind === 'task' || (model.config.kind === 'chain' && a % 4 > 0)
      ? undefined
      : {
          do: 'add',
          items: Array.from({ length: b % 4 }, (_, i) => newItem(a + i * 7, c + i)),
          run: a % 2 === 0,
          close: c % 5 === 0,
        },
  close: ({ model }, { a }) => ({
    do: 'close',
    round: pick(['' as const, model.parentRound, model.parentRound + 1], a),
  }),
  grant: () => ({ do: 'grant' }),
  cancel: ({ model }, { a }) => {
    const who = pick(['user', 'parent', 'timeout', 'abandoned', 'stop'] as const, a)!;
    // Only what was never started is stopped with the group above it.
    return who === 'stop' && model.status !== 'pending' && !model.ended ? undefined : { do: 'cancel', who };
  },
  cancelEntry: ({ model }, { a, c }) => ({ do: 'cancelEntry', entry: anEntry(model, a, c) }),
  suspend: (_, { a }) => ({ do: 'suspend', on: a % 2 === 0 }),
  resume: () => ({ do: 'suspend', on: false }),
  say: () => ({ do: 'suspend' }),
  hear: ({ words }, { a }) => {
    const word = pick(words, a);
    return word && { do: 'suspend', ...word };
  },
  suspendEntry: ({ model }, { a, b, c }) => ({
    do: 'suspendEntry',
    entry: anEntry(model, a, c),
    on: b % 3 > 0,
  }),
  withdraw: ({ model }, { a }) => {
    const entries = model.active
      .filter(({ name, kind }, i) => name !== 'p' && kind !== 'group' && (a + i) % 4 > 0)
      .map(({ name }) => name);
    return entries.length > 0 ? { do: 'withdraw', entries } : undefined;
  },
  update: ({ model }, { a, b }) =>
    model.config.kind === 'chain' || model.config.kind === 'task'
      ? undefined
      : a % 2
        ? { do: 'update', limit: 1 + (b % 4) }
        : { do: 'update', stopAfter: b % 4 },
  pause: (_, { a }) => (a % 4 === 0 ? { do: 'pause' } : undefined),
  pauseOver: ({ model }) => (model.paused ? { do: 'pauseOver' } : undefined),
  refill: ({ model }) => (model.config.burst > 0 && !model.gone ? { do: 'refill' } : undefined),
  idleOver: ({ model }) => (model.config.idle && !model.gone ? { do: 'idleOver' } : undefined),
  timeOver: ({ model }) => (model.config.timeout ? { do: 'timeOver' } : undefined),
  retry: ({ model }, { a, b, c }) => {
    if (model.config.kind === 'task') return undefined;
    const who = pick(
      model.config.parent ? (['parent', 'parent', 'user', 'more'] as const) : (['user', 'user', 'more'] as const),
      a,
    )!;
    return {
      do: 'retry',
      who,
      round: model.parentRound + (b % 3),
      reopen: who === 'parent' && model.config.kind === 'root' && c % 2 === 0,
    };
  },
  retrySome: ({ model }, { a, b }) =>
    model.config.kind === 'task' || model.config.kind === 'chain'
      ? undefined
      : { do: 'retrySome', only: model.items.flatMap((_, i) => (((a + 60 * b) >> (i % 12)) % 2 ? [i] : [])) },
  more: ({ model }) => (model.preparing ? { do: 'retry', who: 'more', round: 0, reopen: false } : undefined),
  reopen: ({ model }, { a }) =>
    model.items[0]?.kind === 'root' && model.config.kind === 'task' && model.children['0']
      ? { do: 'reopen', round: model.round + (a % 2) }
      : undefined,
  retryCallbacks: ({ model }, { a }) =>
    model.callbacks.length > 0
      ? { do: 'retryCallbacks', source: pick(['', '', 'g', ...model.all.map(({ name }) => name)], a)! }
      : undefined,
  noticed: ({ model }) => (model.telling ? { do: 'noticed' } : undefined),
  release: ({ model }) => (model.config.parent ? { do: 'release' } : undefined),
  spread: ({ model }) => (model.toSpread ? { do: 'spread' } : undefined),
  create: ({ model }, { a }) => (model.gone ? undefined : { do: 'create', sameCall: a % 2 === 0 }),
  remove: ({ model }, { a }) => (model.over || a % 8 === 0 ? { do: 'remove' } : undefined),
};

/** Mostly of something that has not ended. */
function anEntry({ all }: Model, a: number, c: number): string {
  const open = all.filter(({ state }) => !isOutcome(state));
  return pick(c % 4 > 0 && open.length > 0 ? open : all, a)?.name ?? '0';
}

export function newItem(n: number, m: number): NewItem {
  const key = n % 3 === 0 ? `k${n % 4}` : '';
  const kind = m % 6 === 0 ? 'root' : m % 6 === 1 ? 'group' : 'task';
  return {
    key,
    message: n % 2 ? `{"own":${n % 5}}` : '',
    kind,
    onSuccess: m % 3 === 2 ? 1 : 0,
    onError: m % 4 === 3 ? 2 : 0,
  };
}
