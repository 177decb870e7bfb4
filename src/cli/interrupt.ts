import { InterruptedError } from './errors';

/** A signal that the first Ctrl-C aborts. A second one ends the process at once. */
export function onInterrupt(): AbortSignal {
  const stop = new AbortController();
  const interrupt = () => {
    if (stop.signal.aborted) process.exit(130);
    stop.abort(new InterruptedError('Interrupted.'));
  };
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, interrupt);
  return stop.signal;
}
