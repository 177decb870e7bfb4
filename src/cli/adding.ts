import type { Swarm, TaskEntry } from '../api/types';
import { ConfigurationError, InvalidMessageError } from '../config/errors';
import type { Mageflow } from '../mageflow';
import { messageOf } from '../utils/error-message';
import type { Line } from './json-lines';
import { kindOf } from './words';

/** The items to add. */
export interface Addition {
  /** The id of a swarm. */
  id: string;
  task: string;
  /** The messages of the items. */
  lines: AsyncIterable<Line>;
  /** Whether a wrong line ends it, or is left out. */
  onError: 'stop' | 'skip';
  /** The field of a message that is the key of its item. */
  keyField?: string | undefined;
  /** Whether the items start. Default: if the swarm has been started. */
  run?: boolean | undefined;
}

/** What was added. It is filled while lines are read. */
export interface Added {
  id: string;
  /** Lines that were read, without empty ones. */
  lines: number;
  /** New items. The others of the lines had their key in the swarm already. */
  added: number;
  wrong: { line: number; error: string }[];
  wrongLines: number;
}

const shownWrong = 10;

/** Adds an item for each line. @param onLine - is called after each line @throws NotFoundError, SwarmClosedError, StoreError */
export async function addLines(
  mage: Mageflow,
  { id, task, lines, onError, keyField, run }: Addition,
  onLine: (outcome: Added) => void = () => undefined,
): Promise<Added> {
  const swarm = await mage.load<Swarm<unknown>>(id, { kind: 'swarm' });
  const outcome: Added = { id, lines: 0, added: 0, wrong: [], wrongLines: 0 };
  const entries = async function* (): AsyncGenerator<TaskEntry> {
    for await (const line of lines) {
      outcome.lines += 1;
      const read = await entryOf(mage, task, line, keyField);
      if ('entry' in read) yield read.entry;
      else {
        outcome.wrongLines += 1;
        if (outcome.wrong.length < shownWrong) outcome.wrong.push({ line: line.number, error: read.wrong });
        // The stream ends without an error, so that the lines before this one are added.
        if (onError === 'stop') return;
      }
      onLine(outcome);
    }
  };
  const start = run ?? (await swarm.progress()).startedAt !== undefined;
  outcome.added = await swarm.addTasks(entries(), { run: start });
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
