import { Option, type Command } from 'commander';
import type { FailureGroup, FailuresOptions } from '../../api/failures';
import type { Column } from '../column';
import { newCommand, outputOption } from '../command';
import { withReader, type ConnectionOptions } from '../connection';
import { cut, formatOf, oneLine, printRows, toStderr, widthOf, type OutputOptions } from '../output';

interface Options extends ConnectionOptions, OutputOptions {
  by: NonNullable<FailuresOptions['by']>;
}

/** `mageflow failures` */
export function failuresCommand(): Command {
  return newCommand('failures', 'Group and count what failed in a group', 'failures 4kTc9QmZ2aXb.1 --by name')
    .argument('<id>', 'id of a group')
    .addOption(
      new Option('--by <what>', 'what failures of a line have in common')
        .choices(['message', 'name'])
        .default('message'),
    )
    .addOption(outputOption())
    .action(async (id: string, options: Options) => {
      const format = formatOf(options);
      await withReader(options, async (reader) => {
        const groups = await reader.failures(id, { by: options.by });
        await printRows(groups, columns(options.by), format);
        if (groups.length === 0) toStderr('Nothing has failed.');
      });
    });
}

function columns(by: string): Column<FailureGroup>[] {
  // The borders, the count and the examples take the rest of the line.
  const width = Math.max(20, widthOf(process.stdout) - 40);
  return [
    { title: 'count', value: ({ count }) => String(count), alignment: 'right' },
    { title: by, value: ({ text }) => cut(oneLine(text), width) },
    { title: 'for example', value: ({ examples }) => examples.map(({ index }) => `#${index}`).join(' ') },
  ];
}
