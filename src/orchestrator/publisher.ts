import { setTimeout as pause } from 'node:timers/promises';
import type { Events } from '../config/events';
import { packFailure } from '../messages/text';
import type { MageflowLogger } from '../config/options';
import { messageOf } from '../utils/error-message';
import type { GroupStore } from '../store/group-store';
import { hasEffects, startsCancelling, type Effects } from '../store/replies';
import { isEnded, type GroupReader } from '../store/group-reader';
import { isGroup, unpackCallback, unpackSpec } from '../store/spec';
import { Canceller } from './canceller';
import { Completion } from './completion';
import { KeyCollisions } from './key-collisions';
import { Confirmations } from './confirmations';
import { Deadlines } from './deadlines';
import type { EngineClient } from '../hatchet/client';
import { isLaterStep, type RunInputs } from './run-inputs';
import { Heartbeat } from './heartbeat';
import { GroupCache, type CachedGroup } from './group-cache';
import { NameReader } from './name-reader';
import { Nesting, startWithoutMessage } from './nesting';
import { PendingPublications } from './pending-publications';
import { RunRecovery } from './run-recovery';
import { RunRequests, type Sendable } from './run-requests';
import { Retrier } from './retrier';
import { Sender, type Outcomes, type Publication } from './sender';
import type { TaskRegistry } from './task-registry';
import { Stalls } from './stalls';
import { Suspender } from './suspender';
import { composed, maxPublications, Unpublishable } from './unpublishable';

/** A run that the engine has accepted. */
export interface Published {
  groupId: string;
  entry: string;
  runId: string;
  task: string;
}

/** Called for each published run. It resolves waits for the run's id, and starts to watch a run that no wrapper reports. */
export type PublishedListener = (published: Published) => void;

/**
 * Turns granted items and invoked callbacks into runs of the engine: merges the message, sends the publications of this
 * process in bulk calls, and confirms them. An entry stays leased in Redis until it is confirmed, so that nothing is lost
 * when the process dies.
 */
export class Publisher {
  private readonly sender: Sender;
  private readonly requests: RunRequests;
  /** Entries that are granted to this process and not yet published. */
  private readonly pending = new PendingPublications();
  readonly heartbeat: Heartbeat;
  readonly stalls: Stalls;
  readonly confirmations = new Confirmations((groupId, pairs) => this.confirm(groupId, pairs));
  private closed = false;
  /**
   * The number of bodies that run in this process. The more run, the longer a bulk call may wait for further publications.
   */
  bodies = 0;
  readonly cache: GroupCache;
  readonly completion: Completion;
  readonly canceller: Canceller;
  readonly nesting: Nesting;
  readonly retrier: Retrier;
  readonly suspender: Suspender;
  readonly deadlines: Deadlines;
  readonly recovery: RunRecovery;

  constructor(
    private readonly engine: EngineClient,
    private readonly store: GroupStore,
    private readonly reader: GroupReader,
    private readonly inputs: RunInputs,
    private readonly logger: MageflowLogger,
    private readonly published: PublishedListener,
    served: TaskRegistry,
    events: Events,
  ) {
    const publish = (groupId: string, effects: Effects) => this.publish(groupId, effects);
    this.heartbeat = new Heartbeat(this.pending, store, reader);
    this.stalls = new Stalls(engine, store, () => this.heartbeat.stuckMs());
    const outcomes: Outcomes = {
      bodies: () => this.bodies,
      beat: () => this.heartbeat.beat(),
      owned: (batch) => this.heartbeat.owned(batch),
      sent: (publication, runId) => this.sent(publication, runId),
      refused: (publication, message) => void this.fail(publication, message),
    };
    this.sender = new Sender(engine, store, logger, outcomes, new KeyCollisions(engine, reader));
    this.requests = new RunRequests(inputs, store.keys.mark);
    this.cache = new GroupCache(reader);
    this.completion = new Completion(store, reader, events, publish);
    this.canceller = new Canceller(engine, store, reader, this.completion, publish);
    this.recovery = new RunRecovery(engine, store, reader, events);
    this.retrier = new Retrier(store, reader, publish);
    this.suspender = new Suspender(store, reader, served, publish);
    this.nesting = new Nesting(store, reader, this, publish);
    this.deadlines = new Deadlines((groupId) => {
      void this.endTime(groupId);
    });
  }

  /**
   * Publishes the effects of a script. Resolves when the engine has accepted each run, or its permanent failure has been
   * stored.
   */
  async publish(groupId: string, effects: Effects): Promise<void> {
    const ended = isEnded(effects.status);
    if (ended) this.deadlines.drop(groupId);
    if (!hasEffects(effects)) return;
    let current = effects;
    const waits: Promise<unknown>[] = [];
    for (;;) {
      const wait = this.publishOnce(groupId, current);
      // It is awaited below. Until then, or when the next grant throws, a rejection would count as unhandled.
      wait.catch(() => undefined);
      waits.push(wait);
      if (!current.more) break;
      // Items stay ungranted in Redis while the sender is full: granted now, they would only wait in this process.
      if (this.sender.isFull) await this.sender.whenNotFull();
      if (this.closed) break;
      current = (await this.store.grant(groupId)).effects;
    }
    for (const root of effects.closing) waits.push(this.nesting.closeChildren(groupId, root));
    if (effects.expiring) waits.push(this.store.expireResults(groupId, effects.total));
    if (effects.timeLeft !== undefined) waits.push(this.watchTime(groupId, effects.timeLeft));
    if (effects.withdrawn.length > 0) waits.push(this.engine.cancel(effects.withdrawn));
    waits.push(this.nesting.cascadeStop(groupId, effects));
    if (startsCancelling(effects)) waits.push(this.canceller.cancelRunning(groupId));
    await Promise.all(waits);
    if (ended) this.cache.drop(groupId);
  }

  /**
   * Ends a group when its time limit is over: sets a timer here, and registers the group for the reconciler of any process.
   * @param timeLeft - in ms
   */
  async watchTime(groupId: string, timeLeft: number): Promise<void> {
    this.deadlines.set(groupId, timeLeft);
    await this.store.register(groupId, timeLeft);
  }

  /** Marks an entry as published, although the effects of its nested group may still be in progress. */
  markPublished(groupId: string, entry: string): void {
    this.pending.delete(`${groupId} ${entry}`);
  }

  /** Returns whether this process still has to publish an entry. */
  isPending(groupId: string, entry: string): boolean {
    return this.pending.has(`${groupId} ${entry}`);
  }

  /** Returns whether this process still has to publish or confirm an entry. */
  holds(groupId: string, entry: string): boolean {
    return this.isPending(groupId, entry) || this.confirmations.has(groupId, entry);
  }

  /** Returns whether a publication is in progress. */
  get isBusy(): boolean {
    return this.pending.size > 0;
  }

  async close(): Promise<void> {
    this.closed = true;
    this.sender.close();
    this.recovery.close();
    this.deadlines.close();
    await this.confirmations.flush();
  }

  /**
   * Waits until this process has published and confirmed its entries, for at most `commandTimeoutMs`. The reconciler
   * publishes the rest.
   */
  async drain(): Promise<void> {
    const giveUpAt = performance.now() + this.store.settings.commandTimeoutMs;
    while (this.pending.size > 0 && !this.closed && performance.now() < giveUpAt) await pause(10);
    await this.confirmations.flush();
  }

  private async publishOnce(groupId: string, effects: Effects): Promise<void> {
    const keys = [...effects.grants, ...effects.callbacks].map(({ entry }) => `${groupId} ${entry}`);
    if (keys.length === 0) return;
    const now = performance.now();
    for (const key of keys) this.pending.add(key, now);
    let facts: CachedGroup | undefined;
    try {
      facts = await composed(() => this.cache.of(groupId, effects.version));
    } catch (error) {
      // The group's record is needed for each entry, so each counts as one that could not be composed.
      for (const { entry } of [...effects.grants, ...effects.callbacks])
        await this.unpublished(groupId, entry, error).catch(() => undefined);
      throw error instanceof Unpublishable ? error.cause : error;
    } finally {
      if (!facts) for (const key of keys) this.pending.delete(key);
    }
    if (!facts) return;
    // Each entry has its own promise: when one fails, the others are still in progress.
    const waits: Promise<void>[] = [];
    const known: Sendable[] = [];
    for (const grant of effects.grants) {
      const sendable = this.knownAtOnce(groupId, facts, grant);
      if (sendable) known.push(sendable);
      else waits.push(this.underWay(groupId, grant.entry, this.publishItem(groupId, facts, grant)));
    }
    for (const { entry, packed } of effects.callbacks)
      waits.push(this.underWay(groupId, entry, this.publishCallback(groupId, facts, entry, packed)));
    if (known.length > 0) waits.push(this.sendAll(known));
    await Promise.all(waits);
  }

  /**
   * Sends all with one promise. Most items are sent here, and a promise for each would cost more than the rest of the work.
   */
  private sendAll(all: readonly Sendable[]): Promise<void> {
    return new Promise((resolve) => {
      let left = all.length;
      const done = ({ groupId, entry }: Publication) => {
        this.pending.delete(`${groupId} ${entry}`);
        left -= 1;
        if (left === 0) resolve();
      };
      for (const one of all) this.sender.send({ ...one, done });
    });
  }

  /**
   * Keeps an entry pending while this process publishes it. Afterwards the reconciler handles it, also when Redis can't be
   * read.
   */
  private async underWay(groupId: string, entry: string, publication: Promise<void>): Promise<void> {
    try {
      await publication;
    } catch (error) {
      await this.unpublished(groupId, entry, error);
    } finally {
      this.pending.delete(`${groupId} ${entry}`);
    }
  }

  /**
   * Counts a publication that could not be composed. The last permitted one fails the entry with the error's message.
   * @throws the cause of the error, while the reconciler is to try again; any other error, or one of notifying a parent,
   * unchanged
   */
  private async unpublished(groupId: string, entry: string, error: unknown): Promise<void> {
    if (!(error instanceof Unpublishable) || entry === 'p') throw error;
    const payload = packFailure(`it could not be published: ${error.message}`);
    const { code, effects } = await this.store.failPublication(groupId, entry, maxPublications, payload);
    if (code !== 'ended') throw error.cause;
    await this.completion.follow({ groupId, entry }, effects);
  }

  /**
   * The request of an item that needs no read from Redis. Undefined for every other item, and for one that can't be
   * unpacked.
   */
  private knownAtOnce(groupId: string, facts: CachedGroup, grant: Effects['grants'][number]): Sendable | undefined {
    if (!this.recovery.isIdle(groupId, facts.version) || isLaterStep(facts, grant.entry)) return undefined;
    try {
      const spec = unpackSpec(grant.spec);
      return isGroup(spec) ? undefined : this.requests.ofItem(groupId, facts, grant, spec);
    } catch {
      // `publishItem` unpacks it again and handles the error.
      return undefined;
    }
  }

  private async publishItem(groupId: string, facts: CachedGroup, grant: Effects['grants'][number]): Promise<void> {
    const { entry, message } = grant;
    const later = isLaterStep(facts, entry);
    const { spec, input } = await composed(async () => {
      const spec = unpackSpec(grant.spec);
      if (later) return { spec, input: await this.inputs.ofStep(groupId, entry, spec) };
      const whole = isGroup(spec) && message !== startWithoutMessage;
      return { spec, input: whole ? this.inputs.ofItem(facts, spec, message) : undefined };
    });
    if (isGroup(spec))
      return this.nesting.start(
        groupId,
        entry,
        facts,
        spec,
        message === startWithoutMessage ? undefined : input,
        message,
      );
    return this.enqueue(facts, await composed(() => this.requests.ofItem(groupId, facts, grant, spec, input)));
  }

  private async publishCallback(groupId: string, facts: CachedGroup, entry: string, packed: string): Promise<void> {
    if (entry === 'p') return this.nesting.notifyParent(groupId);
    const { fired, latest, whole } = await composed(async () => {
      // Results and failures grow until the group ends, so the cached record is not used.
      const latest = (await this.reader.record(groupId)) ?? facts;
      const whole = await this.inputs.ofInvokedCallback(groupId, latest, entry, packed);
      return { fired: unpackCallback(packed), latest, whole };
    });
    if (isGroup(fired.spec)) return this.nesting.start(groupId, entry, latest, fired.spec, whole, '');
    return this.enqueue(facts, await composed(() => this.requests.ofCallback(groupId, latest, entry, fired, whole)));
  }

  private enqueue({ version }: CachedGroup, one: Sendable): Promise<void> {
    if (this.recovery.isIdle(one.groupId, version)) return this.sendAll([one]);
    return this.recovery.runOf(one.groupId, version, one.request).then((runId) => {
      if (runId === undefined) return this.sendAll([one]);
      this.sent({ ...one, done: () => undefined }, runId);
    });
  }

  private async fail(publication: Publication, message: string): Promise<void> {
    const { groupId, entry } = publication;
    try {
      const failure = { outcome: 'failed' as const, payload: packFailure(message) };
      const { effects } = await this.completion.storeEnd({ groupId, entry, runId: '' }, failure);
      publication.done(publication);
      await this.publish(groupId, effects);
    } catch (error) {
      // The lease stays, so the reconciler handles the entry again.
      publication.done(publication);
      this.logger.error(
        `could not record that ${publication.request.workflowName} failed (${message}): ${messageOf(error)}`,
      );
    }
  }

  private sent(publication: Publication, runId: string): void {
    const { groupId, entry, request } = publication;
    this.confirmations.add(groupId, entry, runId);
    this.published({ groupId, entry, runId, task: request.workflowName });
    publication.done(publication);
  }

  private async confirm(groupId: string, pairs: readonly string[]): Promise<void> {
    try {
      const { effects } = await this.store.confirm(groupId, pairs);
      // The group was suspended or cancelled while these publications were in progress.
      const entries = pairs.filter((_, i) => i % 2 === 0);
      if (effects.suspended) await this.suspender.withdrawConfirmed(groupId, entries);
      if (effects.status === 'cancelling') await this.canceller.cancelSome(groupId, entries);
    } catch (error) {
      // Unconfirmed entries are published again when their lease expires, and the second run is a duplicate.
      this.logger.warn(`could not confirm ${pairs.length / 2} publications: ${messageOf(error)}`);
    }
  }

  private async endTime(groupId: string): Promise<void> {
    try {
      await this.canceller.cancel(groupId, 'timeout');
    } catch (error) {
      if (this.closed) return;
      const who = await new NameReader(this.reader).group(groupId);
      this.logger.warn(`could not cancel ${who} after its timeoutMs; the reconciler will: ${messageOf(error)}`);
    }
  }
}
