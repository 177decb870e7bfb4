import type { GroupReader } from '../store/group-reader';
import type { GroupStore } from '../store/group-store';

/**
 * Removes groups with everything that only they refer to. The reconciler completes a removal that a dead process left
 * unfinished.
 */
export class Remover {
  constructor(
    private readonly store: GroupStore,
    private readonly reader: GroupReader,
  ) {}

  /** @returns 'removed', or why not: the group is missing, has started and not ended, or is nested in another group */
  async remove(groupId: string): Promise<'removed' | 'missing' | 'started' | 'nested'> {
    return this.removeBy(groupId, 'user');
  }

  /**
   * Removes a group that never ran and becomes an entry of another one. The groups below it stay, because they move with it.
   */
  async moved(groupId: string): Promise<void> {
    const { code, total } = await this.store.remove(groupId, 'user');
    if (code === 'removed') await this.store.forgetRest(groupId, total);
  }

  /** Removes the remaining keys of a group that is gone, and the groups below it. */
  async rest(groupId: string): Promise<void> {
    const total = await this.reader.leftOf(groupId);
    if (total === undefined) return;
    await this.reader.eachBelow(groupId, async (child) => void (await this.removeBy(child, 'parent')));
    await this.store.forgetRest(groupId, total);
  }

  private async removeBy(groupId: string, by: 'user' | 'parent') {
    // The reconciler completes the removal if this process dies, and then takes the group out of the index.
    await this.store.register(groupId);
    const { code } = await this.store.remove(groupId, by);
    // A group that is gone may have remaining keys, if a process died while it removed them.
    if (code === 'removed' || code === 'missing') await this.rest(groupId);
    return code;
  }
}
