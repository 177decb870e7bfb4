import { pause, type Timer } from '../utils/clock';
import { messageOf } from '../utils/error-message';
import type { GroupStore } from '../store/group-store';
import type { KeyCollisions, Fate } from './key-collisions';
import { PublishError, type Collision, type EngineClient, type RunRequest } from '../hatchet/client';
import { Queue } from '../utils/queue';

const maxRunsPerCall = 500;
const maxBytesPerCall = 3.5 * 1024 * 1024;
const callsInFlight = 2;
/** The most bytes that may wait for a call before the process stops to grant further items. */
const mostBytesWaiting = 32 * 1024 * 1024;
const longestWindowMs = 10;
/** The largest factor by which the time limit for an answer of the engine grows. */
const mostPatience = 4;

/** One run to be sent to the engine. */
export interface Publication {
  groupId: string;
  entry: string;
  request: RunRequest;
  bytes: number;
  /** Called when the sender is done with the publication: it is accepted, refused, or left to others. */
  done: (publication: Publication) => void;
}

/** A batch that the engine has refused permanently, or of which it refused some runs. */
interface Refused {
  batch: readonly Publication[];
  error: PublishError;
}

/** The calls that the sender makes to its publisher. */
export interface Outcomes {
  /**
   * The number of bodies that run in this process. The more run, the longer a bulk call may wait for further publications.
   */
  bodies(): number;
  sent(publication: Publication, runId: string): void;
  /** Renews the heartbeat of this process. */
  beat(): Promise<void>;
  /** The publications of a batch that no other process has taken over. */
  owned(batch: readonly Publication[]): readonly Publication[] | Promise<readonly Publication[]>;
  /**
   * The engine will never accept the run. The sender does not wait for the effects, which may include further publications.
   */
  refused(publication: Publication, message: string): void;
}

/**
 * Sends the publications of this process in bulk calls, and repeats each call until the engine has accepted or refused each
 * run.
 */
export class Sender {
  private readonly queue = new Queue<Publication>();
  /** Batches that the engine has refused in one call. */
  private readonly refused = new Queue<Refused>();
  private sifting = false;
  /** The timer of the next flush. */
  private scheduled: Timer | undefined;
  private bytesWaiting = 0;
  /** Resolve the pending waits of `whenNotFull`. */
  private readonly wakers: (() => void)[] = [];
  private calls = 0;
  /** A moving average of the engine's answer times, in ms. */
  private answerMs = longestWindowMs;
  private closed = false;

  constructor(
    private readonly engine: EngineClient,
    private readonly store: GroupStore,
    private readonly outcomes: Outcomes,
    private readonly collisions: KeyCollisions,
  ) {}

  send(publication: Publication): void {
    this.queue.push(publication);
    this.bytesWaiting += publication.bytes;
    this.schedule();
  }

  get isFull(): boolean {
    return this.bytesWaiting >= mostBytesWaiting && !this.closed;
  }

  /** Resolves when the sender has room. Items that stay in Redis meanwhile survive this process, and use no memory here. */
  async whenNotFull(): Promise<void> {
    while (this.isFull) await new Promise<void>((resolve) => this.wakers.push(resolve));
  }

  close(): void {
    this.closed = true;
    this.scheduled?.cancel();
    // The rest stays leased in Redis; nothing in this process waits for it any more.
    for (let one = this.queue.shift(); one; one = this.queue.shift()) one.done(one);
    this.wake();
  }

  private schedule(): void {
    if (this.queue.length === 0 || this.calls >= callsInFlight || this.closed) return;
    if (this.queue.length >= maxRunsPerCall) return void this.flush();
    this.scheduled ??= this.after(this.window(), () => void this.flush());
  }

  /**
   * How long to wait for further publications, in ms: 0 while little is running, and not much longer than a call takes
   * anyway.
   */
  private window(): number {
    const bodies = this.outcomes.bodies();
    return bodies <= 1 ? 0 : Math.min(longestWindowMs, bodies, 2 * this.answerMs);
  }

  private async flush(): Promise<void> {
    this.scheduled?.cancel();
    this.scheduled = undefined;
    const batch: Publication[] = [];
    let bytes = 0;
    while (this.queue.length > 0 && batch.length < maxRunsPerCall) {
      const next = this.queue.first();
      if (!next || (batch.length > 0 && bytes + next.bytes > maxBytesPerCall)) break;
      batch.push(next);
      bytes += next.bytes;
      this.queue.shift();
    }
    if (batch.length === 0) return;
    this.bytesWaiting -= bytes;
    if (!this.isFull) this.wake();
    this.calls += 1;
    this.schedule();
    try {
      const refused = await this.sendBatch(batch);
      if (refused) {
        this.refused.push(refused);
        void this.sift();
      }
    } finally {
      this.calls -= 1;
      this.schedule();
    }
  }

  /**
   * @returns the part of the batch that the engine refuses permanently, and why; undefined when nothing is left to do for it
   */
  private async sendBatch(all: readonly Publication[]): Promise<Refused | undefined> {
    let batch = all;
    for (let attempt = 0; !this.closed; attempt++) {
      const owned = this.outcomes.owned(batch);
      batch = owned instanceof Promise ? await owned : owned;
      if (batch.length === 0) return undefined;
      try {
        const runIds = await this.taken(batch, attempt);
        batch.forEach((publication, i) => this.outcomes.sent(publication, runIds[i] ?? ''));
        return undefined;
      } catch (error) {
        if (error instanceof PublishError && error.kind === 'permanent') return { batch, error };
        await this.waitForEngine(attempt, error);
      }
    }
    for (const one of batch) one.done(one);
    return undefined;
  }

  private wake(): void {
    for (const waker of this.wakers.splice(0)) waker();
  }

  /** Makes one call. It renews the heartbeat meanwhile, so that a slow answer does not make this process look dead. */
  private async taken(batch: readonly Publication[], attempt: number): Promise<string[]> {
    const beating = this.store.clock.interval(() => void this.beat(), this.store.settings.leaseMs / 3);
    const began = this.store.clock.elapsed();
    try {
      const requests = batch.map(({ request }) => request);
      const runIds = await this.engine.publish(requests, Math.min(attempt + 1, mostPatience));
      this.answerMs += (this.store.clock.elapsed() - began - this.answerMs) / 4;
      return runIds;
    } finally {
      beating.cancel();
    }
  }

  /**
   * Divides refused batches one after another, while the calls of the queue go on: refused runs must not delay runs
   * that the engine accepts.
   */
  private async sift(): Promise<void> {
    if (this.sifting) return;
    this.sifting = true;
    try {
      for (let next = this.refused.shift(); next; next = this.refused.shift()) await this.divide(next);
    } finally {
      this.sifting = false;
    }
  }

  /**
   * Finds the run for which the engine refuses a batch, by halving it. A single run is sent once more without its parent
   * run.
   */
  private async divide({ batch, error }: Refused): Promise<void> {
    const [single] = batch;
    if (error.collision) {
      await this.resolveCollision(batch, error.collision);
    } else if (batch.length > 1) {
      const middle = Math.ceil(batch.length / 2);
      await this.sendPart(batch.slice(0, middle));
      await this.sendPart(batch.slice(middle));
    } else if (single?.request.parent) {
      // The parent run may be gone.
      const { parent: _parent, ...request } = single.request;
      await this.sendPart([{ ...single, request }]);
    } else if (single) {
      this.refuse(single, error.message);
    }
  }

  /**
   * Handles a batch with colliding idempotency keys. The engine has accepted all other runs of it, and none of these may be
   * sent twice.
   */
  private async resolveCollision(batch: readonly Publication[], collision: Collision): Promise<void> {
    const alone: Publication[] = [];
    const fates = await this.fatesOf(batch, collision);
    batch.forEach((publication, i) => {
      const fate = fates[i];
      if (fate?.is === 'taken') this.outcomes.sent(publication, fate.runId);
      else if (fate?.is === 'refused') this.refuse(publication, fate.message);
      else if (fate?.is === 'to be sent alone') alone.push(publication);
      // The lease stays. The reconciler publishes the entry again, and it then collides with the run that it may already
      // have.
      else publication.done(publication);
    });
    for (const one of alone) await this.sendPart([one]);
  }

  private async fatesOf(batch: readonly Publication[], collision: Collision): Promise<readonly Fate[]> {
    try {
      return await this.collisions.fates(batch, collision);
    } catch (error) {
      this.store.settings.logger.warn(
        `could not find out which of ${batch.length} runs were refused because of their idempotency keys: ${messageOf(error)}. The reconciler will check them.`,
      );
      return [];
    }
  }

  private refuse(publication: Publication, message: string): void {
    this.outcomes.refused(publication, `the engine refused to run ${publication.request.workflowName}: ${message}`);
  }

  private async sendPart(batch: readonly Publication[]): Promise<void> {
    const refused = await this.sendBatch(batch);
    if (refused) await this.divide(refused);
  }

  private async waitForEngine(attempt: number, error: unknown): Promise<void> {
    if (attempt % 10 === 0)
      this.store.settings.logger.warn(`the engine accepts no runs: ${messageOf(error)}. mageflow keeps trying.`);
    await this.beat();
    const longest = Math.min(5_000, this.store.settings.leaseMs / 2);
    await pause(this.store.clock, Math.min(longest, 100 * 2 ** attempt));
  }

  /** Redis may be unavailable too. Then the leases decide. */
  private async beat(): Promise<void> {
    await this.outcomes
      .beat()
      .catch((reason: unknown) => this.store.settings.logger.warn(`the heartbeat failed: ${messageOf(reason)}`));
  }

  /**
   * Schedules an action. A timer takes at least 1 ms, which is a part of an item's time at a limit of 1; 0 ms avoids the
   * timer.
   */
  private after(ms: number, action: () => void): Timer {
    const { clock } = this.store;
    return ms < 1 ? clock.immediate(action) : clock.timeout(action, ms);
  }
}
