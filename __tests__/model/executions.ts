import type { Action, Attempt } from './actions';
import { Mechanisms } from './mechanisms';
import { isOutcome, mark, type Outcome, type Unit } from './unit';

/** The life of what was granted: published, started, ended, taken over, taken back. */
export class Executions extends Mechanisms {
  protected confirm(pairs: readonly [entry: string, run: string][]): void {
    for (const [entry, run] of pairs) {
      if (run.startsWith('g:')) this.noteChild(entry, run.slice(2));
      const u = this.find(entry);
      if (u?.state !== 'granted' || u.void.includes(run)) continue;
      u.state = 'published';
      u.run = run;
      if (run.startsWith('g:')) Object.assign(u, { begun: u.begun || 1, token: false });
      u.due = false;
    }
  }

  protected start({ entry, run, attempt, token, deadOwner, handBack }: Action & { do: 'start' }): string {
    const u = this.find(entry);
    if (!token || !u) return 'unknown';
    if (isOutcome(u.state)) {
      this.answer.more = { result: this.resultOf(u) ?? mark(u.state), late: u.void.includes(run) };
      return 'stored';
    }
    if (u.state === 'waiting' || u.state === 'queued') {
      if (this.status !== 'running') return 'cancelled';
      this.makeVoid(u, run);
      return 'requeued';
    }
    if (u.state === 'returned') {
      this.answer.more = { result: mark(u.body!.outcome) + u.body!.payload, late: false };
      return 'stored';
    }
    if (this.isCancelled(u)) return 'cancelled';
    if (u.void.includes(run)) return 'requeued';
    if (this.mayTakeBack(u)) {
      u.run = run;
      this.takeBack(u);
      return this.done('requeued');
    }
    if (u.state === 'running') {
      const own = u.run === run;
      if (!own && u.run !== deadOwner) {
        this.answer.more = { owner: u.run };
        return 'duplicate';
      }
      if (own && older(attempt, u.attempt!)) return 'superseded';
      if (this.isItem(u) && (this.suspended || this.alone(u))) {
        if (!handBack) return 'suspended';
        // Its worker is stopping: its next run goes on with the attempts that are left.
        Object.assign(u, { spent: u.threw, spentBegun: u.begun, run });
        this.takeBack(u);
        return this.done('requeued');
      }
    }
    // An attempt after one that threw does not wait for its turn. The items behind it do.
    const follows = attempt.retryCount > (u.attempt?.retryCount ?? 0) && u.lastThrow >= (u.attempt?.retryCount ?? 0);
    if (this.isItem(u) && u.state === 'running' && u.run === run && follows && this.config.burst > 0) this.tokens -= 1;
    u.token = false;
    const another = u.run !== run || u.state !== 'running';
    if (another) Object.assign(u, { threw: u.spent, lastThrow: -1, begun: u.begun || u.spentBegun });
    if (another || attempt.retryCount !== u.attempt?.retryCount) u.begun += 1;
    Object.assign(u, { state: 'running', run, attempt, owner: this.by, due: false });
    if (u.kind === 'root') {
      u.child = `child-${u.name}`;
      this.noteChild(u.name, u.child);
    }
    this.answer.more = { failed: this.failures.length, attempt: u.begun };
    return 'run';
  }

  protected finish({ entry, run, attempt, outcome, payload, retries, pairs }: Action & { do: 'finish' }): string {
    this.confirm(pairs);
    const u = this.find(entry);
    if (u?.state !== 'running' || u.run !== run) return 'refused';
    const current = same(attempt, u.attempt!);
    const cancelled = current && this.isCancelled(u);
    const threw = !cancelled && (outcome === 'threw' || outcome === 'aborted');
    // What threw, threw: also when a later attempt of the run has taken over.
    if (threw && attempt.retryCount > u.lastThrow) {
      u.threw += 1;
      u.lastThrow = attempt.retryCount;
      u.due = false;
    }
    if (!current) return 'refused';
    if (threw && (outcome === 'aborted' || u.threw <= retries)) return 'retry';
    if (outcome === 'backed-off' && !cancelled && (this.status === 'running' || !this.isItem(u)))
      return this.backOff(u, run, payload);
    const fails = threw || outcome === 'backed-off';
    const what = outcome === 'backed-off' ? payload.slice(payload.indexOf(' ') + 1) : payload;
    this.endUnit(u, cancelled ? 'cancelled' : fails ? 'failed' : (outcome as Outcome), what);
    return 'ended';
  }

  /** It runs again later, with the attempts that are left. */
  private backOff(u: Unit, run: string, payload: string): string {
    u.begun -= 1;
    Object.assign(u, { spent: u.threw, spentBegun: u.begun });
    if (this.isItem(u)) {
      this.paused ||= !payload.startsWith('0 ');
      this.takeBack(u);
    } else {
      this.makeVoid(u, run);
      Object.assign(u, { state: 'granted', run: '', attempt: undefined, owner: -1, due: false });
    }
    return this.done('backed-off');
  }

  protected settle({ entry, run, outcome, payload, round }: Action & { do: 'settle' }): string {
    const u = this.find(entry);
    if (!u || isOutcome(u.state) || u.state === 'waiting' || u.state === 'queued' || u.void.includes(run))
      return 'refused';
    const child = run.startsWith('g:') ? run.slice(2) : '';
    if (child && (round === '' ? this.round : round) !== this.round) return 'refused';
    // Only the end of its children ends a root whose body has returned, and they can't end it before.
    if ((u.state === 'returned') !== (child !== '' && child === u.child)) return 'refused';
    if (child && u.state !== 'returned') this.noteChild(entry, child);
    if (u.state === 'returned') u.run = run;
    else if (u.run !== run && !(u.state === 'granted' && u.run === '')) return 'refused';
    if (u.state === 'deferred' && outcome !== 'cancelled') return 'refused';
    this.endUnit(u, outcome, payload);
    return 'ended';
  }

  protected regrant({ entry, state, owner, run }: Action & { do: 'regrant' }): string {
    const u = this.find(entry);
    if (!u || u.state !== state || u.owner !== owner || u.run !== run) return 'refused';
    if (u.state !== 'granted' && u.state !== 'published') return 'refused';
    if (this.mayTakeBack(u)) {
      this.takeBack(u);
      return this.done('granted');
    }
    if (u.state === 'published') u.publications += 1;
    Object.assign(u, { state: 'granted', owner: this.by, run: '', due: false });
    this.addToAnswer(u);
    return 'granted';
  }

  protected withdraw(entries: readonly string[]): string {
    for (const entry of entries) {
      const u = this.find(entry);
      if (u?.state !== 'published' || !this.mayTakeBack(u)) continue;
      this.answer.withdrawn.push(u.run);
      this.takeBack(u);
    }
    return this.done('withdrawn');
  }
}

const same = (a: Attempt, b: Attempt) =>
  a.retryCount === b.retryCount && a.invocation === b.invocation && a.nonce === b.nonce;
const older = (a: Attempt, b: Attempt) =>
  a.retryCount < b.retryCount || (a.retryCount === b.retryCount && a.invocation < b.invocation);
