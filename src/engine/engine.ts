import type { AdminClient, HatchetClient } from '@hatchet-dev/typescript-sdk';
import { randomBytes } from 'node:crypto';
import { messageOf } from '../errors';
import { parentKey, readClaim } from './claim';
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

export type RunState = { known: false; end?: undefined } | { known: true; evicted: boolean; end: RunEnd | undefined };

/** The engine, as far as mageflow talks to it. */
export class Engine {
  private readonly admin: Pick<AdminClient, 'runWorkflows'>;

  constructor(readonly hatchet: AnyHatchet) {
    // The SDK tries every error eight times, permanent ones too, and hides which it was. One try, judged here,
    // on an object that shares everything else with the user's own admin client and leaves that one as it is.
    const { admin } = hatchet;
    const config = { ...admin.config, retrier: { ...admin.config.retrier, maxAttempts: 1 } };
    this.admin = Object.create(admin, { config: { value: config } }) as AdminClient;
  }

  /** Publishes one batch in one call: all of it is taken, or none. @throws PublishError */
  async publish(requests: readonly RunRequest[]): Promise<string[]> {
    try {
      const refs = await this.admin.runWorkflows(
        requests.map(({ workflowName, input, additionalMetadata, options, parent }) => ({
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
        })),
      );
      return await Promise.all(refs.map((ref) => ref.runId));
    } catch (error) {
      throw classify(error);
    }
  }

  /** Cancels runs: those that wait at once, those that run by aborting their bodies. */
  async cancel(runIds: readonly string[]): Promise<void> {
    for (let from = 0; from < runIds.length; from += 500)
      await this.hatchet.runs.cancel({ ids: runIds.slice(from, from + 500) });
  }

  /** What the engine knows of a run, at once and exactly (REST lags behind). */
  async state(runId: string): Promise<RunState> {
    let detail;
    try {
      detail = await this.hatchet.runs.getDetails(runId);
    } catch (error) {
      if (codeOf(error) === 'NOT_FOUND') return { known: false };
      throw error;
    }
    if (!detail.done) return { known: true, evicted: detail.isEvicted, end: undefined };
    const tasks = Object.values(detail.taskRuns);
    const error = tasks.map((task) => task.error ?? '').filter(Boolean);
    return {
      known: true,
      evicted: false,
      end: {
        status: detail.status as RunEnd['status'],
        outputs: Object.fromEntries(tasks.map((task) => [task.readableId, task.output])),
        error: error.join('; '),
      },
    };
  }

  /** The run that was published for an entry, from the engine's history; REST, so it may lag behind. */
  async findRun(signatureId: string, groupId: string, entry: string): Promise<string | undefined> {
    const { rows } = await this.hatchet.runs.list({
      additionalMetadata: { 'mageflow.signature': signatureId },
      includePayloads: false,
    });
    // Runs that its body started carry the same metadata, but no claim that holds for them.
    const own = rows.find(({ additionalMetadata }) => {
      const claim = readClaim((additionalMetadata ?? {}) as Record<string, string>);
      return claim?.groupId === groupId && claim.entry === entry;
    });
    return own?.workflowRunExternalId;
  }

  /** Whether any worker ever registered a task or workflow of this name. */
  async knowsName(name: string): Promise<boolean> {
    const namespace = this.hatchet.config.namespace ?? '';
    const full = (name.startsWith(namespace) ? name : namespace + name).toLowerCase();
    const list = await this.hatchet.workflows.list({ name: full });
    return (list.rows ?? []).some((row) => row.name === full);
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
  const permanent = ['INVALID_ARGUMENT', 'NOT_FOUND', 'ALREADY_EXISTS', 'FAILED_PRECONDITION', 'OUT_OF_RANGE'];
  const name = (error as Error | undefined)?.constructor.name ?? '';
  const collision = name.endsWith('IdempotencyCollisionError');
  return new PublishError(
    tooLarge || collision || permanent.includes(code) ? 'permanent' : 'transient',
    message,
    error,
  );
}
