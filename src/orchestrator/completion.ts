import type { Events } from '../config/events';
import { isGroupRun } from '../store/entry';
import type { GroupReader } from '../store/group-reader';
import type { GroupStore } from '../store/group-store';
import type { FinishReply } from '../store/executions';
import { hasEffects, type Effects, type Outcome } from '../store/replies';
import { messageOf } from '../utils/error-message';
import type { Commands } from './commands';
import { emitEnd, emitStoredEnd, type ItemRef } from './item-events';
import type { Suspender } from './suspender';

/** How an entry ended, when its own run did not report it. */
export interface EntryEnd {
  outcome: Outcome | 'backed-off';
  payload: string;
  /** The size of the value in bytes, when the payload only refers to a list. */
  size?: number;
  /** For a nested group: the round of its parent in which it ran. */
  round?: number | '';
  /** True if it began in any case. Runs of mageflow's workers report that themselves. */
  began?: boolean;
  /** True if other events report this end, so that none is emitted for it. */
  silent?: boolean;
}

/** An entry and the run that ended: '' while the entry is only granted, 'g:' and the id for a nested group. */
type EndedRun = ItemRef & { runId: string };

/** The answer of the store to an end. */
type Stored = Awaited<ReturnType<GroupStore['complete']>>['code'];

/**
 * Completes entries: stores the end, notifies listeners, and has the effects carried out. All ends come here, whoever learns
 * of them: the run itself, the reconciler, a cancellation, or a nested group.
 */
export class Completion {
  constructor(
    private readonly store: GroupStore,
    private readonly reader: GroupReader,
    private readonly events: Events,
    private readonly suspender: Suspender,
    private readonly commands: Commands,
  ) {}

  /**
   * Completes an entry whose own run did not report its end. It has no effect when another run owns the entry, the entry has
   * already ended, or its group is unknown.
   * @param whenStored - called when the end is stored, before its effects are carried out
   */
  async complete(run: EndedRun, end: EntryEnd, whenStored?: (code: Stored) => Promise<void> | void): Promise<void> {
    await this.commands.complete(run, end, async ({ code, effects }) => {
      if (code === 'ended' && !end.silent) await this.report(asShown(run), effects);
      await whenStored?.(code);
    });
  }

  /**
   * Completes the entry of an execution that reports its own end. What follows is left to the reconciler when it fails,
   * because the end is stored.
   * @param reply - the answer to the report
   * @param about - returns the execution, for listeners
   * @param error - the error's message, for listeners
   */
  async completeReported(reply: FinishReply, about: () => ItemRef, error: string): Promise<void> {
    const { effects } = reply;
    if (this.events.hasItemListener) emitEnd(this.events, about(), effects, error);
    if (!effects.suspended && !hasEffects(effects)) return;
    const { groupId, runId, task } = about();
    try {
      await this.commands.carryOut(groupId, effects);
      // The report's confirmations may include runs that were being published when the group was suspended.
      if (effects.suspended) await this.suspender.withdraw(groupId);
    } catch (failure) {
      const { logger } = this.store.settings;
      logger.warn(`could not publish what follows run ${runId} of ${task}; the reconciler will: ${messageOf(failure)}`);
    }
  }

  /**
   * Counts a publication that could not be composed. The entry ends as failed after `most` publications.
   * @param payload - the failure as JSON
   * @returns 'ended' when it has ended
   */
  async failPublication(run: { groupId: string; entry: string }, most: number, payload: string) {
    const { code } = await this.commands.failPublication(run, most, payload, ({ effects }) =>
      this.report(run, effects),
    );
    return code;
  }

  /** Notifies listeners of an end that a script has stored. Without an end it has no effect. */
  report(run: ItemRef, effects: Effects): Promise<void> {
    return emitStoredEnd(this.events, this.reader, run, effects);
  }
}

/** Listeners receive only ids of the engine's runs. */
function asShown({ runId, ...item }: EndedRun): ItemRef {
  return runId === '' || isGroupRun(runId) ? item : { ...item, runId };
}
