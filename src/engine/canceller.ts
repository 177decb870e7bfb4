import type { GroupReader } from '../store/group-reader';
import type { CancelledBy, GroupStore } from '../store/group-store';
import type { Work } from '../store/replies';
import type { Engine } from './engine';

/** How soon upkeep asks about a run that was cancelled and that no wrapper reports, in ms. */
const askAfterMs = 500;

/** Cancels groups, down to the engine's runs. What it could not reach, upkeep tries again while the group is being cancelled. */
export class Canceller {
  constructor(
    private readonly engine: Engine,
    private readonly store: GroupStore,
    private readonly reader: GroupReader,
    private readonly publish: (groupId: string, work: Work) => Promise<void>,
  ) {}

  /**
   * Nothing of a group starts any more; what runs in it is cancelled in the engine.
   * @param by - a user's cancel runs the group's callbacks even if it never started
   * @returns false when the group is unknown
   */
  async cancel(groupId: string, by: CancelledBy): Promise<boolean> {
    const { code, work } = await this.store.cancel(groupId, by);
    if (code === 'missing') return false;
    if (code === 'ended') return true;
    await this.publish(groupId, work);
    if (work.status === 'cancelling') await this.cancelRunning(groupId);
    return true;
  }

  /** Cancels the groups below one that it never got to. */
  async stopBelow(groupId: string): Promise<void> {
    for await (const { child } of this.reader.groupsBelow(groupId)) await this.cancel(child, 'stop');
  }

  /** Cancels what runs in a group that is being cancelled. */
  async cancelRunning(groupId: string): Promise<void> {
    const runs: string[] = [];
    const entries: string[] = [];
    for await (const { entry, state, run, child } of this.reader.active(groupId)) {
      if (entry === 'p' || entry.startsWith('c')) continue;
      if (child) await this.cancel(child, 'parent');
      if (run.startsWith('g:')) await this.cancel(run.slice(2), 'parent');
      else if (run && state !== 'returned') {
        runs.push(run);
        entries.push(entry);
      }
    }
    if (runs.length === 0) return;
    await this.engine.cancel(runs);
    await this.store.renew(groupId, entries, askAfterMs);
  }
}
