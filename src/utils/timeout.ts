const parts = 4;
/** The longest that a timer of Node can be; a longer one rings at once. */
export const longestTimerMs = 2 ** 31 - 1;

/**
 * Calls `over` once so many ms have passed in which this process could read its input.
 *
 * Timers are looked at before input is read: after a body has blocked the event loop for seconds, one timer would take for missing
 * what lies in the socket. So a limit is counted in parts, of which the loop can miss one without harm, and is judged a turn of
 * the loop after the last of them.
 * @returns what calls it off, and gives the ms that were left
 */
export function timeLimit(ms: number, over: () => void): () => number {
  let left = ms;
  let part = 0;
  let begun = 0;
  let immediate: NodeJS.Immediate | undefined;
  const next = (): NodeJS.Timeout => {
    part = Math.min(left, Math.max(1, ms / parts), longestTimerMs);
    begun = performance.now();
    return setTimeout(() => {
      left -= part;
      part = 0;
      if (left > 0) timer = next();
      else immediate = setImmediate(over);
    }, part);
  };
  let timer = next();
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
    return left - Math.min(part, performance.now() - begun);
  };
}

/**
 * What a call gives, or an error when that takes longer. The call itself can't be stopped; what still comes of it is dropped.
 * @param isOver - called when it takes longer
 * @throws what the call throws, and an Error that says how long was waited for whom
 */
export function withTimeout<T>(who: string, ms: number, call: Promise<T>, isOver?: () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const callOff = timeLimit(ms, () => {
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
