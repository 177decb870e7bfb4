import { detached } from '../detached';
import { messageOf } from '../errors';
import type { Events } from '../events';
import type { MageflowLogger } from '../options';
import { claimToken, type GroupStore } from '../store/group-store';
import type { Work } from '../store/replies';
import type { GroupFacts, GroupReader } from '../store/group-reader';
import { firingId, itemId } from '../store/ids';
import { mergeRunOptions, unpackCallback, unpackMessage, unpackSpec, type Spec } from '../store/spec';
import { Canceller } from './canceller';
import { Deadlines } from './deadlines';
import { writeMetadata, type Claim } from './claim';
import { tellEndAt } from './tell-end';
import { PublishError, type Engine, type RunRequest } from './engine';
import { isLaterStep, type Inputs } from './inputs';
import { aboveEntries, Nesting, startOnly } from './nesting';
import { Retrier } from './retrier';
import type { Served } from './served';
import { Suspender } from './suspender';

const maxRunsPerCall = 500;
const maxBytesPerCall = 3.5 * 1024 * 1024;
const callsInFlight = 2;
const factsCached = 500;

interface Publication {
  groupId: string;
  entry: string;
  request: RunRequest;
  bytes: number;
  done: () => void;
}

/** A run that the engine took. */
export interface Published {
  groupId: string;
  entry: string;
  runId: string;
  task: string;
}

/** Told of each run that was published: for those who wait for its id, and to watch what no wrapper reports. */
export type PublishedListener = (published: Published) => void;

/**
 * Turns what the scripts grant into runs of the engine: merges the message, coalesces what the process has to publish
 * into bulk calls, and confirms. Work stays leased in Redis until then, so that nothing is lost with the process.
 */
export class Publisher {
  private readonly queue: Publication[] = [];
  /** Granted to this process and not yet published. */
  private readonly pending = new Set<string>();
  private readonly confirmations = new Map<string, string[]>();
  private readonly facts = new Map<string, GroupFacts & { version: string }>();
  private confirmTimer: NodeJS.Timeout | undefined;
  private flushTimer: NodeJS.Timeout | undefined;
  private calls = 0;
  private closed = false;
  /** How many bodies run in this process: the more, the longer it is worth waiting for company. */
  bodies = 0;
  readonly canceller: Canceller;
  readonly nesting: Nesting;
  readonly retrier: Retrier;
  readonly suspender: Suspender;
  readonly deadlines: Deadlines;

  constructor(
    private readonly engine: Engine,
    private readonly store: GroupStore,
    private readonly reader: GroupReader,
    private readonly inputs: Inputs,
    private readonly logger: MageflowLogger,
    private readonly published: PublishedListener,
    served: Served,
    private readonly events: Events,
  ) {
    const publish = (groupId: string, work: Work) => this.publish(groupId, work);
    this.canceller = new Canceller(engine, store, reader, events, publish);
    this.retrier = new Retrier(store, reader, publish);
    this.suspender = new Suspender(store, reader, served, publish);
    this.nesting = new Nesting(store, reader, this, events, publish);
    this.deadlines = new Deadlines((groupId) => {
      void this.leftToUpkeep(`the end of the time of ${groupId}`, this.canceller.cancel(groupId, 'timeout'));
    });
  }

  /** Publishes what a script handed out. Resolves when the engine has all of it (or it failed for good and was settled). */
  async publish(groupId: string, work: Work): Promise<void> {
    let current = work;
    const waits: Promise<unknown>[] = [];
    for (;;) {
      const wait = this.publishOnce(groupId, current);
      // Awaited below; until then, or when the next grant throws, its rejection would count as unhandled.
      wait.catch(() => undefined);
      waits.push(wait);
      if (!current.more) break;
      current = (await this.store.grant(groupId)).work;
    }
    if (work.closing) waits.push(this.nesting.closeChildren(groupId, work.closing));
    if (work.expiring) waits.push(this.store.expireResults(groupId, work.total));
    if (work.timeLeft !== undefined) waits.push(this.watchTime(groupId, work.timeLeft));
    if (work.withdrawn.length > 0) waits.push(this.engine.cancel(work.withdrawn));
    waits.push(this.nesting.follow(groupId, work));
    await Promise.all(waits);
  }

  /** Has a group end when its time is over, by this process or another one. */
  async watchTime(groupId: string, timeLeft: number): Promise<void> {
    this.deadlines.set(groupId, timeLeft);
    await this.store.register(groupId, timeLeft);
  }

  /** Whether this process still has an entry to publish. */
  isPending(groupId: string, entry: string): boolean {
    return this.pending.has(`${groupId} ${entry}`);
  }

  /** Whether this process still has an entry to publish, or to confirm. */
  holds(groupId: string, entry: string): boolean {
    return this.isPending(groupId, entry) || this.confirmations.get(groupId)?.includes(entry) === true;
  }

  /** Confirmations for a group that wait to be sent; whoever takes them sends them. */
  takeConfirmations(groupId: string): string[] {
    const pairs = this.confirmations.get(groupId);
    if (!pairs) return [];
    this.confirmations.delete(groupId);
    return pairs;
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.confirmTimer);
    clearTimeout(this.flushTimer);
    this.deadlines.close();
    // What is left stays leased in Redis; nobody here waits for it any more.
    for (const { done } of this.queue.splice(0)) done();
    await this.confirm();
  }

  private async publishOnce(groupId: string, work: Work): Promise<void> {
    if (work.grants.length + work.callbacks.length === 0) return;
    const facts = this.factsOf(groupId, work.version);
    await Promise.all([
      ...work.grants.map((grant) =>
        this.underWay(groupId, grant.entry, facts, (known) => this.publishItem(groupId, known, grant)),
      ),
      ...work.callbacks.map(({ entry, packed }) =>
        this.underWay(groupId, entry, facts, (known) => this.publishCallback(groupId, known, entry, packed)),
      ),
    ]);
  }

  /** An entry is pending while this process is at it, and upkeep's from then on, also when Redis can't be read. */
  private async underWay(
    groupId: string,
    entry: string,
    facts: Promise<GroupFacts | undefined>,
    publish: (facts: GroupFacts) => Promise<void>,
  ): Promise<void> {
    const key = `${groupId} ${entry}`;
    this.pending.add(key);
    try {
      const known = await facts;
      if (known) await publish(known);
    } finally {
      this.pending.delete(key);
    }
  }

  private async publishItem(
    groupId: string,
    facts: GroupFacts,
    { entry, spec: packed, message }: Work['grants'][number],
  ): Promise<void> {
    const spec = unpackSpec(packed);
    const later = isLaterStep(facts, entry);
    if (spec.group !== undefined && spec.group !== 'root') {
      const input = () => (later ? this.inputs.ofStep(groupId, entry, spec) : this.inputs.ofItem(facts, spec, message));
      return this.nesting.start(
        groupId,
        entry,
        facts,
        spec,
        message === startOnly ? undefined : await input(),
        message,
      );
    }
    const whole = later ? await this.inputs.ofStep(groupId, entry, spec) : this.inputs.ofItem(facts, spec, message);
    const known = later ? undefined : (packed.length + message.length + (facts.message?.length ?? 0)) * 3;
    const input = this.inputs.toSend(whole, known);
    const options = mergeRunOptions(spec.options, unpackMessage(message).options);
    if (options) spec.options = options;
    const bytes = known === undefined ? JSON.stringify(input).length : known / 3;
    return this.enqueue(groupId, entry, this.request(groupId, facts, entry, spec, input), bytes);
  }

  private async publishCallback(groupId: string, facts: GroupFacts, entry: string, packed: string): Promise<void> {
    if (entry === 'p') return this.nesting.tellParent(groupId);
    const fired = unpackCallback(packed);
    // Results and failures grow until the group ends: never from the cache.
    const latest = (await this.reader.facts(groupId)) ?? facts;
    const whole = await this.inputs.ofCallback(groupId, latest, fired);
    if (fired.spec.group === 'chain' || fired.spec.group === 'swarm')
      return this.nesting.start(groupId, entry, latest, fired.spec, whole, '');
    const input = this.inputs.toSend(whole);
    const request = this.request(groupId, latest, entry, fired.spec, input, fired);
    return this.enqueue(groupId, entry, request, JSON.stringify(input).length);
  }

  private request(
    groupId: string,
    facts: GroupFacts,
    entry: string,
    spec: Spec,
    input: Record<string, unknown>,
    callback?: { kind: 'success' | 'error'; source: string },
  ): RunRequest {
    const grouped = facts.kind !== 'task';
    const item = !callback;
    const above = aboveEntries(groupId, facts);
    const claim: Claim = { groupId, entry, token: claimToken(facts.secret, entry), source: callback?.source ?? '' };
    const metadata = {
      signature: spec.id ?? (callback ? firingId(groupId, entry) : grouped ? itemId(groupId, Number(entry)) : groupId),
      swarm: above.swarm ?? '',
      swarmName: above.swarmName ?? '',
      index: grouped && item ? entry : '',
      chain: above.chain ?? '',
      root: above.root ?? '',
      callback: callback?.kind ?? ('' as const),
      name: spec.name ?? spec.task,
    };
    // What a task by itself was run with counts more than what it was signed with.
    const given = grouped ? [facts.options, spec.options] : [spec.options, facts.options];
    const options = item ? mergeRunOptions(...given) : spec.options;
    const { parentRun, parentTask } = above;
    return {
      workflowName: spec.task,
      input,
      additionalMetadata: writeMetadata(metadata, claim),
      options,
      ...(item && parentRun && parentTask
        ? { parent: { runId: parentRun, taskRunId: parentTask, index: Number(entry) } }
        : {}),
    };
  }

  private enqueue(groupId: string, entry: string, request: RunRequest, bytes: number): Promise<void> {
    return new Promise((resolve) => {
      this.queue.push({ groupId, entry, request, bytes: bytes + 1000, done: resolve });
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.queue.length === 0 || this.calls >= callsInFlight || this.closed) return;
    if (this.queue.length >= maxRunsPerCall) return void this.flush();
    this.flushTimer ??= detached(() => setTimeout(() => void this.flush(), this.window()));
  }

  /** How long to wait for company, in ms: nothing while little is going on. */
  private window(): number {
    if (this.bodies <= 1) return 0;
    return Math.min(10, this.bodies);
  }

  private async flush(): Promise<void> {
    clearTimeout(this.flushTimer);
    this.flushTimer = undefined;
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
      await this.send(batch);
    } finally {
      this.calls -= 1;
      this.schedule();
    }
  }

  private async send(batch: readonly Publication[]): Promise<void> {
    for (let attempt = 0; !this.closed; attempt++) {
      try {
        const runIds = await this.engine.publish(batch.map((publication) => publication.request));
        batch.forEach((publication, i) => this.sent(publication, runIds[i] ?? ''));
        return;
      } catch (error) {
        if (error instanceof PublishError && error.kind === 'permanent') return this.bisect(batch, error);
        await this.waitForEngine(attempt, error);
      }
    }
    for (const { done } of batch) done();
  }

  private async bisect(batch: readonly Publication[], error: PublishError): Promise<void> {
    const [single] = batch;
    if (batch.length > 1) {
      const middle = Math.ceil(batch.length / 2);
      await this.send(batch.slice(0, middle));
      return this.send(batch.slice(middle));
    }
    if (single?.request.parent) {
      // The run that it was to be shown under may be gone.
      const { parent: _parent, ...request } = single.request;
      return this.send([{ ...single, request }]);
    }
    if (single) await this.fail(single, `the engine refused to run ${single.request.workflowName}: ${error.message}`);
  }

  private async fail(publication: Publication, message: string): Promise<void> {
    const { groupId, entry } = publication;
    try {
      const { work } = await this.store.settle(groupId, entry, '', 'failed', JSON.stringify({ message }));
      publication.done();
      await tellEndAt(this.events, this.reader, { groupId, entry }, work);
      await this.publish(groupId, work);
    } catch (error) {
      // Its lease stays: upkeep comes back to it.
      publication.done();
      this.logger.error(
        `mageflow: could not record that ${publication.request.workflowName} failed (${message}): ${messageOf(error)}`,
      );
    }
  }

  private sent({ groupId, entry, request, done }: Publication, runId: string): void {
    this.toConfirm(groupId, entry, runId);
    this.published({ groupId, entry, runId, task: request.workflowName });
    done();
  }

  private toConfirm(groupId: string, entry: string, runId: string): void {
    const pairs = this.confirmations.get(groupId);
    if (pairs) pairs.push(entry, runId);
    else this.confirmations.set(groupId, [entry, runId]);
    this.confirmTimer ??= detached(() => setTimeout(() => void this.confirm(), 50));
  }

  private async confirm(): Promise<void> {
    this.confirmTimer = undefined;
    const all = [...this.confirmations];
    this.confirmations.clear();
    await Promise.all(
      all.map(async ([groupId, pairs]) => {
        try {
          const { work } = await this.store.confirm(groupId, pairs);
          // Suspended or cancelled while they were on the way.
          if (work.suspended) await this.suspender.withdraw(groupId);
          if (work.status === 'cancelling') await this.canceller.cancelRunning(groupId);
        } catch (error) {
          // Unconfirmed, they are published again when their lease is over, and the second run finds itself a duplicate.
          this.logger.warn(`mageflow: could not confirm ${pairs.length / 2} publications: ${messageOf(error)}`);
        }
      }),
    );
  }

  private async leftToUpkeep(what: string, work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (!this.closed) this.logger.warn(`mageflow: ${what} is left to upkeep: ${messageOf(error)}`);
    }
  }

  private async waitForEngine(attempt: number, error: unknown): Promise<void> {
    if (attempt % 10 === 0)
      this.logger.warn(`mageflow: the engine does not take runs: ${messageOf(error)}. It is tried again.`);
    // Nobody takes over what a living process has to publish; Redis may be away as well, then the lease decides.
    await this.store
      .beat()
      .catch((reason: unknown) => this.logger.warn(`mageflow: no heartbeat: ${messageOf(reason)}`));
    await new Promise((resolve) => setTimeout(resolve, Math.min(5_000, 100 * 2 ** attempt)));
  }

  private async factsOf(groupId: string, version: string): Promise<GroupFacts | undefined> {
    const cached = this.facts.get(groupId);
    if (cached?.version === version) return cached;
    const facts = await this.reader.facts(groupId);
    if (!facts) return undefined;
    this.facts.delete(groupId);
    this.facts.set(groupId, { ...facts, version });
    if (this.facts.size > factsCached) {
      for (const oldest of this.facts.keys()) {
        this.facts.delete(oldest);
        break;
      }
    }
    return facts;
  }
}
