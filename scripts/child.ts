import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { onStopSignal } from './stack/stop-signals';

export interface ChildOptions {
  env: NodeJS.ProcessEnv;
  /** For a command that starts processes of its own and may leave them behind: none of its process group outlives it. It gets no input. */
  wholeGroup?: boolean;
  onStart?: (child: ChildProcess) => void;
}

/** Runs a command in the foreground and returns its exit code as a shell would give it. Signals to us are passed on. */
export async function runInForeground(
  command: string,
  args: string[],
  { env, wholeGroup = false, onStart }: ChildOptions,
): Promise<number> {
  const child = spawn(command, args, {
    env,
    detached: wholeGroup,
    stdio: [wholeGroup ? 'ignore' : 'inherit', 'inherit', 'inherit'],
  });
  const forward = (signal: NodeJS.Signals): void => {
    if (wholeGroup) return killGroup(child, signal);
    // A terminal sends its Ctrl-C to the child itself too, and many programs take a second one as 'at once'.
    if (signal === 'SIGINT' && process.stdin.isTTY) return;
    child.kill(signal);
  };
  const forwardNoMore = onStopSignal(forward);
  try {
    onStart?.(child);
    return await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
      });
    });
  } finally {
    forwardNoMore();
    if (wholeGroup) killGroup(child, 'SIGKILL');
  }
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // Nothing of it is left.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
