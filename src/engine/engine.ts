import type { AdminClient, HatchetClient } from '@hatchet-dev/typescript-sdk';
import { randomBytes } from 'node:crypto';
import { messageOf } from '../errors';
import { betweenFaultPoints } from '../fault-points';
import { inTime } from '../in-time';
import { parentKey, readClaim } from './claim';
import { RunEnds } from './run-ends';
import type { StoredRunOptions } from '../store/spec';

/** The user's client, whatever its type parameters. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the SDK's type parameters are invariant
export type AnyHatchet = HatchetClient<any, any, any, any>;

/** One run to publish. */
export interface RunRequest {
  workflowName: string;
  input: Record<string, unknown>;
  additionalMetadata: Record<string, string>;
  options: StoredRunOptions | undefined;
  /** The run under which the engine shows it. */
  parent?: { runId: string; taskRunId: string; index: number };
}

/** Why the engine didn't take a batch. */
export class PublishError extends Error {
  constructor(
    /** permanent: this batch never goes through; transient: it may a moment later. */
    readonly kind: 'permanent' | 'transient',
    message: string,
    cause: unknown,
  ) {
    super(message, { cause });
  }
}

/** How a run ended, as the engine tells it. */
export interface RunEnd {
  status: 'COMPLETED' | 'FAILED' | 'CANCELLED';
  outputs: Record<string, unknown>;
  error: string;
}

export type RunState =
  | { known: false; end?: undefined; input?: undefined }
  | { known: true; evicted: boolean; end: RunEnd | undefined; input?: unknown };

/** A run of the engine's history. */
export interface PastRun {
  id: string;
  metadata: Record<string, string>;
  createdAt: number;
}

/**
 * How long an answer is waited for, in ms. The SDK waits for ever, and a connection can be dead without anybody saying so.
 * What got no answer may have been done all the same: each of these calls may be made again.
 */
const answerMs = { publish: 30_000, ask: 10_000, cancel: 30_000 };

/** The engine, as far as mageflow talks to it. */
export class Engine {
  private readonly admin: Pick<AdminClient, 'runWorkflows'>;
  private readonly ends: RunEnds;

  constructor(readonly hatchet: AnyHatchet) {
    // The SDK tries every error eight times, permanent ones too, and hides which it was. One try, judged here,
    // on an object that shares everything else with the user's own admin client and leaves that one as it is.
    const { admin } = hatchet;
    const config = { ...admin.config, retrier: { ...admin.config.retrier, maxAttempts: 1 } };
    this.admin = Object.create(admin, { config: { value: config } }) as AdminClient;
    this.ends = new RunEnds(hatchet);
  }

  /**
   * Publishes one batch in one call: all of it is taken, or none.
   * @param patience - how many times as long an answer is waited for: one that is only slow would never get through
   * @throws PublishError
   */
  async publish(requests: readonly RunRequest[], patience = 1): Promise<string[]> {
    try {
      const runs = requests.map(({ workflowName, input, additionalMetadata, options, parent }) => ({
        workflowName,
        input,
        options: {
          ...runOptions(options),
          ...(parent ? childOf(parent) : {}),
          additionalMetadata: {
            ...options?.additionalMetadata,
            ...additionalMetadata,
            [parentKey]: parent?.taskRunId ?? '',
          },
        },
      }));
      const limitMs = answerMs.publish * patience;
      return await this.ask(
        'publish',
        async () => {
          const refs = await this.admin.runWorkflows(runs);
          return Promise.all(refs.map((ref) => ref.runId));
        },
        limitMs,
      );
    } catch (error) {
      throw classify(error);
    }
  }

  /** Cancels runs: those that wait at once, those that run by aborting their bodies. */
  async cancel(runIds: readonly string[]): Promise<void> {
    for (let from = 0; from < runIds.length; from += 500) {
      const ids = runIds.slice(from, from + 500);
      try {
        await this.ask('cancel', () => this.hatchet.runs.cancel({ ids }), answerMs.cancel);
      } catch (error) {
        throw new Error(`The engine did not cancel ${ids.length} runs: ${messageOf(error)}.`, { cause: error });
      }
    }
  }

  /** What the engine knows of a run, at once and exactly (REST lags behind). */
  async state(runId: string): Promise<RunState> {
    let detail;
    try {
      detail = await this.ask('state', () => this.hatchet.runs.getDetails(runId));
    } catch (error) {
      if (codeOf(error) === 'NOT_FOUND') return { known: false };
      throw error;
    }
    const { input } = detail;
    if (!detail.done) return { known: true, evicted: detail.isEvicted, end: undefined, input };
    const tasks = Object.values(detail.taskRuns);
    const error = tasks.map((task) => thrownMessage(task.error ?? '')).filter(Boolean);
    return {
      known: true,
      evicted: false,
      input,
      end: {
        status: detail.status as RunEnd['status'],
        outputs: Object.fromEntries(tasks.map((task) => [task.readableId, task.output])),
        error: error.join('; '),
      },
    };
  }

  /** The run that was published for an entry, from the engine's history; REST, so it may lag behind. */
  async findRun(signatureId: string, groupId: string, entry: string): Promise<string | undefined> {
    const { rows } = await this.ask('findRun', () =>
      this.hatchet.runs.list({ additionalMetadata: { 'mageflow.signature': signatureId }, includePayloads: false }),
    );
    // Runs that its body started carry the same metadata, but no claim that holds for them.
    const own = rows.find(({ additionalMetadata }) => {
      const claim = readClaim((additionalMetadata ?? {}) as Record<string, string>);
      return claim?.groupId === groupId && claim.entry === entry;
    });
    return own?.workflowRunExternalId;
  }

  /** All runs that were published since then; REST, so the latest may be missing. */
  async runsSince(since: Date): Promise<PastRun[]> {
    const runs: PastRun[] = [];
    const limit = 500;
    for (let offset = 0; ; offset += limit) {
      const { rows } = await this.ask('runsSince', () =>
        this.hatchet.runs.list({ since, limit, offset, includePayloads: false }),
      );
      for (const { workflowRunExternalId, additionalMetadata, createdAt } of rows) {
        const metadata = (additionalMetadata ?? {}) as Record<string, string>;
        runs.push({ id: workflowRunExternalId, metadata, createdAt: Date.parse(createdAt) });
      }
      if (rows.length < limit) return runs;
    }
  }

  /** Whether any worker ever registered a task or workflow of this name. */
  async knowsName(name: string): Promise<boolean> {
    const namespace = this.hatchet.config.namespace ?? '';
    const full = (name.startsWith(namespace) ? name : namespace + name).toLowerCase();
    const list = await this.ask('knowsName', () => this.hatchet.workflows.list({ name: full }));
    return (list.rows ?? []).some((row) => row.name === full);
  }

  /** Waits until a run has ended, however; how it did is for `state` to say. */
  async whenEnded(runId: string): Promise<void> {
    // Both ways it tells only that the run ended.
    await betweenFaultPoints('engine', 'whenEnded', () => this.ends.of(runId).catch(() => undefined));
  }

  /** Leaves nothing open that keeps the process alive. */
  close(): void {
    this.ends.close();
  }

  private ask<T>(what: string, call: () => Promise<T>, limitMs = answerMs.ask): Promise<T> {
    return betweenFaultPoints('engine', what, () => inTime('the engine', limitMs, call()));
  }
}

/** What a body threw is recorded by the SDK as JSON with its stack; what the engine says itself is a text. */
function thrownMessage(error: string): string {
  try {
    const { message } = Object(JSON.parse(error)) as { message?: unknown };
    return typeof message === 'string' ? message : error;
  } catch {
    return error;
  }
}

function runOptions(options: StoredRunOptions | undefined): object {
  if (!options) return {};
  const { priority, sticky, desiredWorkerLabels } = options;
  return {
    ...(priority ? { priority } : {}),
    ...(sticky ? { sticky } : {}),
    ...(desiredWorkerLabels ? { desiredWorkerLabels } : {}),
  };
}

function childOf({ runId, taskRunId, index }: NonNullable<RunRequest['parent']>): object {
  // A key that was used before can make the engine run the same run once more: each publication has one of its own.
  return {
    parentId: runId,
    parentTaskRunExternalId: taskRunId,
    childIndex: index,
    childKey: randomBytes(9).toString('base64url'),
  };
}

function codeOf(error: unknown): string {
  // The SDK's HatchetError keeps only the text, which starts with "/Service/Method CODE: ".
  return /^\/\S+ ([A-Z_]+):/.exec(messageOf(error))?.[1] ?? '';
}

function classify(error: unknown): PublishError {
  const message = messageOf(error).replace(/^\/\S+ [A-Z_]+: /, '');
  const code = codeOf(error);
  const tooLarge = code === 'RESOURCE_EXHAUSTED' && message.includes('larger than');
  const unsendable = message.startsWith('Request message serialization failure');
  const permanent = ['INVALID_ARGUMENT', 'NOT_FOUND', 'ALREADY_EXISTS', 'FAILED_PRECONDITION', 'OUT_OF_RANGE'];
  const name = (error as Error | undefined)?.constructor.name ?? '';
  const collision = name.endsWith('IdempotencyCollisionError');
  return new PublishError(
    tooLarge || unsendable || collision || permanent.includes(code) ? 'permanent' : 'transient',
    message,
    error,
  );
}
