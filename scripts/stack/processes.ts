import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { appendFileSync, closeSync, existsSync, openSync, statSync } from 'node:fs';
import path from 'node:path';
import { errorMessage, StackError } from './errors';
import { signalProcess } from './identity';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Service {
  name: string;
  pid: number;
  logFile: string;
  /** Where its lines begin in a log file that an earlier attempt has written to as well. */
  logStart: number;
  /** Set when it was asked to end. */
  isStopping?: boolean;
  /** Set once the process has ended. */
  exit: Exit | undefined;
  exited: Promise<Exit>;
}

export interface LaunchOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  uid?: number;
  gid?: number;
  /** The signal the kernel sends the process when the one that started it dies. Default SIGKILL. */
  deathSignal?: 'INT' | 'TERM' | 'KILL';
}

export function describeExit({ code, signal }: Exit): string {
  return signal === null ? `exited with code ${String(code)}` : `was ended by ${signal}`;
}

/** An executable on the PATH. */
export function findExecutable(name: string, searchPath = process.env['PATH'] ?? ''): string | undefined {
  return searchPath
    .split(path.delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => path.join(folder, name))
    .find((file) => existsSync(file) && statSync(file).isFile());
}

let parentDeathGuard: boolean | undefined;

/** Only Linux can tie a process's life to its parent's, and only newer versions of `setpriv` know how to ask for it. */
function hasParentDeathGuard(): boolean {
  parentDeathGuard ??=
    process.platform === 'linux' && spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0;
  return parentDeathGuard;
}

function whenExited(child: ChildProcess, what: string): Promise<Exit> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      reject(new StackError(`Cannot run ${what}: ${error.message}`));
    });
    child.once('exit', (code, signal) => {
      resolve({ code, signal });
    });
  });
}

function withLogFile<T>(logFile: string, use: (descriptor: number) => T): T {
  const descriptor = openSync(logFile, 'a');
  try {
    return use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Starts a process that is meant to stay, with its output in a file. */
export function launch(
  name: string,
  command: string,
  args: string[],
  logFile: string,
  options: LaunchOptions = {},
): Service {
  const { deathSignal = 'KILL', ...spawnOptions } = options;
  const [file, fileArgs] = hasParentDeathGuard()
    ? ['setpriv', ['--pdeathsig', deathSignal, command, ...args]]
    : [command, args];
  const logStart = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  const child = withLogFile(logFile, (log) => spawn(file, fileArgs, { ...spawnOptions, stdio: ['ignore', log, log] }));
  const service: Service = {
    name,
    pid: child.pid ?? -1,
    logFile,
    logStart,
    exit: undefined,
    exited: whenExited(child, command).catch((error: unknown) => {
      appendFileSync(logFile, `${errorMessage(error)}\n`);
      return { code: 127, signal: null };
    }),
  };
  void service.exited.then((exit) => {
    service.exit = exit;
  });
  return service;
}

export interface RunOptions extends Pick<SpawnOptions, 'cwd' | 'env' | 'uid' | 'gid'> {
  signal?: AbortSignal | undefined;
}

/**
 * Runs a command to its end, with its output in the log file, and returns its standard output. It gets a process group of
 * its own, so that an abort also reaches what it has started.
 */
export async function run(
  what: string,
  command: string,
  args: string[],
  logFile: string,
  options: RunOptions = {},
): Promise<string> {
  const { signal, ...spawnOptions } = options;
  signal?.throwIfAborted();
  const child = withLogFile(logFile, (log) =>
    spawn(command, args, { ...spawnOptions, detached: true, stdio: ['ignore', 'pipe', log] }),
  );
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  const abort = (): void => {
    if (child.pid !== undefined) signalProcess(-child.pid, 'SIGKILL');
  };
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const closed = new Promise((resolve) => child.once('close', resolve));
    const exit = await whenExited(child, command);
    await closed;
    signal?.throwIfAborted();
    if (exit.code !== 0) {
      throw new StackError(
        `${what} failed: ${path.basename(command)} ${describeExit(exit)}.${output === '' ? '' : ` It said: ${output.slice(-2000)}`}`,
        logFile,
      );
    }
    return output;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** Ends a service: politely, then, when it has not ended in time, not. */
export async function endService(service: Service, signal: NodeJS.Signals, graceMs: number): Promise<void> {
  if (service.exit !== undefined || service.pid < 0) return;
  signalProcess(service.pid, signal);
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => {
      resolve('late');
    }, graceMs);
  });
  const outcome = await Promise.race([service.exited, patience]);
  clearTimeout(timer);
  if (outcome === 'late') {
    signalProcess(service.pid, 'SIGKILL');
    await service.exited;
  }
}
