import { Table } from 'console-table-printer';
import type { Column } from './column';

/** Draws rows between borders. In a file of its own, so that it is loaded only where a table is printed. */
export function tableOf<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  cell: (column: Column<T>, row: T) => string,
): string {
  const table = new Table({
    shouldDisableColors: true,
    columns: columns.map(({ title, alignment = 'left' }) => ({ name: title, alignment })),
  });
  for (const row of rows) table.addRow(Object.fromEntries(columns.map((column) => [column.title, cell(column, row)])));
  return table.render();
}
