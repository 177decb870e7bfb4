import { isGroupRun, isItem } from '../store/entry';
import type { ActiveEntry, GroupReader } from '../store/group-reader';
import type { Suspension } from '../store/suspensions';
import type { GroupStore } from '../store/group-store';
import { inParts } from '../utils/in-parts';
import type { Commands } from './commands';
import type { TaskRegistry } from './task-registry';

const entriesPerCall = 500;

/**
 * Suspends and resumes groups, down the tree. Each suspension or resumption has a version, and the newer version wins, so a
 * group may receive them in any order and repeatedly. The reconciler propagates those that nested groups have not received.
 */
export class Suspender {
  constructor(
    private readonly store: GroupStore,
    private readonly reader: GroupReader,
    private readonly registry: TaskRegistry,
    private readonly commands: Commands,
  ) {}

  /**
   * Suspends or resumes a group.
   * @param suspended - true to suspend, false to resume
   * @returns false when the group is unknown
   */
  group(groupId: string, suspended: boolean): Promise<boolean> {
    return this.apply(groupId, suspended);
  }

  /**
   * Suspends or resumes one entry. Its group and the other entries are not affected.
   * @returns false when the entry is unknown
   */
  async entry(groupId: string, entry: string, suspended: boolean): Promise<boolean> {
    const { code, nested } = await this.commands.suspendEntry(groupId, entry, suspended);
    if (code === 'missing') return false;
    if (code === 'suspended') await this.withdrawSome(groupId, [entry]);
    if (nested && code !== 'ended') await this.propagate(groupId);
    return true;
  }

  /** Propagates the suspensions of a group to the groups nested in it. */
  async propagate(groupId: string): Promise<void> {
    const own = await this.reader.suspensions.of(groupId);
    if (!own) return;
    await this.reader.eachBelow(groupId, (child, entry) => this.propagateTo(child, groupId, entry, own));
    await this.store.suspensionPropagated(groupId, own.epoch);
  }

  /** Applies the suspensions of its parent and of its entry to a group that has just been created. */
  async inherit(child: string, { groupId, entry }: { groupId: string; entry: string }): Promise<void> {
    const own = await this.reader.suspensions.of(groupId);
    if (own) await this.propagateTo(child, groupId, entry, own);
  }

  /** Withdraws the published items of a suspended group that have not begun. */
  async withdraw(groupId: string): Promise<void> {
    const entries: string[] = [];
    for await (const active of this.reader.active(groupId)) if (hasNotBegun(active)) entries.push(active.entry);
    await this.withdrawAll(groupId, entries);
  }

  /** Withdraws such items among the given entries, which the suspension may have missed as they were not confirmed yet. */
  async withdrawConfirmed(groupId: string, entries: readonly string[]): Promise<void> {
    const active = (await this.reader.activeEntries(groupId, entries)).filter(hasNotBegun);
    await this.withdrawAll(
      groupId,
      active.map(({ entry }) => entry),
    );
  }

  private async withdrawAll(groupId: string, entries: string[]): Promise<void> {
    // The last item is withdrawn first, because each goes to the front of the queue.
    entries.sort((a, b) => Number(b) - Number(a));
    for (const some of inParts(entries, { items: entriesPerCall })) await this.withdrawSome(groupId, some);
  }

  private async apply(groupId: string, suspended: boolean, version?: string): Promise<boolean> {
    const { code, nested } = await this.commands.suspend(groupId, suspended, version);
    if (code === 'missing') return false;
    if (code === 'suspended') await this.withdraw(groupId);
    if (nested && code !== 'ended' && code !== 'older') await this.propagate(groupId);
    return true;
  }

  private async propagateTo(child: string, groupId: string, entry: string, own: Suspension): Promise<void> {
    const alone = await this.reader.suspensions.ofEntry(groupId, entry);
    for (const suspension of [own, alone])
      if (suspension && suspension.version !== '0') await this.apply(child, suspension.suspended, suspension.version);
  }

  /** Withdraws only tasks whose wrapper reports when their body begins: others may already be running. */
  private async withdrawSome(groupId: string, entries: readonly string[]): Promise<void> {
    const heads = await this.reader.heads(groupId, entries);
    const reports = await Promise.all(heads.map(async (head) => head && this.registry.reports(head.task)));
    const wrapped = entries.filter((_, i) => reports[i]);
    if (wrapped.length > 0) await this.commands.withdraw(groupId, wrapped);
  }
}

function hasNotBegun({ entry, state, run }: ActiveEntry): boolean {
  return state === 'published' && !isGroupRun(run) && isItem(entry);
}
