import { runOutsideContext } from '../utils/outside-context';
import type { Events } from '../config/events';
import { forEachConcurrently } from '../utils/for-each-concurrently';
import { withTimeout } from '../utils/timeout';
import type { MageflowLogger } from '../config/options';
import { messageOf } from '../utils/error-message';
import type { GroupStore } from '../store/group-store';
import type { SignatureIndex } from '../store/signature-index';
import type { DueReply } from '../store/replies';
import { isEnded, type GroupReader } from '../store/group-reader';
import { unpackCallback, unpackHead } from '../store/spec';
import { NameReader } from './name-reader';
import type { Publisher } from './publisher';
import type { Remover } from './remover';
import type { TaskRegistry } from './task-registry';
import type { RunReconciler } from './run-reconciler';
import { maxPublications } from './unpublishable';

/** How many groups are reconciled at once, and how many entries of each. */
const groupsAtOnce = 50;
const entriesAtOnce = 100;
/** How many entries one script call scans for unpublished ones, and how many of these one call takes over. */
const lookedAtOnce = 1_000;
const takenOverAtOnce = 200;

type Due = DueReply['entries'][number];

/**
 * The loop that completes work that no other process completes. It asks the engine about entries whose lease has expired,
 * and takes over entries that a dead process had to publish. It runs in the processes of workers; one of them at a time
 * handles a group.
 */
export class Reconciler {
  private timer: NodeJS.Timeout | undefined;
  private heartbeatTimer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private users = 0;
  /** Counts the starts, so that a stopped loop can detect that another one has replaced it. */
  private loop = 0;
  private readonly busy = new Set<string>();
  private readonly names: NameReader;

  constructor(
    private readonly store: GroupStore,
    private readonly reader: GroupReader,
    private readonly publisher: Publisher,
    private readonly settler: RunReconciler,
    private readonly served: TaskRegistry,
    private readonly remover: Remover,
    private readonly locations: SignatureIndex,
    private readonly events: Events,
    private readonly logger: MageflowLogger,
  ) {
    this.names = new NameReader(reader);
  }

  /** Starts the loop, if it does not run yet. Each start needs a stop. */
  start(): void {
    this.users += 1;
    if (this.users !== 1) return;
    this.loop += 1;
    this.schedule(this.loop, 0);
    // The heartbeat has its own timer: a slow pass must not make this process look dead.
    this.heartbeatTimer = runOutsideContext(() => setInterval(() => void this.beat(), this.store.settings.leaseMs / 3));
  }

  async stop(): Promise<void> {
    if (this.users === 0) return;
    this.users -= 1;
    if (this.users === 0) await this.close();
  }

  /** Stops the loop for good, however often it was started. */
  async close(): Promise<void> {
    this.users = 0;
    clearTimeout(this.timer);
    clearInterval(this.heartbeatTimer);
    await this.running;
  }

  private schedule(loop: number, delay: number): void {
    this.timer = runOutsideContext(() =>
      setTimeout(() => {
        this.running = this.running
          // The timer may belong to a loop that was stopped meanwhile.
          .then(() => (this.loop === loop && this.users > 0 ? this.pass() : undefined))
          .catch((error: unknown) =>
            this.logger.warn(`a pass of the reconciler failed, the next one retries: ${messageOf(error)}`),
          )
          .then(() => {
            // Random intervals spread processes that were started together, so that they don't all query Redis at once.
            if (this.loop === loop && this.users > 0)
              this.schedule(loop, this.store.settings.reconcileIntervalMs * (0.75 + Math.random() / 4));
          });
      }, delay),
    );
  }

  private async pass(): Promise<void> {
    // Not awaited: it may wait for the engine, and the rest of the pass must not.
    void this.publisher.recovery.ready();
    await Promise.all([this.publisher.heartbeat.beat(), this.served.announce()]);
    await this.logAndContinue(async () => 'the catalog', this.store.topLevelIndex.sweep());
    await forEachConcurrently(groupsAtOnce, this.dueGroups(), ([index, id]) => this.reconcileGroupBriefly(index, id));
  }

  private async *dueGroups(): AsyncGenerator<[index: string, id: string]> {
    for (const index of this.store.keys.dueIndexes()) {
      for (;;) {
        const due = (await this.store.redis.call(
          'takeDue',
          [index],
          [this.store.settings.leaseMs * 2, groupsAtOnce],
        )) as string[];
        for (const id of due) yield [index, id];
        if (due.length < groupsAtOnce || this.users === 0) break;
      }
    }
  }

  private beat(): Promise<void> {
    return this.logAndContinue(async () => 'the heartbeat', this.publisher.heartbeat.beat());
  }

  /**
   * Logs an error of the work instead of throwing it.
   * @param name - called only after an error; not awaited, because Redis may be unavailable
   */
  private async logAndContinue(name: () => Promise<string>, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      void name().then((what) =>
        this.logger.warn(`reconciling ${what} failed and will be retried: ${messageOf(error)}`),
      );
    }
  }

  /**
   * Waits for one group for at most a lease, because a slow one (the engine accepts no runs, for example) must not delay the
   * others. Its work continues, and the group is skipped until that work has ended.
   */
  private async reconcileGroupBriefly(index: string, id: string): Promise<void> {
    if (this.busy.has(id)) return;
    this.busy.add(id);
    const work = this.logAndContinue(() => this.names.group(id), this.reconcileGroup(index, id)).finally(() =>
      this.busy.delete(id),
    );
    await withTimeout(id, this.store.settings.leaseMs, work).catch(() => undefined);
  }

  private async reconcileGroup(index: string, id: string): Promise<void> {
    const due = await this.store.takeDue(id, entriesAtOnce);
    // Another process has ended the group.
    if (due.status === 'missing' || isEnded(due.status)) this.publisher.deadlines.drop(id);
    if (due.status === 'missing') {
      await this.remover.rest(id);
      return this.leave(index, id);
    }
    if (!isInUse(due)) return this.retire(index, id, due);
    // A group in which nothing is in progress is checked half as often.
    if (!isIdle(due)) await this.store.register(id, due.next);
    await this.entries(id, due);
    const { nesting, canceller, suspender, retrier } = this.publisher;
    if (due.hold) await nesting.retainChildren(id);
    const { status, nested } = due;
    await nesting.cascadeStop(id, { status, cascade: nested });
    if (due.retrying) await retrier.complete(id);
    if (due.retaining) await retrier.retain(id, due.total);
    if (due.toSpread) await suspender.propagate(id);
    if (due.timeLeft !== undefined) await this.publisher.watchTime(id, due.timeLeft);
    if (due.renew) await this.locations.renew(id);
    if (due.abandoned && status !== 'pending') await canceller.cancel(id, 'abandoned');
    if (due.status === 'cancelling') await canceller.cancelRunning(id);
    if (due.more) await this.publisher.publish(id, (await this.store.grant(id)).effects);
  }

  /** Handles every entry whose lease has expired, however many there are. */
  private async entries(id: string, due: DueReply): Promise<void> {
    const granted = due.entries.filter(isGranted);
    const more = due.entries.length === entriesAtOnce;
    // A granted entry starts as soon as it is published. It must not wait until the engine was asked about all the others.
    const first = this.logAndContinue(
      async () => `the granted items of ${await this.names.group(id)}`,
      more ? this.allLeft(id, granted, due.now) : this.left(id, granted),
    );
    // Errors are caught per entry: one that can't be handled now must not delay the others.
    await forEachConcurrently(entriesAtOnce, this.dueEntries(id, due, first), (one) =>
      this.logAndContinue(() => this.names.entry(id, one.entry), this.entry(id, one)),
    );
    await first;
  }

  private async *dueEntries(id: string, due: DueReply, first: Promise<void>): AsyncGenerator<Due> {
    yield* this.whileStarted(due.entries.filter((one) => !isGranted(one)));
    for (let taken = due.entries.length; taken === entriesAtOnce && this.users > 0;) {
      await first;
      const { entries } = await this.store.takeDue(id, entriesAtOnce, due.now);
      yield* this.whileStarted(entries);
      taken = entries.length;
    }
  }

  /** Entries that remain when the reconciler is stopped are due again after their lease, for other processes. */
  private *whileStarted(entries: readonly Due[]): Generator<Due> {
    for (const one of entries) {
      if (this.users === 0) return;
      yield one;
    }
  }

  /** Handles every granted entry of a group in which many entries are due. */
  private async allLeft(id: string, granted: readonly Due[], until: number): Promise<void> {
    await this.left(id, granted);
    for (let passed = 0, looked = lookedAtOnce; looked === lookedAtOnce && this.users > 0;) {
      const part = await this.store.takeLeft(id, passed, lookedAtOnce, until);
      await this.left(id, part.entries);
      looked = part.looked;
      passed += looked - part.entries.length;
    }
  }

  private async entry(id: string, due: Due): Promise<void> {
    if (isGranted(due)) return this.left(id, [due]);
    if (due.cancelled) await this.publisher.canceller.cancelEntry(id, due.entry);
    if (due.state === 'returned' || due.runId.startsWith('g:')) return this.nested(id, due);
    const task = await this.taskOf(id, due.entry);
    if (task === undefined) return;
    const state = await this.settler.completeIfEnded(id, due.entry, due.runId, task);
    if (state.end && !state.goesOn)
      await this.reportRepair(id, due, (who) => `completed ${who} from the engine's record of its run`);
    if (!state.known) return this.lost(id, due, task);
    // A run may wait for a worker or between attempts for any time. It is checked again in case it does not recover.
    if (!state.end) await this.store.renew(id, [due.entry], this.store.settings.leaseMs * 3);
  }

  /** Handles an entry that is a nested group, or a root that waits for its children. */
  private async nested(id: string, due: Due): Promise<void> {
    const { nesting } = this.publisher;
    if (due.state === 'returned') await nesting.closeChildren(id, due);
    if (await nesting.reconcileChild(id, due.entry, due.state === 'returned' ? due.child : due.runId.slice(2)))
      await this.store.renew(id, [due.entry], this.store.settings.leaseMs * 3);
  }

  /**
   * Handles entries that were granted a lease ago and are not published. Entries of a dead process are published here;
   * entries of a live one are checked again later.
   */
  private async left(id: string, granted: readonly Due[]): Promise<void> {
    const processes = new Map<string, Due[]>();
    for (const due of granted) {
      const held = processes.get(due.process);
      if (held) held.push(due);
      else processes.set(due.process, [due]);
    }
    await Promise.all([...processes].map(([process, held]) => this.leftBy(process, id, held)));
  }

  private async leftBy(process: string, id: string, granted: readonly Due[]): Promise<void> {
    if (process !== this.store.process) {
      const aliveFor = await this.publisher.stalls.ownsFor(process);
      return aliveFor === 0 ? this.publishAgain(id, granted) : this.askLater(id, granted, aliveFor);
    }
    const held = granted.filter(({ entry }) => this.publisher.holds(id, entry));
    const lost = granted.filter(({ entry }) => !this.publisher.holds(id, entry));
    await Promise.all([this.askLater(id, held, this.store.settings.leaseMs), this.publishAgain(id, lost)]);
  }

  /** Checks the entries again when their process may turn out to be dead, rather than a whole lease later. */
  private async askLater(id: string, granted: readonly Due[], inMs: number): Promise<void> {
    if (granted.length === 0) return;
    const entries = granted.map(({ entry }) => entry);
    await this.store.renew(id, entries, inMs);
    await this.store.register(id, inMs);
  }

  /** Handles a run that the engine does not know, a lease after it was published or last seen. */
  private async lost(id: string, due: Due, task: string): Promise<void> {
    if (due.state === 'running') {
      return this.fail(id, due, `the engine has no run ${due.runId} any more, in which it was running`);
    }
    if (await this.settler.failIfUnknownName(id, due.entry, due.runId, task)) return;
    if (due.publications >= maxPublications) {
      return this.fail(id, due, `the engine accepted ${maxPublications} runs of it and has none of them any more`);
    }
    await this.publishAgain(id, [due]);
  }

  private async fail(id: string, due: Due, message: string): Promise<void> {
    await this.settler.fail(id, due.entry, due.runId, message);
    await this.reportRepair(id, due, (who) => `failed ${who}: ${message}`);
  }

  private async reportRepair(groupId: string, { entry }: Due, message: (who: string) => string): Promise<void> {
    if (!this.events.hasListener('repair')) return;
    const who = await this.names.entry(groupId, entry);
    this.events.emit('repair', { groupId, entry, message: message(who) });
  }

  /** Publishes entries again. While one part is published, only the next part is taken over. */
  private async publishAgain(id: string, left: readonly Due[]): Promise<void> {
    let publication: Promise<void> = Promise.resolve();
    for (let from = 0; from < left.length;) {
      const part = left.slice(from, from + takenOverAtOnce);
      const { expected, effects } = await this.store.regrantSome(id, part);
      from += expected.length;
      const told = this.reportRepublished(
        id,
        part.filter((_, i) => expected[i]),
      );
      await publication;
      // Errors are caught per part: one that can't be published must not delay the parts that are still to be taken over.
      publication = this.logAndContinue(
        async () => `the unpublished items of ${await this.names.group(id)}`,
        this.publisher.publish(id, effects),
      );
      await told;
    }
    await publication;
  }

  private async reportRepublished(id: string, left: readonly Due[]): Promise<void> {
    const names = await this.names.entries(
      id,
      left.map(({ entry }) => entry),
    );
    left.forEach((due, i) => {
      const message = `publishing ${names[i] ?? ''} again, which process ${due.process} left ${due.state}`;
      this.logger.info(message);
      this.events.emit('repair', { groupId: id, entry: due.entry, message });
    });
  }

  private async taskOf(id: string, entry: string): Promise<string | undefined> {
    if (entry.startsWith('c')) {
      const packed = await this.reader.callback(id, entry);
      return packed === undefined ? undefined : unpackCallback(packed).spec.task;
    }
    const [head] = await this.reader.heads(id, [entry]);
    return head ? unpackHead(head).task : undefined;
  }

  private async retire(index: string, id: string, { forgetAt, nested, total, now }: DueReply): Promise<void> {
    // A nested group expires with the group that contains it.
    if (forgetAt === undefined) return this.leave(index, id);
    const over = forgetAt <= now;
    // Only the outermost group sets when the groups below it expire.
    if (nested) await this.publisher.nesting.releaseBelow(id, total);
    else if (!over) await this.store.expireResults(id, total);
    if (over && (await this.store.forget(id, total))) return this.leave(index, id);
    await this.store.redis.use('zadd', (client) => client.zadd(index, 'XX', forgetAt, id));
    if ((await this.store.due(id, 0)).forgetAt !== undefined) return;
    // The group was retried meanwhile. It needs the groups below it again, and the reconciler must check it.
    await this.publisher.retrier.retainTree(id);
    await this.store.register(id);
  }

  /** Takes a group out of the index, unless it was released, retried or created again meanwhile. */
  private async leave(index: string, id: string): Promise<void> {
    const score = await this.store.redis.use('zscore', (client) => client.zscore(index, id));
    const then = await this.store.due(id, 0);
    if (then.forgetAt !== undefined || isInUse(then)) return this.store.register(id);
    if (score !== null) await this.store.redis.call('unindexGroups', [index], [id, score]);
  }
}

/** Returns whether a group has nothing in progress, and no work for the reconciler. */
function isIdle({ status, entries, next, more, hold, toSpread, retrying }: DueReply): boolean {
  const stopping = status === 'stopping' || status === 'cancelling';
  return entries.length === 0 && next === undefined && !(more || hold || toSpread || retrying || stopping);
}

function isGranted({ state }: Due): boolean {
  return state === 'granted';
}

/** Returns whether a group or any of its callbacks is still in progress. */
function isInUse({ status, active, retaining }: DueReply): boolean {
  return status !== 'missing' && (!isEnded(status) || active > 0 || retaining);
}
