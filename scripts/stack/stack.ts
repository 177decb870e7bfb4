import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { StackError } from './errors';
import { signalProcess } from './identity';
import { createInstanceFolder } from './instance';
import { CHECKOUT } from './paths';
import { describeExit } from './processes';
import { isSupervisorMessage, type ParentMessage, type ServiceName } from './protocol';

/** Longer than the supervisor itself takes for all its services when each has to be killed. */
const STOP_MS = 60_000;

export interface StackOptions {
  /** Called for each step of the start, and when a service ends that should not have. */
  onProgress?: (line: string) => void;
  /** The environment that decides what is started and what is taken as given. Default: this process's. */
  env?: NodeJS.ProcessEnv;
}

export interface Stack {
  /** What a process needs to use the stack. */
  env: Record<string, string>;
  redisUrl: string;
  /** The log files, which `stop` removes. */
  logs: string[];
  /** The process that owns the services. */
  supervisorPid: number;
  /** Ends one of the services that are the stack's own, and resolves when it is gone. The others stay. */
  endService(name: ServiceName, signal: NodeJS.Signals): Promise<void>;
  /** Starts an ended service again, with the same addresses and data, and resolves when it answers. */
  startService(name: ServiceName): Promise<void>;
  /** Lets the stack live on when this process ends. */
  release(): Promise<void>;
  stop(): Promise<void>;
}

function spawnSupervisor(folder: string, log: string, env: NodeJS.ProcessEnv): ChildProcess {
  const descriptor = openSync(log, 'a');
  try {
    const args = ['--require', require.resolve('tsx/cjs'), path.join(__dirname, 'supervisor.ts'), folder];
    return spawn(process.execPath, args, {
      cwd: CHECKOUT,
      env,
      detached: true,
      stdio: ['ignore', descriptor, descriptor, 'ipc'],
    });
  } finally {
    closeSync(descriptor);
  }
}

function whenReady(
  supervisor: ChildProcess,
  log: string,
  onProgress: (line: string) => void,
): Promise<Pick<Stack, 'env' | 'logs'>> {
  return new Promise((resolve, reject) => {
    supervisor.once('error', reject);
    supervisor.once('exit', (code, signal) => {
      reject(
        new StackError(`The stack's supervisor ${describeExit({ code, signal })} before the stack was ready.`, log),
      );
    });
    supervisor.on('message', (message: unknown) => {
      if (!isSupervisorMessage(message)) return;
      if (message.type === 'progress') onProgress(message.line);
      else if (message.type === 'ready') resolve({ env: message.env, logs: message.logs });
      else if (message.type === 'failed')
        reject(new StackError(`The stack did not start. ${message.message}\nAll logs: ${path.dirname(log)}`));
    });
  });
}

/**
 * Starts an engine, Postgres and Redis, or takes those that the environment names. They end with `stop`, and at the latest
 * with this process, however it ends.
 */
export async function startStack({
  onProgress = () => undefined,
  env = process.env,
}: StackOptions = {}): Promise<Stack> {
  const folder = createInstanceFolder();
  const log = path.join(folder, 'logs', 'supervisor.log');
  const supervisor = spawnSupervisor(folder, log, env);
  const exited = new Promise<void>((resolve) => {
    const end = (): void => {
      resolve();
    };
    supervisor.once('exit', end).once('error', end);
  });
  const send = (message: ParentMessage): Promise<void> =>
    new Promise((resolve) => {
      // It may be gone by now, which is what `stop` wants and what the next use of the stack will show.
      if (supervisor.connected) supervisor.send(message, () => resolve());
      else resolve();
    });
  const ready = await whenReady(supervisor, log, onProgress).catch(async (error: unknown) => {
    await exited;
    throw error;
  });
  let asked = 0;
  const change = async (
    message: { type: 'end'; name: ServiceName; signal: NodeJS.Signals } | { type: 'start'; name: ServiceName },
  ) => {
    const id = ++asked;
    const answered = new Promise<void>((resolve, reject) => {
      const onMessage = (answer: unknown): void => {
        if (!isSupervisorMessage(answer) || answer.type !== 'service' || answer.id !== id) return;
        supervisor.off('message', onMessage);
        if (answer.message === undefined) resolve();
        else reject(new StackError(answer.message, log));
      };
      supervisor.on('message', onMessage);
      void exited.then(() => {
        reject(new StackError("The stack's supervisor has ended.", log));
      });
    });
    supervisor.channel?.ref();
    try {
      await send({ ...message, id });
      await answered;
    } finally {
      supervisor.channel?.unref();
    }
  };
  // A process that forgets `stop` shall still be able to end; the stack ends with it.
  supervisor.unref();
  supervisor.channel?.unref();

  const { pid = -1 } = supervisor;
  const end = async (): Promise<void> => {
    if (supervisor.exitCode !== null || supervisor.signalCode !== null) return;
    supervisor.ref();
    void send({ type: 'stop' });
    const timer = setTimeout(() => signalProcess(pid, 'SIGKILL'), STOP_MS);
    await exited;
    clearTimeout(timer);
  };
  let stopped: Promise<void> | undefined;
  return {
    ...ready,
    redisUrl: ready.env['REDIS_URL'] ?? '',
    logs: [log, ...ready.logs],
    supervisorPid: pid,
    endService: (name, signal) => change({ type: 'end', name, signal }),
    startService: (name) => change({ type: 'start', name }),
    release: () => send({ type: 'release' }),
    stop: () => (stopped ??= end()),
  };
}
