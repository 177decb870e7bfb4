const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls back once when a signal is aborted, or at once if it already is. All callbacks of a signal share one listener,
 * because Node warns of a leak at the eleventh.
 * @returns a function that removes the callback
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) {
    callback();
    return () => undefined;
  }
  const all = waiting.get(signal) ?? listen(signal);
  // A new function, so that a callback that was passed twice is removed once.
  const call = () => callback();
  all.add(call);
  return () => {
    all.delete(call);
    if (all.size > 0 || waiting.get(signal) !== all) return;
    waiting.delete(signal);
    signal.removeEventListener('abort', abortAll);
  };
}

function listen(signal: AbortSignal): Set<() => void> {
  const all = new Set<() => void>();
  waiting.set(signal, all);
  signal.addEventListener('abort', abortAll, { once: true });
  return all;
}

function abortAll(this: AbortSignal): void {
  const all = waiting.get(this) ?? [];
  waiting.delete(this);
  for (const call of [...all]) call();
}
