/** A column of a table, and how a row fills it. */
export interface Column<T> {
  title: string;
  value: (row: T) => string;
  alignment?: 'left' | 'right';
  color?: (row: T) => Color | undefined;
}

export type Color = 'red' | 'green' | 'yellow' | 'cyan' | 'gray' | 'bold';
