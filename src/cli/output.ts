import { styleText } from 'node:util';
import { once } from 'node:events';
import type { Color, Column } from './column';
import { UsageError } from './errors';

export type Format = 'table' | 'json' | 'jsonl';

/** The options of each command that prints data. */
export interface OutputOptions {
  output?: Format;
}

type Stream = NodeJS.WriteStream;

const widthWithoutTerminal = 80;

/** Colours a text, if the stream is a terminal that has colours. `NO_COLOR` switches them off. */
export function paint(stream: Stream, color: Color | undefined, text: string): string {
  // styleText of Node 20.12 colours pipes too.
  const has = color !== undefined && stream.isTTY && !process.env['NO_COLOR'] && stream.hasColors();
  return has ? styleText(color, text) : text;
}

/** The width of a terminal; a new pseudo-terminal says 0. */
export function widthOf(stream: Stream): number {
  return stream.columns || widthWithoutTerminal;
}

/** Writes a line of data, and waits while the reader is slow. */
export async function toStdout(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
}

/** Writes a line for people. */
export function toStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Writes rows: as a table, as one JSON list, or as one JSON line each. */
export async function printRows<T extends object>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  format: Format,
): Promise<void> {
  if (format === 'json') return toStdout(JSON.stringify(rows, null, 2));
  if (format === 'jsonl') {
    for (const row of rows) await toStdout(JSON.stringify(row));
    return;
  }
  if (rows.length === 0) return;
  const { tableOf } = await import('./table');
  const cell = ({ value, color }: Column<T>, row: T) => paint(process.stdout, color?.(row), oneLine(value(row)));
  await toStdout(tableOf(rows, columns, cell));
}

/** Writes one value as JSON: over several lines, or (`jsonl`) in one. */
export function printValue(value: unknown, format: Format): Promise<void> {
  return toStdout(JSON.stringify(value, null, format === 'json' ? 2 : undefined));
}

/** Returns a text without line breaks and control characters, which names and errors may hold. */
export function oneLine(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are what it removes
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();
}

/** Cuts a text at a width. */
export function cut(text: string, width: number): string {
  const characters = Array.from(text);
  return characters.length <= width ? text : `${characters.slice(0, Math.max(1, width - 1)).join('')}…`;
}

/** Checks `--output`. @throws UsageError */
export function formatOf({ output = 'table' }: OutputOptions): Format {
  if (output === 'table' || output === 'json' || output === 'jsonl') return output;
  throw new UsageError(`--output: expected table, json or jsonl, got "${String(output)}".`);
}

/** Ends the process quietly when the reader of stdout has left, as `head` does. */
export function leaveWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader has gone, so all further output would be lost.
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}
