import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { errorCode, StackError } from './errors';
import { commandLine, identify, isAlive, signalProcess, type ProcessId } from './identity';
import { instancesFolder } from './paths';
import { endService, launch, type LaunchOptions, type Service } from './processes';
import { waitReady } from './ready';
import { poll, type WaitOptions } from './wait';

const SUPERVISOR_FILE = 'supervisor.json';
const SERVICES_FILE = 'services.json';
/** A folder is made before its supervisor exists. */
const UNCLAIMED_MS = 10 * 60_000;
/** The logs of a stack that failed are kept for whoever wants to read them. */
const KEPT_LOGS_MS = 24 * 60 * 60_000;

/** What a test, or the next start after a crash, needs to know about a running service. */
export interface ServiceRecord extends ProcessId {
  name: string;
  command: string;
  args: string[];
}

export function createInstanceFolder(): string {
  const folder = mkdtempSync(path.join(instancesFolder(), 'stack-'));
  chmodSync(folder, 0o711); // Postgres, as another user, has to get through to its own folder
  mkdirSync(path.join(folder, 'logs'));
  return folder;
}

function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function writeJson(file: string, content: unknown): void {
  // Renamed into place, so that nobody reads half a file.
  writeFileSync(`${file}.new`, JSON.stringify(content, undefined, 2), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** What it takes to start a service, the first time and again. */
export interface Start {
  name: string;
  command: string;
  args: string[];
  options?: LaunchOptions;
  /** Whether it answers; asked with its process id until it does. */
  probe: (pid: number) => boolean | Promise<boolean>;
}

export interface StartContext {
  instance: Instance;
  signal: AbortSignal;
  progress: (line: string) => void;
}

/** The folder of one stack with the services that run in it. Only its supervisor holds one. */
export class Instance {
  readonly services: Service[] = [];
  private records: ServiceRecord[] = [];
  private readonly logFiles = new Set<string>();
  private readonly starts = new Map<string, Start>();

  constructor(readonly folder: string) {
    writeJson(path.join(folder, SUPERVISOR_FILE), identify(process.pid));
  }

  get logs(): string[] {
    return [...this.logFiles];
  }

  log(name: string): string {
    const file = path.join(this.folder, 'logs', `${name}.log`);
    this.logFiles.add(file);
    return file;
  }

  subfolder(name: string): string {
    const folder = path.join(this.folder, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** Starts a service and waits until it answers. */
  async start(start: Start, wait: WaitOptions): Promise<Service> {
    const { name, command, args, options, probe } = start;
    const service = launch(name, command, args, this.log(name), options);
    this.services.push(service);
    if (service.pid > 0) {
      this.records.push({ name, command, args, ...identify(service.pid) });
      writeJson(path.join(this.folder, SERVICES_FILE), this.records);
    }
    this.starts.set(name, start);
    await waitReady(service, () => probe(service.pid), wait);
    return service;
  }

  /** Starts a service that was ended once more, with the same arguments, environment and data. */
  startAgain(name: string, wait: WaitOptions): Promise<Service> {
    const start = this.starts.get(name);
    if (start === undefined) throw new StackError(`Expected the name of a service of this stack, got ${name}.`);
    return this.start(start, wait);
  }

  async end(service: Service, signal: NodeJS.Signals, graceMs: number): Promise<void> {
    // Before it ends, so that observers see that it was asked to.
    service.isStopping = true;
    await endService(service, signal, graceMs);
    this.services.splice(this.services.indexOf(service), 1);
    this.records = this.records.filter(({ pid }) => pid !== service.pid);
    writeJson(path.join(this.folder, SERVICES_FILE), this.records);
  }

  remove(keepLogs: boolean): void {
    if (!keepLogs) {
      rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
      return;
    }
    for (const entry of readdirSync(this.folder)) {
      if (entry !== 'logs') rmSync(path.join(this.folder, entry), { recursive: true, force: true, maxRetries: 5 });
    }
  }
}

export function readServices(folder: string): ServiceRecord[] {
  return readJson<ServiceRecord[]>(path.join(folder, SERVICES_FILE)) ?? [];
}

async function endLeftover(folder: string, record: ServiceRecord): Promise<void> {
  // Both must hold before anything is killed: the same process as was started, and a command line that names this folder.
  if (!isAlive(record) || !commandLine(record.pid).includes(folder)) return;
  // SIGQUIT lets Postgres end at once and still give back its shared memory.
  signalProcess(record.pid, record.name === 'postgres' ? 'SIGQUIT' : 'SIGKILL');
  const gone = await poll(() => !isAlive(record), { timeoutMs: 5_000 });
  if (gone === undefined) signalProcess(record.pid, 'SIGKILL');
}

async function sweepFolder(folder: string): Promise<void> {
  const supervisor = readJson<ProcessId>(path.join(folder, SUPERVISOR_FILE));
  if (supervisor === undefined) {
    const hasLogs = readdirSync(path.join(folder, 'logs')).length > 0;
    if (Date.now() - statSync(folder).mtimeMs < (hasLogs ? KEPT_LOGS_MS : UNCLAIMED_MS)) return;
  } else if (isAlive(supervisor)) {
    return;
  }
  for (const record of readServices(folder).reverse()) await endLeftover(folder, record);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** Cleans up after stacks whose supervisor was killed: their processes, then their folder. */
export async function sweepLeftovers(except: string): Promise<void> {
  const parent = path.dirname(except);
  for (const entry of readdirSync(parent)) {
    const folder = path.join(parent, entry);
    if (folder === except || !entry.startsWith('stack-')) continue;
    try {
      await sweepFolder(folder);
    } catch (error) {
      // Another start sweeps the same folder, or its stack has just removed it.
      if (errorCode(error) !== 'ENOENT') throw error;
    }
  }
}
