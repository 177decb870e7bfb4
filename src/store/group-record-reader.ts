import { claimToken } from './executions';
import type { Above, GroupKind, GroupStore } from './group-store';
import { isEnded, isStopped, isSuspended } from './item-state';
import { parseLabels, type GroupRetention, type Labels } from './labels';
import type { GroupStatus } from './replies';
import { parseOptions, type StoredRunOptions } from './spec';
import { field } from './scripts.generated';

/** The properties of a group that publishers and waiting processes need, without its items. */
export interface GroupRecord {
  kind: GroupKind;
  name: string;
  secret: string;
  /** The message of the group as JSON, if it has one. */
  message: string | undefined;
  options: StoredRunOptions | undefined;
  resultBytes: number;
  /** The parent, the entry of this group in it, and the round of the parent in which this group was run. */
  parent: { groupId: string; entry: string; round: number } | undefined;
  above: Above;
  labels: Labels;
  keepResults: boolean;
}

/**
 * Why a group ended early: its deadline passed, it was abandoned, a retry left items that its stop had cut off, or the call
 * that was to fill it failed.
 */
export type EndReason = (typeof reasons)[number];
const reasons = ['timeout', 'abandoned', 'left', 'unfilled'] as const;

export interface Snapshot {
  kind: GroupKind;
  name: string;
  status: GroupStatus;
  closed: boolean;
  total: number;
  ready: number;
  slots: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  swept: number;
  /** Counts of the fired callbacks, of the group and its items. An invocation that was repeated is not counted. */
  callbacks: { pending: number; succeeded: number; failed: number };
  labels: Labels;
  /** True if it is suspended. */
  suspended: boolean;
  /** In ms since 1970, by Redis's clock; undefined while it has not come to that. */
  createdAt: number | undefined;
  startedAt: number | undefined;
  endedAt: number | undefined;
  /** When its next item can start, if items wait for their time; 0 when that depends on the begin of another item. */
  nextStartAt: number | undefined;
  /** The end of the pause that an item asked for; undefined when there was none. */
  pausedUntil: number | undefined;
  /** Why it ended early; undefined when a user, its parent or a failure limit ended it. */
  reason: EndReason | undefined;
}

/** How many items ended within the last minute, or since the group was started, if that is shorter: within `ms` milliseconds. */
export interface RecentEnds {
  items: number;
  ms: number;
}

/** The number of items of a group, and of each outcome. */
export type Counts = Pick<Snapshot, 'total' | 'succeeded' | 'failed' | 'cancelled'>;

const recentMs = 60_000;

/** Reads groups as a whole, without their items. */
export class GroupRecordReader {
  constructor(private readonly store: GroupStore) {}

  async record(id: string): Promise<GroupRecord | undefined> {
    const key = this.store.keys.state(id);
    const [kind, name, secret, message, options, runOptions, resultBytes, parent, entry, above, keep, round, labels] =
      await this.store.redis.use('hmget', (client) =>
        client.hmget(
          key,
          field.kind,
          field.name,
          field.secret,
          field.message,
          field.options,
          field.runOptions,
          field.resultBytes,
          field.parentId,
          field.parentEntry,
          field.above,
          field.keepResults,
          field.parentRound,
          field.labels,
        ),
      );
    if (!kind || !secret) return undefined;
    return {
      kind: kind as GroupRecord['kind'],
      name: name ?? '',
      secret,
      message: message ?? undefined,
      options: parseOptions(options, runOptions),
      resultBytes: Number(resultBytes ?? 0),
      parent: parent ? { groupId: parent, entry: entry ?? '', round: Number(round ?? 0) } : undefined,
      above: above ? (JSON.parse(above) as Above) : {},
      labels: parseLabels(labels),
      keepResults: keep !== '0',
    };
  }

  /** Returns the secret of a group, from which its tokens are made; undefined when it is unknown. */
  async secretOf(id: string): Promise<string | undefined> {
    const secret = await this.store.redis.use('hget', (client) => client.hget(this.store.keys.state(id), field.secret));
    return secret ?? undefined;
  }

  /** Returns the token for a claim to an entry; undefined when the group is unknown. */
  async tokenOf(id: string, entry: string): Promise<string | undefined> {
    const secret = await this.secretOf(id);
    return secret === undefined ? undefined : claimToken(secret, entry);
  }

  /** Returns for how long a group is kept; undefined when it is unknown. */
  async retentionOf(id: string): Promise<Required<GroupRetention> | undefined> {
    const [finishedMs, abandonedMs] = await this.store.redis.use('hmget', (client) =>
      client.hmget(this.store.keys.state(id), field.retention, field.abandonedAfter),
    );
    return finishedMs && abandonedMs ? { finishedMs: Number(finishedMs), abandonedMs: Number(abandonedMs) } : undefined;
  }

  /** Returns the parent of a group, and whether the group has a rate limit. */
  async pacing(id: string): Promise<{ parentId: string | undefined; isLimited: boolean }> {
    const [parentId, rateLimit] = await this.store.redis.use('hmget', (client) =>
      client.hmget(this.store.keys.state(id), field.parentId, field.rateLimit),
    );
    return { parentId: parentId ?? undefined, isLimited: Boolean(rateLimit) };
  }

  async snapshot(id: string): Promise<Snapshot | undefined> {
    const key = this.store.keys.state(id);
    const values = await this.store.redis.use('hmget', (client) =>
      client.hmget(
        key,
        field.kind,
        field.name,
        field.status,
        field.closed,
        field.total,
        field.ready,
        field.running,
        field.succeeded,
        field.failed,
        field.cancelled,
        field.sweptTo,
        field.flags,
        field.cancelledBy,
        field.callbackSeq,
        field.callbacksSucceeded,
        field.callbacksFailed,
        field.callbacksRepeated,
        field.createdAt,
        field.startedAt,
        field.endedAt,
        field.pacing,
        field.labels,
      ),
    );
    const [kind, name, status, closed, ...rest] = values;
    if (!kind || !status) return undefined;
    const [total = 0, ready = 0, slots = 0, succeeded = 0, failed = 0, cancelled = 0, swept = 0] = rest
      .slice(0, 7)
      .map((value) => Number(value ?? 0));
    const [flags, why] = rest.slice(7);
    const [fired = 0, fine = 0, broken = 0, repeated = 0] = rest.slice(9, 13).map((value) => Number(value ?? 0));
    const [createdAt, startedAt, endedAt] = rest.slice(13, 16).map((value) => (value ? Number(value) : undefined));
    return {
      kind: kind as Snapshot['kind'],
      name: name ?? '',
      status: status as GroupStatus,
      closed: closed === '1',
      total,
      ready,
      slots,
      succeeded,
      failed,
      // Items of a stopped group that never started have no state of their own; they count as cancelled.
      cancelled: isStopped(status as GroupStatus) ? total - succeeded - failed - slots : cancelled,
      swept,
      callbacks: { pending: fired - fine - broken - repeated, succeeded: fine, failed: broken },
      suspended: isSuspended(flags),
      createdAt,
      startedAt,
      ...nextStartIn(rest[16]),
      labels: parseLabels(rest[17]),
      // A group that is retried has ended before.
      endedAt: isEnded(status) ? endedAt : undefined,
      reason: reasons.find((reason) => reason === why),
    };
  }

  /** Returns how many items have ended lately: before now or, in a group that has ended, before its end. */
  async recentEnds(id: string): Promise<RecentEnds> {
    const { keys, process, settings, redis } = this.store;
    const reply = await redis.call('recentEnds', keys.group(id), [process, settings.leaseMs, recentMs]);
    const [items, ms] = (reply as (string | number)[]).map(Number);
    return { items: items ?? 0, ms: ms ?? 0 };
  }

  /** Returns the counts that replace the list of outputs for a group that keeps no results. */
  async counts(id: string): Promise<Counts> {
    const { total = 0, succeeded = 0, failed = 0, cancelled = 0 } = (await this.snapshot(id)) ?? {};
    return { total, succeeded, failed, cancelled };
  }
}

/** Reads when the next item can start from the stored text of `pacing`. */
function nextStartIn(pacing: string | null | undefined): Pick<Snapshot, 'nextStartAt' | 'pausedUntil'> {
  const [, , , next = 0, pausedUntil = 0, idleSince = 0] = pacing?.split(' ').map(Number) ?? [];
  // Of an idle swarm it is when it closes.
  return {
    nextStartAt: next === 0 || idleSince > 0 ? undefined : Math.max(0, next),
    pausedUntil: pausedUntil || undefined,
  };
}
