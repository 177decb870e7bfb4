import { groupOfRun, isCallback, isItem } from '../store/entry';
import { pause } from '../utils/clock';
import type { ActiveEntry, GroupReader } from '../store/group-reader';
import type { CancelledBy, GroupStore } from '../store/group-store';
import { childrenId, isChildrenId } from '../store/ids';
import type { EngineClient } from '../hatchet/client';
import { inParts } from '../utils/in-parts';
import type { Commands } from './commands';
import type { Completion } from './completion';

/** How soon the reconciler asks about a cancelled run that no wrapper reports, in ms. */
const askAfterMs = 500;
/**
 * For cancelled runs that waited for a worker: the pauses before each query in ms, how many are queried at once, and how
 * many in all. The reconciler handles the rest.
 */
const askMs = [0, 100, 300];
const askedAtOnce = 50;
const askedAtMost = 500;

/** Cancels groups, down to the engine's runs. While a group is being cancelled, the reconciler repeats what failed here. */
export class Canceller {
  constructor(
    private readonly engine: Pick<EngineClient, 'cancel' | 'state'>,
    private readonly store: GroupStore,
    private readonly reader: GroupReader,
    private readonly commands: Commands,
    private readonly completion: Completion,
  ) {}

  /**
   * Cancels a group: nothing of it starts any more, and its running items are cancelled in the engine.
   * @param by - who cancels it; a user's cancel invokes the group's callbacks even if it never started
   * @param lease - for 'unfilled': the lease under which the caller was to fill it; undefined for any that is over
   * @returns false when the group is unknown
   */
  async cancel(groupId: string, by: CancelledBy, lease?: string): Promise<boolean> {
    // A task that was run by itself ends with its group.
    const { code, isRepeated } = await this.commands.cancel(groupId, by, lease, ({ effects }) =>
      this.completion.report({ groupId, entry: '0' }, effects),
    );
    if (code === 'missing') return false;
    // The effects of a new cancellation have cancelled the running items. A repeated one may have to do it once more.
    if (code !== 'ended' && isRepeated) await this.cancelRunning(groupId);
    return true;
  }

  /** Cancels the nested groups that a stopped or cancelled group never started. */
  async stopBelow(groupId: string): Promise<void> {
    await this.reader.eachBelow(groupId, async (below, entry) => {
      // Callbacks, and items that are not cancelled, stay: a running chain may still start them.
      if (isCallback(entry) || (await this.reader.itemState(groupId, Number(entry))) !== 'cancelled') return;
      // A root that was withdrawn while it was suspended leaves children that have begun.
      await this.cancel(below, isChildrenId(below) ? 'parent' : 'stop');
    });
  }

  /**
   * Cancels one entry of a group: it never starts, or its run is cancelled.
   * @returns false when the entry is unknown
   */
  async cancelEntry(groupId: string, entry: string): Promise<boolean> {
    const { code } = await this.commands.cancelEntry(groupId, entry, ({ effects }) =>
      this.completion.report({ groupId, entry }, effects),
    );
    if (code === 'missing') return false;
    if (code === 'cancelling') {
      const active = await this.reader.activeEntry(groupId, entry);
      if (active) await this.stop(groupId, [active]);
    }
    if (code === 'cancelled') await this.cancel(childrenId(groupId, entry), 'parent');
    return true;
  }

  /** Cancels the running items of a group that is being cancelled. */
  async cancelRunning(groupId: string): Promise<void> {
    const items: ActiveEntry[] = [];
    for await (const active of this.reader.active(groupId)) if (isItem(active.entry)) items.push(active);
    await this.stop(groupId, items);
  }

  /** Cancels some running items of such a group, which the cancellation may have missed. */
  async cancelSome(groupId: string, entries: readonly string[]): Promise<void> {
    await this.stop(
      groupId,
      (await this.reader.activeEntries(groupId, entries)).filter(({ entry }) => isItem(entry)),
    );
  }

  private async stop(groupId: string, active: readonly ActiveEntry[]): Promise<void> {
    const stopped: { entry: string; run: string; begun: boolean }[] = [];
    for (const { entry, state, run, child } of active) {
      if (child) await this.cancel(child, 'parent');
      // A nested swarm that has just been started may not be confirmed yet.
      const made = run === '' ? await this.reader.groupAt(groupId, entry) : undefined;
      if (made) await this.cancel(made, 'parent');
      const nested = groupOfRun(run);
      if (nested !== undefined) await this.cancel(nested, 'parent');
      else if (run && state !== 'returned') stopped.push({ entry, run, begun: state !== 'published' });
    }
    if (stopped.length === 0) return;
    await this.engine.cancel(stopped.map(({ run }) => run));
    await this.store.renew(
      groupId,
      stopped.map(({ entry }) => entry),
      askAfterMs,
    );
    await this.completeWaiting(
      groupId,
      stopped.filter(({ begun }) => !begun),
    );
  }

  /** Completes cancelled runs that waited for a worker. They end within a moment, and no wrapper reports them. */
  private async completeWaiting(groupId: string, runs: readonly { entry: string; run: string }[]): Promise<void> {
    let left = runs.slice(0, askedAtMost);
    for (const delay of askMs) {
      if (left.length === 0) return;
      await pause(this.store.clock, delay);
      const asked = left;
      left = [];
      for (const some of inParts(asked, { items: askedAtOnce })) {
        const ended = await Promise.all(some.map(({ entry, run }) => this.completeIfEnded(groupId, entry, run)));
        left.push(...some.filter((_, i) => !ended[i]));
      }
    }
  }

  private async completeIfEnded(groupId: string, entry: string, runId: string): Promise<boolean> {
    try {
      if (!(await this.engine.state(runId)).end) return false;
      await this.completion.complete({ groupId, entry, runId }, { outcome: 'cancelled', payload: '' });
    } catch {
      // The run is already cancelled. The reconciler repeats a query or a write that failed here.
    }
    return true;
  }
}
