import { resolveConfig } from '../config/swarm-config';
import { dateOf } from '../utils/date';
import { withTimeout } from '../utils/timeout';
import { refuseUnknown, trueOrFalse, wholeNumber } from '../config/options';
import { RunInputs } from '../orchestrator/run-inputs';
import { isEnded, readError } from '../store/group-reader';
import { invocationId } from '../store/ids';
import { templateIn, type Spec } from '../store/spec';
import { packCursor, unpackCursor } from './cursor';
import {
  describeEntry,
  describeGroup,
  describeItems,
  groupOf,
  uninvoked,
  type Description,
  type Node,
} from './described';
import { entryOutput, groupOutput } from './outputs';
import type { Reading } from './reading';
import { latestInvocation, resolve, unknownId } from './resolve';

/** Options of `mage.describe`; all optional. */
export interface DescribeOptions {
  /** Levels of children, from 0 (none) to 20. Default 1. */
  depth?: number | null | undefined;
  /** The most children of each described group, from 1 to 1,000. Default 100. */
  limit?: number | null | undefined;
  /** The `cursor` of an earlier description of the same id, to continue its children. Default: from the first. */
  cursor?: string | null | undefined;
  /** Adds the message of a task or root that has not succeeded. Default false. */
  message?: boolean | null | undefined;
  /** Adds its output when it has succeeded, as `run` returns it; never its children's. Default false. */
  output?: boolean | null | undefined;
}

const fields = new Set(['depth', 'limit', 'cursor', 'message', 'output']);
const cursorPattern = /^children (\d{1,15})$/;
const nodesAtMost = 10_000;
const groupsAtOnce = 20;
const callbacksAtMost = 100;
/** Limits the calls to the engine's history: each ended callback takes one. */
const callbackRunsAtMost = 20;

/** Describes the group or entry of an id, and some levels of its children. @throws ConfigurationError, NotFoundError */
export async function describe(reading: Reading, id: string, options: DescribeOptions = {}): Promise<Description> {
  refuseUnknown(options, fields, 'option of describe');
  const depth = wholeNumber('depth', options.depth, 1, { min: 0, max: 20 });
  const limit = wholeNumber('limit', options.limit, 100, { max: 1_000 });
  const from = Number(unpackCursor(options.cursor, 'describe', cursorPattern)?.[1] ?? 0);
  const output = trueOrFalse('output of describe', options.output ?? false);
  const message = trueOrFalse('message of describe', options.message ?? false);
  const node = await find(reading, id);
  if (!node) throw unknownId(id);
  await Promise.all([
    addRunId(reading, node),
    addCallbacks(reading, node),
    addConfig(reading, node),
    addChildren(reading, node, { from, depth, limit }),
    message && addMessage(reading, node),
    output && addOutput(reading, node),
  ]);
  return node.shown;
}

/** Finds the group or entry that `load` returns for an id. Undefined for an unknown id. */
export async function find(reading: Reading, id: string): Promise<Node | undefined> {
  const found = await resolve(reading, id);
  switch (found?.is) {
    case undefined:
      return undefined;
    case 'item':
      return findItem(reading, found.groupId, found.index, found.id);
    case 'invocation':
      return findInvocation(reading, found, id);
    case 'callback': {
      const { groupId, spec } = found;
      const none = { state: 'waiting' as const, run: '', error: undefined, times: undefined };
      return describeEntry(reading, { groupId, entry: uninvoked, id, spec, ...none }, undefined, templateIn(spec));
    }
    case 'group': {
      const { kind, status } = found.snapshot;
      // A swarm that serves as a callback is a template, so its latest invocation is described.
      const invoked = kind === 'swarm' && status === 'pending' ? await latestInvocation(reading, id) : undefined;
      return (invoked && (await findInvocation(reading, invoked, id))) ?? describeGroup(reading, id, found.snapshot);
    }
  }
}

async function findItem(reading: Reading, groupId: string, index: number, id?: string): Promise<Node | undefined> {
  const found = await describeItems(reading, { groupId, total: 0 }, index, 1);
  const node = found?.nodes[0];
  if (!node || id === undefined) return node;
  node.shown.id = id;
  // A task that was run by itself is the only item of a group.
  const createdAt = dateOf((await reading.reader.snapshot(groupId))?.createdAt);
  if (createdAt) node.shown.createdAt = createdAt;
  return { ...node, ...(node.run ? { run: { ...node.run, signatureId: id } } : {}) };
}

async function findInvocation(
  reading: Reading,
  { groupId, entry, spec }: { groupId: string; entry: string; spec: Spec },
  id: string,
): Promise<Node> {
  const { reader } = reading;
  const [state = 'waiting', active, result] = await Promise.all([
    reader.callbackState(groupId, entry),
    reader.activeEntry(groupId, entry),
    reader.result(groupId, entry),
  ]);
  const group = groupOf({ groupId, entry, spec });
  const snapshot = group === undefined ? undefined : await reader.snapshot(group);
  const error = state === 'failed' ? readError(result?.slice(1) ?? '') : undefined;
  const times = active ? { ...active, endedAt: undefined } : (await reader.times(groupId, [entry]))[0];
  const at = { groupId, entry, id, spec, state, run: active?.run ?? '', error, times };
  return describeEntry(reading, at, snapshot, templateIn(spec));
}

/** Adds the configuration of a swarm, or of the internal swarm of a root. */
async function addConfig({ reader }: Reading, { shown, below }: Node): Promise<void> {
  if (!below || below.unmade || (shown.kind !== 'swarm' && shown.kind !== 'root')) return;
  const found = await reader.configuration(below.groupId);
  if (!found) return;
  const { successCallbacks: _success, errorCallbacks: _error, options: _options, ...config } = found;
  shown.config = resolveConfig(config);
}

async function addOutput({ reader }: Reading, { shown, run, below }: Node): Promise<void> {
  if (shown.status !== 'succeeded') return;
  if (run) shown.output = await entryOutput(reader, run.groupId, run.entry);
  else if (below) shown.output = await groupOutput(reader, { ...below, id: below.groupId, kind: shown.kind });
}

/**
 * Adds nothing to a callback that was not invoked yet, whose message does not exist; and to what has succeeded, whose bound data are
 * not kept.
 */
async function addMessage({ reader, store }: Reading, { shown, run }: Node): Promise<void> {
  if (shown.status === 'succeeded') return;
  const message = run && (await new RunInputs(reader, store.settings).shown(run.groupId, run.entry));
  if (message) shown.message = message;
}

/** Adds the invoked callbacks of a signature. A chain or swarm stores them in its own group. */
async function addCallbacks(reading: Reading, { shown, run, below }: Node): Promise<void> {
  const place = run ? { groupId: run.groupId, source: run.entry } : below && { groupId: below.groupId, source: 'g' };
  if (!place) return;
  const { groupId, source } = place;
  const entries = await reading.reader.invokedFor(groupId, source, callbacksAtMost);
  const nodes: Node[] = [];
  for (const node of await Promise.all(entries.map((entry) => find(reading, invocationId(groupId, entry)))))
    if (node) nodes.push(node);
  await Promise.all(nodes.slice(0, callbackRunsAtMost).map((node) => addRunId(reading, node)));
  if (below || nodes.length > 0) shown.callbacks = nodes.map((node) => node.shown);
}

/** Describes children level by level, so that the cost of a large tree is bounded. */
async function addChildren(
  reading: Reading,
  top: Node,
  { from, depth, limit }: { from: number; depth: number; limit: number },
): Promise<void> {
  let level = [{ node: top, from }];
  let left = nodesAtMost;
  for (let read = 0; level.length > 0; read++) {
    const next: typeof level = [];
    while (level.length > 0) {
      const wide = Math.min(groupsAtOnce, Math.max(1, Math.floor(left / limit)));
      const some = level.splice(0, wide);
      const goOn = read < depth && left > 0;
      const nodes = await Promise.all(
        some.map(async ({ node, from }) => (goOn ? addPage(reading, node, from, limit) : leaveOut(node, from))),
      );
      left -= nodes.flat().length;
      next.push(...nodes.flat().map((node) => ({ node, from: 0 })));
    }
    level = next;
  }
}

async function addPage(reading: Reading, { shown, below }: Node, from: number, limit: number): Promise<Node[]> {
  const page = below && (await describeItems(reading, below, from, limit));
  if (!page) return [];
  shown.children = page.nodes.map((node) => node.shown);
  if (from + limit < page.total) shown.cursor = packCursor('children', from + limit);
  return page.nodes;
}

function leaveOut({ shown, below }: Node, from: number): Node[] {
  if (below && from < below.total) shown.cursor = packCursor('children', from);
  return [];
}

/** Asks the engine's history once for the run of an ended entry. Adds nothing when the history is unavailable. */
async function addRunId({ runIds, engine, reader, store }: Reading, { shown, run }: Node): Promise<void> {
  if (!run || shown.runId !== undefined || shown.status === 'pending') return;
  const { signatureId, groupId, entry } = run;
  const find = async () => {
    if (!engine) return undefined;
    const token = await reader.tokenOf(groupId, entry);
    if (token === undefined) return undefined;
    const limit = { who: 'the engine', ms: store.settings.commandTimeoutMs };
    return withTimeout(store.clock, limit, engine.findRun(signatureId, groupId, entry, token)).catch(() => undefined);
  };
  const runId = runIds.get(groupId, entry) ?? (isEnded(shown.status) ? await find() : undefined);
  if (runId) shown.runId = runId;
}
