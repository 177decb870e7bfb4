import type { Command } from 'commander';
import { newCommand, outputOption } from '../command';
import { withAsker, type ConnectionOptions } from '../connection';
import { formatOf, paint, printValue, toStdout, type OutputOptions } from '../output';

type Options = ConnectionOptions & OutputOptions;

const withoutEngine =
  'The engine was not asked, because HATCHET_CLIENT_TOKEN is not set: workers and runs were not looked at.';

/** `mageflow explain` */
export function explainCommand(): Command {
  return newCommand('explain', 'Say what a group or task waits for, and what to do', 'explain 4kTc9QmZ2aXb.1')
    .argument('<id>', 'id of a group, an item or a callback')
    .addOption(outputOption())
    .action(async (id: string, options: Options) => {
      const format = formatOf(options);
      const found = await withAsker(options, { what: 'explain', without: withoutEngine }, (asker) => asker.explain(id));
      if (format !== 'table') return printValue(found, format);
      await toStdout(paint(process.stdout, 'bold', found.summary));
      for (const { code, text, hint } of found.reasons) {
        await toStdout(`\n${paint(process.stdout, 'cyan', code)}: ${text}`);
        if (hint) await toStdout(`  → ${hint}`);
      }
    });
}
