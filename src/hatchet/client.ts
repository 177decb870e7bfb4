import type { AdminClient, HatchetClient } from '@hatchet-dev/typescript-sdk';
import { randomBytes } from 'node:crypto';
import { betweenFaultPoints } from '../utils/fault-points';
import { withTimeout } from '../utils/timeout';
import { messageOf } from '../utils/error-message';
import { parentKey, readClaim } from './metadata';
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

/** What the engine says when other runs have the idempotency keys of some of a batch. */
export interface Collision {
  /** The runs of the others, in the order of the batch. */
  taken: readonly string[];
  /** The runs that have the keys. */
  existing: readonly string[];
}

/** Why the engine didn't take a batch, or (with a collision) not all of it. */
export class PublishError extends Error {
  constructor(
    /** permanent: this batch never goes through; transient: it may a moment later. */
    readonly kind: 'permanent' | 'transient',
    message: string,
    cause: unknown,
    readonly collision?: Collision,
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
  /** tasks: the engine's ids of what the run consists of. */
  | {
      known: true;
      evicted: boolean;
      end: RunEnd | undefined;
      input?: unknown;
      tasks?: readonly string[];
      metadata?: Record<string, string>;
    };

/** A run that ended as no worker took it in time. */
export interface UntakenRun {
  waitedMs: number;
  /** Whether one had taken it before: a body of it has begun. */
  begun: boolean;
}

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

/** How many events of a task are read, the latest first: it waits for a worker with one every now and then. */
const eventsRead = 200;

/** The engine, as far as mageflow talks to it. */
export class EngineClient {
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
   * Publishes one batch in one call: all of it is taken, or none, or (where tasks have idempotency keys of their own) all but
   * what collides.
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
      if (codeOf(error) === 'NOT_FOUND') return this.stateBeforeTasks(runId);
      throw error;
    }
    const { input } = detail;
    const metadata = Object(detail.additionalMetadata) as Record<string, string>;
    if (!detail.done) return { known: true, evicted: detail.isEvicted, end: undefined, input, metadata };
    const tasks = Object.values(detail.taskRuns);
    const error = tasks.map((task) => thrownMessage(task.error ?? '')).filter(Boolean);
    return {
      known: true,
      evicted: false,
      input,
      tasks: tasks.map(({ externalId }) => externalId),
      metadata,
      end: {
        status: detail.status as RunEnd['status'],
        outputs: Object.fromEntries(tasks.map((task) => [task.readableId, task.output])),
        error: error.join('; '),
      },
    };
  }

  /** gRPC knows a workflow's run from the moment in which one of its tasks is due, which may be days after REST does. */
  private async stateBeforeTasks(runId: string): Promise<RunState> {
    try {
      const { run } = await this.ask('state', () => this.hatchet.runs.get(runId));
      const waits = ['QUEUED', 'RUNNING'].includes(run.status);
      return waits ? { known: true, evicted: false, end: undefined, input: run.input } : { known: false };
    } catch (error) {
      if ((error as { response?: { status?: number } }).response?.status === 404) return { known: false };
      throw error;
    }
  }

  /**
   * Whether a run ended as no worker took it within its schedule timeout, by the events of its tasks: its status is that of a run
   * that a person cancelled. REST, so it may lag behind.
   * @returns undefined when it ended otherwise, 'unknown' when there is nothing of its end yet
   */
  async untaken(tasks: readonly string[]): Promise<UntakenRun | 'unknown' | undefined> {
    const lists = await Promise.all(tasks.map((task) => this.eventsOf(task)));
    const events = lists.flat();
    const timedOut = events.find(({ eventType }) => isEvent(eventType, 'SCHEDULING_TIMED_OUT'));
    if (!timedOut) return events.some(({ eventType }) => isEvent(eventType, 'CANCELLED')) ? undefined : 'unknown';
    const since = Math.min(...events.map(({ timestamp }) => Date.parse(timestamp)));
    return {
      waitedMs: Date.parse(timedOut.timestamp) - since,
      begun: events.some(({ eventType, retryCount = 0 }) => retryCount > 0 || isEvent(eventType, 'STARTED')),
    };
  }

  private async eventsOf(task: string) {
    try {
      // Without a limit there are none.
      const { data } = await this.ask('untaken', () => this.hatchet.api.v1TaskEventList(task, { limit: eventsRead }));
      return data.rows ?? [];
    } catch (error) {
      if ((error as { response?: { status?: number } }).response?.status === 404) return [];
      throw error;
    }
  }

  /**
   * The run that was published for an entry, from the engine's history; REST, so it may lag behind.
   * @param token - what the claim of such a run holds; whoever makes up metadata doesn't know it
   */
  async findRun(signatureId: string, groupId: string, entry: string, token: string): Promise<string | undefined> {
    const { rows } = await this.ask('findRun', () =>
      this.hatchet.runs.list({ additionalMetadata: { 'mageflow.signature': signatureId }, includePayloads: false }),
    );
    // Runs that its body started carry the same metadata, but no claim that holds for them.
    const own = rows.find(({ additionalMetadata }) => {
      const claim = readClaim((additionalMetadata ?? {}) as Record<string, string>);
      return claim?.groupId === groupId && claim.entry === entry && claim.token === token;
    });
    return own?.workflowRunExternalId;
  }

  /** The runs that were published between two times, a page at a time; REST, so the latest may be missing. */
  async *runsBetween(since: Date, until: Date): AsyncGenerator<PastRun[]> {
    const limit = 500;
    for (let offset = 0; ; offset += limit) {
      const { rows } = await this.ask('runsBetween', () =>
        this.hatchet.runs.list({ since, until, limit, offset, includePayloads: false }),
      );
      yield rows.map(({ workflowRunExternalId, additionalMetadata, createdAt }) => ({
        id: workflowRunExternalId,
        metadata: (additionalMetadata ?? {}) as Record<string, string>,
        createdAt: Date.parse(createdAt),
      }));
      if (rows.length < limit) return;
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
    return betweenFaultPoints('engine', what, () => withTimeout('the engine', limitMs, call()));
  }
}

/** The SDK exports its events' names as an enum of a path that does not load everywhere. */
function isEvent(type: string, name: 'SCHEDULING_TIMED_OUT' | 'CANCELLED' | 'STARTED'): boolean {
  return type === name;
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
  const collision = collisionIn(error);
  const isPermanent = tooLarge || unsendable || collision !== undefined || permanent.includes(code);
  return new PublishError(isPermanent ? 'permanent' : 'transient', message, error, collision);
}

/** By its shape: instanceof fails for an SDK of another copy. */
function collisionIn(error: unknown): Collision | undefined {
  const { successfulWorkflowRunExternalIds: taken, collisions } = Object(error) as {
    successfulWorkflowRunExternalIds?: readonly string[];
    collisions?: readonly { existingRunExternalId?: string }[];
  };
  if (!Array.isArray(taken) || !Array.isArray(collisions)) return undefined;
  return { taken, existing: collisions.map(({ existingRunExternalId }) => existingRunExternalId ?? '') };
}
