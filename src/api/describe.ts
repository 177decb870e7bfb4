import { withTimeout } from '../utils/timeout';
import { refuseUnknown, trueOrFalse, wholeNumber } from '../config/options';
import { isEnded, readError } from '../store/group-reader';
import { invocationId, parseInvocationId, parseItemId } from '../store/ids';
import { templateIn, unpackCallback } from '../store/spec';
import { packCursor, unpackCursor } from './cursor';
import { describeEntry, describeGroup, describeItems, groupOf, type Description, type Node } from './described';
import { templateOf, unknownId } from './load';
import { entryOutput, groupOutput } from './outputs';
import type { Scope } from './scope';

/** Options of `mage.describe`; all optional. */
export interface DescribeOptions {
  /** Levels of children, from 0 (none) to 20. Default 1. */
  depth?: number | null | undefined;
  /** The most children of each described group, from 1 to 1,000. Default 100. */
  limit?: number | null | undefined;
  /** The `cursor` of an earlier description of the same id, to continue its children. Default: from the first. */
  cursor?: string | null | undefined;
  /** Adds its output when it has succeeded, as `run` returns it; never its children's. Default false. */
  output?: boolean | null | undefined;
}

const fields = new Set(['depth', 'limit', 'cursor', 'output']);
const cursorPattern = /^children (\d{1,15})$/;
const nodesAtMost = 10_000;
const groupsAtOnce = 20;
const callbacksAtMost = 100;
/** Limits the calls to the engine's history: each ended callback takes one. */
const callbackRunsAtMost = 20;

/** Describes the group or entry of an id, and some levels of its children. @throws ConfigurationError, NotFoundError */
export async function describe(scope: Scope, id: string, options: DescribeOptions = {}): Promise<Description> {
  refuseUnknown(options, fields, 'option of describe');
  const depth = wholeNumber('depth', options.depth, 1, { min: 0, max: 20 });
  const limit = wholeNumber('limit', options.limit, 100, { max: 1_000 });
  const from = Number(unpackCursor(options.cursor, 'describe', cursorPattern)?.[1] ?? 0);
  const output = trueOrFalse('output of describe', options.output ?? false);
  const node = typeof id === 'string' && id !== '' ? await find(scope, id) : undefined;
  if (!node) throw unknownId(id);
  await Promise.all([
    addRunId(scope, node),
    addCallbacks(scope, node),
    addChildren(scope, node, from, depth, limit),
    output && addOutput(scope, node),
  ]);
  return node.shown;
}

/** Finds the group or entry that `load` returns for an id. */
async function find(scope: Scope, id: string): Promise<Node | undefined> {
  const firing = parseInvocationId(id);
  const item = parseItemId(id);
  const found = firing
    ? await findFired(scope, firing.groupId, firing.entry, id)
    : item && (await findItem(scope, item.groupId, item.index));
  return found ?? (await findGroup(scope, id)) ?? findLocated(scope, id);
}

async function findGroup(scope: Scope, id: string): Promise<Node | undefined> {
  const snapshot = await scope.reader.snapshot(id);
  if (!snapshot) return undefined;
  if (snapshot.kind === 'task') return findItem(scope, id, 0, id);
  // A swarm that serves as a callback is a template, so its latest invocation is described.
  const template = snapshot.kind === 'swarm' && snapshot.status === 'pending' && (await scope.locations.find(id));
  const fired =
    template && template.index === undefined ? await scope.reader.latestInvocation(template.groupId, id) : undefined;
  const firing = template && fired ? await findFired(scope, template.groupId, fired, id) : undefined;
  return firing ?? describeGroup(scope, id, snapshot);
}

async function findLocated(scope: Scope, id: string): Promise<Node | undefined> {
  const location = await scope.locations.find(id);
  if (!location) return undefined;
  if (location.index !== undefined) return findItem(scope, location.groupId, location.index);
  const { groupId } = location;
  const fired = await scope.reader.latestInvocation(groupId, id);
  if (fired !== undefined) return findFired(scope, groupId, fired, id);
  const spec = await templateOf(scope, location, id);
  if (!spec) return undefined;
  const entry = { groupId, entry: 'c', id, spec, state: 'waiting' as const, run: '', error: undefined };
  return describeEntry(scope, entry, undefined, templateIn(spec));
}

async function findItem(scope: Scope, groupId: string, index: number, id?: string): Promise<Node | undefined> {
  const found = await describeItems(scope, { groupId, total: 0 }, index, 1);
  const node = found?.nodes[0];
  if (!node || id === undefined) return node;
  node.shown.id = id;
  return { ...node, ...(node.run ? { run: { ...node.run, signatureId: id } } : {}) };
}

async function findFired(scope: Scope, groupId: string, entry: string, id: string): Promise<Node | undefined> {
  const { reader } = scope;
  const [packed, state = 'waiting', active, result] = await Promise.all([
    reader.callback(groupId, entry),
    reader.callbackState(groupId, entry),
    reader.activeEntry(groupId, entry),
    reader.result(groupId, entry),
  ]);
  if (packed === undefined) return undefined;
  const { spec } = unpackCallback(packed);
  const group = groupOf({ groupId, entry, spec });
  const snapshot = group === undefined ? undefined : await reader.snapshot(group);
  const error = state === 'failed' ? readError(result?.slice(1) ?? '') : undefined;
  const at = { groupId, entry, id, spec, state, run: active?.run ?? '', error };
  return describeEntry(scope, at, snapshot, templateIn(spec));
}

async function addOutput({ reader }: Scope, { shown, run, below }: Node): Promise<void> {
  if (shown.status !== 'succeeded') return;
  if (run) shown.output = await entryOutput(reader, run.groupId, run.entry);
  else if (below) shown.output = await groupOutput(reader, { ...below, id: below.groupId, kind: shown.kind });
}

/** Adds the invoked callbacks of a signature. A chain or swarm stores them in its own group. */
async function addCallbacks(scope: Scope, { shown, run, below }: Node): Promise<void> {
  const place = run ? { groupId: run.groupId, source: run.entry } : below && { groupId: below.groupId, source: 'g' };
  if (!place) return;
  const { groupId, source } = place;
  const entries = await scope.reader.invokedFor(groupId, source, callbacksAtMost);
  const fired = await Promise.all(
    entries.map((entry) => findFired(scope, groupId, entry, invocationId(groupId, entry))),
  );
  const nodes = fired.filter((node) => node !== undefined);
  await Promise.all(nodes.slice(0, callbackRunsAtMost).map((node) => addRunId(scope, node)));
  if (below || nodes.length > 0) shown.callbacks = nodes.map((node) => node.shown);
}

/** Describes children level by level, so that the cost of a large tree is bounded. */
async function addChildren(scope: Scope, top: Node, start: number, depth: number, limit: number): Promise<void> {
  let level = [{ node: top, from: start }];
  let left = nodesAtMost;
  for (let read = 0; level.length > 0; read++) {
    const next: typeof level = [];
    while (level.length > 0) {
      const wide = Math.min(groupsAtOnce, Math.max(1, Math.floor(left / limit)));
      const some = level.splice(0, wide);
      const goOn = read < depth && left > 0;
      const nodes = await Promise.all(
        some.map(async ({ node, from }) => (goOn ? addPage(scope, node, from, limit) : leaveOut(node, from))),
      );
      left -= nodes.flat().length;
      next.push(...nodes.flat().map((node) => ({ node, from: 0 })));
    }
    level = next;
  }
}

async function addPage(scope: Scope, { shown, below }: Node, from: number, limit: number): Promise<Node[]> {
  const page = below && (await describeItems(scope, below, from, limit));
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
async function addRunId({ runIds, engine, reader, store }: Scope, { shown, run }: Node): Promise<void> {
  if (!run || shown.runId !== undefined || shown.status === 'pending') return;
  const { signatureId, groupId, entry } = run;
  const find = async () => {
    const token = await reader.tokenOf(groupId, entry);
    if (token === undefined) return undefined;
    const found = engine.findRun(signatureId, groupId, entry, token);
    return withTimeout(store.clock, { who: 'the engine', ms: store.settings.commandTimeoutMs }, found).catch(
      () => undefined,
    );
  };
  const runId = runIds.get(groupId, entry) ?? (isEnded(shown.status) ? await find() : undefined);
  if (runId) shown.runId = runId;
}
