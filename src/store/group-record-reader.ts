import { claimToken } from './group-executions';
import type { Above, GroupKind, GroupStore } from './group-store';
import { isStopped, isSuspended } from './item-state';
import type { GroupStatus } from './replies';
import { parseOptions, type StoredRunOptions } from './spec';

/** What a publisher and a waiter need to know of a group besides its items. */
export interface GroupRecord {
  kind: GroupKind;
  name: string;
  secret: string;
  /** The group's own message as JSON, when it was given one. */
  message: string | undefined;
  options: StoredRunOptions | undefined;
  resultBytes: number;
  /** The entry of another group that it is, and the round of that one in which it was run. */
  parent: { groupId: string; entry: string; round: number } | undefined;
  above: Above;
  keepResults: boolean;
}

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
  /** Counts of the callbacks that were fired, of the group and of its items; a firing that was repeated counts no more. */
  callbacks: { pending: number; succeeded: number; failed: number };
  /** Whether nothing starts in it until it is resumed. */
  suspended: boolean;
  /** Whether it has ended because its time was over, or nobody went on with it. */
  reason: 'timeout' | 'abandoned' | undefined;
}

/** How many items a group had, and how they ended. */
export type Counts = Pick<Snapshot, 'total' | 'succeeded' | 'failed' | 'cancelled'>;

/** Reads what is known of a group as a whole. */
export class GroupRecordReader {
  constructor(protected readonly store: GroupStore) {}

  async record(id: string): Promise<GroupRecord | undefined> {
    const key = this.store.keys.state(id);
    const [kind, name, secret, message, options, runOptions, resultBytes, parent, entry, above, keep, round] =
      await this.store.redis.use('hmget', (client) =>
        client.hmget(key, 'k', 'n', 'sec', 'msg', 'opt', 'ropt', 'rb', 'pg', 'pe', 'ctx', 'kr', 'prd'),
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
      keepResults: keep !== '0',
    };
  }

  /** What the claim of a run to an entry has to hold; undefined when the group is unknown. */
  async tokenOf(id: string, entry: string): Promise<string | undefined> {
    const secret = await this.store.redis.use('hget', (client) => client.hget(this.store.keys.state(id), 'sec'));
    return secret ? claimToken(secret, entry) : undefined;
  }

  async snapshot(id: string): Promise<Snapshot | undefined> {
    const key = this.store.keys.state(id);
    const values = await this.store.redis.use('hmget', (client) =>
      client.hmget(
        key,
        'k',
        'n',
        'st',
        'cl',
        'tot',
        'rdy',
        'sl',
        'ok',
        'ko',
        'cx',
        'swp',
        'fl',
        'why',
        'cbn',
        'cbs',
        'cbf',
        'cbr',
      ),
    );
    const [kind, name, status, closed, ...rest] = values;
    if (!kind || !status) return undefined;
    const [total = 0, ready = 0, slots = 0, succeeded = 0, failed = 0, cancelled = 0, swept = 0] = rest
      .slice(0, 7)
      .map((value) => Number(value ?? 0));
    const [flags, why] = rest.slice(7);
    const [fired = 0, fine = 0, broken = 0, repeated = 0] = rest.slice(9).map((value) => Number(value ?? 0));
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
      // What never started in a stopped group has no state of its own: the group's says that it is cancelled.
      cancelled: isStopped(status as GroupStatus) ? total - succeeded - failed - slots : cancelled,
      swept,
      callbacks: { pending: fired - fine - broken - repeated, succeeded: fine, failed: broken },
      suspended: isSuspended(flags),
      reason: why === 'timeout' || why === 'abandoned' ? why : undefined,
    };
  }

  /** What stands for the list of a group that keeps no results. */
  async counts(id: string): Promise<Counts> {
    const { total = 0, succeeded = 0, failed = 0, cancelled = 0 } = (await this.snapshot(id)) ?? {};
    return { total, succeeded, failed, cancelled };
  }
}
