import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Table } from 'console-table-printer';
import type { Mageflow } from 'mageflow';

/** One file or folder of `examples/`, with what it takes to run it and to check what it gives. */
export interface Example<Result> {
  name: string;
  /** What it shows, in one line. */
  shows: string;
  run(mage: Mageflow, signal: AbortSignal): Promise<Result>;
  /** The result for people. */
  describe(result: Result): string;
  /** What is wrong with a result, in sentences: it is compared with a plain computation, made without mageflow. */
  problems(result: Result): string[];
}

export const dataFolder = path.join(__dirname, '../../examples/data');

/** What a callback sends to the program that waits for it. */
export class Mailbox<T> {
  private readonly mails: T[] = [];
  private readonly takers: ((mail: T) => void)[] = [];

  readonly put = (mail: T): void => {
    const take = this.takers.shift();
    if (take) take(mail);
    else this.mails.push(mail);
  };

  next(): Promise<T> {
    return new Promise((resolve) => {
      const mail = this.mails.shift();
      if (mail === undefined) this.takers.push(resolve);
      else resolve(mail);
    });
  }
}

/** A sentence for each of the wanted fields that differs. */
export function differences(got: object, wanted: object): string[] {
  const text = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 300);
  return Object.entries(wanted).flatMap(([field, value]: [string, unknown]) => {
    const found = (got as Record<string, unknown>)[field];
    return isDeepStrictEqual(found, value) ? [] : [`${field}: expected ${text(value)}, got ${text(found)}.`];
  });
}

export function euros(cents: number): string {
  return new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(cents / 100);
}

/** A table whose first column is text and whose other ones are numbers. */
export function table([first = '', ...others]: string[], rows: readonly (readonly (string | number)[])[]): string {
  const columns = [
    { name: first, alignment: 'left' as const },
    ...others.map((name) => ({ name, alignment: 'right' as const })),
  ];
  const printed = new Table({ shouldDisableColors: true, columns });
  for (const row of rows) printed.addRow(Object.fromEntries(columns.map(({ name }, i) => [name, row[i]])));
  return printed.render();
}
