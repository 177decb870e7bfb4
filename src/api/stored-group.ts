import type { GroupKind } from '../store/group-store';
import type { RetryFilter } from '../orchestrator/chosen-retry';
import { groupCancelled, groupFailure } from '../orchestrator/group-end';
import { CancelledError, ConfigurationError, NotFoundError, TaskFailedError } from '../config/errors';
import { isChildrenId } from '../store/ids';
import { isEnded, emptySnapshot, type GroupReader, type RecentEnds, type Snapshot } from '../store/group-reader';
import { dateOf } from '../utils/date';
import type { GroupEndMessage } from './group-end-channel';
import { groupOutput } from './outputs';
import { recentEndsOf } from './recent-ends';
import type { Scope } from './scope';
import { makeHandle, removeGroup } from './stored-entry';
import type { Handle, Progress, SignatureStatus, WaitOptions } from './types';

/** The parts that groups in the store are read and changed with. */
export type GroupParts = Pick<Scope, 'reader' | 'waiter' | 'canceller' | 'suspender' | 'retrier' | 'remover'>;

/** A chain or swarm in the store, for any process. */
export class StoredGroup {
  constructor(
    private readonly scope: GroupParts,
    readonly id: string,
    readonly kind: 'chain' | 'swarm',
    readonly name: string,
    /** Returns its snapshot before it exists, for a group that another group creates. */
    private readonly before?: () => Promise<Snapshot | undefined>,
  ) {}

  async status(): Promise<SignatureStatus> {
    return statusOf(await this.snapshot());
  }

  /** @throws NotFoundError when it has expired */
  async snapshot(): Promise<Snapshot> {
    const snapshot = (await this.scope.reader.snapshot(this.id)) ?? (await this.before?.());
    if (!snapshot) throw this.notFound();
    return snapshot;
  }

  /** Waits for its end. */
  ended({ timeoutMs, signal }: WaitOptions = {}): Promise<GroupEndMessage> {
    return this.scope.waiter.until<GroupEndMessage>(
      this.id,
      async (received) => {
        if (received) return received;
        const snapshot = await this.snapshot();
        return isEnded(snapshot.status) ? snapshot : undefined;
      },
      { timeoutMs, signal, end: true },
    );
  }

  /**
   * Waits for its end and returns the list of a swarm, or the last output of a chain.
   * @throws TaskFailedError, CancelledError
   */
  async wait<O>(options: WaitOptions = {}): Promise<O> {
    const { reader } = this.scope;
    const { status, total, list } = await this.ended(options);
    if (status === 'cancelled') throw new CancelledError(groupCancelled(await this.snapshot()));
    if (status === 'failed') {
      const [snapshot, { failures }] = await Promise.all([this.snapshot(), reader.failures(this.id)]);
      throw new TaskFailedError(groupFailure(snapshot, failures), failures);
    }
    return (await groupOutput(reader, { id: this.id, kind: this.kind, total }, list)) as O;
  }

  /** @throws NotFoundError */
  async cancel(): Promise<void> {
    const { canceller, suspender, reader } = this.scope;
    if (!(await canceller.cancel(this.id, 'user'))) throw this.notFound();
    const place = await this.place();
    // A suspended item is skipped by its group, so that its end would never be reported there.
    if (place && (await reader.suspensions.ofEntry(place.groupId, place.entry))?.suspended)
      await suspender.entry(place.groupId, place.entry, false);
  }

  /** @throws NotFoundError */
  async suspend(suspended: boolean): Promise<void> {
    const { suspender } = this.scope;
    const place = await this.place();
    // In another group it is skipped, and takes no slot while it is suspended.
    if (place && (await suspender.entry(place.groupId, place.entry, suspended))) return;
    if (!(await suspender.group(this.id, suspended))) throw this.notFound();
  }

  /** @throws ConfigurationError, AlreadyStartedError */
  remove(): Promise<void> {
    return removeGroup(this.scope, this.id, `The ${this.kind} "${this.name}"`);
  }

  /** @param filter - which items; undefined for all @throws ConfigurationError, InvalidMessageError, NotFoundError */
  async retryFailed(filter?: RetryFilter): Promise<number> {
    const { retrier } = this.scope;
    const root = isChildrenId(this.id) && (await this.scope.reader.record(this.id))?.parent;
    const { code, items } = await (root ? retrier.children(this.id, root, filter) : retrier.group(this.id, filter));
    if (code === 'missing') throw this.notFound();
    const what = `retryFailed: the ${this.kind} "${this.name}" (${this.id})`;
    if (code === 'nested')
      throw new ConfigurationError(`${what} belongs to another group. Call retryFailed() of the outermost group.`);
    if (code === 'unfinished' || code === 'leased')
      throw new ConfigurationError(`${what} has not ended. Wait for its end, or cancel it first.`);
    return code === 'none' ? 0 : items;
  }

  /** @throws NotFoundError */
  async retryCallbacks(): Promise<number> {
    const count = await this.scope.retrier.callbacks(this.id, '');
    if (count === undefined) throw this.notFound();
    return count;
  }

  runId(): Promise<never> {
    const message = `A ${this.kind} has no run of its own in the engine. Read the runId of its items instead.`;
    return Promise.reject(new ConfigurationError(message));
  }

  handle<O>(): Handle<O> {
    return makeHandle(
      this.id,
      () => this.wait<O>(),
      () => this.runId(),
    );
  }

  /** Returns its entry in another group. An internal swarm belongs to an entry but is not one. */
  private async place(): Promise<{ groupId: string; entry: string } | undefined> {
    const parent = isChildrenId(this.id) ? undefined : (await this.scope.reader.record(this.id))?.parent;
    return parent?.entry ? parent : undefined;
  }

  notFound(): NotFoundError {
    return new NotFoundError(
      `The ${this.kind} "${this.name}" (${this.id}) is not stored any more: its retention has passed.`,
    );
  }
}

export function statusOf({ status, suspended }: Pick<Snapshot, 'status' | 'suspended'>): SignatureStatus {
  if (suspended) return 'suspended';
  return status === 'stopping' || status === 'cancelling' ? 'running' : status;
}

/** Returns the counts of a group's items, as users see them, with how fast they end. */
export async function readProgress(reader: GroupReader, id: string, snapshot: Snapshot): Promise<Progress> {
  return progressOf(snapshot, await recentEndsOf(reader, id, snapshot));
}

/** Returns the same from what has been read. @param recent - how many items have ended lately; undefined for none */
export function progressOf(snapshot: Snapshot, recent?: RecentEnds): Progress {
  const { total, ready, slots, succeeded, failed, cancelled, closed, status, nextStartAt, pausedUntil } = snapshot;
  const stopped = status !== 'pending' && status !== 'running';
  const perSecond = recent ? recent.items / (Math.max(recent.ms, 1) / 1_000) : 0;
  const left = total - succeeded - failed - cancelled;
  const isGoingToEnd = closed && statusOf(snapshot) === 'running' && perSecond > 0;
  return {
    total,
    waiting: stopped ? 0 : total - ready,
    queued: stopped ? 0 : ready - slots - succeeded - failed - cancelled,
    running: slots,
    succeeded,
    failed,
    cancelled,
    closed,
    status: statusOf(snapshot),
    callbacks: snapshot.callbacks,
    createdAt: dateOf(snapshot.createdAt),
    startedAt: dateOf(snapshot.startedAt),
    endedAt: dateOf(snapshot.endedAt),
    rateLimited: nextStartAt !== undefined && nextStartAt !== pausedUntil,
    nextStartAt: dateOf(nextStartAt || undefined),
    perSecond,
    etaMs: isGoingToEnd ? Math.round((left / perSecond) * 1_000) : undefined,
  };
}

/** Returns the snapshot of a swarm that an entry will create, or that it will never create because it has ended. */
export async function placeholderSnapshot(
  { kind, name }: { kind: GroupKind; name: string },
  before: { status(): Promise<SignatureStatus> },
): Promise<Snapshot | undefined> {
  const status = await before.status();
  const ended = status === 'succeeded' || status === 'failed' || status === 'cancelled';
  return emptySnapshot({
    kind,
    name,
    status: ended ? status : 'pending',
    closed: ended,
    total: 0,
    cancelled: 0,
  });
}
