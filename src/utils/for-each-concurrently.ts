/**
 * Does something to each of a sequence, in so many lanes: each takes the next one as soon as it has done with the one before.
 * @throws what the sequence or an action throws
 */
export async function forEachConcurrently<T>(
  lanes: number,
  sequence: AsyncIterator<T>,
  action: (one: T) => Promise<void>,
): Promise<void> {
  const lane = async () => {
    for (let next = await sequence.next(); !next.done; next = await sequence.next()) await action(next.value);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
