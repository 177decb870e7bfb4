import type { GroupReader } from '../store/group-reader';
import type { GroupStore } from '../store/group-store';

/** Removes groups with all that only they refer to. What a dead process left of one, the reconciler removes. */
export class Remover {
  constructor(
    private readonly store: GroupStore,
    private readonly reader: GroupReader,
  ) {}

  /** @returns 'removed', or why not: it is missing, started and not ended, or sits in another group */
  async remove(groupId: string): Promise<'removed' | 'missing' | 'started' | 'nested'> {
    return this.removeBy(groupId, 'user');
  }

  /** Removes a group that was never run and becomes an entry of another one, and nothing below it: that comes along. */
  async moved(groupId: string): Promise<void> {
    const { code, total } = await this.store.remove(groupId, 'user');
    if (code === 'removed') await this.store.forgetRest(groupId, total);
  }

  /** Removes what is left of a group that is gone. */
  async rest(groupId: string): Promise<void> {
    const total = await this.reader.leftOf(groupId);
    if (total === undefined) return;
    await this.reader.eachBelow(groupId, async (child) => void (await this.removeBy(child, 'parent')));
    await this.store.forgetRest(groupId, total);
  }

  private async removeBy(groupId: string, by: 'user' | 'parent') {
    // The reconciler completes it, and forgets that it has to look after it.
    await this.store.register(groupId);
    const { code } = await this.store.remove(groupId, by);
    // Of one that is gone, a dead process may have left the rest.
    if (code === 'removed' || code === 'missing') await this.rest(groupId);
    return code;
  }
}
