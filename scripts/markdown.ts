import { writeFileSync } from 'node:fs';

type Row = readonly (string | number)[];

/** The lines of a table. */
export function markdownTable(columns: Row, rows: readonly Row[]): string[] {
  const line = (cells: Row): string => `| ${cells.join(' | ')} |`;
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)];
}

/** Writes a page as the linter wants it: what is made by a run is checked like what is written by hand. */
export async function writeMarkdown(file: string, text: string): Promise<void> {
  // When it is needed: tests that compare tables load this module, and can't load prettier.
  const { format, resolveConfig } = await import('prettier');
  writeFileSync(file, await format(text, { ...(await resolveConfig(file)), parser: 'markdown' }));
}
