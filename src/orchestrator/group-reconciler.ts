import type { SignatureIndex } from '../store/signature-index';
import { DueIndex } from '../store/due-index';
import { isEnded } from '../store/group-reader';
import type { GroupStore } from '../store/group-store';
import type { DueReply } from '../store/replies';
import type { Canceller } from './canceller';
import type { Commands } from './commands';
import type { Deadlines } from './deadlines';
import type { EffectRunner } from './effects';
import { entriesAtOnce, type EntryReconciler } from './entry-reconciler';
import type { NextStarts } from './next-starts';
import type { Nesting } from './nesting';
import type { Remover } from './remover';
import type { Retrier } from './retrier';
import type { Suspender } from './suspender';

/** The parts that complete what a group as a whole has left to do. */
export interface GroupParts {
  readonly commands: Commands;
  readonly effects: EffectRunner;
  readonly nesting: Nesting;
  readonly canceller: Canceller;
  readonly suspender: Suspender;
  readonly retrier: Retrier;
  readonly deadlines: Deadlines;
  readonly nextStarts: NextStarts;
}

/** Completes one group: its due entries, its unfinished changes, and its removal after its retention. */
export class GroupReconciler {
  private readonly dueIndex: DueIndex;

  constructor(
    private readonly store: GroupStore,
    private readonly parts: GroupParts,
    private readonly entries: EntryReconciler,
    private readonly remover: Remover,
    private readonly signatureIndex: SignatureIndex,
  ) {
    this.dueIndex = new DueIndex(store);
  }

  /** @param index - the shard of the reconciler index that lists the group */
  async reconcile(index: string, id: string): Promise<void> {
    const due = await this.store.takeDueEntries(id, entriesAtOnce);
    // Another process has ended the group.
    if (due.status === 'missing' || isEnded(due.status)) this.parts.deadlines.drop(id);
    if (due.status === 'missing') {
      await this.remover.rest(id);
      return this.leave(index, id);
    }
    if (!isInUse(due)) return this.retire(index, id, due);
    // A group in which nothing is in progress is checked half as often.
    if (!isIdle(due)) await this.store.register(id, soonest(due.next, due.leaseLeft));
    await this.entries.handle(id, due);
    const { nesting, canceller, suspender, retrier, effects, commands } = this.parts;
    const isLeaseOver = due.leaseLeft !== undefined && due.leaseLeft <= 0;
    if (isLeaseOver && !due.retrying) await canceller.cancel(id, 'unfilled');
    if (due.hold) await nesting.retainChildren(id);
    const { status, nested } = due;
    await nesting.cascadeStop(id, { status, cascade: nested });
    // While the caller of a retry chooses its items, only that call goes on with it.
    if (due.retrying && (due.leaseLeft ?? 0) <= 0) await retrier.complete(id);
    if (due.retaining) await retrier.retain(id, due.total);
    if (due.toSpread) await suspender.propagate(id);
    if (due.timeLeft !== undefined) await effects.watchTime(id, due.timeLeft);
    this.planNextStart(id, due);
    if (due.renew) await this.signatureIndex.renew(id);
    if (due.abandoned && status !== 'pending') await canceller.cancel(id, 'abandoned');
    if (due.status === 'cancelling') await canceller.cancelRunning(id);
    if (due.more) await commands.grant(id);
  }

  /** Sets a timer for a start that comes before the next check. The process that had planned it may have had none, or be gone. */
  private planNextStart(id: string, { nextStartAt, now }: DueReply): void {
    const inMs = (nextStartAt ?? now) - now;
    if (nextStartAt === undefined || inMs <= 0 || inMs > 2 * this.store.settings.leaseMs) return;
    this.parts.nextStarts.plan(id, { inMs, at: nextStartAt });
  }

  private async retire(index: string, id: string, { forgetAt, nested, total, now }: DueReply): Promise<void> {
    // A nested group expires with the group that contains it.
    if (forgetAt === undefined) return this.leave(index, id);
    const over = forgetAt <= now;
    // Only the outermost group sets when the groups below it expire.
    if (nested) await this.parts.nesting.releaseBelow(id, total);
    else if (!over) await this.store.expireResults(id, total);
    if (over && (await this.store.forget(id, total))) return this.leave(index, id);
    await this.dueIndex.postpone(index, id, forgetAt);
    if ((await this.store.due(id, 0)).forgetAt !== undefined) return;
    // The group was retried meanwhile. It needs the groups below it again, and the reconciler must check it.
    await this.parts.retrier.retainTree(id);
    await this.store.register(id);
  }

  /** Takes a group out of the index, unless it was released, retried or created again meanwhile. */
  private async leave(index: string, id: string): Promise<void> {
    const position = await this.dueIndex.positionOf(index, id);
    const then = await this.store.due(id, 0);
    if (then.forgetAt !== undefined || isInUse(then)) return this.store.register(id);
    if (position !== undefined) await this.dueIndex.remove(index, id, position);
  }
}

/** Returns whether a group has nothing in progress, and no work for the reconciler. */
function isIdle({ status, entries, next, leaseLeft, more, hold, toSpread, retrying }: DueReply): boolean {
  const stopping = status === 'stopping' || status === 'cancelling';
  const later = next ?? leaseLeft;
  return entries.length === 0 && later === undefined && !(more || hold || toSpread || retrying || stopping);
}

/** Returns the shortest of some times in ms; undefined when none is given. */
function soonest(...times: readonly (number | undefined)[]): number | undefined {
  const given = times.filter((ms) => ms !== undefined);
  return given.length > 0 ? Math.min(...given) : undefined;
}

/** Returns whether a group or any of its callbacks is still in progress. */
function isInUse({ status, active, retaining }: DueReply): boolean {
  return status !== 'missing' && (!isEnded(status) || active > 0 || retaining);
}
