import { setTimeout as pause } from 'node:timers/promises';
import { runOutsideContext } from '../utils/outside-context';
import type { MageflowLogger } from '../config/options';
import { messageOf } from '../utils/error-message';
import type { GroupStore } from '../store/group-store';
import type { KeyCollisions, Fate } from './key-collisions';
import { PublishError, type Collision, type EngineClient, type RunRequest } from '../hatchet/client';
import { Queue } from '../utils/queue';

const maxRunsPerCall = 500;
const maxBytesPerCall = 3.5 * 1024 * 1024;
const callsInFlight = 2;
/** How much waits for a call at most before no more is asked of Redis. */
const mostBytesWaiting = 32 * 1024 * 1024;
const longestWindowMs = 10;
/** How many times as long an answer of the engine is waited for in the end. */
const mostPatience = 4;

/** One run on its way to the engine. */
export interface Publication {
  groupId: string;
  entry: string;
  request: RunRequest;
  bytes: number;
  /** Nobody has to wait for it any more. */
  done: (publication: Publication) => void;
}

/** What the engine has refused as a whole. */
interface Refused {
  batch: readonly Publication[];
  error: PublishError;
}

/** What becomes of what is sent. */
export interface Outcomes {
  /** How many bodies run in this process: the more, the longer it is worth waiting for company. */
  bodies(): number;
  sent(publication: Publication, runId: string): void;
  /** Says that this process is alive. */
  beat(): Promise<void>;
  /** Those of a batch that nobody else has taken over. */
  owned(batch: readonly Publication[]): readonly Publication[] | Promise<readonly Publication[]>;
  /** The engine never takes it. Nobody here waits for what follows from that: it may be to publish something else. */
  refused(publication: Publication, message: string): void;
}

/** Coalesces what the process has to publish into bulk calls, and makes them until the engine has taken or refused each run. */
export class Sender {
  private readonly queue = new Queue<Publication>();
  /** What the engine has refused to take in one call. */
  private readonly refused = new Queue<Refused>();
  private sifting = false;
  /** Forgets the flush that is to come. */
  private unschedule: (() => void) | undefined;
  private bytesWaiting = 0;
  /** Wakes those that wait until less does. */
  private wakers: (() => void)[] = [];
  private calls = 0;
  /** How long the engine took to answer lately, in ms. */
  private answerMs = longestWindowMs;
  private closed = false;

  constructor(
    private readonly engine: EngineClient,
    private readonly store: GroupStore,
    private readonly logger: MageflowLogger,
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

  /** Resolves when more may be sent. What Redis keeps meanwhile is lost with no process, and needs no memory here. */
  async whenNotFull(): Promise<void> {
    while (this.isFull) await new Promise<void>((resolve) => this.wakers.push(resolve));
  }

  close(): void {
    this.closed = true;
    this.unschedule?.();
    // What is left stays leased in Redis; nobody here waits for it any more.
    for (let one = this.queue.shift(); one; one = this.queue.shift()) one.done(one);
    this.wake();
  }

  private schedule(): void {
    if (this.queue.length === 0 || this.calls >= callsInFlight || this.closed) return;
    if (this.queue.length >= maxRunsPerCall) return void this.flush();
    this.unschedule ??= runOutsideContext(() => after(this.window(), () => void this.flush()));
  }

  /** How long to wait for company, in ms: nothing while little is going on, and not much longer than a call takes anyway. */
  private window(): number {
    const bodies = this.outcomes.bodies();
    return bodies <= 1 ? 0 : Math.min(longestWindowMs, bodies, 2 * this.answerMs);
  }

  private async flush(): Promise<void> {
    this.unschedule?.();
    this.unschedule = undefined;
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

  /** @returns what of it the engine never takes as it is, and why; undefined when nobody waits for it any more */
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

  /** While the engine takes its time to answer, this process is known to live. */
  private async taken(batch: readonly Publication[], attempt: number): Promise<string[]> {
    const beating = runOutsideContext(() => setInterval(() => void this.beat(), this.store.settings.leaseMs / 3));
    const began = performance.now();
    try {
      const requests = batch.map(({ request }) => request);
      const runIds = await this.engine.publish(requests, Math.min(attempt + 1, mostPatience));
      this.answerMs += (performance.now() - began - this.answerMs) / 4;
      return runIds;
    } finally {
      clearInterval(beating);
    }
  }

  /**
   * Looks through refused calls one after another, beside the calls of the queue: what the engine refuses must not hold back
   * what it takes.
   */
  private async sift(): Promise<void> {
    if (this.sifting) return;
    this.sifting = true;
    for (let next = this.refused.shift(); next; next = this.refused.shift()) await this.divide(next);
    this.sifting = false;
  }

  /** Finds the run for which the engine refuses a call: by halves, and then without what it was to be shown under. */
  private async divide({ batch, error }: Refused): Promise<void> {
    const [single] = batch;
    if (error.collision) {
      await this.settleCollision(batch, error.collision);
    } else if (batch.length > 1) {
      const middle = Math.ceil(batch.length / 2);
      await this.sendPart(batch.slice(0, middle));
      await this.sendPart(batch.slice(middle));
    } else if (single?.request.parent) {
      // The run that it was to be shown under may be gone.
      const { parent: _parent, ...request } = single.request;
      await this.sendPart([{ ...single, request }]);
    } else if (single) {
      this.refuse(single, error.message);
    }
  }

  /** The engine has all of the batch that doesn't collide: none of that may be sent a second time. */
  private async settleCollision(batch: readonly Publication[], collision: Collision): Promise<void> {
    const alone: Publication[] = [];
    const fates = await this.fatesOf(batch, collision);
    batch.forEach((publication, i) => {
      const fate = fates[i];
      if (fate?.is === 'taken') this.outcomes.sent(publication, fate.runId);
      else if (fate?.is === 'refused') this.refuse(publication, fate.message);
      else if (fate?.is === 'to be sent alone') alone.push(publication);
      // Its lease stays. Published once more by the reconciler, it collides with the run that it may have.
      else publication.done(publication);
    });
    for (const one of alone) await this.sendPart([one]);
  }

  private async fatesOf(batch: readonly Publication[], collision: Collision): Promise<readonly Fate[]> {
    try {
      return await this.collisions.fates(batch, collision);
    } catch (error) {
      this.logger.warn(
        `it is not known which of ${batch.length} runs collide with others by their idempotency keys: ${messageOf(error)}. They are left to the reconciler.`,
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
    if (attempt % 10 === 0) this.logger.warn(`the engine does not take runs: ${messageOf(error)}. It is tried again.`);
    await this.beat();
    const longest = Math.min(5_000, this.store.settings.leaseMs / 2);
    await pause(Math.min(longest, 100 * 2 ** attempt));
  }

  /** Redis may be away as well; then the leases decide. */
  private async beat(): Promise<void> {
    await this.outcomes.beat().catch((reason: unknown) => this.logger.warn(`no heartbeat: ${messageOf(reason)}`));
  }
}

/** A timer waits 1 ms at least, which is a part of what an item takes at a limit of 1. @returns what forgets it */
function after(ms: number, action: () => void): () => void {
  if (ms < 1) {
    const immediate = setImmediate(action);
    return () => clearImmediate(immediate);
  }
  const timer = setTimeout(action, ms);
  return () => clearTimeout(timer);
}
