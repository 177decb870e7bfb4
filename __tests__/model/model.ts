import type { Action } from './actions';
import { Control } from './control';
import type { Answer } from './unit';

/**
 * What must hold of one group, in words of its own: no Redis, no time, no bytes. Each method is a call of the store, changes
 * the model as the call may change the group, and gives what has to be answered.
 */
export class Model extends Control {
  /** @param real - what was answered: of the versions of words only their order matters, and Redis's clock gives them */
  perform(action: Action, real: { version?: number }): Answer {
    this.answer = { code: '', grants: [], fired: [], withdrawn: [], endedAs: undefined };
    this.by = action.by;
    const missing = unknownTo.has(action.do) ? 'unknown' : 'missing';
    this.answer.code = this.gone && !ofTime.has(action.do) ? missing : this.apply(action, real);
    return this.answer;
  }

  private apply(action: Action, real: { version?: number }): string {
    switch (action.do) {
      case 'create':
        return this.create(action);
      case 'add':
        return this.add(action);
      case 'run':
        return this.run(action);
      case 'runNested':
        return this.runNested(action);
      case 'runItem':
        return this.runItem(action);
      case 'grant':
        this.release(false);
        return this.done('granted');
      case 'confirm':
        this.confirm(action.pairs);
        return 'confirmed';
      case 'start':
        return this.start(action);
      case 'finish':
        return this.finish(action);
      case 'settle':
        return this.settle(action);
      case 'lapse':
        for (const u of this.active) if (u.state !== 'deferred' && action.entries.includes(u.name)) u.due = true;
        return 'lapsed';
      case 'renew':
        for (const u of this.active) if (action.entries.includes(u.name)) u.due = false;
        return 'renewed';
      case 'regrant':
        return this.regrant(action);
      case 'close':
        if (this.closed || (action.round !== '' && action.round !== this.parentRound)) return 'closed';
        this.closed = true;
        if (this.status === 'running') this.readyAll();
        return this.done('closed');
      case 'cancel':
        return this.cancel(action);
      case 'cancelEntry':
        return this.cancelEntry(action.entry);
      case 'suspend':
        return this.suspend(action, real.version ?? 0);
      case 'suspendEntry':
        return this.suspendEntry(action, real.version ?? 0);
      case 'withdraw':
        return this.withdraw(action.entries);
      case 'update':
        if (this.ended || this.stopped) return 'finished';
        this.limit = action.limit ?? this.limit;
        this.highest = Math.max(this.highest, this.limit);
        this.stopAfter = action.stopAfter ?? this.stopAfter;
        this.stopAtLimit();
        return this.done('updated');
      case 'pause':
        this.paused ||= !this.ended;
        return this.done('paused');
      case 'pauseOver':
        this.paused = false;
        this.release(false);
        return this.done('granted');
      case 'refill':
        this.tokens = this.config.burst - this.held;
        this.release(false);
        return this.done('granted');
      case 'idleOver':
        this.closed ||= this.idle;
        this.release(false);
        return this.done('granted');
      case 'timeOver':
        if (this.deadline !== 'none') this.deadline = 'over';
        return 'over';
      case 'retry':
        return this.retry(action);
      case 'retrySome':
        return this.retrySome(action);
      case 'retryCallbacks':
        return this.retryCallbacks(action.source);
      case 'reopen':
        return this.reopen(action);
      case 'noticed':
        this.telling = undefined;
        return 'noticed';
      case 'release':
        this.released = true;
        this.telling = undefined;
        if (this.status === 'pending') {
          this.suspended = false;
          this.end('cancelled', false, false);
        }
        return 'released';
      case 'spread':
        this.toSpread = false;
        return 'spread';
      case 'remove':
        if (this.config.parent) return 'nested';
        if (this.status !== 'pending' && !this.over) return 'started';
        this.gone = true;
        return 'removed';
    }
  }

  private create({ sameCall }: Action & { do: 'create' }): string {
    return sameCall ? 'created' : 'exists';
  }

  /** The very first call. */
  begin(run: boolean): string[] {
    this.answer = { code: '', grants: [], fired: [], withdrawn: [], endedAs: undefined };
    if (!run) return [];
    this.hasMessage = true;
    this.begun();
    this.readyAll();
    this.done('');
    return this.answer.grants;
  }

  private add({ items, run, close }: Action & { do: 'add' }): string {
    const seen = new Set(this.items.map(({ key }) => key));
    const fresh = items.filter(({ key }) => !key || !(seen.has(key) || !seen.add(key)));
    if (fresh.length > 0 || items.length === 0) {
      // The body of a root may go on adding to children of which too many failed.
      if (this.ended || (this.stopped && (this.config.kind !== 'root' || this.closed))) return 'finished';
      if (this.closed) return 'closed';
    }
    const units = fresh.map((item, i) => this.unit(String(this.items.length + i), item, 'waiting'));
    this.items.push(...units);
    if (run && units.length > 0) {
      this.begun(false);
      for (const u of units) this.ready(u);
    }
    if (close && !this.closed) {
      this.closed = true;
      if (this.status === 'running') this.readyAll();
    }
    const code = this.done('added');
    const unkeyed = units.filter((u) => !u.key);
    const found = items.map(({ key }) => (key ? this.items.find((u) => u.key === key) : unkeyed.shift()));
    const indexes = found.map((u) => Number(u?.name));
    this.answer.more = { indexes, added: units.length };
    return code;
  }

  private run({ message, ready }: Action & { do: 'run' }): string {
    if (this.config.parent && this.status === 'pending' && !ready) return 'nested';
    if (this.hasMessage) return 'already-started';
    if (this.ended || this.stopped) return 'finished';
    this.begun(false);
    this.hasMessage = message !== '';
    this.readyAll();
    return this.done('started');
  }

  private runNested({ message, rightful, round }: Action & { do: 'runNested' }): string {
    if (!rightful || !this.config.parent) return 'already-started';
    if (this.status === 'pending') this.parentRound = round;
    if (this.status === 'running') return 'started';
    if (this.ended || this.stopped) {
      // It may be tried again, with what it would have got.
      this.hasMessage ||= message !== '';
      return 'finished';
    }
    this.begun();
    this.hasMessage ||= message !== '';
    if (this.hasMessage || this.closed) this.readyAll();
    return this.done('started');
  }

  private runItem({ entry, message }: Action & { do: 'runItem' }): string {
    const u = this.items[Number(entry)];
    if (!u) return 'missing';
    if (u.state !== 'waiting') return 'already-started';
    if (this.ended || this.stopped) return 'finished';
    u.message = message;
    this.begun(false);
    this.ready(u);
    return this.done('started');
  }
}

const ofTime = new Set<Action['do']>(['lapse', 'renew', 'timeOver']);
const unknownTo = new Set<Action['do']>(['start', 'finish', 'settle', 'regrant']);
