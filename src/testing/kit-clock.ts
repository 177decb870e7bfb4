import { systemClock, type Clock, type Timer } from '../utils/clock';

/** A timer that has been set. */
interface Waiting {
  action: () => void;
  /** When it fires, by `elapsed`. */
  due: number;
  /** Its place among those that fire at the same time. */
  order: number;
  /** The ms between two calls; undefined for one that is called once. */
  everyMs: number | undefined;
  real: Timer;
  isReferenced: boolean;
}

/** What goes on is over when it asks for nothing during so many turns of the event loop; it is not waited for longer than so many. */
const turns = { quiet: 20, most: 10_000 };

/** A clock that goes on as that of the process does, and can be moved forward. */
export class KitClock implements Clock {
  private aheadMs = 0;
  private timers = 0;
  /** How many actions were asked for: each answer of the in-process Redis and engine is one. */
  private asked = 0;
  private readonly waiting = new Set<Waiting>();

  /** @param keepsAlive - false: its timers do not keep the process alive */
  constructor(private readonly keepsAlive = true) {}

  now(): number {
    return systemClock.now() + this.aheadMs;
  }

  elapsed(): number {
    return systemClock.elapsed() + this.aheadMs;
  }

  timeout(action: () => void, ms: number): Timer {
    return this.set(action, ms, undefined);
  }

  interval(action: () => void, ms: number): Timer {
    return this.set(action, ms, ms);
  }

  immediate(action: () => void): Timer {
    this.asked += 1;
    return systemClock.immediate(action);
  }

  /** The ms until the next timer fires; undefined if none is set. */
  get untilNextMs(): number | undefined {
    const [next] = this.inOrder();
    return next && Math.max(0, next.due - this.elapsed());
  }

  /**
   * Moves the clock forward. The timers that are due by then fire in their order, each at its own time. What one has begun
   * goes on before the next one fires, as far as it does not wait for timers of others.
   */
  async advance(ms: number): Promise<void> {
    const end = this.elapsed() + ms;
    await this.settle();
    for (let next = this.nextUntil(end); next; next = this.nextUntil(end)) {
      this.aheadMs += Math.max(0, next.due - this.elapsed());
      this.fire(next);
      await this.settle();
    }
    this.aheadMs += Math.max(0, end - this.elapsed());
    for (const one of this.waiting) this.arm(one);
  }

  /** Lets what is under way go on until it waits for a timer, or for something outside of the kit. */
  async settle(): Promise<void> {
    let since = 0;
    for (let turn = 0; turn < turns.most && turn - since < turns.quiet; turn++) {
      const before = this.asked;
      await new Promise<void>((resolve) => void systemClock.immediate(resolve));
      if (this.asked !== before) since = turn;
    }
  }

  private set(action: () => void, ms: number, everyMs: number | undefined): Timer {
    this.timers += 1;
    const due = this.elapsed() + Math.max(1, ms);
    const one: Waiting = { action, due, order: this.timers, everyMs, real: nothing, isReferenced: true };
    this.waiting.add(one);
    this.arm(one);
    const refer = (isReferenced: boolean) => {
      one.isReferenced = isReferenced;
      if (isReferenced && this.keepsAlive) one.real.ref();
      else one.real.unref();
    };
    return {
      cancel: () => {
        this.waiting.delete(one);
        one.real.cancel();
      },
      ref: () => refer(true),
      unref: () => refer(false),
    };
  }

  /** Sets the timer of the process that stands behind one of this clock. */
  private arm(one: Waiting): void {
    one.real.cancel();
    one.real = systemClock.timeout(() => this.fire(one), Math.max(0, one.due - this.elapsed()));
    if (!one.isReferenced || !this.keepsAlive) one.real.unref();
  }

  private fire(one: Waiting): void {
    if (!this.waiting.has(one)) return;
    one.real.cancel();
    if (one.everyMs === undefined) this.waiting.delete(one);
    else {
      one.due += Math.max(1, one.everyMs);
      this.arm(one);
    }
    one.action();
  }

  private nextUntil(end: number): Waiting | undefined {
    const [next] = this.inOrder();
    return next && next.due <= end ? next : undefined;
  }

  private inOrder(): Waiting[] {
    return [...this.waiting].sort((a, b) => a.due - b.due || a.order - b.order);
  }
}

const nothing: Timer = { cancel: () => undefined, ref: () => undefined, unref: () => undefined };
