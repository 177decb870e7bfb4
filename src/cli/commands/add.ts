import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { Option, type Command } from 'commander';
import type { Mageflow } from '../../mageflow';
import { systemClock } from '../../utils/clock';
import { addLines, type Added, type Addition } from '../adding';
import { newCommand, outputOption } from '../command';
import { withMage, type ConnectionOptions } from '../connection';
import { InterruptedError, NoError, UsageError } from '../errors';
import { onInterrupt } from '../interrupt';
import { linesOf, type Line } from '../json-lines';
import { LiveBlock } from '../live';
import { formatOf, printValue, toStderr, toStdout, type OutputOptions } from '../output';
import { counted, objectOf } from '../words';

interface Options extends ConnectionOptions, OutputOptions {
  file?: string;
  message?: string;
  onError: 'stop' | 'skip';
  keyField?: string;
  run?: boolean;
}

/** `mageflow add` */
export function addCommand(): Command {
  return newCommand(
    'add',
    'Add items to an open swarm: one, or one for each line of a file',
    'add 4kTc9QmZ2aXb.1 import-file --file items.jsonl --key-field id',
  )
    .argument('<id>', 'id of a swarm')
    .argument('<task>', 'name of the task, which some worker serves')
    .option('--file <path>', 'a file with a JSON object, the message of an item, in each line; - for stdin')
    .option('--message <json>', 'the message of one item')
    .addOption(new Option('--on-error <what>', 'what a wrong line does').choices(['stop', 'skip']).default('stop'))
    .option('--key-field <field>', 'the field that makes an item unique, so that the command can be repeated')
    .option('--run', 'start the new items (default: if the swarm has been started)')
    .option('--no-run', 'let the new items wait until the swarm is started or closed')
    .addOption(outputOption())
    .action(async (id: string, task: string, options: Options) => {
      const format = formatOf(options);
      if ((options.file === undefined) === (options.message === undefined))
        throw new UsageError(
          'Pass either --file with a path (or - for stdin), or --message with the message of one item.',
        );
      await withMage(options, 'add', async (mage) => {
        const stream = options.file === undefined ? undefined : open(options.file);
        const lines = stream ? linesOf(stream) : one(options.message ?? '');
        const signal = onInterrupt();
        // A stream that says nothing is left too.
        signal.addEventListener('abort', () => stream?.destroy());
        const { onError, keyField, run } = options;
        const addition = { id, task, lines: untilAborted(lines, signal), onError, keyField, run };
        const outcome = await add(mage, addition, signal);
        if (format !== 'table') await printValue(outcome, format);
        else await toStdout(textOf(outcome, options));
        if (outcome.wrongLines > 0 && options.onError === 'stop')
          throw new NoError(
            'Stopped at the wrong line; what stood before it was added. Correct it and repeat the command with --key-field, or pass --on-error skip.',
          );
      });
    });
}

function open(file: string): Readable {
  return file === '-' ? process.stdin : createReadStream(file);
}

async function* one(message: string): AsyncGenerator<Line> {
  yield { number: 1, text: JSON.stringify(objectOf('--message', message)) };
}

/** Yields until the signal is aborted, which may destroy what is read. */
async function* untilAborted(lines: AsyncGenerator<Line>, signal: AbortSignal): AsyncGenerator<Line> {
  try {
    for await (const line of lines) {
      if (signal.aborted) return;
      yield line;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function add(mage: Mageflow, addition: Addition, signal: AbortSignal): Promise<Added> {
  const block = process.stderr.isTTY ? new LiveBlock(process.stderr) : undefined;
  let shownAt = -Infinity;
  let outcome: Added;
  try {
    outcome = await addLines(mage, addition, ({ lines }) => {
      if (!block || systemClock.elapsed() - shownAt <= 200) return;
      shownAt = systemClock.elapsed();
      block.show([`add: ${counted(lines, 'line')}`]);
    });
  } finally {
    block?.clear();
    block?.end();
  }
  for (const { line, error } of outcome.wrong) toStderr(`line ${line}: ${error}`);
  if (outcome.wrongLines > outcome.wrong.length)
    toStderr(`and ${outcome.wrongLines - outcome.wrong.length} more wrong lines`);
  if (signal.aborted)
    throw new InterruptedError(
      `Interrupted: ${counted(outcome.added, 'item')} of ${counted(outcome.lines, 'line')} were added and stay. Repeat the command with --key-field to add the rest.`,
    );
  return outcome;
}

function textOf({ id, lines, added, wrongLines }: Added, { file }: Options): string {
  const known = lines - wrongLines - added;
  const parts = [
    `${counted(added, 'item')} added`,
    known > 0 ? `${known} were there already` : '',
    wrongLines > 0 ? `${counted(wrongLines, 'wrong line')}` : '',
  ].filter(Boolean);
  return `${parts.join(', ')}${file === undefined ? '' : `, of ${counted(lines, 'line')}`}. Follow it: mageflow watch ${id}`;
}
