const hideCursor = '\u001b[?25l';
const showCursor = '\u001b[?25h';
const clearToEnd = '\u001b[0J';

/** Some lines of a terminal that are drawn again and again in the same place. */
export class LiveBlock {
  private drawn = 0;

  constructor(private readonly stream: NodeJS.WriteStream) {}

  /** Shows lines in place of the ones before. Each must fit into a line of the terminal. */
  show(lines: readonly string[]): void {
    const up = this.drawn > 0 ? `\u001b[${this.drawn}A\r` : hideCursor;
    this.stream.write(`${up}${clearToEnd}${lines.join('\n')}\n`);
    this.drawn = lines.length;
  }

  /** Removes the lines. */
  clear(): void {
    if (this.drawn > 0) this.stream.write(`\u001b[${this.drawn}A\r${clearToEnd}`);
    this.drawn = 0;
  }

  /** Leaves the last lines as they are. */
  end(): void {
    this.stream.write(showCursor);
  }
}
