import { packFailure } from '../messages/text';
import { newSecret, type Above, type GroupStore } from '../store/group-store';
import type { Effects } from '../store/replies';
import { isEnded, type GroupFacts, type GroupReader } from '../store/group-reader';
import { isChildrenId, nestedId } from '../store/ids';
import { createInParts } from '../store/parts';
import { templateGroup, unpackMessage, type Spec } from '../store/spec';
import type { Canceller } from './canceller';
import type { Completion } from './completion';
import type { GroupCache } from './group-cache';
import type { Retrier } from './retrier';
import type { Suspender } from './suspender';
import { endOfGroup } from './group-end';
import { composed } from './unpublishable';

/** The own message of a nested swarm that was started by one of its items: it starts, and isn't given a message. */
export const startWithoutMessage = '-';

const stopped = new Set(['stopping', 'cancelling', 'failed', 'cancelled']);

/** What the entries of a group are below. */
export function aboveEntries(groupId: string, { kind, name, above }: GroupFacts): Above {
  if (kind === 'task') return above;
  return kind === 'chain' ? { ...above, chain: groupId } : { ...above, swarm: groupId, swarmName: name };
}

/**
 * Groups that are entries of other groups. Each lives under a hash tag of its own, so what one does to the other is never
 * one script: it is leased work in the one it starts from, done again until it is known to have been done.
 */
export class Nesting {
  constructor(
    private readonly store: GroupStore,
    private readonly reader: GroupReader,
    private readonly by: {
      cache: GroupCache;
      completion: Completion;
      canceller: Canceller;
      retrier: Retrier;
      suspender: Suspender;
      markPublished(groupId: string, entry: string): void;
    },
    private readonly publish: (groupId: string, effects: Effects) => Promise<void>,
  ) {}

  /**
   * Starts the group that an entry is, as a run is published for a task. Done twice, it is started once.
   * @param input - what it gets as its message; undefined to start it with what is ready in it
   */
  async start(
    groupId: string,
    entry: string,
    facts: GroupFacts,
    spec: Spec,
    input: Record<string, unknown> | undefined,
    own: string,
  ): Promise<void> {
    const suspension = await this.reader.suspensions.of(groupId);
    const parent = { groupId, entry, round: suspension?.round ?? 0 };
    const message = input === undefined ? '' : JSON.stringify(input);
    const above = aboveEntries(groupId, facts);
    if (spec.group === 'swarm-ref') return this.startReferenced(spec, message, parent, above);
    const id = !entry.startsWith('c') && spec.id ? spec.id : nestedId(groupId, entry);
    const { items, ...template } = await composed(() => templateGroup(spec, unpackMessage(own).options));
    const group = {
      id,
      kind: spec.group as 'chain' | 'swarm',
      name: spec.name ?? spec.task,
      secret: newSecret(),
      closed: true,
      ...template,
      parent,
      above,
      ...(suspension?.suspended ? { suspended: suspension.version } : {}),
    };
    const { created, effects } = await composed(() => createInParts(this.store, group, items, { message }));
    if (created) this.by.cache.made(group, effects.version, message);
    const runs =
      created || !isEnded(effects.status) || (await this.by.retrier.child(id, { round: parent.round, above }));
    await this.begun(id, parent, effects, runs);
  }

  /** Makes a root's children a group that is tried again, when the root is. */
  async reopen(child: string, groupId: string, above: Above): Promise<void> {
    const { round = 0 } = (await this.reader.suspensions.of(groupId)) ?? {};
    if (round > 0) await this.by.retrier.child(child, { round, reopen: true, above });
  }

  /** The parent knows its child from here on; what was said of suspending it meanwhile, the child hears now. */
  private async begun(
    id: string,
    parent: { groupId: string; entry: string },
    effects: Effects,
    runs: boolean,
  ): Promise<void> {
    await this.store.confirm(parent.groupId, [parent.entry, `g:${id}`]);
    this.by.markPublished(parent.groupId, parent.entry);
    await this.by.suspender.inherit(id, parent);
    await this.publish(id, effects);
    if (!runs) await this.notifyParent(id);
  }

  /** Tells a group's parent of its end. */
  async notifyParent(groupId: string): Promise<void> {
    // In this order: an end that is read with the round before is refused, and told by whoever ended it.
    const facts = await this.reader.record(groupId);
    const end = await endOfGroup(this.reader, groupId);
    if (!facts?.parent || !end) return;
    const { groupId: above, entry, round } = facts.parent;
    const { outcome, payload, size } = end;
    const { code, effects } = await this.by.completion.storeEnd(
      { groupId: above, entry, runId: `g:${groupId}` },
      // A chain's or a swarm's end is told by its own events; that of a root's children is the root's.
      { outcome, payload, size, round, silent: facts.kind !== 'root' },
    );
    // A parent that is gone can't tell it any more when to go.
    const after = await (code === 'unknown' ? this.store.release(groupId) : this.store.parentNotified(groupId));
    await Promise.all([
      code === 'ended' ? this.publish(above, effects) : undefined,
      this.publish(groupId, after.effects),
    ]);
  }

  /** A root's body has ended: nothing can be added to its children any more, nor to the open swarms among them. */
  async closeChildren(groupId: string, { entry, child }: { entry: string; child: string }): Promise<void> {
    const [suspension, active] = await Promise.all([
      this.reader.suspensions.of(groupId),
      this.reader.activeEntry(groupId, entry),
    ]);
    // Whoever was late must not close what the body of a later round fills.
    if (active?.state !== 'returned') return;
    await this.reader.eachBelow(child, async (below) => {
      // A root among them goes on until its own body has ended.
      if (!isChildrenId(below)) await this.publish(below, (await this.store.close(below)).effects);
    });
    const { code, effects } = await this.store.close(child, suspension?.round);
    if (code !== 'missing') {
      await this.publish(child, effects);
      // Cancelled while the body ran, they had ended before anybody could hear of it.
      return isEnded(effects.status) ? this.notifyParent(child) : undefined;
    }
    // Its process died before it made the group, and so before its body began.
    await this.by.completion.complete({ groupId, entry, runId: `g:${child}` }, { outcome: 'succeeded', payload: '' });
  }

  /** The outermost group is over: the groups below it are forgotten after their time, and then it is. */
  async releaseBelow(groupId: string, total: number): Promise<void> {
    await this.reader.eachBelow(groupId, async (below) =>
      this.publish(below, (await this.store.release(below)).effects),
    );
    await this.store.expireResults(groupId, total);
    await this.store.expire(groupId);
  }

  /** Keeps what sits in a living group from expiring before its turn has come. */
  async retainChildren(groupId: string): Promise<void> {
    await this.reader.eachBelow(groupId, async (below) => {
      if (await this.store.retain(below)) await this.retainChildren(below);
    });
    await this.store.markChildrenRetained(groupId);
  }

  /** Groups that a stopped or cancelled one will never get to are cancelled. */
  async cascadeStop(groupId: string, { cascade, status }: Pick<Effects, 'cascade' | 'status'>): Promise<void> {
    if (cascade && stopped.has(status)) await this.by.canceller.stopBelow(groupId);
  }

  /** What the reconciler does about an entry that is a group. @returns whether it goes on running */
  async reconcileChild(groupId: string, entry: string, child: string): Promise<boolean> {
    const snapshot = await this.reader.snapshot(child);
    if (snapshot && !isEnded(snapshot.status)) return true;
    if (snapshot) await this.notifyParent(child);
    else await this.failLost(groupId, entry, child);
    return false;
  }

  private async startReferenced(
    spec: Spec,
    message: string,
    parent: { groupId: string; entry: string; round: number },
    above: Above,
  ): Promise<void> {
    const id = spec.id ?? '';
    const { code, effects } = await this.store.runNested(id, message, parent, above);
    if (code !== 'started' && code !== 'finished')
      return this.failLost(parent.groupId, parent.entry, id, code === 'already-started');
    const runs = !isEnded(effects.status) || (await this.by.retrier.child(id, { round: parent.round, above }));
    await this.begun(id, parent, effects, runs);
  }

  private async failLost(groupId: string, entry: string, child: string, elsewhere = false): Promise<void> {
    const message = elsewhere
      ? `the swarm ${child} has been run by itself or belongs to another group`
      : `nothing is known of the group ${child}; its retention is over`;
    const failure = { outcome: 'failed' as const, payload: packFailure(message) };
    await this.by.completion.complete({ groupId, entry, runId: `g:${child}` }, failure);
  }
}
