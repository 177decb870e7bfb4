import type { Events } from '../config/events';
import type { GroupReader } from '../store/group-reader';
import type { GroupStore } from '../store/group-store';
import type { Effects, Outcome } from '../store/replies';
import { emitStoredEnd, type ItemRef } from './item-events';

/** How an entry ended, when its own run did not report it. */
export interface EntryEnd {
  outcome: Outcome;
  payload: string;
  /** The size of the value in bytes, when the payload only refers to a list. */
  size?: number;
  /** For a nested group: the round of its parent in which it ran. */
  round?: number | '';
  /** True if other events report this end, so that none is emitted for it. */
  silent?: boolean;
}

/** An entry and the run that ended: '' while the entry is only granted, 'g:' and the id for a nested group. */
type EndedRun = ItemRef & { runId: string };

/**
 * Completes an entry whose own run did not report its end: stores the end, notifies listeners, and publishes the effects. A
 * second call has no effect. (A run that reports its own end does so in `worker/claimed-run`.)
 */
export class Completion {
  constructor(
    private readonly store: GroupStore,
    private readonly reader: GroupReader,
    private readonly events: Events,
    private readonly publish: (groupId: string, effects: Effects) => Promise<void>,
  ) {}

  /**
   * Stores how an entry ended, and publishes the effects. It has no effect when another run owns the entry, the entry has
   * already ended, or its group is unknown.
   */
  async complete(run: EndedRun, end: EntryEnd): Promise<void> {
    const { code, effects } = await this.storeEnd(run, end);
    if (code === 'ended') await this.publish(run.groupId, effects);
  }

  /** Like {@link complete}, for callers that publish the effects themselves. */
  async storeEnd(run: EndedRun, { outcome, payload, size, round, silent }: EntryEnd) {
    const { groupId, entry, runId } = run;
    const reply = await this.store.complete(groupId, entry, runId, outcome, payload, size, round);
    if (reply.code === 'ended' && !silent) await emitStoredEnd(this.events, this.reader, asShown(run), reply.effects);
    return reply;
  }

  /** Notifies listeners of an end that another script has stored, and publishes the effects. */
  async follow(run: ItemRef, effects: Effects): Promise<void> {
    await emitStoredEnd(this.events, this.reader, run, effects);
    await this.publish(run.groupId, effects);
  }
}

/** Listeners receive only ids of the engine's runs. */
function asShown({ runId, ...item }: EndedRun): ItemRef {
  return runId === '' || runId.startsWith('g:') ? item : { ...item, runId };
}
