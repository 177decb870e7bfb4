import type { Command } from 'commander';
import type { Stats } from '../../api/stats';
import { newCommand, outputOption } from '../command';
import { withReader, type ConnectionOptions } from '../connection';
import { formatOf, oneLine, paint, printValue, toStdout, type OutputOptions } from '../output';
import { lasting } from '../words';
import { systemClock } from '../../utils/clock';

interface Options extends ConnectionOptions, OutputOptions {
  full?: boolean;
}

/** `mageflow stats` */
export function statsCommand(): Command {
  return newCommand('stats', 'Count groups, items a second, and memory', 'stats --full')
    .option('--full', 'read all groups and keys, instead of a sample')
    .addOption(outputOption())
    .action(async (options: Options) => {
      const format = formatOf(options);
      await withReader(options, async (reader) => {
        const stats = await reader.stats({ full: options.full ?? false });
        if (format !== 'table') return await printValue(stats, format);
        for (const [name, text] of lines(stats))
          await toStdout(`${paint(process.stdout, 'bold', name.padEnd(16))}${text}`);
      });
    });
}

/** Numbers that are estimated from a sample are marked with `~`. */
function lines({ groups, perSecond, oldestWaiting, memory }: Stats): [name: string, text: string][] {
  const { total, looked, byStatus } = groups;
  const counts = Object.entries(byStatus).flatMap(([status, count]) => (count > 0 ? [`${count} ${status}`] : []));
  const of = looked < total ? ` (the newest ${looked} of ${total})` : '';
  const about = memory?.sampled ? '~' : '';
  return [
    ['groups', `${counts.join(', ') || 'none'}${of}`],
    ['items a second', perSecond.toFixed(1)],
    ['oldest waiting', oldestWaiting ? waitingText(oldestWaiting) : 'none'],
    ...(memory
      ? [['memory', `${about}${sizeOf(memory.bytes)} in ${about}${memory.keys} keys`] as [string, string]]
      : []),
    ...(memory?.parts ?? []).map(({ part, bytes }): [string, string] => [`  ${part}`, `${about}${sizeOf(bytes)}`]),
  ];
}

function waitingText({ id, name, createdAt }: NonNullable<Stats['oldestWaiting']>): string {
  return `${oneLine(name)} (${id}), created ${lasting(systemClock.now() - createdAt.getTime())} ago`;
}

const sizes = ['bytes', 'KB', 'MB', 'GB'];

function sizeOf(bytes: number): string {
  const power = Math.min(sizes.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1_000 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${sizes[power] ?? ''}`;
}
