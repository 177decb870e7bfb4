/**
 * Does something, and again when it fails, until it succeeds.
 * @param wait - called after each failure; what it throws ends it
 */
export function retry<T>(
  action: () => Promise<T>,
  wait: (failure: unknown, attempt: number) => Promise<unknown>,
): Promise<T> {
  // Most succeed at once: they cost no function of their own that waits.
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
