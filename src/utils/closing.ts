import { ConfigurationError, describe } from '../config/errors';

/** Tells once that something closes. */
export class Closing {
  private listeners: Set<() => void> | undefined = new Set();

  /**
   * Adds a listener; calls it at once when the end has been told already.
   * @returns a function that removes it
   * @throws ConfigurationError when it is not a function
   */
  on(listener: () => void): () => void {
    if (typeof listener !== 'function')
      throw new ConfigurationError(`onClose: expected a listener function, got ${describe(listener)}.`);
    const { listeners } = this;
    if (!listeners) {
      listener();
      return () => undefined;
    }
    // The wrapper lets one function be added twice, and each addition be removed by itself.
    const own = () => listener();
    listeners.add(own);
    return () => void listeners.delete(own);
  }

  /** Calls the listeners. @param onError - is told what one of them throws, which has no other effect */
  tell(onError: (error: unknown) => void): void {
    const listeners = [...(this.listeners ?? [])];
    this.listeners = undefined;
    for (const listener of listeners)
      try {
        listener();
      } catch (error) {
        onError(error);
      }
  }
}
