import type { Clock, Timer } from './clock';

const parts = 4;
/** The longest timer of Node, in ms; a longer one fires at once. */
export const longestTimerMs = 2 ** 31 - 1;

/**
 * Calls `over` after a time in which this process could read its input.
 *
 * Node runs timers before it reads input. After a body has blocked the event loop for seconds, a single timer would expire
 * although the answer is already in the socket. So the limit is counted in parts, of which the loop can miss one without
 * harm, and `over` is called one turn of the loop after the last part.
 * @param ms - the limit
 * @returns a function that cancels the limit, and returns the ms that were left
 */
export function timeLimit(clock: Clock, ms: number, over: () => void): () => number {
  let left = ms;
  let part = 0;
  let begun = 0;
  let immediate: Timer | undefined;
  const next = (): Timer => {
    part = Math.min(left, Math.max(1, ms / parts), longestTimerMs);
    begun = clock.elapsed();
    return clock.timeout(() => {
      left -= part;
      part = 0;
      if (left > 0) timer = next();
      else immediate = clock.immediate(over);
    }, part);
  };
  let timer = next();
  return () => {
    timer.cancel();
    immediate?.cancel();
    return left - Math.min(part, clock.elapsed() - begun);
  };
}

/** The time limit of a call, and the service that is called. */
export interface Limit {
  /** Names the called service in the error. */
  who: string;
  ms: number;
  /** Called when the call takes too long. */
  isOver?: (() => void) | undefined;
}

/**
 * Resolves with the result of a call, or rejects when the call takes too long. The call itself can't be stopped; its later
 * result is dropped.
 * @throws the call's error, or an Error with `who` and the limit
 */
export function withTimeout<T>(clock: Clock, { who, ms, isOver }: Limit, call: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const callOff = timeLimit(clock, ms, () => {
      reject(new Error(`${who} gave no answer within ${ms / 1000} s`));
      isOver?.();
    });
    const settle = (done: () => void) => {
      callOff();
      done();
    };
    call.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error as Error)),
    );
  });
}
