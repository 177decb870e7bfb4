import { detached } from '../detached';
import { messageOf } from '../errors';
import type { Events } from '../events';
import { inTime } from '../in-time';
import type { MageflowLogger } from '../options';
import type { GroupStore } from '../store/group-store';
import type { Locations } from '../store/locations';
import type { DueReply } from '../store/replies';
import { isEnded, type GroupReader } from '../store/group-reader';
import { unpackCallback, unpackSpec } from '../store/spec';
import type { Publisher } from './publisher';
import type { Remover } from './remover';
import type { Served } from './served';
import type { Settler } from './settler';

const groupsPerPass = 50;
const entriesPerGroup = 100;
const maxPublications = 3;

type Due = DueReply['entries'][number];

/**
 * Looks after what nobody else does: leases that ran out are asked about, and what a dead process left is taken over.
 * Runs in workers' processes; a group is looked after by one of them at a time.
 */
export class Upkeep {
  private timer: NodeJS.Timeout | undefined;
  private heart: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private users = 0;
  private readonly busy = new Set<string>();

  constructor(
    private readonly store: GroupStore,
    private readonly reader: GroupReader,
    private readonly publisher: Publisher,
    private readonly settler: Settler,
    private readonly served: Served,
    private readonly remover: Remover,
    private readonly locations: Locations,
    private readonly events: Events,
    private readonly logger: MageflowLogger,
  ) {}

  /** Starts it; each start needs a stop. */
  start(): void {
    this.users += 1;
    if (this.users !== 1) return;
    this.schedule(0);
    // By itself: a pass that takes long must not make this process look dead.
    this.heart = detached(() => setInterval(() => void this.beat(), this.store.settings.leaseMs / 3));
  }

  async stop(): Promise<void> {
    if (this.users === 0) return;
    this.users -= 1;
    if (this.users === 0) await this.close();
  }

  /** Stops it for good, whoever started it. */
  async close(): Promise<void> {
    this.users = 0;
    clearTimeout(this.timer);
    clearInterval(this.heart);
    await this.running;
  }

  private schedule(delay: number): void {
    this.timer = detached(() =>
      setTimeout(() => {
        this.running = this.pass()
          .catch((error: unknown) => this.logger.warn(`mageflow: upkeep is put off: ${messageOf(error)}`))
          .then(() => {
            // Processes that were started together drift apart, so that they don't ask all at once.
            if (this.users > 0) this.schedule(this.store.settings.reconcileIntervalMs * (0.75 + Math.random() / 4));
          });
      }, delay),
    );
  }

  private async pass(): Promise<void> {
    // It may wait for the engine, and nothing else has to.
    void this.publisher.recall.ready();
    await Promise.all([this.publisher.heart.beat(), this.served.announce()]);
    await this.putOff('the catalog', this.store.catalog.sweep());
    for (const index of this.store.keys.upkeepIndexes()) {
      for (;;) {
        const due = (await this.store.redis.call(
          'takeDue',
          [index],
          [this.store.settings.leaseMs * 2, groupsPerPass],
        )) as string[];
        await Promise.all(due.map((id) => this.lookAfterBriefly(index, id)));
        if (due.length < groupsPerPass || this.users === 0) break;
      }
    }
  }

  private beat(): Promise<void> {
    return this.putOff('the heartbeat', this.publisher.heart.beat());
  }

  private async putOff(what: string, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.logger.warn(`mageflow: upkeep of ${what} is put off: ${messageOf(error)}`);
    }
  }

  /**
   * One group that takes long, as the engine takes no runs for example, must not keep the others waiting. It goes on, and
   * nothing is begun with it meanwhile.
   */
  private async lookAfterBriefly(index: string, id: string): Promise<void> {
    if (this.busy.has(id)) return;
    this.busy.add(id);
    const work = this.putOff(id, this.lookAfter(index, id)).finally(() => this.busy.delete(id));
    await inTime(id, this.store.settings.leaseMs, work).catch(() => undefined);
  }

  private async lookAfter(index: string, id: string): Promise<void> {
    const due = await this.store.due(id, entriesPerGroup);
    if (due.status === 'missing') {
      await this.remover.rest(id);
      return this.leave(index, id);
    }
    if (isEnded(due.status) && due.active === 0) return this.retire(index, id, due);
    // One in which nothing is under way is looked at half as often.
    if (!isIdle(due)) await this.store.register(id, due.entries.length === entriesPerGroup ? 0 : due.next);
    // Each by itself: one that can't be looked after now must not keep the others waiting.
    await Promise.all(due.entries.map((entry) => this.putOff(`entry ${entry.entry} of ${id}`, this.entry(id, entry))));
    const { nesting, canceller, suspender, retrier } = this.publisher;
    if (due.hold) await nesting.hold(id);
    const { status, nested } = due;
    await nesting.follow(id, { status, tellBelow: nested });
    if (due.retrying) await retrier.complete(id);
    if (due.toSpread) await suspender.spread(id);
    if (due.timeLeft !== undefined) await this.publisher.watchTime(id, due.timeLeft);
    if (due.renew) await this.locations.renew(id);
    if (due.abandoned && status !== 'pending') await canceller.cancel(id, 'abandoned');
    if (due.status === 'cancelling') await canceller.cancelRunning(id);
    if (due.more) await this.publisher.publish(id, (await this.store.grant(id)).work);
  }

  private async entry(id: string, due: Due): Promise<void> {
    if (due.state === 'granted') return this.granted(id, due);
    if (due.cancelled) await this.publisher.canceller.cancelEntry(id, due.entry);
    if (due.state === 'returned' || due.runId.startsWith('g:')) return this.nested(id, due);
    const task = await this.taskOf(id, due.entry);
    if (task === undefined) return;
    const state = await this.settler.settleIfEnded(id, due.entry, due.runId, task);
    if (state.end) this.tellRepaired(id, due, `settled entry ${due.entry} of ${id} from the engine's record`);
    if (!state.known) return this.lost(id, due, task);
    // A wait for a worker or between attempts is healthy, however long; asking again is for the case that it isn't.
    if (!state.end) await this.store.renew(id, [due.entry], this.store.settings.leaseMs * 3);
  }

  /** An entry that is a group, or a root that waits for its children. */
  private async nested(id: string, due: Due): Promise<void> {
    const { nesting } = this.publisher;
    if (due.state === 'returned') await nesting.closeChildren(id, due);
    if (await nesting.lookAfter(id, due.entry, due.state === 'returned' ? due.child : due.runId.slice(2)))
      await this.store.renew(id, [due.entry], this.store.settings.leaseMs * 3);
  }

  private async granted(id: string, due: Due): Promise<void> {
    const own = due.process === this.store.process;
    const { leaseMs } = this.store.settings;
    const { stalls } = this.publisher;
    const leftTo = own ? (this.publisher.holds(id, due.entry) ? leaseMs : 0) : await stalls.ownsFor(due.process);
    if (leftTo === 0) return this.again(id, due);
    // Asked again when its process could be known to be dead, not a whole lease later.
    await this.store.renew(id, [due.entry], leftTo);
    await this.store.register(id, leftTo);
  }

  /** A run that the engine doesn't know, a lease after it was published or seen. */
  private async lost(id: string, due: Due, task: string): Promise<void> {
    if (due.state === 'running') {
      return this.fail(id, due, `the engine no longer knows run ${due.runId}, in which it was running`);
    }
    if (await this.settler.settleIfUnknownName(id, due.entry, due.runId, task)) return;
    if (due.publications >= maxPublications) {
      return this.fail(id, due, `the engine took ${maxPublications} runs of it and knows none of them`);
    }
    await this.again(id, due);
  }

  private async fail(id: string, due: Due, message: string): Promise<void> {
    await this.settler.fail(id, due.entry, due.runId, message);
    this.tellRepaired(id, due, `failed entry ${due.entry} of ${id}: ${message}`);
  }

  private tellRepaired(groupId: string, { entry }: Due, message: string): void {
    this.events.emit('repair', { groupId, entry, message });
  }

  private async again(id: string, due: Due): Promise<void> {
    const { code, work } = await this.store.regrant(id, due);
    if (code !== 'granted') return;
    const message = `publishing entry ${due.entry} of ${id} again, which ${due.process} left ${due.state}`;
    this.logger.info(`mageflow: ${message}`);
    this.tellRepaired(id, due, message);
    await this.publisher.publish(id, work);
  }

  private async taskOf(id: string, entry: string): Promise<string | undefined> {
    if (entry.startsWith('c')) {
      const packed = await this.reader.callback(id, entry);
      return packed === undefined ? undefined : unpackCallback(packed).spec.task;
    }
    const item = await this.reader.item(id, entry);
    return item && unpackSpec(item.spec).task;
  }

  private async retire(index: string, id: string, { forgetAt, nested, total, now }: DueReply): Promise<void> {
    // One that sits in another group goes with that one.
    if (forgetAt === undefined) {
      await this.leave(index, id);
      // Released or tried again meanwhile, it has to stay.
      const then = await this.store.due(id, 0);
      if (then.forgetAt !== undefined || isAlive(then)) await this.store.register(id);
      return;
    }
    const over = forgetAt <= now;
    // Without this one, nobody would ever tell those below it that their time has come.
    if (nested) await this.publisher.nesting.releaseBelow(id, total);
    else if (!over) await this.store.expireResults(id, total);
    if (over && !isAlive(await this.store.due(id, 0))) {
      await this.store.forget(id, total);
      return this.leave(index, id);
    }
    await this.store.redis.use('zadd', (client) => client.zadd(index, 'XX', forgetAt, id));
    if ((await this.store.due(id, 0)).forgetAt !== undefined) return;
    // Tried again meanwhile, it keeps what is below it, and is looked after.
    await this.publisher.retrier.keep(id);
    await this.store.register(id);
  }

  private async leave(index: string, id: string): Promise<void> {
    await this.store.redis.use('zrem', (client) => client.zrem(index, id));
  }
}

/** Whether nothing of a group is under way, nor anything that upkeep has to do for it. */
function isIdle({ status, entries, next, more, hold, toSpread, retrying }: DueReply): boolean {
  const stopping = status === 'stopping' || status === 'cancelling';
  return entries.length === 0 && next === undefined && !(more || hold || toSpread || retrying || stopping);
}

function isAlive({ status }: DueReply): boolean {
  return status !== 'missing' && !isEnded(status);
}
