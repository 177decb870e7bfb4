import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from './fixture';
import type { ProcessConfig } from './worker-process';

type Line = { event: string } & Record<string, unknown>;

/** A process of its own, to be killed. */
export class TestProcess {
  readonly lines: Line[] = [];
  private readonly child: ChildProcess;
  private readonly exited: Promise<unknown>;
  private errors = '';

  constructor(config: ProcessConfig, env: Record<string, string> = {}) {
    const file = join(__dirname, 'worker-process.ts');
    // Node itself, without a wrapper: a signal has to reach the process that works.
    this.child = spawn(process.execPath, ['--import', 'tsx', file], {
      env: { ...process.env, ...env, MAGEFLOW_TEST_PROCESS: JSON.stringify(config) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.exited = once(this.child, 'exit');
    this.child.stderr?.on('data', (data: Buffer) => (this.errors += data.toString()));
    if (this.child.stdout) {
      createInterface({ input: this.child.stdout }).on('line', (line) => {
        if (line.startsWith('{')) this.lines.push(JSON.parse(line) as Line);
      });
    }
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Waits for a line of this kind. */
  lineOf(event: string): Promise<Line> {
    return eventually(`a process says "${event}"`, () => {
      const line = this.lines.find((one) => one.event === event);
      if (!line && this.child.exitCode !== null) throw new Error(`It exited: ${this.errors}`);
      return line;
    });
  }

  /** Ends it, and gives its exit code: null when the signal ended it. */
  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill(signal);
      await this.exited;
    }
    return this.child.exitCode;
  }
}
