import { Option, type Command } from 'commander';
import type { ListedSignature, ListOptions } from '../../api/list';
import type { Reader } from '../../api/open-reader';
import { listedKinds, signatureStatuses } from '../../api/statuses';
import type { Progress } from '../../api/types';
import { NotFoundError } from '../../config/errors';
import { systemClock } from '../../utils/clock';
import type { Column } from '../column';
import { newCommand, outputOption } from '../command';
import { withReader, targetOf, type ConnectionOptions } from '../connection';
import { formatOf, printRows, toStderr, type OutputOptions } from '../output';
import { colorOf, lasting, numberOf, progressText, timeOf } from '../words';
import { UsageError } from '../errors';

/** The options that choose groups. */
export interface FilterOptions {
  kind?: string;
  status?: string;
  name?: string;
  tag?: string;
}

interface Options extends FilterOptions, ConnectionOptions, OutputOptions {
  since?: string;
  limit: string;
}

type Row = ListedSignature & { progress?: Pick<Progress, 'total' | 'succeeded' | 'failed' | 'cancelled' | 'closed'> };

const pageSize = 1_000;

/** Adds the options that choose groups. */
export function withFilters(command: Command): Command {
  return command
    .addOption(new Option('--kind <kind>', 'only this kind').choices(listedKinds))
    .addOption(new Option('--status <status>', 'only those with this status now').choices(signatureStatuses))
    .option('--name <name>', 'only those with exactly this name')
    .option('--tag <tag>', 'only those with this tag');
}

/** Returns the filters as the library takes them. */
export function filtersOf({ kind, status, name, tag }: FilterOptions): ListOptions {
  return { kind, status, name, tag } as ListOptions;
}

/** Yields the groups that match, newest first, a page at a time. */
export async function* listed(reader: Reader, filters: ListOptions, limit = Infinity): AsyncGenerator<ListedSignature> {
  let cursor: string | undefined;
  let left = limit;
  do {
    const page = await reader.list({ ...filters, limit: Math.min(left, pageSize), cursor });
    yield* page.items;
    left -= page.items.length;
    cursor = page.cursor;
  } while (cursor !== undefined && left > 0);
}

/** `mageflow list` */
export function listCommand(): Command {
  const example = 'list --status running --since 2h';
  return withFilters(newCommand('list', 'List groups and single tasks, newest first', example))
    .option('--since <time>', 'only those created since: 2h, 7d, or a date')
    .option('--limit <n>', 'at most so many', '50')
    .addOption(outputOption())
    .action(async (options: Options) => {
      const format = formatOf(options);
      const limit = numberOf('--limit', options.limit);
      if (limit < 1) throw new UsageError('--limit: expected at least 1, got 0.');
      const now = systemClock.now();
      const since = options.since === undefined ? undefined : timeOf('--since', options.since, now);
      await withReader(options, async (reader) => {
        const rows: ListedSignature[] = [];
        for await (const item of listed(reader, { ...filtersOf(options), since }, limit + 1)) rows.push(item);
        const shown = await Promise.all(rows.slice(0, limit).map((item) => withProgress(reader, item)));
        await printRows(shown, columns(now), format);
        if (rows.length > limit) toStderr(`There are more. --limit ${limit * 10} shows more of them.`);
        if (rows.length === 0) await sayWhatIsThere(reader, options);
      });
    });
}

async function withProgress(reader: Reader, item: ListedSignature): Promise<Row> {
  if (item.kind === 'task') return item;
  try {
    const { total, succeeded, failed, cancelled, closed } = await reader.progress(item.id);
    return { ...item, progress: { total, succeeded, failed, cancelled, closed } };
  } catch (error) {
    // It has expired since it was listed.
    if (error instanceof NotFoundError) return item;
    throw error;
  }
}

function columns(now: number): Column<Row>[] {
  return [
    { title: 'id', value: ({ id }) => id },
    { title: 'kind', value: ({ kind }) => kind },
    { title: 'name', value: ({ name }) => name },
    { title: 'status', value: ({ status }) => status, color: ({ status }) => colorOf(status) },
    { title: 'progress', value: ({ progress }) => (progress ? progressText(progress) : '') },
    { title: 'age', value: ({ createdAt }) => lasting(now - createdAt.getTime()), alignment: 'right' },
  ];
}

async function sayWhatIsThere(reader: Reader, options: Options): Promise<void> {
  const { limit: _limit, output: _output, ...given } = options;
  const hasFilter = [given.kind, given.status, given.name, given.tag, given.since].some((value) => value !== undefined);
  const isEmpty = (await reader.list({ limit: 1 })).items.length === 0;
  if (!isEmpty && hasFilter)
    return toStderr('Nothing matches. Without the filters, mageflow list shows what is there.');
  const { tenant, namespace, keyPrefix = 'mageflow' } = targetOf(options);
  const { stores, complete } = await reader.stores();
  const where = `tenant ${tenant}, ${namespace ? `namespace ${namespace}` : 'no namespace'}, key prefix ${keyPrefix}`;
  toStderr(`Nothing is stored for ${where}.`);
  if (stores.length > 0) toStderr('This Redis has work for:');
  for (const store of stores.slice(0, 20)) {
    const prefix = store.keyPrefix === 'mageflow' ? '' : ` --key-prefix ${store.keyPrefix}`;
    const space = store.namespace === '' ? ` --namespace ''` : ` --namespace ${store.namespace}`;
    toStderr(`  mageflow list --tenant ${store.tenant}${space}${prefix}`);
  }
  if (stores.length > 20) toStderr(`  and ${stores.length - 20} more`);
  if (!complete) toStderr('Only a part of the keys of this Redis was looked at, because it has very many.');
}
