import { PARENT_REPORT } from '../store/entry';
import { pause } from '../utils/clock';
import { packFailure } from '../messages/text';
import { messageOf } from '../utils/error-message';
import type { GroupStore } from '../store/group-store';
import type { Effects } from '../store/replies';
import type { GroupReader } from '../store/group-reader';
import { isGroup, startWithoutMessage, unpackCallback, unpackSpec } from '../store/spec';
import type { Completion } from './completion';
import { KeyCollisions } from './key-collisions';
import type { Confirmations } from './confirmations';
import type { EngineClient } from '../hatchet/client';
import { isLaterStep, type RunInputs } from './run-inputs';
import type { Heartbeat } from './heartbeat';
import type { GroupCache, CachedGroup } from './group-cache';
import type { Nesting } from './nesting';
import type { PendingPublications } from './pending-publications';
import type { RunRecovery } from './run-recovery';
import { RunRequests, type Sendable } from './run-requests';
import { Sender, type Outcomes, type Publication } from './sender';
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

/** The parts that the outbox uses. */
export interface OutboxParts {
  readonly store: GroupStore;
  readonly reader: GroupReader;
  readonly inputs: RunInputs;
  readonly cache: GroupCache;
  readonly completion: Completion;
  readonly nesting: Nesting;
  readonly recovery: RunRecovery;
  readonly confirmations: Confirmations;
  /** Entries that are granted to this process and not yet published. */
  readonly pending: PendingPublications;
  readonly heartbeat: Heartbeat;
  readonly published: PublishedListener;
}

/**
 * Turns granted items and invoked callbacks into runs of the engine: merges the message, sends the publications of this
 * process in bulk calls, and confirms them. An entry stays leased in Redis until it is confirmed, so that nothing is lost
 * when the process dies.
 */
export class Outbox {
  private readonly sender: Sender;
  private readonly requests: RunRequests;
  private closed = false;
  /**
   * The number of bodies that run in this process. The more run, the longer a bulk call may wait for further publications.
   */
  bodies = 0;

  /** @param parts - are read at each use, because some of them need the outbox themselves */
  constructor(
    engine: EngineClient,
    private readonly parts: OutboxParts,
  ) {
    const { store, reader, inputs, heartbeat } = parts;
    const outcomes: Outcomes = {
      bodies: () => this.bodies,
      beat: () => heartbeat.beat(),
      owned: (batch) => heartbeat.owned(batch),
      sent: (publication, runId) => this.sent(publication, runId),
      refused: (publication, message) => void this.fail(publication, message),
    };
    this.sender = new Sender(engine, store, outcomes, new KeyCollisions(engine, reader));
    this.requests = new RunRequests(inputs, store.keys.mark);
  }

  /**
   * Waits until there is room for further publications. Items stay ungranted in Redis until then: granted now, they would
   * only wait in this process.
   * @returns false when the outbox is closed
   */
  async hasRoom(): Promise<boolean> {
    if (this.sender.isFull) await this.sender.whenNotFull();
    return !this.closed;
  }

  /** Marks an entry as published, although the effects of its nested group may still be in progress. */
  markPublished(groupId: string, entry: string): void {
    this.parts.pending.delete(`${groupId} ${entry}`);
  }

  /** Returns whether this process still has to publish an entry. */
  isPending(groupId: string, entry: string): boolean {
    return this.parts.pending.has(`${groupId} ${entry}`);
  }

  /** Returns whether this process still has to publish or confirm an entry. */
  holds(groupId: string, entry: string): boolean {
    return this.isPending(groupId, entry) || this.parts.confirmations.has(groupId, entry);
  }

  /** Returns whether a publication is in progress. */
  get isBusy(): boolean {
    return this.parts.pending.size > 0;
  }

  async close(): Promise<void> {
    this.closed = true;
    this.sender.close();
    await this.parts.confirmations.flush();
  }

  /**
   * Waits until this process has published and confirmed its entries, for at most `commandTimeoutMs`. The reconciler
   * publishes the rest.
   */
  async drain(): Promise<void> {
    const { clock, settings } = this.parts.store;
    const giveUpAt = clock.elapsed() + settings.commandTimeoutMs;
    while (this.parts.pending.size > 0 && !this.closed && clock.elapsed() < giveUpAt) await pause(clock, 10);
    await this.parts.confirmations.flush();
  }

  /** Publishes the items and callbacks that a script has granted. */
  async publish(groupId: string, effects: Effects): Promise<void> {
    const keys = [...effects.grants, ...effects.callbacks].map(({ entry }) => `${groupId} ${entry}`);
    if (keys.length === 0) return;
    const now = this.parts.store.clock.elapsed();
    for (const key of keys) this.parts.pending.add(key, now);
    let record: CachedGroup | undefined;
    try {
      record = await composed(() => this.parts.cache.of(groupId, effects.version));
    } catch (error) {
      // The group's record is needed for each entry, so each counts as one that could not be composed.
      for (const { entry } of [...effects.grants, ...effects.callbacks])
        await this.unpublished(groupId, entry, error).catch(() => undefined);
      throw error instanceof Unpublishable ? error.cause : error;
    } finally {
      if (!record) for (const key of keys) this.parts.pending.delete(key);
    }
    if (!record) return;
    // Each entry has its own promise: when one fails, the others are still in progress.
    const waits: Promise<void>[] = [];
    const known: Sendable[] = [];
    for (const grant of effects.grants) {
      const sendable = this.knownAtOnce(groupId, record, grant);
      if (sendable) known.push(sendable);
      else waits.push(this.underWay(groupId, grant.entry, this.publishItem(groupId, record, grant)));
    }
    for (const { entry, packed } of effects.callbacks)
      waits.push(this.underWay(groupId, entry, this.publishCallback(groupId, record, entry, packed)));
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
        this.parts.pending.delete(`${groupId} ${entry}`);
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
      this.parts.pending.delete(`${groupId} ${entry}`);
    }
  }

  /**
   * Counts a publication that could not be composed. The last permitted one fails the entry with the error's message.
   * @throws the cause of the error, while the reconciler is to try again; any other error, or one of notifying a parent,
   * unchanged
   */
  private async unpublished(groupId: string, entry: string, error: unknown): Promise<void> {
    if (!(error instanceof Unpublishable) || entry === PARENT_REPORT) throw error;
    const payload = packFailure(`it could not be published: ${error.message}`);
    const code = await this.parts.completion.failPublication({ groupId, entry }, maxPublications, payload);
    if (code !== 'ended') throw error.cause;
  }

  /**
   * The request of an item that needs no read from Redis. Undefined for every other item, and for one that can't be
   * unpacked.
   */
  private knownAtOnce(groupId: string, record: CachedGroup, grant: Effects['grants'][number]): Sendable | undefined {
    if (!this.parts.recovery.isIdle(groupId, record.version) || isLaterStep(record, grant.entry)) return undefined;
    try {
      const spec = unpackSpec(grant.spec);
      return isGroup(spec) ? undefined : this.requests.ofItem(groupId, record, grant, { spec });
    } catch {
      // `publishItem` unpacks it again and handles the error.
      return undefined;
    }
  }

  private async publishItem(groupId: string, record: CachedGroup, grant: Effects['grants'][number]): Promise<void> {
    const { entry, message } = grant;
    const later = isLaterStep(record, entry);
    const { spec, input } = await composed(async () => {
      const spec = unpackSpec(grant.spec);
      if (later) return { spec, input: await this.parts.inputs.ofStep(groupId, entry, spec) };
      const whole = isGroup(spec) && message !== startWithoutMessage;
      return { spec, input: whole ? this.parts.inputs.ofItem(record, spec, message) : undefined };
    });
    if (isGroup(spec)) {
      const given = message === startWithoutMessage ? undefined : input;
      return this.parts.nesting.start(groupId, entry, { record, spec, input: given, own: message });
    }
    return this.enqueue(record, await composed(() => this.requests.ofItem(groupId, record, grant, { spec, input })));
  }

  private async publishCallback(groupId: string, record: CachedGroup, entry: string, packed: string): Promise<void> {
    if (entry === PARENT_REPORT) return this.parts.nesting.notifyParent(groupId);
    const { fired, latest, whole } = await composed(async () => {
      // Results and failures grow until the group ends, so the cached record is not used.
      const latest = (await this.parts.reader.record(groupId)) ?? record;
      const whole = await this.parts.inputs.ofInvokedCallback(groupId, latest, entry, packed);
      return { fired: unpackCallback(packed), latest, whole };
    });
    if (isGroup(fired.spec))
      return this.parts.nesting.start(groupId, entry, { record: latest, spec: fired.spec, input: whole, own: '' });
    return this.enqueue(
      record,
      await composed(() => this.requests.ofCallback(groupId, latest, entry, { fired, whole })),
    );
  }

  private enqueue({ version }: CachedGroup, one: Sendable): Promise<void> {
    if (this.parts.recovery.isIdle(one.groupId, version)) return this.sendAll([one]);
    return this.parts.recovery.runOf(one.groupId, version, one.request).then((runId) => {
      if (runId === undefined) return this.sendAll([one]);
      this.sent({ ...one, done: () => undefined }, runId);
    });
  }

  private async fail(publication: Publication, message: string): Promise<void> {
    const { groupId, entry } = publication;
    try {
      const failure = { outcome: 'failed' as const, payload: packFailure(message) };
      await this.parts.completion.complete({ groupId, entry, runId: '' }, failure, () => publication.done(publication));
    } catch (error) {
      // The lease stays, so the reconciler handles the entry again.
      publication.done(publication);
      this.parts.store.settings.logger.error(
        `could not record that ${publication.request.workflowName} failed (${message}): ${messageOf(error)}`,
      );
    }
  }

  private sent(publication: Publication, runId: string): void {
    const { groupId, entry, request } = publication;
    this.parts.confirmations.add(groupId, entry, runId);
    this.parts.published({ groupId, entry, runId, task: request.workflowName });
    publication.done(publication);
  }
}
