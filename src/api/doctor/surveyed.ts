import { isCallback } from '../../store/entry';
import { isEnded } from '../../store/group-reader';
import type { HealthReader } from '../../store/health-reader';
import { isGroup } from '../../store/spec';
import type { EntryUnderWay } from '../../store/waits-reader';
import { callbacksUnderWay, nameOf, readGroup, subjectsOf } from '../explain/group';
import type { Look } from '../explain/look';
import { isNested } from '../explain/nested';
import type { Group } from '../explain/subject';

/** The number of next items of a group that are looked at, for the names of their tasks. */
const nextItems = 10;

/** The data that are kept of a group in progress: one that has not ended, or has callbacks that have not. */
export interface SurveyedGroup {
  id: string;
  /** Its kind, name and id, for a sentence. */
  name: string;
  /** For how long nothing has begun or ended in it, in ms. Undefined when that is wanted, or up to a group below it. */
  stillMs: number | undefined;
  /** The tasks of what is under way in it or comes next. */
  tasks: ReadonlySet<string>;
  /** The number of entries that were left alone for too long, of those looked at, and since when the first one was, in ms. */
  left: { entries: number; since: number };
  /** True if it has callbacks that should have been published long ago. */
  hasUnpublished: boolean;
}

/** Reads a group in progress. @returns undefined when it is gone */
export async function readInProgress(
  look: Pick<Look, 'reading' | 'waits'>,
  health: HealthReader,
  id: string,
  leftAloneMs: number,
): Promise<SurveyedGroup | undefined> {
  const [group, movedAt] = await Promise.all([readGroup(look, id), health.movedAt(id)]);
  if (!group || movedAt === undefined) return undefined;
  const { underWay, now } = group.waits;
  const [callbacks, next] = await Promise.all([
    subjectsOf(look, group, callbacksUnderWay(group)),
    tasksNext(look, group),
  ]);
  const tasks = [...group.items, ...callbacks].flatMap(({ task, record, below }) =>
    below === undefined && record.state !== 'deferred' ? [task] : [],
  );
  const left = underWay.filter(isLeft(now, leftAloneMs));
  const lastMove = Math.max(movedAt, ...underWay.map(({ startedAt }) => startedAt ?? 0));
  return {
    id,
    name: nameOf(group),
    stillMs: isHeld(group) ? undefined : now - lastMove,
    tasks: new Set([...tasks, ...next]),
    left: { entries: left.length, since: Math.min(...left.map(({ leasedUntil = Infinity }) => leasedUntil)) },
    hasUnpublished: hasUnpublished(group, leftAloneMs),
  };
}

/** Returns the tasks of some items that have not begun. */
async function tasksNext({ reading }: Pick<Look, 'reading'>, { id, snapshot }: Group): Promise<string[]> {
  const { total, slots, succeeded, failed, cancelled, status } = snapshot;
  const from = slots + succeeded + failed + cancelled;
  const indexes = Array.from({ length: Math.min(nextItems, total - from) }, (_, i) => from + i);
  if (status !== 'running' || indexes.length === 0) return [];
  const heads = await reading.reader.heads(id, indexes);
  return heads.flatMap((spec) => (spec && !isGroup(spec) ? [spec.task] : []));
}

function hasUnpublished({ snapshot, waits }: Group, leftAloneMs: number): boolean {
  const { now, underWay } = waits;
  const granted = underWay.filter(({ entry, state }) => isCallback(entry) && state === 'granted');
  if (granted.some(isLeft(now, leftAloneMs))) return true;
  // A process may renew their leases, and yet not be able to publish them.
  return granted.length > 0 && snapshot.endedAt !== undefined && now - snapshot.endedAt > leftAloneMs;
}

function isLeft(now: number, leftAloneMs: number) {
  return ({ leasedUntil }: EntryUnderWay): boolean => leasedUntil !== undefined && now - leasedUntil > leftAloneMs;
}

/** Returns whether a group has ended, or waits for what somebody wanted or for a group that is looked at itself. */
function isHeld({ snapshot, items, waits }: Group): boolean {
  const { status, suspended, nextStartAt = 0, pausedUntil = 0 } = snapshot;
  const isPaced = Math.max(nextStartAt, pausedUntil) > waits.now;
  return isEnded(status) || suspended || isPaced || items.some((item) => isNested(item));
}
