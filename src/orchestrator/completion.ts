import type { Events } from '../config/events';
import type { GroupReader } from '../store/group-reader';
import type { GroupStore } from '../store/group-store';
import type { Effects, Outcome } from '../store/replies';
import { emitStoredEnd, type ItemRef } from './item-events';

/** How an entry has ended, as somebody else than its own run found. */
export interface EntryEnd {
  outcome: Outcome;
  payload: string;
  /** The bytes that the payload stands for, when it only names a list. */
  size?: number;
  /** Of a nested group: the round of its parent in which it was run. */
  round?: number | '';
  /** Whether other events tell of this end. */
  silent?: boolean;
}

/** An entry, with the run that ended: '' while it is granted, 'g:' and its id for a nested group. */
type EndedRun = ItemRef & { runId: string };

/**
 * The end of an entry that its own run did not report: it is stored, listeners are told, and what it makes room for is
 * published. Done twice, it has no effect the second time. (A run that reports its own end does so in `worker/claimed-run`.)
 */
export class Completion {
  constructor(
    private readonly store: GroupStore,
    private readonly reader: GroupReader,
    private readonly events: Events,
    private readonly publish: (groupId: string, effects: Effects) => Promise<void>,
  ) {}

  /** @returns 'ended' when this call ended it, 'refused' when another run owns it or it has ended, 'unknown' without its group */
  async complete(run: EndedRun, end: EntryEnd): Promise<'ended' | 'refused' | 'unknown'> {
    const { code, effects } = await this.storeEnd(run, end);
    if (code === 'ended') await this.publish(run.groupId, effects);
    return code;
  }

  /** The same, for callers that publish what follows themselves. */
  async storeEnd(run: EndedRun, { outcome, payload, size, round, silent }: EntryEnd) {
    const { groupId, entry, runId } = run;
    const reply = await this.store.complete(groupId, entry, runId, outcome, payload, size, round);
    if (reply.code === 'ended' && !silent) await emitStoredEnd(this.events, this.reader, asShown(run), reply.effects);
    return reply;
  }

  /** What follows an end that another script has stored. */
  async follow(run: ItemRef, effects: Effects): Promise<void> {
    await emitStoredEnd(this.events, this.reader, run, effects);
    await this.publish(run.groupId, effects);
  }
}

/** Listeners get the ids of the engine's runs alone. */
function asShown({ runId, ...item }: EndedRun): ItemRef {
  return runId === '' || runId.startsWith('g:') ? item : { ...item, runId };
}
