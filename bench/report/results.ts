import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, platform, totalmem } from 'node:os';
import path from 'node:path';
import { markdownTable, writeMarkdown } from '../../scripts/markdown';
import { isAimMet, isMet, type Measured, type Part, type Table, type Target } from '../part';
import { drawChart } from './chart';

const folder = path.join(__dirname, '../results');
const page = path.join(folder, 'README.md');

/** What a part measured, and on what. */
export interface Result extends Measured {
  part: string;
  about: string;
  at: string;
  machine: string;
  versions: Record<string, string>;
}

const fileOf = (part: Pick<Part, 'name'>) => path.join(folder, `${part.name}.json`);

export function keepResult(part: Part, measured: Measured): void {
  mkdirSync(folder, { recursive: true });
  const result: Result = {
    part: part.name,
    about: part.about,
    at: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, ${platform()} ${arch()}`,
    versions: versions(),
    ...measured,
  };
  writeFileSync(fileOf(part), `${JSON.stringify(result, undefined, 1)}\n`);
}

/** Writes the page of tables and the chart from all results that are there. */
export async function writeReport(parts: readonly Part[]): Promise<void> {
  const results = parts
    .map(fileOf)
    .filter((file) => existsSync(file))
    .map((file) => JSON.parse(readFileSync(file, 'utf8')) as Result);
  const text = [
    '# What was measured',
    '',
    'Written by `npm run bench`. Compare only what stands in one table: it was measured in one run, in turns.',
    ...results.flatMap(section),
  ].join('\n');
  await writeMarkdown(page, text);
  const chart = await drawChart(results);
  if (chart !== undefined) writeFileSync(path.join(folder, 'chart.svg'), chart);
}

function section(result: Result): string[] {
  const about = Object.entries(result.versions).map(([name, version]) => `${name} ${version}`);
  return [
    '',
    `## ${result.part}`,
    '',
    result.about,
    '',
    `${result.at}, ${result.machine}; ${about.join(', ')}.`,
    ...result.tables.flatMap((table) => ['', `${table.title}:`, '', ...markdown(table)]),
    ...(result.targets.length > 0 ? ['', ...markdown(targetTable(result.targets))] : []),
    ...(result.notes ?? []).flatMap((note) => ['', note]),
  ];
}

function targetTable(targets: readonly Target[]): Table {
  const rows = targets.map((target) => [
    target.what,
    limit(target, target.must),
    limit(target, target.aim),
    `${shown(target.got)} ${target.unit}`,
    verdict(target, '**no**'),
  ]);
  return { title: '', columns: ['target', 'must', 'aim', 'measured', 'reached'], rows };
}

export function targetLines({ targets }: Measured): string[] {
  return targets.map((target) => {
    const { must, aim } = target;
    const wanted = must === undefined ? `aim: ${limit(target, aim)}` : `must be ${limit(target, must)}`;
    return `${target.what}: ${shown(target.got)} ${target.unit}, ${wanted}: ${verdict(target, 'MISSED')}`;
  });
}

function verdict(target: Target, missed: string): string {
  if (!isMet(target)) return missed;
  if (isAimMet(target)) return target.must === undefined ? 'the aim' : 'yes, and the aim';
  return target.must === undefined ? 'not the aim' : 'yes';
}

const limit = ({ more = true }: Target, value: number | undefined) =>
  value === undefined ? '' : `${more ? 'at least' : 'at most'} ${shown(value)}`;
const shown = (value: number) => (Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(2));

const markdown = ({ columns, rows }: Table) => markdownTable(columns, rows);

function versions(): Record<string, string> {
  const manifest = (name: string) =>
    JSON.parse(readFileSync(path.join(__dirname, '../..', name), 'utf8')) as { version: string };
  const of = (name: string) => manifest(`node_modules/${name}/package.json`).version;
  const engine = /hatchet-dev\/hatchet v(\S+)/.exec(
    readFileSync(path.join(__dirname, '../../engine/go.mod'), 'utf8'),
  )?.[1];
  return {
    mageflow: manifest('package.json').version,
    Node: process.versions.node,
    'Hatchet engine': engine ?? 'unknown',
    'Hatchet SDK': of('@hatchet-dev/typescript-sdk'),
    ioredis: of('ioredis'),
    BullMQ: of('bullmq'),
  };
}
