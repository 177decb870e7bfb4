import type { Action } from './actions';
import { Executions } from './executions';
import { holdsSlot, isOutcome, sourceOf, type Unit } from './unit';

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

  protected suspend({ on, version }: Action & { do: 'suspend' }, newVersion: number): string {
    const [only] = this.config.kind === 'task' ? this.items : [];
    // A chain that was suspended when one of its steps was cancelled ends when it is resumed.
    const over = this.ended || (this.status === 'cancelling' && (on || !this.suspended));
    if (over || (only && only.doomed && holdsSlot(only))) return 'ended';
    if (version !== undefined && version < this.word) return 'older';
    this.word = version ?? newVersion;
    this.sayBelow();
    this.suspended = on;
    if (!on) {
      this.requeue(this.items);
      this.release(false);
    }
    return this.done(on ? 'suspended' : 'resumed');
  }

  protected suspendEntry({ entry, on }: Action & { do: 'suspendEntry' }, newVersion: number): string {
    const u = this.find(entry);
    if (!u) return 'missing';
    const active = holdsSlot(u) || u.state === 'deferred';
    if (this.ended && !active && !this.heldBack) return 'ended';
    if (on && ((active && u.doomed) || isOutcome(u.state))) return 'ended';
    u.word = { suspended: on, version: newVersion };
    this.sayBelow();
    if (!on) {
      if (this.isItem(u)) this.requeue([u]);
      this.release(false);
    }
    return this.done(on ? 'suspended' : 'resumed');
  }

  protected retry({ who, round, reopen }: Action & { do: 'retry' }): string {
    if (this.preparing) return this.choosing !== undefined && who !== 'more' ? 'leased' : this.prepared();
    if (who === 'more') return 'retried';
    if (who === 'user' && this.config.parent && this.config.kind !== 'root') return 'nested';
    if (!this.ended) return 'unfinished';
    if (who === 'parent' && this.parentRound >= round) return 'none';
    const next = who === 'user' ? this.parentRound + 1 : round;
    if (who === 'parent') this.parentRound = next;
    const left = this.items.filter((u) => u.state !== 'succeeded');
    if (left.length === 0 && !reopen && (who === 'user' || this.status === 'succeeded')) return 'none';
    if (reopen) this.closed = false;
    this.prepare(next);
    for (const u of left) if (u.state === 'waiting') u.state = 'queued';
    this.answer.more = { items: left.length, round: next };
    return 'continue';
  }

  protected retrySome({ only }: Action & { do: 'retrySome' }): string {
    if (this.preparing) return 'unfinished';
    if (this.config.parent && this.config.kind !== 'root') return 'nested';
    if (!this.ended) return 'unfinished';
    const left = this.items.filter((u) => u.state !== 'succeeded');
    if (left.length === 0) return 'none';
    const wasCutOff = this.status !== 'succeeded';
    this.prepare(this.parentRound + 1);
    this.cutOff = wasCutOff;
    this.choosing = this.ends.length;
    const chosen = left.filter(({ name }) => only.includes(Number(name)));
    for (const u of chosen) this.tryAgain(u);
    const stay = left.filter((u) => !chosen.includes(u));
    this.failures = stay.filter(({ state }) => state === 'failed');
    for (const u of stay.filter(({ state }) => !isOutcome(state))) {
      Object.assign(u, { state: 'cancelled', unbegun: true, begun: 0, payload: '', passed: false });
      this.ends.push(u);
    }
    this.answer.more = { items: chosen.length, round: this.parentRound };
    return 'continue';
  }

  private prepare(round: number): void {
    Object.assign(this, { parentRound: round, preparing: true, status: 'running', why: undefined, released: false });
    this.deadline = this.config.timeout ? 'ahead' : 'none';
    this.round += 1;
    // What was spent in an earlier round does not count. The items follow when they are queued.
    for (const u of this.callbacks) u.spent = 0;
    this.retried = this.items.length;
    this.failures = [];
    this.kept = 0;
    this.cutOff = false;
  }

  private tryAgain(u: Unit): void {
    Object.assign(u, { state: 'queued', passed: false, spent: 0, spentBegun: 0 });
  }

  private prepared(): string {
    const { choosing } = this;
    const isLeft = (u: Unit) => (choosing === undefined ? u.state !== 'succeeded' : u.state === 'queued');
    const left = this.items.slice(0, this.retried).filter(isLeft);
    for (const u of left) this.tryAgain(u);
    // What has never begun and stays counts as ended first.
    const ends = [...this.ends.slice(choosing ?? 0), ...this.ends.slice(0, choosing ?? 0)];
    this.ends = ends.filter((u) => !left.includes(u));
    // What was added since comes after them.
    this.line = [...left, ...this.line.filter((u) => !left.includes(u))];
    this.preparing = false;
    this.choosing = undefined;
    if (choosing !== undefined) {
      this.kept = this.failures.length;
      this.cutOff &&= this.count('cancelled') > 0;
      if (this.cutOff && this.status === 'running') this.why = 'left';
    }
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
