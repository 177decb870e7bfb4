import { ClosedError, StoreError, StoreFormatError } from '../config/errors';
import { messageOf } from '../utils/error-message';

/** How often an entry is published at most, when its runs are lost or its publication can't be composed. */
export const maxPublications = 3;

/**
 * Thrown when a publication can't be composed from the stored data. A second try would fail too, unlike after an outage of
 * Redis or the engine.
 */
export class Unpublishable extends Error {
  constructor(override readonly cause: unknown) {
    super(messageOf(cause));
  }
}

/**
 * Composes a publication. The callback must not call the engine.
 * @throws StoreError when Redis is unavailable or has a newer format, ClosedError when the instance is closed, otherwise Unpublishable
 */
export async function composed<T>(make: () => T | Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    // A StoreError without a cause means that Redis has lost data, not that it is unavailable.
    const passes = error instanceof Unpublishable || error instanceof ClosedError || error instanceof StoreFormatError;
    throw passes || (error instanceof StoreError && error.cause) ? error : new Unpublishable(error);
  }
}
