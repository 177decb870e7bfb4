import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { VictimConfig } from './victim';

type Line = { event: 'over'; passages: Record<string, number> } | { event: 'error'; message: string };

/** A process that makes a batch and works on it until it kills itself. */
export class Victim {
  private readonly child: ChildProcess;
  private readonly exited: Promise<unknown>;
  private readonly line: Promise<Line | undefined>;
  private errors = '';

  constructor(config: VictimConfig) {
    // Node itself, without a wrapper: a signal has to reach the process that works.
    this.child = spawn(process.execPath, ['--import', 'tsx', path.join(__dirname, 'victim.ts')], {
      env: { ...process.env, MAGEFLOW_CRASH: JSON.stringify(config) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.exited = once(this.child, 'exit');
    this.child.stderr?.on('data', (data: Buffer) => (this.errors += data.toString()));
    this.line = this.firstLine();
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Waits until it has brought its batch to the end. */
  async over(): Promise<{ passages: Record<string, number> }> {
    const line = await this.line;
    if (line?.event !== 'over') throw this.failure(line);
    return line;
  }

  /** Waits until it has killed itself, or come to the end without. Whether it has killed itself. */
  async killed(): Promise<boolean> {
    const line = await this.line;
    if (line?.event === 'over') return false;
    if (line) throw this.failure(line);
    await this.exited;
    if (this.child.signalCode !== 'SIGKILL') throw this.failure(line);
    return true;
  }

  async kill(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGKILL');
      await this.exited;
    }
  }

  private async firstLine(): Promise<Line | undefined> {
    if (!this.child.stdout) return undefined;
    for await (const line of createInterface({ input: this.child.stdout }))
      if (line.startsWith('{')) return JSON.parse(line) as Line;
    return undefined;
  }

  private failure(line: Line | undefined): Error {
    const message = line?.event === 'error' ? line.message : this.errors;
    return new Error(`The process was to work until it is killed, and ended (${this.child.exitCode}): ${message}`);
  }
}
