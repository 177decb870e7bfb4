import { groupRun, isCallback } from '../store/entry';
import { kinds } from './kinds';
import { packFailure } from '../messages/text';
import { newSecret, type Above, type GroupStore, type NewGroup } from '../store/group-store';
import type { Effects } from '../store/replies';
import { isEnded, type GroupRecord, type GroupReader } from '../store/group-reader';
import { isChildrenId, nestedId } from '../store/ids';
import { mergeLabels } from '../store/labels';
import type { SignatureIndex } from '../store/signature-index';
import { displayName, templateGroup, unpackMessage, type Spec } from '../store/spec';
import type { Canceller } from './canceller';
import type { Commands } from './commands';
import type { Completion } from './completion';
import type { GroupCache } from './group-cache';
import type { Retrier } from './retrier';
import type { Suspender } from './suspender';
import { endOfGroup } from './group-end';
import { composed } from './unpublishable';

const stopped = new Set(['stopping', 'cancelling', 'failed', 'cancelled']);

/** The ids and names of the groups above the entries of a group. */
export function aboveEntries(groupId: string, { kind, name, above, labels: own }: GroupRecord): Above {
  const labels = mergeLabels(above.labels, own);
  const isLabelled = labels.tags !== undefined || labels.metadata !== undefined;
  return { ...above, ...kinds[kind].above(groupId, name), ...(isLabelled ? { labels } : {}) };
}

/** An entry that is a group. */
export interface NestedEntry {
  /** The record of the parent. */
  record: GroupRecord;
  spec: Spec;
  /** The message for the group; undefined to start only the items that are ready in it. */
  input: Record<string, unknown> | undefined;
  /** The packed message of the item; '' for a callback. */
  own: string;
}

/**
 * Groups that are entries of other groups. Each group has a Redis hash tag of its own, so one script can never change both
 * parent and child. A change from one to the other is leased work of the group where it begins, and is repeated until it is
 * known to be done.
 */
export class Nesting {
  /** @param markPublished - marks an entry as published, although the effects of its nested group may still be in progress */
  constructor(
    private readonly store: GroupStore,
    private readonly reader: GroupReader,
    private readonly commands: Commands,
    private readonly by: {
      cache: GroupCache;
      completion: Completion;
      canceller: Canceller;
      retrier: Retrier;
      suspender: Suspender;
      signatureIndex: SignatureIndex;
    },
    private readonly markPublished: (groupId: string, entry: string) => void,
  ) {}

  /**
   * Starts the nested group of an entry, as a run is published for a task. A second call does not start it again.
   * @param groupId - the parent
   * @param nested - what becomes of the entry
   */
  async start(groupId: string, entry: string, { record, spec, input, own }: NestedEntry): Promise<void> {
    const [suspension, retention] = await Promise.all([
      this.reader.suspensions.of(groupId),
      this.reader.retentionOf(groupId),
    ]);
    const parent = { groupId, entry, round: suspension?.round ?? 0, retention };
    const message = input === undefined ? '' : JSON.stringify(input);
    const above = aboveEntries(groupId, record);
    if (spec.group === 'swarm-ref') return this.startReferenced(spec, { message, own }, parent, above);
    const id = !isCallback(entry) && spec.id ? spec.id : nestedId(groupId, entry);
    const { options, isReplaced } = unpackMessage(own);
    const { items, ...template } = await composed(() => templateGroup(spec, options));
    const group = {
      id,
      kind: spec.group as 'chain' | 'swarm',
      name: displayName(spec),
      secret: newSecret(),
      closed: true,
      ...template,
      parent,
      above,
      ...(suspension?.suspended ? { suspended: suspension.version } : {}),
    };
    let runs = true;
    await this.commands.createNested(group, items, message, async ({ created, effects }) => {
      if (created) this.by.cache.made(group, effects.version, message);
      const by = { round: parent.round, above, message: isReplaced && message };
      runs = created || !isEnded(effects.status) || (await this.by.retrier.child(id, by));
      await this.begun(id, parent);
    });
    if (!runs) await this.notifyParent(id);
  }

  /** Retries the children of a root, if the root itself is being retried. */
  async reopen(child: string, groupId: string, above: Above): Promise<void> {
    const { round = 0 } = (await this.reader.suspensions.of(groupId)) ?? {};
    if (round > 0) await this.by.retrier.child(child, { round, reopen: true, above });
  }

  /** Confirms a nested group to its parent before its items start, and applies suspensions that were set meanwhile. */
  private async begun(id: string, parent: { groupId: string; entry: string }): Promise<void> {
    await this.store.confirm(parent.groupId, [parent.entry, groupRun(id)]);
    this.markPublished(parent.groupId, parent.entry);
    await this.by.suspender.inherit(id, parent);
  }

  /** Reports a group's end to its parent. */
  async notifyParent(groupId: string): Promise<void> {
    // The record is read before the end. An end that was read with an older round is refused by the parent; the process that
    // ended the group in the newer round reports it.
    const record = await this.reader.record(groupId);
    const end = await endOfGroup(this.reader, groupId);
    if (!record?.parent || !end) return;
    const { groupId: above, entry, round } = record.parent;
    const { outcome, payload, size } = end;
    let notified: Promise<unknown> | undefined;
    await this.by.completion.complete(
      { groupId: above, entry, runId: groupRun(groupId) },
      // A chain or swarm emits its own events. The end of a root's children is the end of the root, so it is emitted here.
      { outcome, payload, size, round, began: true, silent: !kinds[record.kind].isOfRoot },
      (code) => {
        // A parent that is gone can't release this group later.
        notified = code === 'unknown' ? this.commands.release(groupId) : this.commands.parentNotified(groupId);
        // It is awaited below. Until then, a rejection would count as unhandled.
        notified.catch(() => undefined);
      },
    );
    await notified;
  }

  /** Closes the children of a root, and the open swarms among them: its body has ended, so nothing can be added any more. */
  async closeChildren(groupId: string, { entry, child }: { entry: string; child: string }): Promise<void> {
    const [suspension, active] = await Promise.all([
      this.reader.suspensions.of(groupId),
      this.reader.activeEntry(groupId, entry),
    ]);
    // A late call must not close the group that the body of a later round fills.
    if (active?.state !== 'returned') return;
    await this.reader.eachBelow(child, async (below) => {
      // A root among them stays open until its own body has ended.
      if (isChildrenId(below)) return;
      const { code } = await this.commands.close(below, '', { endsFilling: child });
      if (code === 'unfilled') await this.by.canceller.cancel(below, 'unfilled', child);
    });
    const { code, status } = await this.commands.close(child, suspension?.round);
    // The children may have been cancelled and ended while the body ran, when their end could not be reported yet.
    if (code !== 'missing') return isEnded(status) ? this.notifyParent(child) : undefined;
    // The process died before it created the group of children, and so before the body began.
    await this.by.completion.complete(
      { groupId, entry, runId: groupRun(child) },
      { outcome: 'succeeded', payload: '' },
    );
  }

  /** Lets the groups below an ended outermost group expire after their retention, and then that group. */
  async releaseBelow(groupId: string, total: number): Promise<void> {
    const retention = await this.reader.retentionOf(groupId);
    const isLonger = (retention?.finishedMs ?? 0) > this.store.settings.finishedMs;
    await this.reader.eachBelow(groupId, async (below) => {
      await this.commands.release(below, retention?.finishedMs);
      // Its rows were made for its own retention.
      if (isLonger) await this.by.signatureIndex.renew(below);
    });
    await this.store.expireResults(groupId, total);
    await this.store.expire(groupId);
  }

  /** Keeps the groups nested in a living group from expiring before they have started. */
  async retainChildren(groupId: string): Promise<void> {
    await this.reader.eachBelow(groupId, async (below) => {
      if (await this.store.retain(below)) await this.retainChildren(below);
    });
    await this.store.markChildrenRetained(groupId);
  }

  /** Cancels the groups that a stopped or cancelled group will never start. */
  async cascadeStop(groupId: string, { cascade, status }: Pick<Effects, 'cascade' | 'status'>): Promise<void> {
    if (cascade && stopped.has(status)) await this.by.canceller.stopBelow(groupId);
  }

  /**
   * Reconciles an entry that is a nested group.
   * @returns whether the nested group is still running
   */
  async reconcileChild(groupId: string, entry: string, child: string): Promise<boolean> {
    const snapshot = await this.reader.snapshot(child);
    if (snapshot && !isEnded(snapshot.status)) return true;
    if (snapshot) await this.notifyParent(child);
    else await this.failLost(groupId, entry, child);
    return false;
  }

  private async startReferenced(
    spec: Spec,
    { message, own }: { message: string; own: string },
    parent: NonNullable<NewGroup['parent']> & { round: number },
    above: Above,
  ): Promise<void> {
    const id = spec.id ?? '';
    // A group that ended in an earlier round of its parent runs again if it can be retried. Else its stored end counts.
    let runs = true;
    const { code } = await this.commands.runNested(id, message, parent, above, async (reply) => {
      if (reply.code !== 'started' && reply.code !== 'finished') return;
      const isOver = isEnded(reply.effects.status);
      runs = !isOver || (await this.retryReferenced(id, { message, own }, parent, above));
      await this.begun(id, parent);
    });
    if (code !== 'started' && code !== 'finished')
      return this.failLost(parent.groupId, parent.entry, id, code === 'already-started');
    if (!runs) await this.notifyParent(id);
  }

  private async retryReferenced(
    id: string,
    { message, own }: { message: string; own: string },
    { groupId, round }: { groupId: string; round: number },
    above: Above,
  ): Promise<boolean> {
    const reopen = await this.isToBeFilled(id, groupId);
    return this.by.retrier.child(id, { round, reopen, above, message: unpackMessage(own).isReplaced && message });
  }

  /** Returns whether an ended swarm was not filled completely, and the body of its root runs again, which goes on with it. */
  private async isToBeFilled(id: string, groupId: string): Promise<boolean> {
    if ((await this.reader.snapshot(id))?.reason !== 'unfilled') return false;
    const parent = await this.reader.record(groupId);
    if (!parent?.parent || !kinds[parent.kind].isOfRoot) return false;
    const body = await this.reader.activeEntry(parent.parent.groupId, parent.parent.entry);
    return body !== undefined && body.state !== 'returned';
  }

  private async failLost(groupId: string, entry: string, child: string, elsewhere = false): Promise<void> {
    const message = elsewhere
      ? `the swarm ${child} was run by itself or belongs to another group`
      : `the group ${child} is not stored any more: its retention has passed`;
    const failure = { outcome: 'failed' as const, payload: packFailure(message) };
    await this.by.completion.complete({ groupId, entry, runId: groupRun(child) }, failure);
  }
}
