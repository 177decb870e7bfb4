/**
 * The process that owns a stack's services. It is no part of the terminal's process group, so a Ctrl-C reaches only the
 * process that started it, and it stops everything when the channel to that process closes, for whatever reason.
 *
 * Usage: supervisor.ts FOLDER
 */
import { existsSync } from 'node:fs';
import { provideEngineBinaries } from './engine-build';
import { startEngine, type EngineEndpoint } from './engine';
import { startSidecar, type Sidecar } from './engine-sidecar';
import { errorMessage, StackError } from './errors';
import { existingEngine } from './existing-engine';
import { Instance, sweepLeftovers, type StartContext } from './instance';
import { providePostgres } from './postgres';
import { describeExit, type Service } from './processes';
import type { ParentMessage, ServiceName, SupervisorMessage } from './protocol';
import { provideRedis } from './redis';
import { onStopSignal } from './stop-signals';

const GRACE_MS = 5_000;
/** For one service that is asked to end while the others stay: the engine waits for what it has begun. */
const END_MS = 60_000;
const READY_MS = 120_000;
/** Services end in this order, each before what it needs. */
const ENDING: [name: string, signal: NodeJS.Signals][] = [
  ['engine', 'SIGTERM'],
  ['postgres', 'SIGINT'],
  ['redis', 'SIGTERM'],
];

/** Aborted when the stack is to end: somebody asked for it, or a part of it did not start. */
const stopping = new AbortController();
let released = false;

function requestStop(): void {
  stopping.abort();
}

/**
 * Waits for all of the tasks. The first failure makes the others give up, and is thrown once they have: what they would
 * start after that nobody would stop.
 */
async function together<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  const failures: unknown[] = [];
  const abort = (error: unknown): void => {
    failures.push(error);
    stopping.abort();
  };
  first.catch(abort);
  second.catch(abort);
  await Promise.allSettled([first, second]);
  if (failures.length > 0) throw failures[0];
  return Promise.all([first, second]);
}

function send(message: SupervisorMessage): Promise<void> {
  console.log(message.type === 'progress' ? message.line : message.type);
  return new Promise((resolve) => {
    // It may be gone by now.
    if (process.connected)
      process.send?.(message, undefined, undefined, () => {
        resolve();
      });
    else resolve();
  });
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

function progress(line: string): void {
  void send({ type: 'progress', line });
}

class Supervisor {
  private sidecar: Sidecar | undefined;
  private keepLogs = false;
  private readonly context: StartContext;

  constructor(private readonly instance: Instance) {
    this.context = { instance, signal: stopping.signal, progress };
  }

  private async provideEngine(): Promise<Record<string, string> | EngineEndpoint> {
    const existing = await existingEngine();
    if (existing !== undefined) return existing;
    const named = process.env['HATCHET_CLIENT_EMBEDDED_BINARY_PATH'];
    const [binaries, databaseUrl] = await together(
      named ? Promise.resolve(undefined) : provideEngineBinaries(this.context),
      providePostgres(this.context),
    );
    if (binaries !== undefined) return startEngine(this.context, binaries, databaseUrl);
    this.sidecar = await startSidecar(this.context, databaseUrl);
    return this.sidecar.endpoint;
  }

  private watch(service: Service): void {
    void service.exited.then((exit) => {
      if (stopping.signal.aborted || service.isStopping === true) return;
      this.keepLogs = true;
      progress(`${service.name} ${describeExit(exit)} unexpectedly (log: ${service.logFile})`);
    });
  }

  /** Ends one service, or starts it again. */
  async change(message: Extract<ParentMessage, { name: ServiceName }>): Promise<void> {
    const { type, id, name } = message;
    try {
      if (type === 'start') {
        this.watch(await this.instance.startAgain(name, { timeoutMs: READY_MS, signal: stopping.signal }));
      } else {
        const service = this.instance.services.find((one) => one.name === name);
        if (service === undefined) throw new StackError(`Expected a service that runs, got ${name}.`);
        await this.instance.end(service, message.signal, END_MS);
      }
      await send({ type: 'service', id });
    } catch (error) {
      await send({ type: 'service', id, message: errorMessage(error) });
    }
  }

  async start(): Promise<void> {
    await sweepLeftovers(this.instance.folder);
    const [redis, engine] = await together(provideRedis(this.context), this.provideEngine());
    stopping.signal.throwIfAborted();
    for (const service of this.instance.services) this.watch(service);
    const env: Record<string, string> = {
      ...engine,
      REDIS_URL: redis.url,
      MAGEFLOW_STACK_DIR: this.instance.folder,
      MAGEFLOW_SUPERVISOR_PID: String(process.pid),
    };
    if (redis.binary !== undefined) env['MAGEFLOW_REDIS_SERVER'] = redis.binary;
    await send({ type: 'ready', env, logs: this.instance.logs });
  }

  async failed(error: unknown): Promise<void> {
    if (isAbort(error)) return;
    this.keepLogs = true;
    await send({ type: 'failed', message: errorMessage(error) });
  }

  async stop(): Promise<void> {
    await this.sidecar?.stop();
    for (const [name, signal] of ENDING) {
      const ending = this.instance.services.filter((service) => service.name === name);
      await Promise.all(ending.map((service) => this.instance.end(service, signal, GRACE_MS)));
    }
    this.instance.remove(this.keepLogs);
  }
}

function whenStopRequested(supervisor: Supervisor): Promise<void> {
  onStopSignal(requestStop);
  process.on('message', (message: ParentMessage) => {
    if (message.type === 'stop') requestStop();
    else if (message.type === 'release') released = true;
    else void supervisor.change(message);
  });
  process.on('disconnect', () => {
    if (!released) requestStop();
  });
  return new Promise((resolve) => {
    stopping.signal.addEventListener('abort', () => {
      resolve();
    });
  });
}

async function main(): Promise<void> {
  const folder = process.argv[2];
  if (folder === undefined || !existsSync(folder))
    throw new Error(`Expected the folder of a stack as argument, got ${String(folder)}.`);
  const supervisor = new Supervisor(new Instance(folder));
  const stopRequested = whenStopRequested(supervisor);
  // A released supervisor may have neither a channel nor a service that keeps it alive.
  setInterval(() => undefined, 60_000);
  try {
    await supervisor.start();
    await stopRequested;
  } catch (error) {
    console.error(error);
    await supervisor.failed(error);
    requestStop();
    process.exitCode = 1;
  }
  await supervisor.stop();
  // Not by itself: the SDK goes on waiting for a sidecar whose start was given up, and ends it at this exit.
  process.exit();
}

void main();
