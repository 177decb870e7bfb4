import type { Action } from './actions';
import { Executions } from './executions';
import { holdsSlot, isOutcome, sourceOf } from './unit';

/** What people say of a group and its items: cancel, suspend, try again. */
export class Control extends Executions {
  protected cancel({ who }: Action & { do: 'cancel' }): string {
    if (this.ended || who === 'abandoned') return 'ended';
    if (who === 'timeout' && (this.status === 'cancelling' || this.deadline !== 'over')) return 'ended';
    if (who !== 'stop' && this.status !== 'cancelling') this.why = who;
    this.suspended = false;
    this.release(true);
    if (this.status === 'pending') this.end('cancelled', who === 'user');
    else if (this.config.kind === 'task') {
      const [only] = this.items;
      if (only && !isOutcome(only.state) && !holdsSlot(only)) this.endUnit(only, 'cancelled', '');
    } else if (who !== 'stop' && this.status !== 'cancelling') {
      this.status = 'cancelling';
      if (this.config.kind !== 'root' || who !== 'timeout') this.closed = true;
    }
    return this.done('cancelled');
  }

  protected cancelEntry(entry: string): string {
    const u = this.find(entry);
    if (!u) return 'missing';
    const wasSuspended = this.suspended;
    if (this.config.kind === 'task' && !this.ended) {
      this.suspended = false;
      this.begun(false);
    }
    const startable =
      ['waiting', 'queued'].includes(u.state) && ['pending', 'running'].includes(this.status) && !this.preparing;
    if (this.alone(u)) u.word = { suspended: false, version: u.word.version + 1 };
    if (holdsSlot(u)) {
      u.doomed = true;
      u.due = false;
      return 'cancelling';
    }
    if (u.state !== 'deferred' && !startable) {
      if (!this.heldBack && wasSuspended === this.suspended) return 'ended';
      this.release(false);
      return this.done('ended');
    }
    this.endUnit(u, 'cancelled', '');
    return this.done('cancelled');
  }

  protected suspend({ on, version }: Action & { do: 'suspend' }, said: number): string {
    const [only] = this.config.kind === 'task' ? this.items : [];
    // A chain that was suspended when one of its steps was cancelled ends when it is resumed.
    const over = this.ended || (this.status === 'cancelling' && (on || !this.suspended));
    if (over || (only && only.doomed && holdsSlot(only))) return 'ended';
    if (version !== undefined && version < this.word) return 'older';
    this.word = version ?? said;
    this.sayBelow();
    this.suspended = on;
    if (!on) {
      this.requeue(this.items);
      this.release(false);
    }
    return this.done(on ? 'suspended' : 'resumed');
  }

  protected suspendEntry({ entry, on }: Action & { do: 'suspendEntry' }, said: number): string {
    const u = this.find(entry);
    if (!u) return 'missing';
    const active = holdsSlot(u) || u.state === 'deferred';
    if (this.ended && !active && !this.heldBack) return 'ended';
    if (on && ((active && u.doomed) || isOutcome(u.state))) return 'ended';
    u.word = { suspended: on, version: said };
    this.sayBelow();
    if (!on) {
      if (this.isItem(u)) this.requeue([u]);
      this.release(false);
    }
    return this.done(on ? 'suspended' : 'resumed');
  }

  protected retry({ who, round, reopen }: Action & { do: 'retry' }): string {
    if (!this.preparing) {
      if (who === 'more') return 'retried';
      if (who === 'user' && this.config.parent && this.config.kind !== 'root') return 'nested';
      if (!this.ended) return 'unfinished';
      if (who === 'parent' && this.parentRound >= round) return 'none';
      const next = who === 'user' ? this.parentRound + 1 : round;
      if (who === 'parent') this.parentRound = next;
      const left = this.items.filter((u) => u.state !== 'succeeded');
      if (left.length === 0 && !reopen && (who === 'user' || this.status === 'succeeded')) return 'none';
      Object.assign(this, { parentRound: next, preparing: true, status: 'running', why: undefined, released: false });
      this.deadline = this.config.timeout ? 'ahead' : 'none';
      if (reopen) this.closed = false;
      this.round += 1;
      // What was spent in an earlier round does not count. The items follow when they are queued.
      for (const u of this.callbacks) u.spent = 0;
      this.retried = this.items.length;
      this.failures = [];
      for (const u of left) if (u.state === 'waiting') u.state = 'queued';
      this.answer.more = { items: left.length, round: next };
      return 'continue';
    }
    this.preparing = false;
    const left = this.items.slice(0, this.retried).filter((u) => u.state !== 'succeeded');
    for (const u of left) Object.assign(u, { state: 'queued', passed: false, spent: 0, spentBegun: 0 });
    this.ends = this.ends.filter((u) => u.state === 'succeeded');
    // What was added since comes after them.
    this.line = [...left, ...this.line.filter((u) => !left.includes(u))];
    return this.done('retried');
  }

  protected retryCallbacks(source: string): string {
    const failed = this.callbacks.filter(
      (u) =>
        isOutcome(u.state) && u.state !== 'succeeded' && !u.superseded && (source === '' || sourceOf(u) === source),
    );
    for (const u of failed) {
      u.superseded = true;
      this.fireOne(u.onError, u.fired, this.find(sourceOf(u)));
    }
    this.answer.more = failed.length;
    return 'fired';
  }

  protected reopen({ round }: Action & { do: 'reopen' }): string {
    const [u] = this.items;
    if (this.config.parent || this.config.kind !== 'task' || !u) return 'nested';
    if (!this.ended || holdsSlot(u) || this.round >= round) return 'unfinished';
    this.round = round;
    this.failures = [];
    this.ends = [];
    this.status = 'running';
    this.why = undefined;
    this.lease(u, 'returned');
    u.child = 'child-0';
    u.begun = 1;
    return 'reopened';
  }
}
