// eslint-disable-next-line no-restricted-imports -- here they become the clock
import { performance } from 'node:perf_hooks';
// eslint-disable-next-line no-restricted-imports -- a test may have replaced the global ones before this file is loaded
import { clearImmediate, clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from 'node:timers';
import { runOutsideContext } from './outside-context';
import { processState } from './process-state';

/** A timer that has been set. */
export interface Timer {
  /** Stops it. Nothing happens when it is over already. */
  cancel(): void;
  /** Lets the process end while it is set. */
  unref(): void;
  /** Keeps the process alive while it is set, as is the default. */
  ref(): void;
}

/** The time and the timers of an instance. Mageflow has no others, so that a test can replace them all. */
export interface Clock {
  /** The time of day, in ms since 1970. */
  now(): number;
  /** The ms since some moment. Unlike the time of day, it never goes back. */
  elapsed(): number;
  /** Calls an action once, after some ms. */
  timeout(action: () => void, ms: number): Timer;
  /** Calls an action repeatedly, every so many ms. */
  interval(action: () => void, ms: number): Timer;
  /** Calls an action in the next turn of the event loop, after its input has been read. */
  immediate(action: () => void): Timer;
}

/** The functions of a JavaScript runtime that a clock needs. */
export type Timers = Pick<
  typeof globalThis,
  'setTimeout' | 'clearTimeout' | 'setInterval' | 'clearInterval' | 'setImmediate' | 'clearImmediate'
> & { Date: { now(): number }; performance: { now(): number } };

/** Makes a clock of a runtime's timers. Its actions run outside every asynchronous context. */
export function clockOf({ Date, performance, ...timers }: Timers): Clock {
  const handle = (timer: NodeJS.Timeout | NodeJS.Immediate, cancel: () => void): Timer => ({
    cancel,
    unref: () => void timer.unref(),
    ref: () => void timer.ref(),
  });
  return {
    now: () => Date.now(),
    elapsed: () => performance.now(),
    timeout: (action, ms) => {
      const timer = runOutsideContext(() => timers.setTimeout(action, ms));
      return handle(timer, () => timers.clearTimeout(timer));
    },
    interval: (action, ms) => {
      const timer = runOutsideContext(() => timers.setInterval(action, ms));
      return handle(timer, () => timers.clearInterval(timer));
    },
    immediate: (action) => {
      const timer = runOutsideContext(() => timers.setImmediate(action));
      return handle(timer, () => timers.clearImmediate(timer));
    },
  };
}

/**
 * The clock of this process. It keeps the functions that the runtime had when this file was loaded, because a test that
 * replaces the global ones must not stop Mageflow.
 */
export const systemClock: Clock = clockOf({
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  setImmediate,
  clearImmediate,
  Date: { now: Date.now.bind(Date) },
  performance: { now: performance.now.bind(performance) },
});

/** Gives instances that are made with this client a clock of their own. A testing kit does. */
export function setClockOf(client: object, clock: Clock): void {
  processState().clocks.set(client, clock);
}

/** Returns the clock of instances that are made with this client: that of the process, unless another one was set. */
export function clockFor(client: object): Clock {
  return (processState().clocks.get(client) as Clock | undefined) ?? systemClock;
}

/** Resolves after some ms. */
export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.timeout(resolve, ms));
}

/** Resolves after some ms. Its timer does not keep the process alive. */
export function idlePause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.timeout(resolve, ms).unref());
}
