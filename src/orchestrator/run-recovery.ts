import { isDeepStrictEqual } from 'node:util';
import { isCallback } from '../store/entry';
import { pause } from '../utils/clock';
import type { Events } from '../config/events';
import { messageOf } from '../utils/error-message';
import type { GroupReader } from '../store/group-reader';
import type { GroupStore, TakenRun } from '../store/group-store';
import type { Server } from '../store/connection';
import { readClaim, readMetadata, type Claim } from '../hatchet/metadata';
import type { EngineClient, PastRun, RunRequest } from '../hatchet/client';
import { inParts } from '../utils/in-parts';
import { NameReader } from './name-reader';

/** How long before the loss a run may have been published that is missing in Redis, in ms. Clocks differ a little. */
const lookBackMs = 60_000;
/**
 * How long after the loss such a run may seem to be published, in ms. Later publishers have noticed the loss, but clocks
 * differ.
 */
const lookAheadMs = 60_000;
/** How long to wait before the engine's history is read, in ms. Runs published just before the loss appear with a delay. */
const historyDelayMs = 1_000;
const retryMs = 2_000;
/** The error of Redis's uptime, in ms. Redis reports it in seconds, as the difference of two rounded times. */
const roundingMs = 2_000;
/** How often lost runs are compared with Redis again, in ms, and how many runs one call compares. */
const siftMs = 5_000;
const siftedAtOnce = 100;
/** A run that was older than this at the loss, in ms, is not missing because of the loss. */
const reportBackMs = 30_000;
/** For how long a loss is relevant, in ms. */
const mattersMs = 60 * 60 * 1000;

/** A change of the Redis server, by which its last writes may be lost. */
interface Loss {
  /** In Redis's time. A group created later was created on the new server. */
  overAt: number;
  /** In this process's time: when the new server began to run, and `overAt`. */
  from: number;
  to: number;
  /** True if this process is the first to notice the loss. */
  first: boolean;
}

/** A run that the engine has accepted, and whose state Redis has lost. */
interface LostRun extends TakenRun {
  /** The entry that the run was assigned to. */
  given?: string;
}

type ByPlace = Map<string, LostRun[]>;

/**
 * Recovers runs that the engine accepted before Redis came back without its last writes. An item or callback that Redis
 * grants once more gets the run that it had, and is not published again.
 *
 * Only a group older than the loss can have such runs. Only its work waits until the engine's history of that time has been
 * read. Only runs that are missing in Redis are kept in memory, until Redis has them.
 */
export class RunRecovery {
  private closed = false;
  private server = '';
  /** The description of the server that was checked last. */
  private looked: Promise<Server | undefined> | undefined;
  private noticing: Promise<void> = Promise.resolve();
  private loading: Promise<void> = Promise.resolve();
  /** Losses whose history has not been read yet. */
  private readonly unread = new Set<Loss>();
  private readonly lost = new Map<string, ByPlace>();
  private sifting = false;

  constructor(
    private readonly engine: EngineClient,
    private readonly store: GroupStore,
    private readonly reader: GroupReader,
    private readonly events: Events,
  ) {}

  /**
   * Finds the run that was published for this request before Redis lost it.
   * @param version - the group's version, as scripts return it
   * @returns the run's id; undefined when there is none
   */
  async runOf(groupId: string, version: string, request: RunRequest): Promise<string | undefined> {
    await this.notice();
    if (this.isUnread(version)) await this.loading;
    const claim = readClaim({ ...request.additionalMetadata });
    if (!claim) return undefined;
    for (const run of this.lost.get(groupId)?.get(placeOf(claim, request.additionalMetadata)) ?? []) {
      if (run.given !== undefined && run.given !== claim.entry) continue;
      if (!(await this.store.unsure(groupId, [run]))[0]) continue;
      const { known, end, input } = await this.engine.state(run.runId);
      // A callback's input may differ, because items may end in another order.
      const same = claim.source !== '' || isDeepStrictEqual(input, JSON.parse(JSON.stringify(request.input)));
      if (!known || end?.status === 'CANCELLED' || !same) continue;
      run.given = claim.entry;
      return run.runId;
    }
    return undefined;
  }

  /** Returns whether no run of a group has to be searched for: the Redis server is the same, or has lost nothing of that group. */
  isIdle(groupId: string, version: string): boolean {
    if (this.looked !== this.store.redis.server) return false;
    return (this.unread.size === 0 || !this.isUnread(version)) && (this.lost.size === 0 || !this.lost.has(groupId));
  }

  /** Reads the engine's history if the Redis server has changed. */
  async ready(): Promise<void> {
    await this.notice();
    await this.loading;
  }

  close(): void {
    this.closed = true;
  }

  /** Returns whether a group is older than a loss whose history has not been read yet. */
  private isUnread(version: string): boolean {
    const createdAt = Number(version.slice(0, version.indexOf('.')));
    return [...this.unread].some(({ overAt }) => createdAt < overAt);
  }

  private async notice(): Promise<void> {
    const current = this.store.redis.server;
    const server = await current;
    if (server && server.run !== this.server) {
      const before = this.server;
      this.server = server.run;
      this.noticing = this.begin(server, before);
    }
    await this.noticing;
    this.looked = current;
  }

  private async begin(server: Server, before: string): Promise<void> {
    const seen = await this.untilDone(() => this.store.seen(server, before));
    if (seen?.lostAt === undefined || seen.now - seen.lostAt > mattersMs) return;
    const { lostAt, noticedAt, now, first } = seen;
    const clockOffset = this.store.clock.now() - now;
    // A promoted replica has been running for longer than it has been the primary.
    const overAt = server.promoted ? noticedAt : Math.min(noticedAt, lostAt + roundingMs);
    const loss = { overAt, from: lostAt + clockOffset, to: overAt + clockOffset, first };
    this.unread.add(loss);
    const load = this.untilDone(() => this.load(loss)).then(() => void this.unread.delete(loss));
    this.loading = Promise.all([this.loading, load]).then(() => undefined);
  }

  /**
   * Repeats an action until it succeeds or the instance closes. Until the history is read, affected entries must not be
   * published: they could run twice.
   */
  private async untilDone<T>(action: () => Promise<T>): Promise<T | undefined> {
    while (!this.closed) {
      try {
        return await action();
      } catch (error) {
        const { logger } = this.store.settings;
        logger.warn(`can't read yet which runs the engine accepted before Redis was restarted: ${messageOf(error)}`);
        await pause(this.store.clock, retryMs);
      }
    }
    return undefined;
  }

  private async load({ from, to, first }: Loss): Promise<void> {
    await pause(this.store.clock, historyDelayMs);
    const pages = this.engine.runsBetween(new Date(from - lookBackMs), new Date(to + lookAheadMs));
    for await (const page of pages) {
      const own = page.flatMap((run) => {
        const claim = readClaim(run.metadata);
        return claim?.store === this.store.keys.mark ? [{ run, claim }] : [];
      });
      await this.keepUnsure(own);
      const latest = first ? own.filter(({ run }) => run.createdAt > from - reportBackMs) : [];
      await Promise.all(latest.map(({ claim, run }) => this.reportIfLost(claim, run)));
    }
    this.siftNowAndThen();
  }

  private async keepUnsure(page: readonly { run: PastRun; claim: Claim }[]): Promise<void> {
    const groups = new Map<string, { place: string; run: LostRun }[]>();
    for (const { run, claim } of page) {
      const { groupId, entry, token, source } = claim;
      const runs = groups.get(groupId) ?? [];
      groups.set(groupId, runs);
      runs.push({ place: placeOf(claim, run.metadata), run: { runId: run.id, entry, token, source } });
    }
    await Promise.all(
      [...groups].map(async ([groupId, runs]) => {
        const known = await this.knownOf(
          groupId,
          runs.map(({ run }) => run),
        );
        for (const { place, run } of runs) if (!known.has(run.runId)) this.keep(groupId, place, run);
      }),
    );
  }

  private keep(groupId: string, place: string, run: LostRun): void {
    const places = this.lost.get(groupId) ?? new Map<string, LostRun[]>();
    this.lost.set(groupId, places);
    const kept = places.get(place) ?? [];
    // Pages overlap while runs are added to them, and are read again after a failure.
    if (!kept.some(({ runId }) => runId === run.runId)) places.set(place, [...kept, run]);
  }

  /** The ids of the given runs whose state Redis has. */
  private async knownOf(groupId: string, runs: readonly LostRun[]): Promise<Set<string>> {
    const known = new Set<string>();
    for (const some of inParts(runs, { items: siftedAtOnce })) {
      const unsure = await this.store.unsure(groupId, some);
      some.forEach(({ runId }, i) => unsure[i] || known.add(runId));
    }
    return known;
  }

  /** Drops lost runs whose state Redis has again (assigned, ended or gone), repeatedly until none is left. */
  private siftNowAndThen(): void {
    if (this.sifting || this.lost.size === 0) return;
    this.sifting = true;
    const giveUpAt = this.store.clock.elapsed() + mattersMs;
    const later = () => this.store.clock.timeout(() => void sift(), siftMs).unref();
    const sift = async () => {
      if (this.store.clock.elapsed() > giveUpAt) this.lost.clear();
      await this.sift();
      if (this.lost.size > 0 && !this.closed) later();
      else this.sifting = false;
    };
    later();
  }

  private async sift(): Promise<void> {
    for (const [groupId, places] of this.lost) {
      try {
        const known = await this.knownOf(groupId, [...places.values()].flat());
        for (const [place, runs] of places) {
          const left = runs.filter(({ runId }) => !known.has(runId));
          if (left.length > 0) places.set(place, left);
          else places.delete(place);
        }
        if (places.size === 0) this.lost.delete(groupId);
      } catch {
        // Redis is unavailable; the next check tries again.
        return;
      }
    }
  }

  /** Reports a run whose item Redis has lost, or no longer has as started: nothing can complete it. */
  private async reportIfLost({ groupId, entry, token }: Claim, run: PastRun): Promise<void> {
    if (isCallback(entry)) return;
    const known = await this.reader.tokenOf(groupId, entry);
    if (known !== undefined && known !== token) return;
    const status = await this.reader.itemState(groupId, Number(entry));
    if (status !== undefined && status !== 'waiting') return;
    const what = status === undefined ? 'created' : 'run';
    const message = `Redis was restarted with older data, from before this was ${what}: "${readMetadata(run.metadata).name}" (run ${run.id}). Create or run it again if you still need it.`;
    const who = await new NameReader(this.reader).entry(groupId, entry);
    this.store.settings.logger.error(`${who}: ${message}`);
    this.events.emit('error', { groupId, entry, message });
  }
}

/**
 * The place that a run was published for. Callbacks are numbered by invocation, and the second time their order may differ,
 * so they are identified by source and name.
 */
function placeOf({ groupId, entry, source }: Claim, metadata: Record<string, string>): string {
  const { signature, name, callback } = readMetadata(metadata);
  return JSON.stringify(source === '' ? [groupId, entry, signature, name] : [groupId, source, callback, name]);
}
