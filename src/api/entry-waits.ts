import { onAbort } from '../utils/abort';
import { runOutsideContext } from '../utils/outside-context';
import { StoreError } from '../config/errors';
import { timeLimit } from '../utils/timeout';
import { entryEnds, type EntryEnd } from '../store/entry-ends';
import type { GroupStore } from '../store/group-store';
import type { Hints } from './hints';
import { notInTime, patienceMs, publishEndsMs, readAgainMs } from './waiting';

/** What somebody waits for: that an entry has ended, or only that a run of it is known. */
export interface Wanted {
  /** A run is enough, stored or known to this process, as this says. */
  run?: () => boolean;
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** One who waits for an entry. */
interface Waiting {
  run: Wanted['run'];
  /** Whether its entry has been read for it. */
  answered: boolean;
  /** Whether its time is over: the next reading is its last. */
  over: boolean;
  timeoutMs: number | undefined;
  give(end: EntryEnd | undefined): void;
  refuse(error: unknown): void;
}

/**
 * Those in this process who wait for entries of groups. Each group has one reader, whoever waits: what costs one command for each
 * of them at each end costs the square of their number.
 */
export class EntryWaits {
  private readonly groups = new Map<string, GroupWaits>();
  private refusal: Error | undefined;

  constructor(
    private readonly store: GroupStore,
    private readonly hints: Hints,
  ) {}

  /**
   * Waits until an entry has ended, or has a run. Gives undefined for one that is unknown.
   * @throws WaitTimeoutError, the signal's reason, ClosedError, StoreError when Redis can't be asked, or is away for too long
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

  /** This process has published a run of an entry, or hears of it. */
  published(groupId: string, entry: string): void {
    this.groups.get(groupId)?.read(entry);
  }

  close(refusal: Error): void {
    this.refusal = refusal;
    for (const group of [...this.groups.values()]) group.close(refusal);
  }
}

/**
 * The reader of one group. What is published is a hint only: the entries are read when there is one, all of them at each
 * (re)connect and each second. What comes while it reads is read together with what else has come.
 */
class GroupWaits {
  private readonly waiting = new Map<string, Set<Waiting>>();
  /** What is to be read next. */
  private next = new Set<string>();
  private reading = false;
  private askedAt = -Infinity;
  private answeredAt = -Infinity;
  private readonly stopHints: () => void;
  private readonly timer: NodeJS.Timeout;

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
    this.timer = runOutsideContext(() => setInterval(() => this.tick(), readAgainMs));
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
      const callOff = timeoutMs === undefined ? undefined : runOutsideContext(() => timeLimit(timeoutMs, onOver));
      const stopWaiting = signal && onAbort(signal, () => waiting.refuse(signal.reason));
      this.waiting.set(entry, (this.waiting.get(entry) ?? new Set()).add(waiting));
      this.timer.ref();
      this.read(entry);
    });
  }

  /** Reads an entry, if anybody waits for it. */
  read(entry: string): void {
    if (!this.waiting.has(entry)) return;
    this.next.add(entry);
    this.schedule();
  }

  close(refusal: unknown): void {
    clearInterval(this.timer);
    this.stopHints();
    for (const one of this.each(this.waiting.keys())) one.refuse(refusal);
  }

  private readAll(): void {
    for (const entry of this.waiting.keys()) this.next.add(entry);
    this.schedule();
  }

  private tick(): void {
    if (this.waiting.size > 0) return this.readAll();
    // Somebody who waits for one after another doesn't begin anew each time.
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
    runOutsideContext(() => setImmediate(() => void this.readNext()));
  }

  private async readNext(): Promise<void> {
    const entries = [...this.next];
    this.next.clear();
    try {
      await this.haveEndsPublished();
      const withRuns = entries.filter((entry) => [...(this.waiting.get(entry) ?? [])].some(({ run }) => run));
      const ends = await entryEnds(this.store, this.groupId, entries, withRuns);
      this.answeredAt = performance.now();
      for (const entry of entries) this.deliver(entry, ends.get(entry));
    } catch (error) {
      this.deliverFailure(entries, error);
    }
    this.reading = false;
    this.schedule();
  }

  private async haveEndsPublished(): Promise<void> {
    if (performance.now() - this.askedAt < publishEndsMs / 2) return;
    await this.store.publishEnds(this.groupId, publishEndsMs);
    this.askedAt = performance.now();
  }

  private deliver(entry: string, end: EntryEnd | undefined): void {
    for (const one of this.each([entry])) {
      one.answered = true;
      if (!end || end.end !== 'open' || (one.run && (end.run !== '' || one.run()))) one.give(end);
      else if (one.over) one.refuse(notInTime(one.timeoutMs));
    }
  }

  /** The work goes on meanwhile: who hears an error would take it for lost. */
  private deliverFailure(entries: readonly string[], error: unknown): void {
    const lasts = !(error instanceof StoreError) || performance.now() - this.answeredAt > patienceMs;
    for (const one of this.each(entries)) {
      if (one.over) one.refuse(notInTime(one.timeoutMs));
      else if (lasts || !one.answered) one.refuse(error);
    }
  }

  private each(entries: Iterable<string>): Waiting[] {
    return [...entries].flatMap((entry) => [...(this.waiting.get(entry) ?? [])]);
  }
}
