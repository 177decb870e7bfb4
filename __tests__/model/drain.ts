import type { Action } from './actions';
import type { Run } from './run';
import type { Unit } from './unit';

const first = { retryCount: 0, invocation: 1, nonce: 'n' };

/** Does what people, workers and the reconciler would, in the end: a group may be late, never stuck. */
export async function drain(run: Run, perform: (action: Action) => Promise<void>): Promise<void> {
  const { model } = run;
  // Whose everything is, and how often it was published, is told of what has to be asked about.
  const entries = model.active.filter(({ state }) => state !== 'deferred').map(({ name }) => name);
  if (entries.length > 0) await perform({ do: 'lapse', entries, by: 0 });
  for (let steps = 0; !(model.gone || model.over); steps++) {
    if (steps > 150) throw new Error(`${run.describe()}\nIt never ends, whatever is done.`);
    await perform({ ...next(run), by: steps % 2 } as Action);
  }
}

function next(run: Run): object {
  const { model } = run;
  if (model.preparing) return { do: 'retry', who: 'more', round: 0, reopen: false };
  if (model.paused && !model.ended) return { do: 'pauseOver' };
  if (model.suspended) return { do: 'suspend', on: false };
  const alone = model.all.find((u) => model.alone(u) && (!model.ended || u.state === 'deferred' || model.heldBack));
  if (alone) return { do: 'suspendEntry', entry: alone.name, on: false };
  if (model.status === 'pending')
    return model.config.parent
      ? { do: 'runNested', message: '{}', rightful: true, round: model.parentRound }
      : { do: 'run', message: '{}', ready: false };
  if (model.status === 'running' && !model.hasMessage && model.count('waiting') > 0)
    return { do: 'run', message: '{}', ready: false };
  if (!model.closed) return { do: 'close', round: '' };
  const u = model.active.find(({ state }) => state !== 'deferred');
  if (!u) return { do: model.hasToken ? 'grant' : 'refill' };
  return u.name === 'p' ? { do: 'noticed' } : onward(run, u);
}

function onward(run: Run, u: Unit): object {
  const { name: entry } = u;
  const settled = { do: 'settle', entry, outcome: 'succeeded', payload: '{}', round: run.model.round };
  if (u.state === 'returned') return { ...settled, run: `g:${u.child}` };
  if (u.kind === 'group')
    return u.state === 'granted' ? { do: 'confirm', pairs: [[entry, `g:child-${entry}`]] } : { ...settled, run: u.run };
  const of = { entry, run: u.run || run.newRun() };
  // What is cancelled never starts; the engine says that its run has ended.
  if (u.state !== 'running' && (u.doomed || (run.model.status === 'cancelling' && run.model.isItem(u))))
    return { do: 'settle', ...of, outcome: 'cancelled', payload: '', round: '' };
  if (u.state !== 'running')
    return {
      do: 'start',
      ...of,
      attempt: first,
      token: true,
      deadOwner: '',
      child: u.kind === 'root',
      handBack: false,
    };
  const end = { do: 'finish', ...of, attempt: u.attempt, pairs: [] };
  // With the attempts that a former run had spent, the next one that throws is its last.
  if (u.spent > 0) return { ...end, outcome: 'threw', payload: '{"message":"no"}', retries: u.spent };
  return { ...end, outcome: 'succeeded', payload: '{}', retries: 0 };
}
