const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls back once when a signal is aborted, at once when it is already. However many wait on one signal, it has one
 * listener: Node warns of a leak at the eleventh.
 * @returns what calls it off
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) {
    callback();
    return () => undefined;
  }
  const all = waiting.get(signal) ?? listen(signal);
  // Of its own, so that one callback handed in twice is called off once.
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
