import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { Option, type Command } from 'commander';
import type { Swarm, TaskEntry } from '../../api/types';
import { InvalidMessageError, ConfigurationError } from '../../config/errors';
import type { Mageflow } from '../../mageflow';
import { messageOf } from '../../utils/error-message';
import { systemClock } from '../../utils/clock';
import { newCommand, outputOption } from '../command';
import { withMage, type ConnectionOptions } from '../connection';
import { InterruptedError, NoError, UsageError } from '../errors';
import { onInterrupt } from '../interrupt';
import { linesOf, type Line } from '../json-lines';
import { LiveBlock } from '../live';
import { formatOf, printValue, toStderr, toStdout, type OutputOptions } from '../output';
import { counted, kindOf, objectOf } from '../words';

interface Options extends ConnectionOptions, OutputOptions {
  file?: string;
  message?: string;
  onError: 'stop' | 'skip';
  keyField?: string;
  run?: boolean;
}

interface Outcome {
  id: string;
  /** Lines that were read, without empty ones. */
  lines: number;
  /** New items. The others of the lines had their key in the swarm already. */
  added: number;
  wrong: { line: number; error: string }[];
  wrongLines: number;
}

const shownWrong = 10;

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
        const outcome = await add(mage, { id, task, lines, signal }, options);
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

async function add(
  mage: Mageflow,
  { id, task, lines, signal }: { id: string; task: string; lines: AsyncGenerator<Line>; signal: AbortSignal },
  { onError, keyField, run }: Options,
): Promise<Outcome> {
  const swarm = await mage.load<Swarm<unknown>>(id, { kind: 'swarm' });
  const block = process.stderr.isTTY ? new LiveBlock(process.stderr) : undefined;
  const outcome: Outcome = { id, lines: 0, added: 0, wrong: [], wrongLines: 0 };
  let shownAt = -Infinity;
  const entries = async function* (): AsyncGenerator<TaskEntry> {
    for await (const line of untilAborted(lines, signal)) {
      outcome.lines += 1;
      const read = await entryOf(mage, task, line, keyField);
      if ('entry' in read) yield read.entry;
      else {
        outcome.wrongLines += 1;
        if (outcome.wrong.length < shownWrong) outcome.wrong.push({ line: line.number, error: read.wrong });
        // The stream ends without an error, so that the lines before this one are added.
        if (onError === 'stop') return;
      }
      if (block && systemClock.elapsed() - shownAt > 200) {
        shownAt = systemClock.elapsed();
        block.show([`add: ${counted(outcome.lines, 'line')}`]);
      }
    }
  };
  try {
    const start = run ?? (await swarm.progress()).startedAt !== undefined;
    outcome.added = await swarm.addTasks(entries(), { run: start });
  } finally {
    block?.clear();
    block?.end();
  }
  for (const { line, error } of outcome.wrong) toStderr(`line ${line}: ${error}`);
  if (outcome.wrongLines > shownWrong) toStderr(`and ${outcome.wrongLines - shownWrong} more wrong lines`);
  if (signal.aborted)
    throw new InterruptedError(
      `Interrupted: ${counted(outcome.added, 'item')} of ${counted(outcome.lines, 'line')} were added and stay. Repeat the command with --key-field to add the rest.`,
    );
  return outcome;
}

async function entryOf(
  mage: Mageflow,
  task: string,
  { text, wrong }: Line,
  keyField: string | undefined,
): Promise<{ entry: TaskEntry } | { wrong: string }> {
  if (wrong !== undefined) return { wrong };
  let message: Record<string, unknown>;
  try {
    message = JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    return { wrong: `expected a JSON object, but ${messageOf(error)}` };
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message))
    return { wrong: `expected a JSON object, got ${kindOf(message)}` };
  const key = keyField === undefined ? undefined : message[keyField];
  if (keyField !== undefined && ((typeof key !== 'string' && typeof key !== 'number') || key === ''))
    return {
      wrong: `expected a text or a number in the field "${keyField}", got ${key === undefined ? 'nothing' : kindOf(key)}`,
    };
  const options = key === undefined ? undefined : { key: typeof key === 'number' ? String(key) : (key as string) };
  try {
    // Writes nothing: an entry that is refused later would not tell its line.
    await mage.sign(task, message, options);
  } catch (error) {
    if (error instanceof InvalidMessageError || error instanceof ConfigurationError) return { wrong: error.message };
    throw error;
  }
  return { entry: [task, message, options] as TaskEntry };
}

function textOf({ id, lines, added, wrongLines }: Outcome, { file }: Options): string {
  const known = lines - wrongLines - added;
  const parts = [
    `${counted(added, 'item')} added`,
    known > 0 ? `${known} were there already` : '',
    wrongLines > 0 ? `${counted(wrongLines, 'wrong line')}` : '',
  ].filter(Boolean);
  return `${parts.join(', ')}${file === undefined ? '' : `, of ${counted(lines, 'line')}`}. Follow it: mageflow watch ${id}`;
}
