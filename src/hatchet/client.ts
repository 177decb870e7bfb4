import type { AdminClient } from '@hatchet-dev/typescript-sdk';
import { randomBytes, randomUUID } from 'node:crypto';
import { inParts } from '../utils/in-parts';
import { Cached } from '../utils/cached';
import { systemClock } from '../utils/clock';
import { betweenFaultPoints } from '../utils/fault-points';
import { withTimeout } from '../utils/timeout';
import { messageOf } from '../utils/error-message';
import { adminWithoutRetries, runEndStream, type AnyHatchet, type RunEndStream } from './internals';
import { parentKey, readClaim } from './metadata';
import { thrownMessage, toEvent, type RunEvent } from './run-history';
import { connectedStatuses, queuesOf, loadOf, workersOf, type TaskLoad } from './task-load';
import type { StoredRunOptions } from '../store/spec';

/** One run to publish. */
export interface RunRequest {
  workflowName: string;
  input: Record<string, unknown>;
  additionalMetadata: Record<string, string>;
  options: StoredRunOptions | undefined;
  /** The run under which the engine shows it. */
  parent?: { runId: string; taskRunId: string; index: number };
}

/** The engine's answer when other runs hold the idempotency keys of some runs of a batch. */
export interface Collision {
  /** The ids of the accepted runs, in the order of the batch. */
  taken: readonly string[];
  /** The ids of the runs that hold the keys. */
  existing: readonly string[];
}

/** Why the engine did not accept a batch, or (with a collision) not all of it. */
export class PublishError extends Error {
  constructor(
    /** permanent: this batch is never accepted; transient: a later try may succeed. */
    readonly kind: 'permanent' | 'transient',
    message: string,
    cause: unknown,
    readonly collision?: Collision,
  ) {
    super(message, { cause });
  }
}

/** How a run ended, as the engine reports it. */
export interface RunEnd {
  status: 'COMPLETED' | 'FAILED' | 'CANCELLED';
  outputs: Record<string, unknown>;
  error: string;
}

export type RunState =
  | { known: false; end?: undefined; input?: undefined }
  /** tasks: the engine's ids of the tasks of the run. */
  | {
      known: true;
      evicted: boolean;
      end: RunEnd | undefined;
      input?: unknown;
      tasks?: readonly string[];
      metadata?: Record<string, string>;
    };

/** A run that ended because no worker took it in time. */
export interface UntakenRun {
  waitedMs: number;
  /** True if a worker had taken it before, so that a body has begun. */
  begun: boolean;
}

/** The version of the engine, and how long its two parts took to answer. */
export interface EngineHealth {
  version: string;
  restMs: number;
  grpcMs: number;
}

/** A run in the engine's history. */
export interface PastRun {
  id: string;
  metadata: Record<string, string>;
  createdAt: number;
}

/**
 * Time limits for an answer, in ms. The SDK waits forever, and a connection can be dead without an error. A call without an
 * answer may have been executed all the same, so each of these calls may be repeated.
 */
const answerMs = { publish: 30_000, ask: 10_000, cancel: 30_000 };
/** The most runs that one call cancels. */
const mostCancelledAtOnce = 500;

/** How many events of a task are read, the latest first. A task that waits for a worker adds one every now and then. */
const eventsRead = 200;
/** For how long the lists of all workers and of all queues are used again, in ms; and to say that no worker is there. */
const listsKeptMs = 5_000;
const absenceKeptMs = 1_000;

/** The part of the engine's API that mageflow uses. */
export class EngineClient {
  private readonly admin: Pick<AdminClient, 'runWorkflows'>;
  private readonly ends: RunEndStream;
  private readonly workers: Cached<ReturnType<typeof workersOf>>;
  private readonly queues: Cached<ReturnType<typeof queuesOf>>;

  constructor(
    readonly hatchet: AnyHatchet,
    private readonly clock = systemClock,
  ) {
    this.admin = adminWithoutRetries(hatchet);
    this.ends = runEndStream(hatchet);
    this.workers = new Cached(clock, listsKeptMs, () => this.listWorkers());
    this.queues = new Cached(clock, listsKeptMs, () => this.listQueues());
  }

  /**
   * Publishes one batch in one call. The engine accepts all of it, or none, or (for tasks with their own idempotency keys)
   * all runs that don't collide.
   * @param patience - factor of the time limit for an answer; with a fixed limit, a slow engine would never be waited for
   * long enough
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

  /**
   * Cancels runs. Waiting runs end at once; running ones have their bodies aborted.
   * @throws Error when a call fails
   */
  async cancel(runIds: readonly string[]): Promise<void> {
    for (const ids of inParts(runIds, { items: mostCancelledAtOnce })) {
      try {
        await this.ask('cancel', () => this.hatchet.runs.cancel({ ids }), answerMs.cancel);
      } catch (error) {
        throw new Error(`The engine did not cancel ${ids.length} runs: ${messageOf(error)}.`, { cause: error });
      }
    }
  }

  /** The engine's state of a run, current and exact (REST lags behind). */
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

  /**
   * Reads the state by REST. gRPC knows a workflow's run only once one of its tasks is due, which may be days after REST
   * does.
   */
  private async stateBeforeTasks(runId: string): Promise<RunState> {
    const { run } = (await orNotFound(this.ask('state', () => this.hatchet.runs.get(runId)))) ?? {};
    const waits = run && ['QUEUED', 'RUNNING'].includes(run.status);
    return waits ? { known: true, evicted: false, end: undefined, input: run.input } : { known: false };
  }

  /**
   * Returns whether a run ended because no worker took it within its schedule timeout. It is read from the events of the run's
   * tasks, because the status is that of a run that a user cancelled. REST, so it may lag behind.
   * @returns undefined when the run ended otherwise, 'unknown' when there is no event of its end yet
   */
  async untaken(tasks: readonly string[]): Promise<UntakenRun | 'unknown' | undefined> {
    const lists = await Promise.all(tasks.map((task) => this.eventsOf(task)));
    const events = lists.flat();
    const timedOut = events.find(({ type }) => type === 'SCHEDULING_TIMED_OUT');
    if (!timedOut) return events.some(({ type }) => type === 'CANCELLED') ? undefined : 'unknown';
    const since = Math.min(...events.map(({ at }) => at));
    return {
      waitedMs: timedOut.at - since,
      begun: events.some(({ type, retryCount }) => retryCount > 0 || type === 'STARTED'),
    };
  }

  /**
   * Returns the latest events of a run; none for an unknown run. Of a workflow of several tasks, the events of all, without
   * those of tasks that ended before the run. REST, so the last ones may be missing.
   */
  async history(runId: string): Promise<RunEvent[]> {
    // The only task of a run has the id of the run.
    const events = await this.eventsOf(runId);
    if (events.length > 0) return events;
    const found = await orNotFound(this.ask('history', () => this.hatchet.runs.get(runId)));
    const goesOn = found && ['QUEUED', 'RUNNING'].includes(found.run.status);
    return (found?.taskEvents ?? []).map(toEvent).filter(({ type }) => !(goesOn && type === 'FINISHED'));
  }

  /**
   * Returns which workers serve a task, and how many of its runs wait for one. All workers and queues are read in two calls,
   * at most every 5 s; the workers every second if none serves the task. REST, so they may lag behind.
   */
  async loadOf(name: string): Promise<TaskLoad> {
    const [workers, queues] = await Promise.all([this.workers.get(), this.queues.get()]);
    const load = loadOf(this.fullName(name), workers, queues);
    // A worker may have come since.
    return load.active.length > 0 ? load : loadOf(this.fullName(name), await this.workers.get(absenceKeptMs), queues);
  }

  private async listWorkers() {
    // The list of the SDK's own client has every worker of the last 24 hours.
    const { data } = await this.ask('workers', () =>
      this.hatchet.api.workerList(this.hatchet.tenantId, { statuses: [...connectedStatuses] as never[] }),
    );
    return workersOf(data.rows ?? []);
  }

  private async listQueues() {
    return queuesOf(await this.ask('taskStats', () => this.hatchet.metrics.getTaskStats()));
  }

  private async eventsOf(task: string): Promise<RunEvent[]> {
    // Without a limit, the API returns no events.
    const reply = await orNotFound(
      this.ask('events', () => this.hatchet.api.v1TaskEventList(task, { limit: eventsRead })),
    );
    return (reply?.data.rows ?? []).map(toEvent);
  }

  /**
   * Finds the run that was published for an entry, in the engine's history. REST, so it may lag behind.
   * @param token - the token of the entry's claim; made-up metadata can't contain it
   */
  async findRun(signatureId: string, groupId: string, entry: string, token: string): Promise<string | undefined> {
    const { rows } = await this.ask('findRun', () =>
      this.hatchet.runs.list({ additionalMetadata: { 'mageflow.signature': signatureId }, includePayloads: false }),
    );
    // Runs that its body started inherit the metadata, but no valid claim.
    const own = rows.find(({ additionalMetadata }) => {
      const claim = readClaim((additionalMetadata ?? {}) as Record<string, string>);
      return claim?.groupId === groupId && claim.entry === entry && claim.token === token;
    });
    return own?.workflowRunExternalId;
  }

  /** The runs that were published between two times, one page at a time. REST, so the latest may be missing. */
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

  /**
   * Asks both parts of the engine twice, that of its REST API and that of workers and publishers. The faster answer counts,
   * because the first one may include making a connection.
   * @throws Error when one of them gives no answer
   */
  async health(): Promise<EngineHealth> {
    const [first, again] = [await this.answerTimes(), await this.answerTimes()];
    const { version } = again;
    return { version, restMs: Math.min(first.restMs, again.restMs), grpcMs: Math.min(first.grpcMs, again.grpcMs) };
  }

  private async answerTimes(): Promise<EngineHealth> {
    const begin = this.clock.elapsed();
    const { data } = await this.ask('version', () => this.hatchet.api.infoGetVersion());
    const between = this.clock.elapsed();
    // It answers for an unknown run as quickly as for a known one.
    await this.ask('state', () => this.hatchet.runs.getDetails(randomUUID())).catch((error: unknown) => {
      if (codeOf(error) !== 'NOT_FOUND') throw error;
    });
    return { version: data.version, restMs: between - begin, grpcMs: this.clock.elapsed() - between };
  }

  /** Returns whether any worker ever registered a task or workflow of this name. */
  async knowsName(name: string): Promise<boolean> {
    const full = this.fullName(name);
    const list = await this.ask('knowsName', () => this.hatchet.workflows.list({ name: full }));
    return (list.rows ?? []).some((row) => row.name === full);
  }

  /** Waits until a run has ended in any way. `state` returns how it ended. */
  async whenEnded(runId: string): Promise<void> {
    // Resolved or rejected, the promise shows only that the run has ended.
    await betweenFaultPoints('engine', 'whenEnded', () => this.ends.of(runId).catch(() => undefined));
  }

  /** Closes the stream that would keep the process alive. */
  close(): void {
    this.ends.close();
  }

  /** Returns the name of a task or workflow as the engine has it. */
  private fullName(name: string): string {
    const namespace = this.hatchet.config.namespace ?? '';
    return (name.startsWith(namespace) ? name : namespace + name).toLowerCase();
  }

  private ask<T>(what: string, call: () => Promise<T>, limitMs = answerMs.ask): Promise<T> {
    return betweenFaultPoints('engine', what, () =>
      withTimeout(this.clock, { who: 'the engine', ms: limitMs }, call()),
    );
  }
}

/** Returns the result of a call of REST; undefined for what does not exist. */
async function orNotFound<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if ((error as { response?: { status?: number } }).response?.status === 404) return undefined;
    throw error;
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
  // For a key that was used before, the engine may return the existing run, so each publication has a new key.
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

/** Recognizes a collision by its shape: instanceof fails for another copy of the SDK. */
function collisionIn(error: unknown): Collision | undefined {
  const { successfulWorkflowRunExternalIds: taken, collisions } = Object(error) as {
    successfulWorkflowRunExternalIds?: readonly string[];
    collisions?: readonly { existingRunExternalId?: string }[];
  };
  if (!Array.isArray(taken) || !Array.isArray(collisions)) return undefined;
  const existing = collisions.map((one: { existingRunExternalId?: string }) => one.existingRunExternalId ?? '');
  return { taken, existing };
}
