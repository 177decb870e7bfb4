/**
 * What a call gives, or an error when that takes longer. The call itself can't be stopped; what still comes of it is dropped.
 * @throws what the call throws, and an Error that says how long was waited for whom
 */
export function inTime<T>(who: string, ms: number, call: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${who} gave no answer within ${ms / 1000} s`)), ms);
    const settle = (done: () => void) => {
      clearTimeout(timer);
      done();
    };
    call.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error as Error)),
    );
  });
}
