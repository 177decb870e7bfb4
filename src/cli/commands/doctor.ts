import type { Command } from 'commander';
import type { DoctorFinding, DoctorLevel } from '../../api/doctor/finding';
import type { Color } from '../column';
import { newCommand, outputOption } from '../command';
import { withAsker, type ConnectionOptions } from '../connection';
import { NoError } from '../errors';
import { formatOf, oneLine, paint, printValue, toStdout, type OutputOptions } from '../output';
import { durationOf } from '../words';

interface Options extends ConnectionOptions, OutputOptions {
  full?: boolean;
  stillAfter?: string;
}

const colors: Record<DoctorLevel, Color> = { ok: 'green', warning: 'yellow', error: 'red', unchecked: 'gray' };
const wide = Math.max(...Object.keys(colors).map((level) => level.length));

const withoutEngine = 'The engine was not asked, because HATCHET_CLIENT_TOKEN is not set.';

/** `mageflow doctor` */
export function doctorCommand(): Command {
  return newCommand('doctor', 'Look for whatever keeps work from going on', 'doctor --still-after 10m')
    .option('--full', 'look at all groups and keys, instead of at some')
    .option('--still-after <duration>', 'report groups in which nothing has moved for so long (default: 1h)')
    .addOption(outputOption())
    .action(async (options: Options) => {
      const format = formatOf(options);
      const { full = false, stillAfter } = options;
      const stillAfterMs = stillAfter === undefined ? undefined : durationOf('--still-after', stillAfter);
      const findings = await withAsker(options, { what: 'doctor', without: withoutEngine }, (asker) =>
        asker.doctor({ full, stillAfterMs }),
      );
      if (format === 'table') for (const finding of findings) await show(finding);
      else await printValue(findings, format);
      const errors = findings.filter(({ level }) => level === 'error').length;
      if (errors > 0) throw new NoError(`${errors} of ${findings.length} checks found an error.`);
    });
}

async function show({ level, text, todo, ids }: DoctorFinding): Promise<void> {
  await toStdout(`${paint(process.stdout, colors[level], level.padEnd(wide))}  ${oneLine(text)}`);
  const indent = ' '.repeat(wide + 2);
  if (ids) await toStdout(`${indent}${ids.join(' ')}`);
  if (todo !== undefined) await toStdout(`${indent}→ ${oneLine(todo)}`);
}
