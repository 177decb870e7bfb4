import { holdsSlot, isOutcome, noItem, sourceOf, type Outcome, type State, type Unit } from './unit';
import { GroupState } from './group-state';

/** What calls have in common: who gets a slot, what an end brings about. */
export class Mechanisms extends GroupState {
  protected isCancelled(u: Unit): boolean {
    return u.doomed || (this.status === 'cancelling' && this.isItem(u));
  }
  protected makeVoid(u: Unit, run: string): void {
    if (!u.void.includes(run)) u.void.push(run);
  }
  protected lease(u: Unit, state: State): void {
    const fresh = { run: '', attempt: undefined, publications: 1, threw: 0, lastThrow: -1, doomed: false, child: '' };
    Object.assign(u, { ...fresh, begun: 0, state, owner: this.by, due: false });
  }
  protected takeToken(u: Unit): void {
    if (this.config.burst === 0) return;
    this.tokens -= 1;
    u.token = true;
  }
  protected returnToken(u: Unit): void {
    if (!u.token) return;
    u.token = false;
    this.tokens = Math.min(this.config.burst - this.held, this.tokens + 1);
  }
  protected noteChild(entry: string, child: string): void {
    if (this.children[entry]) return;
    this.children[entry] = child;
    if (this.suspended || this.all.some((u) => u.word.version > 0)) this.toSpread = true;
  }
  protected sayBelow(): void {
    if (Object.keys(this.children).length > 0) this.toSpread = true;
  }
  /** What sits in another group starts when it gets its slot there. */
  protected begun(byParent = true): void {
    if (this.status !== 'pending' || (this.config.parent && !byParent)) return;
    this.status = 'running';
    if (this.config.timeout) this.deadline = 'ahead';
    // A chain ends with its cancelled step.
    if (this.config.kind === 'chain' && this.count('cancelled') > 0) this.status = 'cancelling';
  }
  protected ready(u: Unit): void {
    u.state = 'queued';
    this.line.push(u);
  }
  protected readyAll(): void {
    for (const u of this.items) if (u.state === 'waiting') this.ready(u);
  }
  /** Items whose turn came and went are the first again. */
  protected requeue(units: readonly Unit[]): void {
    if (this.status !== 'running') return;
    const passed = units.filter((u) => u.passed && u.state === 'queued');
    for (const u of passed) u.passed = false;
    this.line.unshift(...passed);
  }
  protected mayTakeBack(u: Unit): boolean {
    const begun = u.state !== 'granted' && u.state !== 'published';
    return this.isItem(u) && !begun && !u.run.startsWith('g:') && (this.suspended || this.alone(u));
  }
  protected takeBack(u: Unit): void {
    if (u.run) this.makeVoid(u, u.run);
    this.returnToken(u);
    Object.assign(u, { state: 'queued', run: '', attempt: undefined, child: '', doomed: false, due: false });
    if (this.config.kind !== 'chain' && this.alone(u)) u.passed = true;
    else this.line.unshift(u);
  }
  protected addToAnswer(u: Unit): void {
    if (this.isItem(u)) this.answer.grants.push(`${u.name} ${u.message}`);
    else this.answer.fired.push(`${u.name} ${u.fired}`);
  }

  protected endUnit(u: Unit, outcome: Outcome, payload: string): void {
    let [how, what] = [outcome, payload];
    if (this.isCancelled(u)) [how, what] = ['cancelled', ''];
    if (u.child && u.state !== 'returned') {
      Object.assign(u, { state: 'returned', body: { outcome: how, payload: what }, due: false });
      return;
    }
    if (u.state === 'returned') {
      const body = u.body!;
      if (body.outcome !== 'succeeded') [how, what] = [body.outcome, body.payload];
      else if (how === 'succeeded') what = body.payload;
    }
    const run = holdsSlot(u) ? u.run : '';
    u.unbegun = this.isItem(u) && !holdsSlot(u);
    if (u.unbegun) u.begun = 0;
    this.answer.endedAs = how;
    if (how === 'cancelled') this.returnToken(u);
    u.token = false;
    this.line = this.line.filter((other) => other !== u);
    Object.assign(u, { state: how, payload: what, run: '', attempt: undefined, doomed: false, due: false, child: '' });
    if (this.isItem(u)) {
      if (run && !run.startsWith('g:') && how !== 'succeeded') this.makeVoid(u, run);
      this.ends.push(u);
      if (how === 'failed') this.failures.push(u);
      if (how === 'cancelled' && this.config.kind === 'chain' && this.status === 'running') this.status = 'cancelling';
      this.stopAtLimit();
    }
    if (how === 'succeeded') this.fire(u.onSuccess, `success ${u.name}`, u);
    else this.fire(u.onError, `error ${u.name}`, u);
    this.endIfDone();
    this.handOut();
  }

  private get isOverLimit(): boolean {
    const { ratio } = this.config;
    const [ok, bad] = [this.count('succeeded'), this.failures.length];
    const tooMany = this.stopAfter > 0 && bad >= this.stopAfter;
    const tooOften = ratio > 0 && ok + bad >= 20 && bad / (ok + bad) >= ratio;
    return bad > 0 && (tooMany || tooOften);
  }

  protected stopAtLimit(): void {
    // What stayed failed stops nothing by itself.
    const isMore = !this.preparing && this.failures.length > this.kept;
    if (this.status !== 'running' || !isMore || !this.isOverLimit) return;
    this.status = 'stopping';
    if (this.config.kind !== 'root') this.closed = true;
  }

  protected fire(list: number, fired: string, source?: Unit): void {
    const of = fired.split(' ')[1];
    if (this.round > 0) for (const u of this.callbacks) if (sourceOf(u) === of) u.superseded = true;
    for (let i = 0; i < list; i++) this.fireOne(source ? 0 : 1, fired, source);
  }

  protected fireOne(onError: number, fired: string, source?: Unit): void {
    // Also one of the group itself: it may be repeated while the group is tried again, and suspended.
    const held = this.suspended || (source !== undefined && this.alone(source));
    const u = this.unit(`c${this.callbacks.length}`, { ...noItem, onError }, 'deferred', fired);
    this.callbacks.push(u);
    if (held) this.heldBack = true;
    else this.handOver(u);
  }

  protected handOver(u: Unit): void {
    this.lease(u, 'granted');
    this.addToAnswer(u);
  }

  /** Lets callbacks go that were held back: all, or those of what isn't suspended by itself. */
  protected release(all: boolean): void {
    if (!this.heldBack || this.suspended) return;
    for (const u of this.callbacks.filter(({ state }) => state === 'deferred')) {
      const source = this.find(u.fired.split(' ')[1] ?? '');
      if (all || !source || !this.alone(source)) this.handOver(u);
    }
    this.heldBack = this.callbacks.some(({ state }) => state === 'deferred');
  }

  protected endIfDone(): void {
    if (this.slots > 0 || this.ended || this.status === 'pending' || this.suspended || this.preparing) return;
    if (this.config.kind === 'root' && !this.closed) return;
    const allEnded = this.items.every((u) => isOutcome(u.state));
    if (this.status === 'running' && !(this.closed && allEnded)) return;
    const failed = this.status === 'stopping' || this.why === 'timeout';
    const [only] = this.config.kind === 'task' ? this.items : [];
    const all = this.kept > 0 && this.isOverLimit ? 'failed' : this.cutOff ? 'cancelled' : 'succeeded';
    this.end(only ? (only.state as Outcome) : this.status === 'running' ? all : failed ? 'failed' : 'cancelled', true);
  }

  protected end(outcome: Outcome, withCallbacks: boolean, notifies = true): void {
    this.status = outcome;
    this.suspended = false;
    this.closed = true;
    this.line = [];
    this.claims += 1;
    const { success, error } = this.config;
    if (withCallbacks && this.config.kind !== 'task')
      this.fire(outcome === 'succeeded' ? success : error, `${outcome === 'succeeded' ? 'success' : 'error'} g`);
    if (!this.config.parent || !notifies) return;
    this.telling = this.unit('p', noItem, 'granted');
    this.handOver(this.telling);
  }

  protected handOut(): void {
    const mayStart = () => this.status === 'running' && !this.suspended && !this.preparing && !this.paused;
    while (mayStart() && this.slots < this.limit && this.hasToken) {
      const [next] = this.line;
      const alone = next !== undefined && this.alone(next);
      // The steps of a chain have an order.
      if (!next || (alone && this.config.kind === 'chain')) return;
      this.line.shift();
      if (alone) next.passed = true;
      else {
        this.takeToken(next);
        this.handOver(next);
      }
    }
  }

  protected done(code: string): string {
    this.endIfDone();
    this.handOut();
    return code;
  }
}
