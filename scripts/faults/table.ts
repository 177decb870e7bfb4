import path from 'node:path';
import type { Row } from '../../__tests__/crash/matrix';
import type { Count, JestSuite } from '../jest';
import { markdownTable } from '../markdown';
import { CHECKOUT } from '../stack/paths';

const BEGIN = '<!-- faults: written by `npm run faults` -->';
const END = '<!-- faults: end -->';

export interface About {
  seed: number;
  minutes: number;
  cores: number;
  /** How many tests passed. */
  tests: number;
}

/** What was tried and what came of it, as Markdown. */
export function faultTable(rows: readonly Row[], counts: readonly Count[], about: About): string {
  const suites = counts.flatMap((count) => count.suites).filter(({ name }) => !name.includes('/crash/'));
  return [crashes(rows, about), ...(suites.length > 0 ? [services(suites)] : [])].join('\n\n');
}

/** Puts a new table in the place of the old one. @throws when the text has no place for it */
export function replaceTable(text: string, table: string): string {
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from)
    throw new Error(`Expected the lines "${BEGIN}" and "${END}" in docs/guarantees.md, found none: put them back.`);
  return `${text.slice(0, from + BEGIN.length)}\n\n${table}\n\n${text.slice(to)}`;
}

function crashes(rows: readonly Row[], { seed, minutes, cores, tests }: About): string {
  const points = [...new Set(rows.map(({ point }) => nameOf(point)))].sort();
  const cells = points.map((name) =>
    crashCells(
      name,
      rows.filter(({ point }) => nameOf(point) === name),
    ),
  );
  const all = crashCells('all', rows).map((cell) => `**${String(cell)}**`);
  const columns = [
    'Killed before and after',
    'kills',
    'bodies',
    'run once more',
    'callbacks',
    'slowest recovery',
    'wrong',
  ];
  return [
    `${String(rows.length)} kills with the seed ${String(seed)}, ${String(tests)} tests, ${String(minutes)} minutes on ${String(cores)} cores.`,
    '',
    ...markdownTable(columns, [...cells, all]),
  ].join('\n');
}

function crashCells(name: string, rows: readonly Row[]): (string | number)[] {
  const total = (field: 'bodies' | 'repeated' | 'callbacks') => rows.reduce((sum, row) => sum + row[field], 0);
  const slowest = Math.max(...rows.map(({ recoveredMs }) => recoveredMs));
  const wrong = rows.filter((row) => row.wrong.length > 0).length;
  return [
    name,
    rows.length,
    total('bodies'),
    total('repeated'),
    total('callbacks'),
    `${(slowest / 1000).toFixed(0)} s`,
    wrong,
  ];
}

function services(suites: readonly JestSuite[]): string {
  const cells = suites
    .map((suite) => ({ file: path.relative(path.join(CHECKOUT, '__tests__'), suite.name), suite }))
    .sort((a, b) => (a.file < b.file ? -1 : 1))
    .map(({ file, suite }) => {
      const passed = suite.assertionResults.filter(({ status }) => status === 'passed').length;
      const failed = suite.assertionResults.length - passed;
      const seconds = ((suite.endTime - suite.startTime) / 1000).toFixed(0);
      return [file.replace('.test.ts', ''), passed, failed, `${seconds} s`];
    });
  return markdownTable(['Suite', 'passed', 'failed', 'took'], cells).join('\n');
}

const nameOf = (point: string) => point.replace(/^(before|after) /, '');
