import { clearLine, cursorTo } from 'node:readline';
import type { Progress } from 'mageflow';

// With the longest text this stays below the 80 columns that every terminal has.
const WIDTH = 20;
const STEPS_WITHOUT_TERMINAL = 4;

function text({ total, queued, running, succeeded, failed, cancelled }: Progress): string {
  const ended = succeeded + failed + cancelled;
  const bar = '#'.repeat(total === 0 ? 0 : Math.floor((ended / total) * WIDTH)).padEnd(WIDTH, '.');
  return `[${bar}] ${ended}/${total} done, ${running} running, ${queued} queued, ${failed} failed, ${cancelled} cancelled`;
}

/** One line that is rewritten in place; where there is no terminal, a line for each quarter. */
export class ProgressLine {
  private shown = false;
  private step = -1;

  constructor(private readonly out: NodeJS.WriteStream) {}

  update(progress: Progress): void {
    const line = text(progress);
    if (this.out.isTTY) {
      this.clear();
      // A line that wraps can't be rewritten.
      this.out.write(line.slice(0, (this.out.columns || 80) - 1));
      this.shown = true;
      return;
    }
    const ended = progress.succeeded + progress.failed + progress.cancelled;
    const step = Math.floor((ended / Math.max(1, progress.total)) * STEPS_WITHOUT_TERMINAL);
    if (step !== this.step) this.out.write(`${line}\n`);
    this.step = step;
  }

  /** Writes a line of its own above. */
  say(line: string): void {
    this.clear();
    this.out.write(`${line}\n`);
  }

  /** Leaves the last state as it stands. */
  end(): void {
    if (this.shown) this.out.write('\n');
    this.shown = false;
  }

  private clear(): void {
    if (!this.shown) return;
    clearLine(this.out, 0);
    cursorTo(this.out, 0);
  }
}
