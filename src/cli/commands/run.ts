import type { Command } from 'commander';
import { start } from '../actions';
import { newCommand, outputOption } from '../command';
import { withMage, type ConnectionOptions } from '../connection';
import { onInterrupt } from '../interrupt';
import { formatOf, printValue, toStdout, type OutputOptions } from '../output';
import { durationOf, objectOf } from '../words';

interface Options extends ConnectionOptions, OutputOptions {
  message?: string;
  key?: string;
  name?: string;
  tag?: string[];
  wait?: boolean;
  timeout?: string;
}

/** `mageflow run` */
export function runCommand(): Command {
  return newCommand('run', 'Run a task by its name', `run import-file --message '{"path":"a.csv"}' --wait`)
    .argument('<task>', 'name of the task, which some worker serves')
    .option('--message <json>', 'its message')
    .option('--key <key>', 'run it only if this key is new; else attach to its first run')
    .option('--name <name>', 'a name for people (default: the name of the task)')
    .option('--tag <tag...>', 'tags, by which list finds it')
    .option('--wait', 'wait for the end, and print the output')
    .option('--timeout <time>', 'wait no longer than this: 10m')
    .addOption(outputOption())
    .action(async (task: string, options: Options) => {
      const format = formatOf(options);
      const message = options.message === undefined ? {} : objectOf('--message', options.message);
      const { key, name, tag: tags, wait = options.timeout !== undefined } = options;
      const timeoutMs = options.timeout === undefined ? undefined : durationOf('--timeout', options.timeout);
      await withMage(options, 'run', async (mage) => {
        const { id, signature } = await start(mage, task, message, { key, name, tags });
        if (!wait) return await (format === 'table' ? toStdout(id) : printValue({ id }, format));
        const output: unknown = await signature.wait({ timeoutMs, signal: onInterrupt() });
        await (format === 'table' ? printValue(output, 'json') : printValue({ id, output }, format));
      });
    });
}
