import { ClosedError, StoreError } from '../config/errors';
import { messageOf } from '../utils/error-message';

/** How often an entry is published at most, whether its runs are lost or it can't be put together. */
export const maxPublications = 3;

/** Thrown when a publication can't be put together from what is stored: the next try ends in the same way, unlike that of a store or an engine that is away. */
export class Unpublishable extends Error {
  constructor(override readonly cause: unknown) {
    super(messageOf(cause));
  }
}

/** Puts together what is to be published; nothing in here asks the engine. @throws StoreError when Redis is away, else Unpublishable */
export async function composed<T>(make: () => T | Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    // A StoreError without a cause is of what Redis does not have any more, and is not away.
    const passes = error instanceof Unpublishable || error instanceof ClosedError;
    throw passes || (error instanceof StoreError && error.cause) ? error : new Unpublishable(error);
  }
}
