/**
 * Runs an action repeatedly until it succeeds.
 * @param wait - called after each failure; an error that it throws ends the retries
 * @throws the error of `wait`
 */
export function retry<T>(
  action: () => Promise<T>,
  wait: (failure: unknown, attempt: number) => Promise<unknown>,
): Promise<T> {
  // Most actions succeed at the first try, and then need no async function.
  return action().catch((failure: unknown) => later(action, failure, wait));
}

async function later<T>(
  action: () => Promise<T>,
  failure: unknown,
  wait: (failure: unknown, attempt: number) => Promise<unknown>,
): Promise<T> {
  let latest = failure;
  for (let attempt = 0; ; attempt++) {
    await wait(latest, attempt);
    try {
      return await action();
    } catch (error) {
      latest = error;
    }
  }
}
