/**
 * Applies an action to each item of a sequence, in a fixed number of lanes. Each lane takes the next item as soon as it has
 * finished one.
 * @throws the error of the sequence or of an action
 */
export async function forEachConcurrently<T>(
  lanes: number,
  sequence: AsyncIterator<T> | Iterator<T>,
  action: (one: T) => Promise<void>,
): Promise<void> {
  const lane = async () => {
    for (let next = await sequence.next(); !next.done; next = await sequence.next()) await action(next.value);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
