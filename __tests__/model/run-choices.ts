import type { Attempt } from './actions';
import { pick, type Call, type Choice, type Maker } from './choice';
import type { Run } from './run';
import type { Unit } from './unit';

const first: Attempt = { retryCount: 0, invocation: 1, nonce: 'n' };
const ends = ['succeeded', 'succeeded', 'succeeded', 'failed', 'threw', 'aborted', 'backed-off', 'succeeded'] as const;
const outcomes = ['succeeded', 'succeeded', 'failed', 'cancelled'] as const;
/** Most of what backs off may run again at once: a pause holds its whole group back. */
const payload = (outcome: string, n: number): string =>
  outcome === 'backed-off'
    ? `${n % 5 === 0 ? 3_600_000 : 0} {"message":"no ${n}"}`
    : outcome === 'succeeded'
      ? `{"n":${n}}`
      : outcome === 'cancelled'
        ? ''
        : `{"message":"no ${n}"}`;
const groupRun = (u: Unit) => `g:child-${u.name}`;

/** The runs whose events may arrive for an entry. */
function runFor(run: Run, u: Unit, n: number): string {
  const known = [u.run, ...run.runsOf(u.name)].filter((name) => name && !name.startsWith('g:'));
  return pick([...new Set(known), ...(n % 5 === 0 ? [run.newRun()] : [])], n) ?? run.newRun();
}

function attemptFor(run: Run, u: Unit, n: number): Attempt {
  const last = u.attempt ?? run.attempts.get(u.run)?.at(-1);
  if (!last) return { ...first, nonce: run.newNonce() };
  const { retryCount, invocation } = last;
  const nonce = run.newNonce();
  return [
    { retryCount: retryCount + 1, invocation, nonce },
    { retryCount, invocation: invocation + 1, nonce },
    { ...last, nonce },
    { ...last },
    { retryCount: Math.max(0, retryCount - 1), invocation, nonce },
  ][n % 5]!;
}

function settleGroup(u: Unit, run: string, { b, c }: Choice, round: number | ''): Call {
  const outcome = outcomes[b % 4]!;
  return { do: 'settle', entry: u.name, run, outcome, payload: payload(outcome, c), round };
}

/** What comes next of something, when all goes well. */
const advance: Maker = (run, choice) => {
  const { a, b, c } = choice;
  const { model } = run;
  const u = pick(
    model.active.filter(({ name, state }) => name !== 'p' && state !== 'deferred'),
    a,
  );
  if (!u) return model.telling ? { do: 'noticed' } : undefined;
  if (u.state === 'returned') return settleGroup(u, `g:${u.child}`, choice, model.round);
  if (u.kind === 'group')
    return u.state === 'granted'
      ? { do: 'confirm', pairs: [[u.name, groupRun(u)]] }
      : settleGroup(u, groupRun(u), choice, model.round);
  if (u.state === 'granted' && b % 4 > 0) return { do: 'confirm', pairs: [[u.name, run.newRun()]] };
  const execution = { entry: u.name, run: u.run || run.newRun() };
  const start = {
    do: 'start',
    ...execution,
    token: true,
    deadOwner: '',
    child: u.kind === 'root',
    handBack: false,
  } as const;
  if (u.state !== 'running' || !u.attempt) return { ...start, attempt: first };
  const { retryCount } = u.attempt;
  // After an attempt that threw, the engine starts the next one.
  if (u.lastThrow >= retryCount && c % 4 > 0)
    return { ...start, attempt: { ...u.attempt, retryCount: retryCount + 1, nonce: run.newNonce() } };
  const outcome = ends[b % ends.length]!;
  return {
    do: 'finish',
    ...execution,
    attempt: u.attempt,
    outcome,
    payload: payload(outcome, c),
    retries: c % 3,
    pairs: [],
  };
};

export const ofRuns: Record<string, Maker> = {
  advance,
  // The engine starts what runs once more: another attempt, the same one, or a second publication of it.
  restart: (run, { a, b, c }) => {
    const u = pick(
      run.model.all.filter(({ state }) => state === 'running'),
      a,
    );
    if (!u) return undefined;
    const rest = { token: true, deadOwner: b % 4 === 0 ? u.run : '', child: u.kind === 'root', handBack: c % 2 === 0 };
    return {
      do: 'start',
      entry: u.name,
      run: b % 3 === 0 ? runFor(run, u, c) : u.run,
      attempt: attemptFor(run, u, c),
      ...rest,
    };
  },
  // Its attempt throws, and while it is suspended its worker stops.
  handBack: (run, { a }) => {
    const { model } = run;
    const held = model.items.filter((u) => u.state === 'running' && (model.suspended || model.alone(u)));
    const u = pick(held, a);
    if (!u?.attempt) return undefined;
    const of = { entry: u.name, run: u.run };
    if (u.threw === 0)
      return {
        do: 'finish',
        ...of,
        attempt: u.attempt,
        outcome: 'threw',
        payload: payload('failed', a),
        retries: 2,
        pairs: [],
      };
    const attempt = { ...u.attempt, retryCount: u.attempt.retryCount + 1, nonce: run.newNonce() };
    return { do: 'start', ...of, attempt, token: true, deadOwner: '', child: u.kind === 'root', handBack: true };
  },
  // An attempt that another one has taken over from still reports how it ended.
  late: (run, { a, b, c }) => {
    const former = run.model.all.flatMap(({ name, run: of }) =>
      (run.attempts.get(of) ?? []).map((attempt) => ({ entry: name, run: of, attempt })),
    );
    const execution = pick(former, a);
    const outcome = ends[b % ends.length]!;
    return (
      execution && { do: 'finish', ...execution, outcome, payload: payload(outcome, c), retries: b % 3, pairs: [] }
    );
  },
  again: ({ history, model }, { a }) => {
    const action = pick(history, a);
    // A call that makes a group which was removed makes another one.
    return action && !(model.gone && action.do === 'create') ? { ...action } : undefined;
  },
  start: (run, { a, b, c }) => {
    const u = pick(
      run.model.all.filter(({ kind, state }) => kind !== 'group' && state !== 'deferred'),
      a,
    );
    if (!u) return undefined;
    const deadOwner = b % 3 === 0 ? u.run : b % 3 === 1 ? 'run-unknown' : '';
    const rest = { token: c % 11 !== 0, deadOwner, child: u.kind === 'root', handBack: c % 3 === 0 };
    return { do: 'start', entry: u.name, run: runFor(run, u, b), attempt: attemptFor(run, u, c), ...rest };
  },
  finish: (run, { a, b, c }) => {
    const u = pick(
      run.model.all.filter(({ kind }) => kind !== 'group'),
      a,
    );
    if (!u) return undefined;
    const name = runFor(run, u, b);
    const attempt = (c % 2 === 0 ? u.attempt : pick(run.attempts.get(name) ?? [], b)) ?? first;
    const outcome = ends[b % ends.length]!;
    const granted = run.model.items.filter(({ state, kind }) => state === 'granted' && kind === 'task');
    const pairs = c % 3 === 0 ? granted.map((one) => [one.name, run.newRun()]) : [];
    return {
      do: 'finish',
      entry: u.name,
      run: name,
      attempt,
      outcome,
      payload: payload(outcome, c),
      retries: b % 3,
      pairs,
    };
  },
  settle: (run, choice) => {
    const { a, b, c } = choice;
    const u = pick(run.model.all, a);
    if (!u) return undefined;
    const round = pick([run.model.round, run.model.round, '' as const, run.model.round - 1], c);
    const isChild = u.state === 'returned' || (u.kind === 'group' && run.runsOf(u.name).length > 0);
    if (isChild && c % 5 > 0) return settleGroup(u, groupRun(u), choice, round ?? '');
    const outcome = outcomes[b % 4]!;
    const name = u.kind === 'group' || c % 4 === 0 ? '' : runFor(run, u, c);
    return { do: 'settle', entry: u.name, run: name, outcome, payload: payload(outcome, c), round: '' };
  },
  confirm: (run, { a, b }) => {
    const units = run.model.all.filter(
      ({ name, kind, state }) => state === 'granted' || (kind === 'task' && run.runsOf(name).length > 0),
    );
    const chosen = units.filter((_, i) => (a + i) % 3 > 0);
    const pairs = chosen.map((u) => [
      u.name,
      u.kind === 'group' ? groupRun(u) : b % 3 === 0 ? runFor(run, u, b) : run.newRun(),
    ]);
    return pairs.length > 0 ? { do: 'confirm', pairs } : undefined;
  },
  lapse: ({ model }, { a }) => {
    const entries = model.active.filter((u, i) => u.state !== 'deferred' && (a + i) % 3 > 0).map(({ name }) => name);
    return entries.length > 0 ? { do: 'lapse', entries } : undefined;
  },
  renew: ({ model }, { a }) => {
    const u = pick(
      model.active.filter(({ due }) => due),
      a,
    );
    return u && { do: 'renew', entries: [u.name] };
  },
  regrant: ({ model }, { a, b }) => {
    const u = pick(
      model.active.filter(({ state }) => state !== 'deferred'),
      a,
    );
    if (!u) return undefined;
    const { name: entry, state, owner, run } = u;
    const stale = b % 6;
    if (stale === 0) return { do: 'regrant', entry, state, owner: owner === 0 ? 1 : 0, run };
    if (stale === 1) return { do: 'regrant', entry, state: 'published', owner, run: 'run-unknown' };
    return { do: 'regrant', entry, state, owner, run };
  },
};
