/**
 * Does again what failed, until it succeeds.
 * @param failure - of the first time
 * @param wait - called after each failure; what it throws ends it
 */
export async function again<T>(
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
