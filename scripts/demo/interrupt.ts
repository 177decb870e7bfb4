import { constants } from 'node:os';
import { onStopSignal } from '../stack/stop-signals';

/** Thrown to whoever waits when a signal asks this process to end. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  /** As a shell gives it. */
  readonly exitCode: number;

  constructor(readonly signal: NodeJS.Signals) {
    super(`Stopped by ${signal}.`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/** npm and tsx may pass on a Ctrl-C that the terminal has sent to this process already. */
const sameKeyMs = 500;

/** Aborted by the first signal. A second Ctrl-C ends the process at once; its services then end by themselves. */
export function onInterrupt(): AbortSignal {
  const controller = new AbortController();
  let first = 0;
  onStopSignal((name) => {
    first ||= Date.now();
    if (name === 'SIGINT' && Date.now() - first > sameKeyMs) process.exit(new Interrupted(name).exitCode);
    controller.abort(new Interrupted(name));
  });
  return controller.signal;
}
