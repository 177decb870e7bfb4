import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { eventually } from './fixture';

/** What a body of such a worker reports when it begins. */
export interface PythonBody {
  event: 'body';
  task: string;
  attempt?: number;
  pid: number;
  input: Record<string, unknown>;
}

/** Workers in Python with the plain Hatchet SDK, and the gates at which their bodies wait. */
export class PythonWorkers {
  readonly bodies: PythonBody[] = [];
  private readonly gates = mkdtempSync(path.join(tmpdir(), 'mageflow-gates-'));
  private readonly started: PythonWorker[] = [];

  constructor(private readonly hatchet: HatchetClient) {}

  /** Starts a worker, and waits until the engine gives it work. */
  async start(): Promise<PythonWorker> {
    const name = `python-${randomBytes(4).toString('hex')}`;
    const config = { name, gates: this.gates };
    const worker = new PythonWorker(await pythonWithSdk(), config, this.hatchet.config.namespace ?? '', (body) =>
      this.bodies.push(body),
    );
    this.started.push(worker);
    await eventually('the worker in Python is known', async () => {
      worker.check();
      const { rows } = await this.hatchet.workers.list();
      return rows?.some((row) => row.name.endsWith(name) && row.status === 'ACTIVE');
    });
    return worker;
  }

  open(gate: string): void {
    writeFileSync(path.join(this.gates, gate), '');
  }

  /** Bodies of a task whose input has these fields. */
  of(task: string, fields: Record<string, unknown> = {}): PythonBody[] {
    const fits = ({ input }: PythonBody) => Object.entries(fields).every(([field, value]) => input[field] === value);
    return this.bodies.filter((body) => body.task === task && fits(body));
  }

  async close(): Promise<void> {
    await Promise.all(this.started.map((worker) => worker.kill()));
    rmSync(this.gates, { recursive: true, force: true });
  }
}

/** A Python that has the plain Hatchet SDK. */
async function pythonWithSdk(): Promise<string> {
  const file = path.join(__dirname, 'python-sdk.ts');
  return (await promisify(execFile)(process.execPath, ['--import', 'tsx', file])).stdout;
}

/** One such worker: a group of processes, as its SDK starts helpers that would go on telling the engine that it lives. */
export class PythonWorker {
  private readonly child: ChildProcess;
  private readonly closed: Promise<unknown>;
  private errors = '';

  constructor(python: string, config: object, namespace: string, onBody: (body: PythonBody) => void) {
    this.child = spawn(python, [path.join(__dirname, 'plain_worker.py')], {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        ...process.env,
        HATCHET_CLIENT_NAMESPACE: namespace,
        PLAIN_WORKER: JSON.stringify(config),
        PYTHONDONTWRITEBYTECODE: '1',
      },
    });
    this.closed = once(this.child, 'close');
    this.child.stderr?.on('data', (data: Buffer) => (this.errors = (this.errors + data.toString()).slice(-20_000)));
    if (this.child.stdout)
      createInterface({ input: this.child.stdout }).on('line', (line) => {
        if (line.startsWith('{')) onBody(JSON.parse(line) as PythonBody);
      });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** @throws what it printed, when it has ended by itself */
  check(): void {
    if (this.child.exitCode !== null) throw new Error(`The worker in Python has ended: ${this.errors}`);
  }

  /** Ends all of it at once. */
  async kill(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) process.kill(-this.pid, 'SIGKILL');
    await this.closed;
  }
}
