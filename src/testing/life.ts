import type { Clock, Timer } from '../utils/clock';
import type { InProcessHatchet } from './engine/client';

const nothing: Timer = { cancel: () => undefined, ref: () => undefined, unref: () => undefined };
const never = new Promise<never>(() => undefined);
/** The members of a client whose methods ask the engine. */
const asking = new Set<string | symbol>(['admin', 'runs', 'api', 'metrics', 'workflows']);

/**
 * The time during which the code of a kit runs as one process. When it is over, the timers of that code never fire, and its
 * calls of the engine are never answered.
 */
export class Life implements Clock {
  /** The client of its instances. */
  readonly hatchet: InProcessHatchet;
  private readonly timers = new Set<Timer>();
  private isOver = false;

  constructor(
    private readonly clock: Clock,
    hatchet: InProcessHatchet,
  ) {
    this.hatchet = new Proxy(hatchet, {
      get: (target, name) => {
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value === 'function') return (value as () => unknown).bind(target);
        return asking.has(name) ? this.mortal(value as object) : value;
      },
    });
  }

  end(): void {
    this.isOver = true;
    for (const timer of this.timers) timer.cancel();
    this.timers.clear();
  }

  now(): number {
    return this.clock.now();
  }

  elapsed(): number {
    return this.clock.elapsed();
  }

  timeout(action: () => void, ms: number): Timer {
    return this.keep((fire) => this.clock.timeout(fire, ms), action, true);
  }

  interval(action: () => void, ms: number): Timer {
    return this.keep((fire) => this.clock.interval(fire, ms), action, false);
  }

  immediate(action: () => void): Timer {
    return this.keep((fire) => this.clock.immediate(fire), action, true);
  }

  private keep(set: (fire: () => void) => Timer, action: () => void, isOnce: boolean): Timer {
    if (this.isOver) return nothing;
    const timer = set(() => {
      if (isOnce) this.timers.delete(timer);
      if (!this.isOver) action();
    });
    this.timers.add(timer);
    return {
      cancel: () => {
        this.timers.delete(timer);
        timer.cancel();
      },
      ref: () => timer.ref(),
      unref: () => timer.unref(),
    };
  }

  /** Returns an object whose methods are not answered any more when this is over. */
  private mortal(part: object): object {
    return new Proxy(part, {
      get: (target, name) => {
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (this.isOver) return never;
          const answer = (value as (...args: unknown[]) => unknown).apply(target, args);
          if (!(answer instanceof Promise)) return answer;
          return answer.then(
            (found: unknown) => (this.isOver ? never : found),
            (error: unknown) => (this.isOver ? never : Promise.reject(error as Error)),
          );
        };
      },
    });
  }
}
