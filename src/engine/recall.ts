import { isDeepStrictEqual } from 'node:util';
import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '../errors';
import type { Events } from '../events';
import type { GroupReader } from '../store/group-reader';
import { claimToken } from '../store/group-executions';
import type { GroupStore } from '../store/group-store';
import type { Server } from '../store/redis';
import { readClaim, readMetadata, type Claim } from './claim';
import type { Engine, PastRun, RunRequest } from './engine';

/** How much earlier than Redis's loss a run may have been published that Redis doesn't know, in ms; clocks differ a little. */
const lookBackMs = 60_000;
/** What was published just before the loss shows in the engine's history only after a moment. */
const settleMs = 1_000;
const againMs = 2_000;
/** What is older than this when Redis was lost is not missing because of that. */
const tellBackMs = 30_000;
/** For how long a loss matters to processes that are started after it. */
const mattersMs = 60 * 60 * 1000;

/**
 * Remembers, when Redis has come back and may have lost its last writes, what the engine had taken before: an item or a
 * callback that Redis grants once more is not published again, and gets the run that it had.
 */
export class Recall {
  private closed = false;
  private server = '';
  /** What told of the server that was looked at last. */
  private looked: Promise<Server | undefined> | undefined;
  private loading: Promise<void> = Promise.resolve();
  private readonly runs = new Map<string, PastRun[]>();
  /** Which entry each run was given to. */
  private readonly given = new Map<string, string>();

  constructor(
    private readonly engine: Engine,
    private readonly store: GroupStore,
    private readonly reader: GroupReader,
    private readonly events: Events,
  ) {}

  /** The run that was published for this before Redis lost it. */
  async runOf(groupId: string, secret: string, request: RunRequest): Promise<string | undefined> {
    await this.ready();
    if (this.runs.size === 0) return undefined;
    const claim = readClaim({ ...request.additionalMetadata });
    if (!claim) return undefined;
    for (const run of this.runs.get(placeOf(claim, request.additionalMetadata)) ?? []) {
      const given = this.given.get(run.id);
      if (given !== undefined && given !== `${groupId} ${claim.entry}`) continue;
      const past = readClaim(run.metadata);
      if (past?.token !== claimToken(secret, past?.entry ?? '')) continue;
      if (await this.reader.suspensions.isVoid(groupId, claim.entry, run.id)) continue;
      const { known, end, input } = await this.engine.state(run.id);
      // What a callback gets may differ, as items end in another order.
      const same = claim.source !== '' || isDeepStrictEqual(input, JSON.parse(JSON.stringify(request.input)));
      if (!known || end?.status === 'CANCELLED' || !same) continue;
      this.given.set(run.id, `${groupId} ${claim.entry}`);
      return run.id;
    }
    return undefined;
  }

  /** Whether Redis is the server that it was, and nothing that it lost matters any more: then no run has to be looked for. */
  get knowsNothing(): boolean {
    return this.looked === this.store.redis.server && this.runs.size === 0;
  }

  /** Looks into the engine's history when Redis is another server than before. */
  async ready(): Promise<void> {
    const told = this.store.redis.server;
    const server = await told;
    if (server && server.run !== this.server) {
      const before = this.server;
      this.server = server.run;
      this.loading = this.untilLoaded(server, before);
    }
    await this.loading;
    this.looked = told;
  }

  close(): void {
    this.closed = true;
  }

  /** Until it is known what was published, nothing is: it might be a second time. */
  private async untilLoaded(server: Server, before: string): Promise<void> {
    while (!this.closed) {
      try {
        return await this.load(server, before);
      } catch (error) {
        const { logger } = this.store.settings;
        logger.warn(`mageflow: what the engine took before Redis came back is not known yet: ${messageOf(error)}`);
        await pause(againMs);
      }
    }
  }

  private async load(server: Server, before: string): Promise<void> {
    const { lostAt, first, now } = await this.store.seen(server, before);
    if (lostAt === undefined || now - lostAt > mattersMs) return;
    await pause(settleMs);
    const runs = await this.engine.runsSince(new Date(Date.now() - (now - lostAt) - lookBackMs));
    this.runs.clear();
    for (const run of runs) {
      const claim = readClaim(run.metadata);
      if (claim?.store !== this.store.keys.mark) continue;
      const place = placeOf(claim, run.metadata);
      this.runs.set(place, [...(this.runs.get(place) ?? []), run]);
      if (first && run.createdAt > Date.now() - (now - lostAt) - tellBackMs) await this.tellIfLost(claim, run);
    }
  }

  /** What the engine runs of something that Redis no longer knows is told by name: nothing can end it. */
  private async tellIfLost({ groupId, entry, token }: Claim, run: PastRun): Promise<void> {
    if (entry.startsWith('c')) return;
    const known = await this.reader.tokenOf(groupId, entry);
    if (known !== undefined && known !== token) return;
    const status = await this.reader.itemState(groupId, Number(entry));
    if (status !== undefined && status !== 'waiting') return;
    const what = status === undefined ? 'it was made' : 'it was run';
    const message = `Redis has come back without knowing that ${what}: "${readMetadata(run.metadata).name}" (run ${run.id}). Make or run it again if that is wanted.`;
    this.store.settings.logger.error(`mageflow: entry ${entry} of ${groupId}: ${message}`);
    this.events.emit('error', { groupId, entry, message });
  }
}

/** What a run was for. Callbacks are counted as they are fired, which may be in another order the second time. */
function placeOf({ groupId, entry, source }: Claim, metadata: Record<string, string>): string {
  const { signature, name, callback } = readMetadata(metadata);
  return JSON.stringify(source === '' ? [groupId, entry, signature, name] : [groupId, source, callback, name]);
}
