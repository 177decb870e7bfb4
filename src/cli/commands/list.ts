import { Option, type Command } from 'commander';
import type { ListedSignature } from '../../api/list';
import { listedKinds, signatureStatuses } from '../../api/statuses';
import { systemClock } from '../../utils/clock';
import type { Column } from '../column';
import { newCommand, outputOption } from '../command';
import { withReader, type ConnectionOptions } from '../connection';
import { UsageError } from '../errors';
import { filtersOf, listed, whatIsThere, withProgress, type FilterOptions, type ListedRow } from '../listing';
import { formatOf, printRows, toStderr, type OutputOptions } from '../output';
import { colorOf, lasting, numberOf, progressText, timeOf } from '../words';

interface Options extends FilterOptions, ConnectionOptions, OutputOptions {
  since?: string;
  limit: string;
}

/** Adds the options that choose groups. */
export function withFilters(command: Command): Command {
  return command
    .addOption(new Option('--kind <kind>', 'only this kind').choices(listedKinds))
    .addOption(new Option('--status <status>', 'only those with this status now').choices(signatureStatuses))
    .option('--name <name>', 'only those with exactly this name')
    .option('--tag <tag>', 'only those with this tag');
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
        if (rows.length === 0) for (const line of await whatIsThere(reader, options)) toStderr(line);
      });
    });
}

function columns(now: number): Column<ListedRow>[] {
  return [
    { title: 'id', value: ({ id }) => id },
    { title: 'kind', value: ({ kind }) => kind },
    { title: 'name', value: ({ name }) => name },
    { title: 'status', value: ({ status }) => status, color: ({ status }) => colorOf(status) },
    { title: 'progress', value: ({ progress }) => (progress ? progressText(progress) : '') },
    { title: 'age', value: ({ createdAt }) => lasting(now - createdAt.getTime()), alignment: 'right' },
  ];
}
