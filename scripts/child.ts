import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';

const FORWARDED: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

export interface ChildOptions {
  env: NodeJS.ProcessEnv;
  onStart?: (child: ChildProcess) => void;
}

/** Runs a command in the foreground and returns its exit code as a shell would give it. Signals to us are passed on. */
export async function runInForeground(
  command: string,
  args: string[],
  { env, onStart }: ChildOptions,
): Promise<number> {
  const child = spawn(command, args, { env, stdio: 'inherit' });
  const forward = (signal: NodeJS.Signals): void => {
    // A terminal sends its Ctrl-C to the child itself too, and many programs take a second one as 'at once'.
    if (signal === 'SIGINT' && process.stdin.isTTY) return;
    child.kill(signal);
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  try {
    onStart?.(child);
    return await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
      });
    });
  } finally {
    for (const signal of FORWARDED) process.off(signal, forward);
  }
}
