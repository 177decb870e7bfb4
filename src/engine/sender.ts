import { setTimeout as pause } from 'node:timers/promises';
import { detached } from '../detached';
import { messageOf } from '../errors';
import type { MageflowLogger } from '../options';
import type { GroupStore } from '../store/group-store';
import { PublishError, type Engine, type RunRequest } from './engine';

const maxRunsPerCall = 500;
const maxBytesPerCall = 3.5 * 1024 * 1024;
const callsInFlight = 2;
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

/** What becomes of what is sent. */
export interface Outcomes {
  /** How many bodies run in this process: the more, the longer it is worth waiting for company. */
  bodies(): number;
  sent(publication: Publication, runId: string): void;
  /** The engine never takes it. */
  refused(publication: Publication, message: string): Promise<void>;
}

/** Coalesces what the process has to publish into bulk calls, and makes them until the engine has taken or refused each run. */
export class Sender {
  private readonly queue: Publication[] = [];
  /** Forgets the flush that is to come. */
  private unschedule: (() => void) | undefined;
  private calls = 0;
  /** How long the engine took to answer lately, in ms. */
  private answerMs = longestWindowMs;
  private closed = false;

  constructor(
    private readonly engine: Engine,
    private readonly store: GroupStore,
    private readonly logger: MageflowLogger,
    private readonly outcomes: Outcomes,
  ) {}

  send(publication: Publication): void {
    this.queue.push(publication);
    this.schedule();
  }

  close(): void {
    this.closed = true;
    this.unschedule?.();
    // What is left stays leased in Redis; nobody here waits for it any more.
    for (const one of this.queue.splice(0)) one.done(one);
  }

  private schedule(): void {
    if (this.queue.length === 0 || this.calls >= callsInFlight || this.closed) return;
    if (this.queue.length >= maxRunsPerCall) return void this.flush();
    this.unschedule ??= detached(() => after(this.window(), () => void this.flush()));
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
      const next = this.queue[0];
      if (!next || (batch.length > 0 && bytes + next.bytes > maxBytesPerCall)) break;
      batch.push(next);
      bytes += next.bytes;
      this.queue.shift();
    }
    if (batch.length === 0) return;
    this.calls += 1;
    this.schedule();
    try {
      await this.sendBatch(batch);
    } finally {
      this.calls -= 1;
      this.schedule();
    }
  }

  private async sendBatch(batch: readonly Publication[]): Promise<void> {
    for (let attempt = 0; !this.closed; attempt++) {
      try {
        const runIds = await this.taken(batch, attempt);
        batch.forEach((publication, i) => this.outcomes.sent(publication, runIds[i] ?? ''));
        return;
      } catch (error) {
        if (error instanceof PublishError && error.kind === 'permanent') return this.bisect(batch, error);
        await this.waitForEngine(attempt, error);
      }
    }
    for (const one of batch) one.done(one);
  }

  /** Nobody takes over what a living process has to publish, however long the engine takes to answer. */
  private async taken(batch: readonly Publication[], attempt: number): Promise<string[]> {
    const beating = detached(() => setInterval(() => void this.beat(), this.store.settings.leaseMs / 3));
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

  private async bisect(batch: readonly Publication[], error: PublishError): Promise<void> {
    const [single] = batch;
    if (batch.length > 1) {
      const middle = Math.ceil(batch.length / 2);
      await this.sendBatch(batch.slice(0, middle));
      return this.sendBatch(batch.slice(middle));
    }
    if (single?.request.parent) {
      // The run that it was to be shown under may be gone.
      const { parent: _parent, ...request } = single.request;
      return this.sendBatch([{ ...single, request }]);
    }
    if (single)
      await this.outcomes.refused(single, `the engine refused to run ${single.request.workflowName}: ${error.message}`);
  }

  private async waitForEngine(attempt: number, error: unknown): Promise<void> {
    if (attempt % 10 === 0)
      this.logger.warn(`mageflow: the engine does not take runs: ${messageOf(error)}. It is tried again.`);
    await this.beat();
    const longest = Math.min(5_000, this.store.settings.leaseMs / 2);
    await pause(Math.min(longest, 100 * 2 ** attempt));
  }

  /** Redis may be away as well; then the leases decide. */
  private async beat(): Promise<void> {
    await this.store
      .beat()
      .catch((reason: unknown) => this.logger.warn(`mageflow: no heartbeat: ${messageOf(reason)}`));
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
