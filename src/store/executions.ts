import { hash } from 'node:crypto';
import { bytesOf } from '../messages/json';
import type { Reply } from './connection';
import type { ScriptCalls } from './script-calls';
import { toStart, toEffects, withoutEffects, type Outcome, type StartReply, type Effects } from './replies';
import { Batcher } from './batcher';

/** One execution of a run: the engine's identification of it, and a nonce of this process. */
export interface Execution {
  runId: string;
  retryCount: number;
  invocation: number;
  nonce: string;
}

/** How an execution ended, as its wrapper reports it. */
export interface ExecutionEnd {
  outcome: 'succeeded' | 'failed' | 'threw' | 'aborted' | 'backed-off';
  /** The output or failure as JSON; of a run that backed off, the milliseconds, a space, and the failure if it did so too often. */
  payload: string;
  retries: number;
  /** Entries of the group and their run ids, in turns, which are confirmed with the report. */
  confirmed?: readonly string[];
}

/** The request of an execution to own its entry. */
export interface ClaimRequest {
  /** Proves that the run was published from this store. */
  token: string;
  /** A run that is proven to have ended without a result. */
  deadOwner?: string;
  /** The group of its children, when it is a root. */
  child?: string;
  /** Takes a suspended run back instead of letting it wait for `resume`, because its worker is stopping. */
  handBack?: boolean;
  /**
   * The version of the group's message that this process knows, '0' when it knows none. Without it, the message is not
   * needed.
   */
  knownMessage?: string;
}

/** The result of a report, and the effects of the script. */
export interface FinishReply {
  code: 'ended' | 'retry' | 'backed-off' | 'refused' | 'unknown';
  effects: Effects;
}

/** The request of one execution, with its fields packed into one text: each argument of a call has a noticeable cost. */
interface Call {
  id: string;
  entry: string;
  request: string;
}
interface FinishCall extends Call {
  end: ExecutionEnd;
}

/** Maximum number of executions that one call claims or ends: a call blocks Redis for some milliseconds. */
const atOnce = 50;
const bytesAtOnce = 1024 * 1024;

/** Returns the token that proves that a claim comes from a publisher. `start.lua` computes the same token. */
export function claimToken(secret: string, entry: string): string {
  return hash('sha1', secret + entry).slice(0, 20);
}

/**
 * Typed calls of the scripts by which executions claim and complete their entries.
 *
 * The calls that one turn of the event loop makes for one bucket of a group are sent together.
 */
export class Executions {
  private readonly starts: Batcher<Call, StartReply>;
  private readonly finishes: Batcher<FinishCall, FinishReply>;

  constructor(private readonly scripts: ScriptCalls) {
    const { clock } = scripts.settings;
    this.starts = new Batcher(clock, (calls: readonly Call[]) => this.sendStarts(calls), atOnce);
    this.finishes = new Batcher(clock, (calls: readonly FinishCall[]) => this.sendFinishes(calls), atOnce);
  }

  /** Claims an entry for an execution. */
  start(id: string, entry: string, execution: Execution, request: ClaimRequest): Promise<StartReply> {
    const { runId, retryCount, invocation, nonce } = execution;
    const { token, deadOwner = '', child = '', handBack = false, knownMessage = '' } = request;
    const flag = handBack ? 1 : 0;
    const packed = `${entry}|${token}|${runId}|${retryCount}|${invocation}|${nonce}|${deadOwner}|${child}|${flag}|${knownMessage}`;
    return this.starts.add(this.scripts.keys.bucketOf(id, entry), { id, entry, request: packed });
  }

  /** Completes the entry of an execution, or gives it back for another attempt. */
  finish(id: string, entry: string, execution: Execution, end: ExecutionEnd): Promise<FinishReply> {
    const { runId, retryCount, invocation, nonce } = execution;
    const request = `${entry}|${runId}|${retryCount}|${invocation}|${nonce}|${end.outcome}|${end.retries}`;
    const key = this.scripts.keys.bucketOf(id, entry);
    return this.finishes.add(key, { id, entry, request, end }, bytesOf(end.payload) / bytesAtOnce);
  }

  private async sendStarts(calls: readonly Call[]): Promise<StartReply[]> {
    const { id, entry } = calls[0] as Call;
    const args = calls.map(({ request }) => request);
    const reply = await this.scripts.call('start', id, args, entry);
    if (reply[0] === 'unknown') return calls.map(() => ({ code: 'unknown' }));
    const claims = reply[1] as (string | Reply[])[];
    const [, , text, version, nextStart] = reply;
    if (typeof nextStart === 'string' && nextStart !== '') this.scripts.reportNextStart(id, nextStart);
    const isRequeued = ([what]: string | Reply[]) => what === 'requeued';
    // The slots of the runs that were taken back are granted to the next items.
    const handedOut = claims.some(isRequeued) ? await this.scripts.call('grant', id, ['']) : [];
    const message = typeof text === 'string' && text !== '' ? { text, version: String(version) } : undefined;
    return sharesOf(toEffects(handedOut), claims, isRequeued).map(([claim, effects]) => {
      const start = toStart(claim, effects);
      return message && start.code === 'run' ? { ...start, message } : start;
    });
  }

  private async sendFinishes(calls: readonly FinishCall[]): Promise<FinishReply[]> {
    const { id, entry } = calls[0] as FinishCall;
    const args: (string | number)[] = [calls.length];
    for (const { request, end } of calls) args.push(request, end.payload);
    for (const { end } of calls) args.push(...packedPairs(end.confirmed ?? []));
    const reply = await this.scripts.call('finish', id, args, entry);
    if (reply[0] === 'unknown') return calls.map(() => ({ code: 'unknown', effects: toEffects(reply) }));
    return sharesOf(toEffects(reply), reply[6] as string[], () => true).map(([answer, effects], i) => {
      const [code, outcome] = answer.split('|');
      const { entry: ended } = calls[i] as FinishCall;
      if (code === 'ended' && outcome === 'failed') this.scripts.reportFailedCallback(id, ended);
      return {
        code: code as FinishReply['code'],
        effects:
          effects.outcome === outcome
            ? effects
            : { ...effects, outcome: (outcome || undefined) as Outcome | undefined },
      };
    });
  }
}

/** Packs pairs of an entry and its run id into the form that the scripts read. */
export function packedPairs(pairs: readonly string[]): string[] {
  const packed: string[] = [];
  for (let i = 0; i + 1 < pairs.length; i += 2) packed.push(`${pairs[i]}|${pairs[i + 1]}`);
  return packed;
}

/** Gives the effects of a script to the first execution that publishes them; the others have nothing to publish. */
function sharesOf<T>(effects: Effects, all: readonly T[], publishes: (one: T) => boolean): [T, Effects][] {
  const first = all.findIndex(publishes);
  const none = withoutEffects(effects);
  return all.map((one, i) => [one, i === first ? effects : none]);
}
