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

/** What became of one run of a call: the engine has it, or refuses it, or says so only when it is sent by itself, or nobody can tell yet. */
export type Fate =
  { is: 'taken'; runId: string } | { is: 'refused'; message: string } | { is: 'to be sent alone' } | { is: 'unknown' };

const unknown: Fate = { is: 'unknown' };

/**
 * Tells what became of each run of a call in which another run has the idempotency key of some. The engine takes the others then,
 * and gives their ids in the order of the call, but doesn't tell which of the call they are.
 */
export class KeyCollisions {
  constructor(
    private readonly engine: EngineClient,
    private readonly reader: GroupReader,
  ) {}

  /** @throws when the engine or Redis can't be asked */
  async fates(batch: readonly Requested[], { taken, existing }: Collision): Promise<Fate[]> {
    const fates = batch.map(() => unknown);
    const refused = (await this.place(batch, taken, fates)).sort((a, b) => a - b);
    const names = new Set(refused.map((i) => batch[i]?.request.workflowName));
    // The engine names them in the order of the call as far as they are of one task.
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
          if (holder) fates[i] = await this.beside(batch[i] as Requested, holder, ask);
          else if (batch.length > 1) fates[i] = { is: 'to be sent alone' };
          else fates[i] = { is: 'refused', message: 'another run has its idempotency key' };
        }),
      );
    }
    return fates;
  }

  /** Notes which of the call the runs are that were taken. @returns the others, as far as they are known */
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
      // A run that can't be found yet leaves the question to one beside it.
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

  /** The fate of a run whose key another one has: that may be the entry's own, whose publication was not heard of. */
  private async beside(
    { groupId, entry, request }: Requested,
    holder: string,
    ask: (runId: string) => Promise<RunState>,
  ): Promise<Fate> {
    const refused: Fate = { is: 'refused', message: `run ${holder}, which exists, has its idempotency key` };
    const state = await ask(holder);
    if (!state.known || placeOf(claimOf(state)) !== placeOf(readClaim(request.additionalMetadata))) return refused;
    if (!(await this.reader.suspensions.isVoid(groupId, entry, holder))) return { is: 'taken', runId: holder };
    // Until it has ended, it may have the key only because it is still being cancelled.
    return state.end ? refused : unknown;
  }
}

function claimOf(state: RunState): Claim | undefined {
  return state.known ? readClaim(state.metadata ?? {}) : undefined;
}

function placeOf(claim: Claim | undefined): string {
  return claim ? JSON.stringify([claim.groupId, claim.entry, claim.token, claim.store]) : '';
}
