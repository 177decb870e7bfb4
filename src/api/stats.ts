import { refuseUnknown, trueOrFalse } from '../config/options';
import { isEnded, type Snapshot } from '../store/group-reader';
import { HealthReader } from '../store/health-reader';
import { MemoryReader, type MemoryUse } from '../store/memory-reader';
import { forEachConcurrently } from '../utils/for-each-concurrently';
import { list } from './list';
import type { Reading } from './reading';
import { progressOf } from './stored-group';
import type { SignatureStatus } from './types';

/** Options of `mage.stats`; all optional. */
export interface StatsOptions {
  /** Reads all groups and keys, however many there are, instead of a sample. Default `false`. */
  full?: boolean | null | undefined;
}

/** The result of `mage.stats`. */
export interface Stats {
  /** The outermost groups, as `mage.list` lists them. */
  groups: {
    /** The number of all. */
    total: number;
    /** The number of those looked at, which are the newest. */
    looked: number;
    /** The number of those looked at in each status. */
    byStatus: Record<SignatureStatus, number>;
  };
  /** The number of items that ended each second, over the last minute, in the groups looked at. */
  perSecond: number;
  /** Of the groups looked at, the one that was created first and has items that wait for a slot. Absent when none has. */
  oldestWaiting?: { id: string; name: string; createdAt: Date };
  /** The memory of mageflow's keys in Redis, the largest part first. Absent when Redis refuses MEMORY. */
  memory?: {
    keys: number;
    bytes: number;
    /** True if the numbers are estimates from 1,000 keys. */
    sampled: boolean;
    parts: { part: string; keys: number; bytes: number }[];
  };
  /** True if not all groups were looked at. */
  sampled: boolean;
}

const fields = new Set(['full']);
/** The size of the sample: the newest groups, as many of those in progress, and keys. */
const most = { groups: 1_000, keys: 1_000 };
const groupsAtOnce = 25;
const recentMs = 60_000;

/** Counts what a store holds and does. @throws ConfigurationError, StoreError */
export async function stats(reading: Reading, options: StatsOptions = {}): Promise<Stats> {
  refuseUnknown(options, fields, 'option of stats');
  const isWhole = trueOrFalse('full', options.full ?? false);
  const { redis, keys } = reading.store;
  const [groups, memory] = await Promise.all([
    countGroups(reading, isWhole),
    new MemoryReader(redis, keys.base).use(isWhole ? Infinity : most.keys),
  ]);
  return { ...groups, ...(memory ? { memory: summed(memory) } : {}) };
}

async function countGroups(reading: Reading, isWhole: boolean): Promise<Omit<Stats, 'memory'>> {
  const { store, reader } = reading;
  const health = new HealthReader(store);
  const [now, total, due] = await Promise.all([
    health.now(),
    store.topLevelIndex.size(),
    health.dueGroups(isWhole ? 1 : most.groups, 0),
  ]);
  const byStatus = { pending: 0, queued: 0, running: 0, suspended: 0, succeeded: 0, failed: 0, cancelled: 0 };
  const seen = new Set<string>();
  let ends = 0;
  let oldest: { id: string; name: string; createdAt: Date } | undefined;
  const addGroup = async (id: string) => {
    if (seen.has(id)) return;
    seen.add(id);
    const snapshot = await reader.snapshot(id);
    if (!snapshot) return;
    // Others add to it while this waits.
    const lately = await endsLately(reading, id, snapshot, now);
    ends += lately;
    const { queued, createdAt } = progressOf(snapshot);
    if (queued > 0 && createdAt && (!oldest || createdAt < oldest.createdAt))
      oldest = { id, name: snapshot.name, createdAt };
  };
  let looked = 0;
  let cursor: string | undefined;
  do {
    const page = await list(reading, { limit: most.groups, cursor });
    looked += page.items.length;
    for (const { status } of page.items) byStatus[status] += 1;
    const begun = page.items.filter(({ status }) => status !== 'pending');
    await forEachConcurrently(groupsAtOnce, begun.map(({ id }) => id).values(), addGroup);
    cursor = page.cursor;
  } while (isWhole && cursor !== undefined);
  // Groups inside others are not listed.
  if (isWhole) for await (const ids of health.allDue()) await forEachConcurrently(groupsAtOnce, ids.values(), addGroup);
  else await forEachConcurrently(groupsAtOnce, due.ids.values(), addGroup);
  const sampled = !isWhole && (cursor !== undefined || due.ids.length < due.total);
  const perSecond = ends / (recentMs / 1_000);
  return { groups: { total, looked, byStatus }, perSecond, ...(oldest ? { oldestWaiting: oldest } : {}), sampled };
}

/** Returns how many items of a group have ended within the last minute. */
async function endsLately({ reader }: Reading, id: string, snapshot: Snapshot, now: number): Promise<number> {
  const { startedAt, endedAt, status } = snapshot;
  const agoMs = isEnded(status) ? now - (endedAt ?? 0) : 0;
  if (startedAt === undefined || agoMs >= recentMs) return 0;
  const { items, ms } = await reader.recentEnds(id);
  // Of a group that has ended, the ends are counted from its own end back.
  return items * Math.min(1, (recentMs - agoMs) / Math.max(1, ms));
}

function summed({ sampled, parts }: MemoryUse): NonNullable<Stats['memory']> {
  const sum = (of: 'keys' | 'bytes') => parts.reduce((total, part) => total + part[of], 0);
  return { keys: sum('keys'), bytes: sum('bytes'), sampled, parts };
}
