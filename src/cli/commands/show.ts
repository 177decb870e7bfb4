import type { Command } from 'commander';
import type { Description } from '../../api/described';
import type { FailureGroup } from '../../api/failures';
import type { Reader } from '../../api/open-reader';
import { systemClock } from '../../utils/clock';
import { newCommand, outputOption } from '../command';
import { withReader, type ConnectionOptions } from '../connection';
import { cut, formatOf, oneLine, paint, printValue, toStderr, toStdout, widthOf, type OutputOptions } from '../output';
import { colorOf, lasting, numberOf, progressText } from '../words';

interface Options extends ConnectionOptions, OutputOptions {
  depth: string;
  all?: boolean;
}

const shownChildren = 20;
const pageSize = 1_000;
const shownFailures = 5;

/** `mageflow show` */
export function showCommand(): Command {
  return newCommand(
    'show',
    'Show a group or task: counts, configuration, callbacks, failures, items',
    'show 4kTc9QmZ2aXb.1 --depth 2',
  )
    .argument('<id>', 'id of a group, an item or a callback')
    .option('--depth <n>', 'levels of items to show, 0 to 20', '1')
    .option('--all', `all items, not only the first ${shownChildren} of each group`)
    .addOption(outputOption())
    .action(async (id: string, options: Options) => {
      const format = formatOf(options);
      const depth = numberOf('--depth', options.depth);
      await withReader(options, async (reader) => {
        const limit = options.all ? pageSize : shownChildren;
        const found = await reader.describe(id, { depth, limit });
        if (options.all) await addRest(reader, found, depth);
        if (format !== 'table') return await printValue(found, format);
        for (const line of headOf(found)) await toStdout(line);
        for (const line of failuresOf(await failures(reader, found))) await toStdout(line);
        if (found.children.length > 0) await toStdout(heading('items'));
        for (const child of found.children) for (const line of treeOf(child, 1)) await toStdout(line);
        if (found.cursor !== undefined && depth > 0) toStderr('There are more items. --all shows them all.');
      });
    });
}

/** Adds the children that the first page of each description left out. */
async function addRest(reader: Reader, node: Description, depth: number): Promise<void> {
  while (depth > 0 && node.cursor !== undefined) {
    const { cursor } = node;
    delete node.cursor;
    const page = await reader.describe(node.id, { depth, limit: pageSize, cursor });
    node.children.push(...page.children);
    if (page.cursor !== undefined) node.cursor = page.cursor;
  }
  for (const child of node.children) if (child.cursor !== undefined) await addRest(reader, child, depth - 1);
}

async function failures(reader: Reader, { id, progress }: Description): Promise<FailureGroup[]> {
  return progress && progress.failed > 0 ? reader.failures(id) : [];
}

function heading(text: string): string {
  return paint(process.stdout, 'bold', text);
}

function* headOf(node: Description): Generator<string> {
  const now = systemClock.now();
  yield `${paint(process.stdout, 'bold', `${node.kind} ${oneLine(node.name)}`)}  ${node.id}  ${statusOf(node)}`;
  const { progress, config, tags, metadata, callbacks, createdAt, startedAt, endedAt } = node;
  const ago = (at: Date | undefined) => (at ? `${lasting(now - at.getTime())} ago` : undefined);
  const rows: [string, string | undefined][] = [
    ['created', ago(createdAt)],
    ['started', ago(startedAt)],
    ['ended', ago(endedAt)],
    ['attempts', node.attempts === undefined ? undefined : String(node.attempts)],
    ['run', node.runId],
    ['tags', tags?.map(oneLine).join(', ')],
    [
      'metadata',
      metadata &&
        Object.entries(metadata)
          .map(([key, value]) => oneLine(`${key}=${value}`))
          .join(', '),
    ],
    ['error', node.error === undefined ? undefined : paint(process.stdout, 'red', oneLine(node.error))],
  ];
  for (const [title, text] of rows) if (text) yield `  ${title.padEnd(9)} ${text}`;
  if (progress) {
    const { total, waiting, queued, running, succeeded, failed, cancelled, closed } = progress;
    yield `  ${'items'.padEnd(9)} ${total} in all, ${waiting} waiting, ${queued} queued, ${running} running, ${succeeded} succeeded, ${failed} failed, ${cancelled} cancelled; ${closed ? 'closed' : 'open'}`;
  }
  if (config) {
    const set = Object.entries(config).filter(([, value]) => value !== null);
    yield `  ${'config'.padEnd(9)} ${set.map(([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`).join(' ')}`;
  }
  if (callbacks && callbacks.length > 0) {
    yield heading('callbacks');
    for (const callback of callbacks) yield* treeOf(callback, 1);
  }
}

function statusOf({ status, progress }: Description): string {
  const shown = paint(process.stdout, colorOf(status), status);
  return progress ? `${shown} ${progressText(progress)}` : shown;
}

function* failuresOf(groups: readonly FailureGroup[]): Generator<string> {
  if (groups.length === 0) return;
  yield heading('failures');
  const width = widthOf(process.stdout) - 12;
  for (const { count, text } of groups.slice(0, shownFailures))
    yield `  ${paint(process.stdout, 'red', String(count).padStart(7))}  ${cut(oneLine(text), width)}`;
  if (groups.length > shownFailures) yield `  and ${groups.length - shownFailures} more kinds: mageflow failures`;
}

function* treeOf(node: Description, level: number): Generator<string> {
  const indent = '  '.repeat(level);
  const error = node.error === undefined ? '' : `  ${oneLine(node.error)}`;
  const head = `${indent}${oneLine(node.name)}  ${node.id}  `;
  const room = widthOf(process.stdout) - head.length - statusText(node).length;
  yield `${head}${statusOf(node)}${room > 10 ? cut(error, room) : ''}`;
  for (const child of node.children) yield* treeOf(child, level + 1);
  if (node.cursor !== undefined && node.children.length > 0) yield `${indent}  …`;
}

function statusText({ status, progress }: Description): string {
  return progress ? `${status} ${progressText(progress)}` : status;
}
