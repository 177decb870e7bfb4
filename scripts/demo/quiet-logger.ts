const KEPT = 20;

/**
 * A logger for the SDK's client that keeps the last warnings and errors instead of writing them into the progress line:
 * they are shown when the demo fails.
 */
export class QuietLogger {
  readonly lines: string[] = [];

  debug(): void {}
  info(): void {}
  green(): void {}
  util(): void {}

  warn(message: string): void {
    this.keep(`warning: ${message}`);
  }

  error(message: string): void {
    this.keep(`error: ${message}`);
  }

  private keep(line: string): void {
    // Reconnecting says the same again and again.
    if (this.lines.includes(line)) return;
    this.lines.push(line);
    if (this.lines.length > KEPT) this.lines.shift();
  }
}
