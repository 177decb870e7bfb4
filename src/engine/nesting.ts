import { newSecret, type Above, type GroupStore } from '../store/group-store';
import type { Work } from '../store/replies';
import { isEnded, type GroupFacts, type GroupReader } from '../store/group-reader';
import { isChildrenId, nestedId } from '../store/ids';
import { templateGroup, unpackMessage, type Spec } from '../store/spec';
import type { Canceller } from './canceller';
import { endOfGroup } from './group-end';

/** The own message of a nested swarm that was started by one of its items: it starts, and isn't given a message. */
export const startOnly = '-';

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
    private readonly canceller: Canceller,
    private readonly publish: (groupId: string, work: Work) => Promise<void>,
  ) {}

  /**
   * Starts the group that an entry is, as a run is published for a task. Done twice, it is started once.
   * @param input - what it gets as its message; undefined to start it with what is ready in it
   * @returns what to confirm, or undefined when the entry has been settled instead
   */
  async start(
    groupId: string,
    entry: string,
    facts: GroupFacts,
    spec: Spec,
    input: Record<string, unknown> | undefined,
    own: string,
  ): Promise<string | undefined> {
    const parent = { groupId, entry };
    const message = input === undefined ? '' : JSON.stringify(input);
    const above = aboveEntries(groupId, facts);
    if (spec.group === 'made swarm') return this.startMade(spec, message, parent, above);
    const id = !entry.startsWith('c') && spec.id ? spec.id : nestedId(groupId, entry);
    const { items, ...template } = templateGroup(spec, unpackMessage(own).options);
    const group = {
      id,
      kind: spec.group as 'chain' | 'swarm',
      name: spec.name ?? spec.task,
      secret: newSecret(),
      closed: true,
      ...template,
      parent,
      above,
    };
    const { work } = await this.store.create(group, items, { message });
    await this.publish(id, work);
    return `g:${id}`;
  }

  /** Tells a group's parent of its end. */
  async tellParent(groupId: string): Promise<void> {
    const [facts, end] = await Promise.all([this.reader.facts(groupId), endOfGroup(this.reader, groupId)]);
    if (!facts?.parent || !end) return;
    const { groupId: above, entry } = facts.parent;
    const { code, work } = await this.store.settle(above, entry, `g:${groupId}`, end.outcome, end.payload, end.size);
    // A parent that is gone can't tell it any more when to go.
    const after = await (code === 'unknown' ? this.store.release(groupId) : this.store.noticed(groupId));
    await Promise.all([code === 'ended' ? this.publish(above, work) : undefined, this.publish(groupId, after.work)]);
  }

  /** A root's body has ended: nothing can be added to its children any more, nor to the open swarms among them. */
  async closeChildren(groupId: string, { entry, child }: { entry: string; child: string }): Promise<void> {
    await this.reader.eachBelow(child, async (below) => {
      // A root among them goes on until its own body has ended.
      if (!isChildrenId(below)) await this.publish(below, (await this.store.close(below)).work);
    });
    const { code, work } = await this.store.close(child);
    if (code !== 'missing') {
      await this.publish(child, work);
      // Cancelled while the body ran, they had ended before anybody could hear of it.
      return isEnded(work.status) ? this.tellParent(child) : undefined;
    }
    // Its process died before it made the group, and so before its body began.
    const settled = await this.store.settle(groupId, entry, `g:${child}`, 'succeeded', '');
    if (settled.code === 'ended') await this.publish(groupId, settled.work);
  }

  /** The outermost group is over: the groups below it are forgotten after their time, and then it is. */
  async releaseBelow(groupId: string, total: number): Promise<void> {
    await this.reader.eachBelow(groupId, async (below) => this.publish(below, (await this.store.release(below)).work));
    await this.store.expireResults(groupId, total);
    await this.store.expire(groupId);
  }

  /** Keeps what sits in a living group from expiring before its turn has come. */
  async hold(groupId: string): Promise<void> {
    await this.reader.eachBelow(groupId, async (below) => {
      if (await this.store.keep(below)) await this.hold(below);
    });
    await this.store.held(groupId);
  }

  /** Groups that a stopped or cancelled one will never get to are cancelled. */
  async follow(groupId: string, { tellBelow, status }: Pick<Work, 'tellBelow' | 'status'>): Promise<void> {
    if (tellBelow && stopped.has(status)) await this.canceller.stopBelow(groupId);
  }

  /** What upkeep does about an entry that is a group. @returns whether it goes on running */
  async lookAfter(groupId: string, entry: string, child: string): Promise<boolean> {
    const snapshot = await this.reader.snapshot(child);
    if (snapshot && !isEnded(snapshot.status)) return true;
    if (snapshot) await this.tellParent(child);
    else await this.lost(groupId, entry, child);
    return false;
  }

  private async startMade(
    spec: Spec,
    message: string,
    parent: { groupId: string; entry: string },
    above: Above,
  ): Promise<string | undefined> {
    const id = spec.id ?? '';
    const { code, work } = await this.store.runNested(id, message, parent, above);
    if (code === 'started' || (code === 'finished' && !isEnded(work.status))) {
      await this.publish(id, work);
      return `g:${id}`;
    }
    if (code === 'finished') await this.tellParent(id);
    else await this.lost(parent.groupId, parent.entry, id, code === 'again');
    return undefined;
  }

  private async lost(groupId: string, entry: string, child: string, elsewhere = false): Promise<void> {
    const message = elsewhere
      ? `the swarm ${child} has been run by itself or belongs to another group`
      : `nothing is known of the group ${child}; its retention is over`;
    const { code, work } = await this.store.settle(groupId, entry, `g:${child}`, 'failed', JSON.stringify({ message }));
    if (code === 'ended') await this.publish(groupId, work);
  }
}
