import { oneOf, refuseUnknown, wholeNumber } from '../config/options';
import type { EndedItem } from '../store/group-reader';
import { groupFor } from './group-of';
import type { Reading } from './reading';

/** Options of `mage.failures`; all optional. */
export interface FailuresOptions {
  /** What failures of one group have in common: their message (numbers and ids aside), or the name. Default `'message'`. */
  by?: 'message' | 'name' | null | undefined;
  /** Looks only at so many failures, in the order of adding. Default: at all. */
  atMost?: number | null | undefined;
}

/** Failures that have their message or name in common. */
export interface FailureGroup {
  /** The message, with `#` in place of numbers and ids; or the name. */
  text: string;
  count: number;
  /** The first three of them. `runId` is missing when the engine has no record of the run any more. */
  examples: FailureExample[];
}

export interface FailureExample {
  index: number;
  id: string;
  name: string;
  runId?: string;
}

const fields = new Set(['by', 'atMost']);
const examplesPerGroup = 3;
/** Limits the memory for messages that have nothing in common. The rest is counted together. */
const groupsAtMost = 1_000;
const others = 'others';
/** Limits the calls to the engine's history. */
const runsAtMost = 20;

/**
 * Groups all failures of a swarm or chain, of the children of a root, or of a single task: the most frequent first.
 * @throws ConfigurationError, NotFoundError
 */
export async function failures(reading: Reading, id: string, options: FailuresOptions = {}): Promise<FailureGroup[]> {
  refuseUnknown(options, fields, 'option of failures');
  const by = options.by === undefined || options.by === null ? 'message' : oneOf('by', options.by, ['message', 'name']);
  const atMost = wholeNumber('atMost', options.atMost, Number.MAX_SAFE_INTEGER);
  const { groupId } = await groupFor(reading, id);
  const groups = new Map<string, FailureGroup>();
  let looked = 0;
  for await (const { index, id: itemId, name, error = '' } of failedItems(reading, groupId)) {
    if (looked === atMost) break;
    looked += 1;
    const text = by === 'name' ? name : withoutNumbers(error);
    const isFull = groups.size >= groupsAtMost - 1;
    const known = groups.get(text) ?? (isFull ? groups.get(others) : undefined);
    const group = known ?? { text: isFull ? others : text, count: 0, examples: [] };
    if (!known) groups.set(group.text, group);
    group.count += 1;
    if (group.examples.length < examplesPerGroup) group.examples.push({ index, id: itemId, name });
  }
  const sorted = [...groups.values()].sort((a, b) => b.count - a.count);
  await addRunIds(reading, groupId, sorted);
  return sorted;
}

/** Yields the failed items of a group, a page at a time, so that a million of them are never in memory together. */
async function* failedItems({ reader }: Reading, groupId: string): AsyncGenerator<EndedItem> {
  for await (const failed of reader.failedIndexes(groupId))
    for await (const page of reader.endedPages(groupId, failed))
      yield* page.filter(({ status }) => status === 'failed');
}

/** Takes numbers and ids in messages for equal. */
function withoutNumbers(message: string): string {
  return message
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi, '#')
    .replaceAll(/\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b/gi, '#')
    .replaceAll(/\d+(?:[.,]\d+)*/g, '#');
}

async function addRunIds({ engine, reader }: Reading, groupId: string, groups: readonly FailureGroup[]): Promise<void> {
  if (!engine) return;
  const examples = groups.flatMap((group) => group.examples).slice(0, runsAtMost);
  await Promise.all(
    examples.map(async (example) => {
      const entry = String(example.index);
      const token = await reader.tokenOf(groupId, entry);
      // The history of the engine may be away; the failures are known without it.
      const runId = token && (await engine.findRun(example.id, groupId, entry, token).catch(() => undefined));
      if (runId) example.runId = runId;
    }),
  );
}
