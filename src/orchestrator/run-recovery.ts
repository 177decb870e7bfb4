import { isDeepStrictEqual } from 'node:util';
import { setTimeout as pause } from 'node:timers/promises';
import { runOutsideContext } from '../utils/outside-context';
import type { Events } from '../config/events';
import { messageOf } from '../utils/error-message';
import type { GroupReader } from '../store/group-reader';
import type { GroupStore, TakenRun } from '../store/group-store';
import type { Server } from '../store/connection';
import { readClaim, readMetadata, type Claim } from '../hatchet/metadata';
import type { EngineClient, PastRun, RunRequest } from '../hatchet/client';
import { NameReader } from './name-reader';

/** How much earlier than Redis's loss a run may have been published that Redis doesn't know, in ms; clocks differ a little. */
const lookBackMs = 60_000;
/** Who publishes later knows of the loss, but for clocks that differ. */
const lookAheadMs = 60_000;
/** What was published just before the loss shows in the engine's history only after a moment. */
const settleMs = 1_000;
const againMs = 2_000;
/** Redis tells for how many seconds it runs, as the difference of two rounded times. */
const roundingMs = 2_000;
/** How often those are looked through of which Redis knows by now what became. */
const siftMs = 5_000;
const siftedAtOnce = 100;
/** What is older than this when Redis was lost is not missing because of that. */
const tellBackMs = 30_000;
/** For how long a loss matters. */
const mattersMs = 60 * 60 * 1000;

/** Redis has become another server. */
interface Loss {
  /** What was made since, in Redis's time, is made in the new one. */
  overAt: number;
  /** In this process's time: since when the new one runs, and the same. */
  from: number;
  to: number;
  /** Whether this process is the first to notice. */
  first: boolean;
}

/** A run that the engine took, and of which Redis has forgotten what became. */
interface LostRun extends TakenRun {
  /** The entry that it was given to. */
  given?: string;
}

type ByPlace = Map<string, LostRun[]>;

/**
 * Remembers, when Redis has come back and may have lost its last writes, what the engine had taken before: an item or a
 * callback that Redis grants once more is not published again, and gets the run that it had.
 *
 * Only a group that is older than the loss can have such runs. Only its work waits until the engine's history of that time has
 * been read, and only what Redis doesn't know of that history is kept, until it does.
 */
export class RunRecovery {
  private closed = false;
  private server = '';
  /** What told of the server that was looked at last. */
  private looked: Promise<Server | undefined> | undefined;
  private noticing: Promise<void> = Promise.resolve();
  private loading: Promise<void> = Promise.resolve();
  /** Losses of which the history has yet to be read. */
  private readonly unread = new Set<Loss>();
  private readonly lost = new Map<string, ByPlace>();
  private sifting = false;

  constructor(
    private readonly engine: EngineClient,
    private readonly store: GroupStore,
    private readonly reader: GroupReader,
    private readonly events: Events,
  ) {}

  /** The run that was published for this before Redis lost it. @param version - of the group, as scripts give it */
  async runOf(groupId: string, version: string, request: RunRequest): Promise<string | undefined> {
    await this.notice();
    if (this.isUnread(version)) await this.loading;
    const claim = readClaim({ ...request.additionalMetadata });
    if (!claim) return undefined;
    for (const run of this.lost.get(groupId)?.get(placeOf(claim, request.additionalMetadata)) ?? []) {
      if (run.given !== undefined && run.given !== claim.entry) continue;
      if (!(await this.store.unsure(groupId, [run]))[0]) continue;
      const { known, end, input } = await this.engine.state(run.runId);
      // What a callback gets may differ, as items end in another order.
      const same = claim.source !== '' || isDeepStrictEqual(input, JSON.parse(JSON.stringify(request.input)));
      if (!known || end?.status === 'CANCELLED' || !same) continue;
      run.given = claim.entry;
      return run.runId;
    }
    return undefined;
  }

  /** Whether no run of a group has to be looked for: Redis is the server that it was, or has lost nothing of that group. */
  isIdle(groupId: string, version: string): boolean {
    if (this.looked !== this.store.redis.server) return false;
    return (this.unread.size === 0 || !this.isUnread(version)) && (this.lost.size === 0 || !this.lost.has(groupId));
  }

  /** Looks into the engine's history when Redis is another server than before. */
  async ready(): Promise<void> {
    await this.notice();
    await this.loading;
  }

  close(): void {
    this.closed = true;
  }

  /** Whether a group is older than a loss of which is not known yet what was published. */
  private isUnread(version: string): boolean {
    const createdAt = Number(version.slice(0, version.indexOf('.')));
    return [...this.unread].some(({ overAt }) => createdAt < overAt);
  }

  private async notice(): Promise<void> {
    const told = this.store.redis.server;
    const server = await told;
    if (server && server.run !== this.server) {
      const before = this.server;
      this.server = server.run;
      this.noticing = this.begin(server, before);
    }
    await this.noticing;
    this.looked = told;
  }

  private async begin(server: Server, before: string): Promise<void> {
    const seen = await this.untilDone(() => this.store.seen(server, before));
    if (seen?.lostAt === undefined || seen.now - seen.lostAt > mattersMs) return;
    const { lostAt, noticedAt, now, first } = seen;
    const ahead = Date.now() - now;
    // One that was a replica runs for longer than it is the one that is written to.
    const overAt = server.promoted ? noticedAt : Math.min(noticedAt, lostAt + roundingMs);
    const loss = { overAt, from: lostAt + ahead, to: overAt + ahead, first };
    this.unread.add(loss);
    const load = this.untilDone(() => this.load(loss)).then(() => void this.unread.delete(loss));
    this.loading = Promise.all([this.loading, load]).then(() => undefined);
  }

  /** Until it is known what was published, nothing that may have been is: it might be a second time. */
  private async untilDone<T>(action: () => Promise<T>): Promise<T | undefined> {
    while (!this.closed) {
      try {
        return await action();
      } catch (error) {
        const { logger } = this.store.settings;
        logger.warn(`what the engine took before Redis came back is not known yet: ${messageOf(error)}`);
        await pause(againMs);
      }
    }
    return undefined;
  }

  private async load({ from, to, first }: Loss): Promise<void> {
    await pause(settleMs);
    const pages = this.engine.runsBetween(new Date(from - lookBackMs), new Date(to + lookAheadMs));
    for await (const page of pages) {
      const own = page.flatMap((run) => {
        const claim = readClaim(run.metadata);
        return claim?.store === this.store.keys.mark ? [{ run, claim }] : [];
      });
      await this.keepUnsure(own);
      const latest = first ? own.filter(({ run }) => run.createdAt > from - tellBackMs) : [];
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
    // Pages overlap while runs are added to them, and are read anew after a failure.
    if (!kept.some(({ runId }) => runId === run.runId)) places.set(place, [...kept, run]);
  }

  /** Those of a group's runs of which Redis knows what became. */
  private async knownOf(groupId: string, runs: readonly LostRun[]): Promise<Set<string>> {
    const known = new Set<string>();
    for (let from = 0; from < runs.length; from += siftedAtOnce) {
      const some = runs.slice(from, from + siftedAtOnce);
      const unsure = await this.store.unsure(groupId, some);
      some.forEach(({ runId }, i) => unsure[i] || known.add(runId));
    }
    return known;
  }

  /** Forgets, until nothing is left, what Redis knows again: what was given, or has ended or gone otherwise. */
  private siftNowAndThen(): void {
    if (this.sifting || this.lost.size === 0) return;
    this.sifting = true;
    const giveUpAt = performance.now() + mattersMs;
    const later = () => void runOutsideContext(() => setTimeout(() => void sift(), siftMs)).unref();
    const sift = async () => {
      if (performance.now() > giveUpAt) this.lost.clear();
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
        // Redis is away: it is asked the next time.
        return;
      }
    }
  }

  /** What the engine runs of something that Redis no longer knows is told by name: nothing can end it. */
  private async reportIfLost({ groupId, entry, token }: Claim, run: PastRun): Promise<void> {
    if (entry.startsWith('c')) return;
    const known = await this.reader.tokenOf(groupId, entry);
    if (known !== undefined && known !== token) return;
    const status = await this.reader.itemState(groupId, Number(entry));
    if (status !== undefined && status !== 'waiting') return;
    const what = status === undefined ? 'it was made' : 'it was run';
    const message = `Redis has come back without knowing that ${what}: "${readMetadata(run.metadata).name}" (run ${run.id}). Make or run it again if that is wanted.`;
    const who = await new NameReader(this.reader).entry(groupId, entry);
    this.store.settings.logger.error(`${who}: ${message}`);
    this.events.emit('error', { groupId, entry, message });
  }
}

/** What a run was for. Callbacks are counted as they are fired, which may be in another order the second time. */
function placeOf({ groupId, entry, source }: Claim, metadata: Record<string, string>): string {
  const { signature, name, callback } = readMetadata(metadata);
  return JSON.stringify(source === '' ? [groupId, entry, signature, name] : [groupId, source, callback, name]);
}
