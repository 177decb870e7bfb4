import { writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';

type Row = readonly (string | number)[];

/** The lines of a table. */
export function markdownTable(columns: Row, rows: readonly Row[]): string[] {
  const line = (cells: Row): string => `| ${cells.join(' | ')} |`;
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)];
}

/** Writes a page as the linter wants it: what is made by a run is checked like what is written by hand. */
export async function writeMarkdown(file: string, text: string): Promise<void> {
  writeFileSync(file, await format(text, { ...(await resolveConfig(file)), parser: 'markdown' }));
}
