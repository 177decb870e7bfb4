import { isEnded } from '../store/group-reader';
import type { GroupStatus } from '../store/replies';
import { kinds } from '../orchestrator/kinds';
import { find } from './describe';
import { uninvoked, type Node } from './described';
import { explainCallbacks } from './explain/callbacks';
import { explainEntry } from './explain/entry-checks';
import { nameOf, readGroup } from './explain/group';
import { explainGroup } from './explain/group-checks';
import { Look, type Place } from './explain/look';
import { byUrgency, toReason, type Explanation, type Finding } from './explain/reason';
import { explainRoot } from './explain/root';
import { quoted } from '../utils/quoted';
import { lasting, message, sentence } from './explain/words';
import type { Reading } from './reading';
import { unknownId } from './resolve';
import type { SignatureStatus } from './types';

const explainers = { group: explainGroup, entry: explainEntry, root: explainRoot };

const statusWords: Readonly<Record<SignatureStatus, string>> = {
  pending: 'has not started',
  queued: 'has not begun',
  running: 'goes on',
  suspended: 'is suspended',
  succeeded: 'has ended',
  failed: 'has ended',
  cancelled: 'has ended',
};

/** For groups that end without starting what is left. */
const stopWords: Partial<Record<GroupStatus, string>> = {
  stopping: 'has reached a failure limit and waits for what runs',
  cancelling: 'is being cancelled',
};

/** Explains what a group, an item or a callback waits for, and what to do. @throws NotFoundError */
export async function explain(reading: Reading, id: string): Promise<Explanation> {
  const node = await find(reading, id);
  if (!node) throw unknownId(id);
  const { kind, name, status, id: shownId } = node.shown;
  const group = groupOf(node);
  const stored = group === undefined ? undefined : (await reading.reader.snapshot(group))?.status;
  const findings = byUrgency(await findingsFor(new Look(reading, explainers), node));
  const [first] = findings;
  const more = findings.length - 1;
  const others = more > 0 ? ` (and ${more} more reason${more === 1 ? '' : 's'})` : '';
  const noun = kind === 'root' ? 'root task' : kind;
  const summary = sentence(
    `the ${noun} ${quoted(name)} ${(stored && stopWords[stored]) ?? statusWords[status]}${first ? `: ${first.clause}` : ''}${others}`,
  );
  return { id: shownId, kind, name, status, summary, reasons: findings.map(toReason) };
}

/** A chain or swarm that exists holds its own state and callbacks, wherever it is an item. */
function groupOf({ run, below }: Node): string | undefined {
  return run || !below || below.unmade ? undefined : below.groupId;
}

async function findingsFor(look: Look, node: Node): Promise<Finding[]> {
  const { shown, place } = node;
  if (place?.entry === uninvoked) return [await waitsForSource(look, place)];
  const group = groupOf(node);
  if (!isEnded(shown.status)) {
    if (group !== undefined) return explainGroup(look, group);
    return place ? explainEntry(look, place) : [];
  }
  return [ended(look, node), ...(await callbacksOf(look, { group, place }))];
}

async function callbacksOf(
  look: Look,
  { group: id, place }: { group: string | undefined; place: Place | undefined },
): Promise<Finding[]> {
  const group = await readGroup(look, id ?? place?.groupId ?? '');
  if (!group) return [];
  // The callbacks of a task that was run by itself are those of its only item.
  const source = id === undefined && place ? place.entry : undefined;
  return explainCallbacks(look, group, { source, isOver: true });
}

function ended(look: Look, { shown: { kind, status, error, endedAt, id } }: Node): Finding {
  const ago = endedAt ? ` ${lasting(look.engine.now - endedAt.getTime())} ago` : '';
  const how = status === 'cancelled' ? `it was cancelled${ago}` : `it has ${status}${ago}`;
  const again = 'Call retryFailed() of the outermost group, which runs it again.';
  const hints = {
    succeeded: 'There is nothing to do. mage.describe(id, { output: true }) returns its output.',
    failed: kind === 'task' ? `Correct the cause. ${again}` : `mage.failures(id) groups what failed. ${again}`,
    cancelled: again,
  };
  return {
    code: 'ended',
    clause: `${how}${error === undefined ? '' : `: ${message(error)}`}`,
    since: endedAt?.getTime(),
    entry: id,
    hint: hints[status as keyof typeof hints],
  };
}

/** A callback that was not invoked yet. */
async function waitsForSource(look: Look, { groupId }: Place): Promise<Finding> {
  const deeper = look.deeper();
  const below = deeper ? byUrgency(await deeper.explain.group(deeper, groupId)) : [];
  const snapshot = await look.reading.reader.snapshot(groupId);
  const group = snapshot ? nameOf({ id: groupId, snapshot }) : `the group ${groupId}`;
  const isSingle = snapshot !== undefined && kinds[snapshot.kind].isSingle;
  const source = isSingle ? group : `${group}, or the item of it that it is attached to,`;
  const [first] = below;
  return {
    code: 'callback-pending',
    clause: `it runs as a callback when ${source} has ended${first ? `: ${first.clause}` : ''}`,
    entry: groupId,
    hint: first?.hint ?? 'Wait for that end.',
    below,
  };
}
