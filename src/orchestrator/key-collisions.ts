import type { GroupReader } from '../store/group-reader';
import { readClaim, type Claim } from '../hatchet/metadata';
import type { Collision, EngineClient, RunRequest, RunState } from '../hatchet/client';

const askedAtOnce = 20;
const triesToPlace = 3;

/** A run that is to be published for an entry. */
interface Requested {
  groupId: string;
  entry: string;
  request: RunRequest;
}

/** The fate of one run of a call: the engine has it, refuses it, must be sent it alone to decide, or can't be asked yet. */
export type Fate =
  { is: 'taken'; runId: string } | { is: 'refused'; message: string } | { is: 'to be sent alone' } | { is: 'unknown' };

const unknown: Fate = { is: 'unknown' };

/**
 * Finds the fate of each run of a call in which other runs hold the idempotency keys of some. The engine then accepts the
 * rest and returns their ids in the order of the call, but not which runs of the call they are.
 */
export class KeyCollisions {
  constructor(
    private readonly engine: EngineClient,
    private readonly reader: GroupReader,
  ) {}

  /**
   * @returns the fates in the order of the batch
   * @throws when the engine or Redis can't be read
   */
  async fates(batch: readonly Requested[], { taken, existing }: Collision): Promise<Fate[]> {
    const fates = batch.map(() => unknown);
    const refused = (await this.place(batch, taken, fates)).sort((a, b) => a - b);
    const names = new Set(refused.map((i) => batch[i]?.request.workflowName));
    // For runs of one task, the engine returns the holders of the keys in the order of the call.
    const inOrder = names.size === 1 && refused.length === existing.length;
    const asked = new Map<string, Promise<RunState>>();
    const ask = (runId: string) => {
      const known = asked.get(runId) ?? this.engine.state(runId);
      asked.set(runId, known);
      return known;
    };
    for (let from = 0; from < refused.length; from += askedAtOnce) {
      const some = refused.slice(from, from + askedAtOnce);
      await Promise.all(
        some.map(async (i, n) => {
          const holder = inOrder ? existing[from + n] : undefined;
          if (holder) fates[i] = await this.fateByHolder(batch[i] as Requested, holder, ask);
          else if (batch.length > 1) fates[i] = { is: 'to be sent alone' };
          else fates[i] = { is: 'refused', message: 'another run has its idempotency key' };
        }),
      );
    }
    return fates;
  }

  /**
   * Finds the places of the accepted runs in the call, by bisection.
   * @returns the indexes of the other runs, as far as they can be found
   */
  private async place(batch: readonly Requested[], taken: readonly string[], fates: Fate[]): Promise<number[]> {
    const indexes = new Map(batch.map(({ request }, i) => [placeOf(readClaim(request.additionalMetadata)), i]));
    const others: number[] = [];
    const within = async (low: number, high: number, from: number, to: number): Promise<void> => {
      if (high - low === to - from) {
        for (let i = 0; i < to - from; i++) fates[from + i] = { is: 'taken', runId: taken[low + i] as string };
        return;
      }
      if (low === high) {
        for (let i = from; i < to; i++) others.push(i);
        return;
      }
      const middle = (low + high) >> 1;
      // If a run can't be found yet, the next one is tried.
      for (let at = middle; at < Math.min(high, middle + triesToPlace); at++) {
        const runId = taken[at] as string;
        const index = indexes.get(placeOf(claimOf(await this.engine.state(runId))));
        if (index === undefined || index - from < at - low || to - index < high - at) continue;
        fates[index] = { is: 'taken', runId };
        await Promise.all([within(low, at, from, index), within(at + 1, high, index + 1, to)]);
        return;
      }
    };
    await within(0, taken.length, 0, batch.length);
    return others;
  }

  /**
   * The fate of a run whose key another run holds. The holder may be the entry's own run, if the answer to its publication
   * was lost.
   */
  private async fateByHolder(
    { groupId, entry, request }: Requested,
    holder: string,
    ask: (runId: string) => Promise<RunState>,
  ): Promise<Fate> {
    const refused: Fate = { is: 'refused', message: `run ${holder}, which exists, has its idempotency key` };
    const state = await ask(holder);
    if (!state.known || placeOf(claimOf(state)) !== placeOf(readClaim(request.additionalMetadata))) return refused;
    if (!(await this.reader.suspensions.isVoid(groupId, entry, holder))) return { is: 'taken', runId: holder };
    // Until the holder has ended, it may hold the key only because it is still being cancelled.
    return state.end ? refused : unknown;
  }
}

function claimOf(state: RunState): Claim | undefined {
  return state.known ? readClaim(state.metadata ?? {}) : undefined;
}

function placeOf(claim: Claim | undefined): string {
  return claim ? JSON.stringify([claim.groupId, claim.entry, claim.token, claim.store]) : '';
}
