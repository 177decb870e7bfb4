import type { Timer } from '../utils/clock';
import { onAbort } from '../utils/abort';
import { StoreError } from '../config/errors';
import { timeLimit } from '../utils/timeout';
import { entryEnds, type EntryEnd } from '../store/entry-ends';
import type { GroupStore } from '../store/group-store';
import type { Hints } from './hints';
import { notInTime, patienceMs, publishEndsMs, readAgainMs } from './waiting';

/** The condition of a wait: the entry has ended, or its run is known. */
export interface Wanted {
  /** Set when a run is enough: whether one is stored or known to this process. */
  run?: () => boolean;
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** One wait for an entry. */
interface Waiting {
  run: Wanted['run'];
  /** True if the entry was read for this wait. */
  answered: boolean;
  /** True if its time has passed. The next read is its last. */
  over: boolean;
  timeoutMs: number | undefined;
  give(end: EntryEnd | undefined): void;
  refuse(error: unknown): void;
}

/**
 * The waits for entries in this process. Each group has one reader for all of them. With one command for each wait at each
 * end, the cost would grow with the square of their number.
 */
export class EntryWaits {
  private readonly groups = new Map<string, GroupWaits>();
  private refusal: Error | undefined;

  constructor(
    private readonly store: GroupStore,
    private readonly hints: Hints,
  ) {}

  /**
   * Waits until an entry has ended, or has a run. Returns undefined for an unknown entry.
   * @throws WaitTimeoutError, the signal's reason, ClosedError, StoreError when Redis refuses, or is away for too long
   */
  wait(groupId: string, entry: string, wanted: Wanted = {}): Promise<EntryEnd | undefined> {
    const { signal } = wanted;
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    if (this.refusal) return Promise.reject(this.refusal);
    let group = this.groups.get(groupId);
    if (!group) {
      const made = new GroupWaits(this.store, this.hints, groupId, () => this.groups.delete(groupId));
      this.groups.set(groupId, (group = made));
    }
    return group.wait(entry, wanted);
  }

  /** Called when this process has published a run of an entry, or is notified of one. */
  published(groupId: string, entry: string): void {
    this.groups.get(groupId)?.read(entry);
  }

  close(refusal: Error): void {
    this.refusal = refusal;
    for (const group of [...this.groups.values()]) group.close(refusal);
  }
}

/**
 * The reader of one group. Messages from Redis are hints only: entries are read at a hint, and all of them at each
 * (re)connect and each second. Hints that arrive during a read are handled together by the next one.
 */
class GroupWaits {
  private readonly waiting = new Map<string, Set<Waiting>>();
  /** The entries to read next. */
  private readonly next = new Set<string>();
  private reading = false;
  private askedAt = -Infinity;
  private answeredAt = -Infinity;
  private readonly stopHints: () => void;
  private readonly timer: Timer;

  constructor(
    private readonly store: GroupStore,
    hints: Hints,
    private readonly groupId: string,
    private readonly ended: () => void,
  ) {
    this.stopHints = hints.listen(store.keys.state(groupId), ({ entry }) => {
      if (entry === undefined) this.readAll();
      else this.read(entry);
    });
    this.timer = this.store.clock.interval(() => this.tick(), readAgainMs);
  }

  wait(entry: string, { run, timeoutMs, signal }: Wanted): Promise<EntryEnd | undefined> {
    return new Promise((resolve, reject) => {
      const settle = (done: () => void) => {
        callOff?.();
        stopWaiting?.();
        this.leave(entry, waiting);
        done();
      };
      const waiting: Waiting = {
        run,
        answered: false,
        over: false,
        timeoutMs,
        give: (end) => settle(() => resolve(end)),
        refuse: (error) => settle(() => reject(error as Error)),
      };
      const onOver = () => {
        waiting.over = true;
        this.read(entry);
      };
      const callOff = timeoutMs === undefined ? undefined : timeLimit(this.store.clock, timeoutMs, onOver);
      const stopWaiting = signal && onAbort(signal, () => waiting.refuse(signal.reason));
      this.waiting.set(entry, (this.waiting.get(entry) ?? new Set()).add(waiting));
      this.timer.ref();
      this.read(entry);
    });
  }

  /** Reads an entry, if a wait needs it. */
  read(entry: string): void {
    if (!this.waiting.has(entry)) return;
    this.next.add(entry);
    this.schedule();
  }

  close(refusal: unknown): void {
    this.timer.cancel();
    this.stopHints();
    for (const one of this.each(this.waiting.keys())) one.refuse(refusal);
  }

  private readAll(): void {
    for (const entry of this.waiting.keys()) this.next.add(entry);
    this.schedule();
  }

  private tick(): void {
    if (this.waiting.size > 0) return this.readAll();
    // Closed a tick late, so that a caller that waits for one entry after another reuses the reader.
    this.ended();
    this.close(undefined);
  }

  private leave(entry: string, one: Waiting): void {
    const all = this.waiting.get(entry);
    all?.delete(one);
    if (all?.size === 0) this.waiting.delete(entry);
    if (this.waiting.size === 0) this.timer.unref();
  }

  private schedule(): void {
    if (this.reading || this.next.size === 0) return;
    this.reading = true;
    this.store.clock.immediate(() => void this.readNext());
  }

  private async readNext(): Promise<void> {
    const entries = [...this.next];
    this.next.clear();
    try {
      await this.haveEndsPublished();
      const withRuns = entries.filter((entry) => [...(this.waiting.get(entry) ?? [])].some(({ run }) => run));
      const ends = await entryEnds(this.store, this.groupId, entries, withRuns);
      this.answeredAt = this.store.clock.elapsed();
      for (const entry of entries) this.deliver(entry, ends.get(entry));
    } catch (error) {
      this.deliverFailure(entries, error);
    }
    this.reading = false;
    this.schedule();
  }

  private async haveEndsPublished(): Promise<void> {
    if (this.store.clock.elapsed() - this.askedAt < publishEndsMs / 2) return;
    await this.store.publishEnds(this.groupId, publishEndsMs);
    this.askedAt = this.store.clock.elapsed();
  }

  private deliver(entry: string, end: EntryEnd | undefined): void {
    for (const one of this.each([entry])) {
      one.answered = true;
      if (!end || end.end !== 'open' || (one.run && (end.run !== '' || one.run()))) one.give(end);
      else if (one.over) one.refuse(notInTime(one.timeoutMs));
    }
  }

  /** Delivers an error only when it is lasting: the work continues, and an error would make the caller take it for lost. */
  private deliverFailure(entries: readonly string[], error: unknown): void {
    const lasts = !(error instanceof StoreError) || this.store.clock.elapsed() - this.answeredAt > patienceMs;
    for (const one of this.each(entries)) {
      if (one.over) one.refuse(notInTime(one.timeoutMs));
      else if (lasts || !one.answered) one.refuse(error);
    }
  }

  private each(entries: Iterable<string>): Waiting[] {
    return [...entries].flatMap((entry) => [...(this.waiting.get(entry) ?? [])]);
  }
}
