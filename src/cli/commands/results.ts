import { Option, type Command } from 'commander';
import type { ItemResult } from '../../api/types';
import type { Column } from '../column';
import { newCommand, outputOption } from '../command';
import { withReader, type ConnectionOptions } from '../connection';
import { onInterrupt } from '../interrupt';
import { formatOf, printRows, toStdout, type OutputOptions } from '../output';
import { colorOf } from '../words';

interface Options extends ConnectionOptions, OutputOptions {
  status?: string;
  follow?: boolean;
}

const columns: readonly Column<ItemResult<unknown>>[] = [
  { title: 'index', value: ({ index }) => String(index), alignment: 'right' },
  { title: 'name', value: ({ name }) => name },
  { title: 'status', value: ({ status }) => status, color: ({ status }) => colorOf(status) },
  { title: 'result', value: ({ output, error }) => (error ?? JSON.stringify(output) ?? '').slice(0, 200) },
];

/** `mageflow results` */
export function resultsCommand(): Command {
  return newCommand(
    'results',
    'Print the results of a group, one JSON line an item, as they ended',
    'results 4kTc9QmZ2aXb.1 --status failed',
  )
    .argument('<id>', 'id of a swarm, chain, root or single task')
    .addOption(new Option('--status <status>', 'only these').choices(['succeeded', 'failed', 'cancelled']))
    .option('--follow', 'wait for more until the group has ended')
    .addOption(outputOption('jsonl'))
    .action(async (id: string, options: Options) => {
      const format = formatOf(options);
      await withReader(options, async (reader) => {
        const rows: ItemResult<unknown>[] = [];
        const signal = onInterrupt();
        for await (const item of reader.results(id, { follow: options.follow ?? false, signal })) {
          if (options.status !== undefined && item.status !== options.status) continue;
          // Lines are written as they come, so that a million of them are never in memory.
          if (format === 'jsonl') await toStdout(JSON.stringify(item));
          else rows.push(item);
        }
        if (format !== 'jsonl') await printRows(rows, columns, format);
      });
    });
}
