import { createInterface } from 'node:readline/promises';
import type { ListedSignature } from '../api/list';
import type { SignatureStatus } from '../api/types';
import { withReader, type ConnectionOptions } from './connection';
import { InterruptedError, NoError, UsageError } from './errors';
import { forEachId, type ForEachId } from './for-each-id';
import { onInterrupt } from './interrupt';
import { filtersOf, listed, type FilterOptions } from './listing';
import { LiveBlock } from './live';
import { cut, formatOf, printValue, toStderr, toStdout, widthOf, type OutputOptions } from './output';
import { capital, counted, numberOf } from './words';

/** The options of commands that act on one group or on many. */
export interface BulkOptions extends ConnectionOptions, OutputOptions, FilterOptions {
  yes?: boolean;
  dryRun?: boolean;
}

/** The action for each group. */
export interface BulkAction {
  /** As in "suspend 3 groups?", and "suspended 3 groups". */
  verb: string;
  past: string;
  /** Returns whether a group that a filter found is still to be done: a repeated command does the rest. */
  applies: (item: ListedSignature) => boolean;
  act: (id: string) => Promise<unknown>;
}

const shownErrors = 20;

/** Does it for the ids, or for all groups that match the filters. @throws UsageError, NoError, InterruptedError */
export async function inBulk(
  ids: readonly string[],
  options: BulkOptions,
  open: () => Promise<BulkAction & { close(): unknown }>,
): Promise<void> {
  const format = formatOf(options);
  const filters = [options.kind, options.status, options.name, options.tag].filter((value) => value !== undefined);
  if (ids.length > 0 && filters.length > 0)
    throw new UsageError('Pass ids, or filters (--status, --name, --tag, --kind), not both.');
  if (ids.length === 0 && filters.length === 0)
    throw new UsageError('Which groups? Pass their ids, or a filter: --status, --name, --tag, --kind.');
  const isChoice = ids.length === 0;
  const action = await open();
  try {
    const chosen = isChoice ? await choose(action, options) : [...new Set(ids)];
    if (options.dryRun) {
      if (format === 'table') for (const id of chosen) await toStdout(id);
      else await printValue({ action: action.verb, ids: chosen }, format);
      return toStderr(`Would ${action.verb} ${counted(chosen.length, 'group')}. Nothing was changed.`);
    }
    if (isChoice && chosen.length > 0 && !options.yes) await ask(action.verb, chosen.length);
    const outcome = await doAll(action, chosen);
    if (format !== 'table') await printValue({ action: action.verb, ...outcome }, format);
    report(action, outcome, chosen.length);
  } finally {
    await action.close();
  }
}

/** The options of filters make one list of statuses that a command can do something with. */
export function isOneOf(...statuses: SignatureStatus[]): (item: ListedSignature) => boolean {
  return ({ status }) => statuses.includes(status);
}

function choose({ applies }: BulkAction, options: BulkOptions): Promise<string[]> {
  return withReader(options, async (reader) => {
    const ids: string[] = [];
    for await (const item of listed(reader, filtersOf(options))) if (applies(item)) ids.push(item.id);
    return ids;
  });
}

async function ask(verb: string, count: number): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new UsageError(
      `${counted(count, 'group')} would be changed, and nobody can be asked without a terminal. Pass --yes, or --dry-run to see them.`,
    );
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(`${capital(verb)} ${counted(count, 'group')}? [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new NoError('Nothing was changed.');
  } finally {
    lines.close();
  }
}

interface Outcome extends ForEachId {
  interrupted: boolean;
}

async function doAll({ act, verb }: BulkAction, ids: readonly string[]): Promise<Outcome> {
  const signal = onInterrupt();
  const block = ids.length > 1 && process.stderr.isTTY ? new LiveBlock(process.stderr) : undefined;
  try {
    const onDone = (done: number) => block?.show([bar(done, ids.length, verb)]);
    const outcome = await forEachId(ids, act, { signal, onDone });
    const left = ids.length - outcome.done.length - outcome.failed.length;
    return { ...outcome, interrupted: signal.aborted && left > 0 };
  } finally {
    block?.clear();
    block?.end();
  }
}

function bar(done: number, total: number, verb: string): string {
  const width = Math.max(10, Math.min(40, widthOf(process.stderr) - 40));
  const full = Math.round((done / Math.max(1, total)) * width);
  return cut(`${verb} [${'█'.repeat(full)}${'░'.repeat(width - full)}] ${done} of ${total}`, widthOf(process.stderr));
}

function report({ past, verb }: BulkAction, { done, failed, interrupted }: Outcome, total: number): void {
  for (const { id, error } of failed.slice(0, shownErrors)) toStderr(`${id}: ${error}`);
  if (failed.length > shownErrors) toStderr(`and ${failed.length - shownErrors} more errors`);
  toStderr(`${capital(past)} ${counted(done.length, 'group')}.`);
  if (interrupted)
    throw new InterruptedError(
      `Interrupted: ${total - done.length - failed.length} are left. Repeat the command to ${verb} them.`,
    );
  if (failed.length > 0) throw new NoError(`${counted(failed.length, 'group')} could not be changed.`);
}

/** Returns the indexes that are given as 3 or 10-20, once or several times. @throws UsageError */
export function indexesOf(given: readonly string[]): number[] {
  return given.flatMap((text) => {
    const [from = '', to = from] = text.split('-');
    const [first, last] = [numberOf('--index', from), numberOf('--index', to)];
    if (last < first || last - first >= 1_000_000)
      throw new UsageError(`--index: expected a range such as 10-20, got "${text}".`);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
