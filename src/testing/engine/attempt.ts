import { Context, NonRetryableError } from '@hatchet-dev/typescript-sdk';
import {
  AssignedAction,
  createAction,
  createActionId,
  DurableContext,
  isTaskRunTerminatedError,
  MinEngineVersion,
  parentRunContextManager,
  TaskRunTerminatedError,
  throwIfAborted,
  type ContextRuntime,
} from '@hatchet-dev/typescript-sdk/edge/index.js';
import type { BodyControl, Host } from './host';
import type { RunningAttempt, TaskRun } from './run';

/** Called by a durable context when a wait of its body begins and ends. */
export interface WaitMarks {
  markWaiting(): void;
  markActive(): void;
}

/** How an attempt ended. */
export type AttemptEnd =
  /** Its output as JSON text. */
  | { code: 'completed'; output: string }
  | { code: 'failed'; error: string; isFinal: boolean }
  /** It was aborted, so what it gave does not count. */
  | { code: 'dropped' };

/** One attempt of a run: it calls the body in the SDK's own context, as the SDK's worker does. */
export class Attempt implements RunningAttempt {
  private readonly context: Context<unknown>;

  constructor(
    private readonly host: Host,
    control: BodyControl,
    private readonly task: TaskRun,
    readonly workerId: string,
    evictionManager: WaitMarks,
  ) {
    const action = actionOf(host, task);
    const runtime = contextRuntime(host, control, workerId) as never;
    const options = { evictionManager, engineVersion: MinEngineVersion.DURABLE_EVICTION };
    const { log } = task;
    this.context = log
      ? new DurableContext(action, runtime, log.transport() as never, options as never)
      : new Context(action, runtime);
  }

  abort(reason: 'cancelled' | 'evicted'): void {
    const message = reason === 'evicted' ? undefined : 'Cancelled by worker';
    this.context.abortController.abort(new TaskRunTerminatedError(reason, message));
  }

  async end(): Promise<AttemptEnd> {
    const { signal } = this.context.abortController;
    try {
      const output = await this.execute();
      if (signal.aborted) return { code: 'dropped' };
      return { code: 'completed', output: JSON.stringify(output || null) };
    } catch (error) {
      if (signal.aborted || isTaskRunTerminatedError(error)) return { code: 'dropped' };
      const { message, stack } = Object(error) as Partial<Error>;
      return { code: 'failed', error: JSON.stringify({ message, stack }), isFinal: error instanceof NonRetryableError };
    }
  }

  private async execute(): Promise<unknown> {
    const { context, task } = this;
    for (const before of this.host.hooks('before')) {
      const extra = await before(context.input, context);
      if (extra !== undefined) this.setInput({ ...(context.input as object), ...(extra as object) });
    }
    const { signal } = context.abortController;
    const around = {
      parentId: task.run.id,
      parentTaskRunExternalId: task.id,
      childIndex: 0,
      desiredWorkerId: this.workerId,
      signal,
      ...(context instanceof DurableContext ? { durableContext: context } : {}),
    };
    let result = await parentRunContextManager.runWithContext(around, () => {
      throwIfAborted(signal);
      return task.task.body()(context.input, context);
    });
    for (const after of this.host.hooks('after')) {
      const extra = await after(result, context, context.input);
      if (extra !== undefined) result = extra;
    }
    return result;
  }

  private setInput(input: object): void {
    this.context.input = input;
    (this.context as unknown as { data: { input: unknown } }).data.input = input;
  }
}

function actionOf({ tenantId }: Host, { id, run, task, retryCount, invocation }: TaskRun) {
  const done = run.tasks.filter(({ status, output }) => status === 'COMPLETED' && output !== undefined);
  const parents = done.map((one) => [one.task.name, JSON.parse(one.output ?? 'null') as unknown]);
  const failed = run.tasks.filter(({ status }) => status === 'FAILED');
  const payload = {
    input: JSON.parse(run.input) as unknown,
    parents: Object.fromEntries(parents) as Record<string, unknown>,
    triggered_by: 'manual',
    step_run_errors: Object.fromEntries(failed.map((one) => [one.task.name, one.error])),
  };
  const action = AssignedAction.fromPartial({
    tenantId,
    workflowRunId: run.id,
    jobId: run.id,
    jobName: task.name,
    jobRunId: run.id,
    taskId: id,
    taskRunExternalId: id,
    actionId: createActionId(run.name, task.name),
    actionPayload: JSON.stringify(payload),
    taskName: task.name,
    retryCount,
    additionalMetadata: JSON.stringify(run.metadata),
    childWorkflowIndex: run.childIndex,
    parentWorkflowRunId: run.parentId,
    priority: run.priority,
    ...(task.isDurable ? { durableTaskInvocationCount: invocation } : {}),
  });
  return createAction(action);
}

/** What the SDK's contexts need of the process that runs a body. */
function contextRuntime(host: Host, control: BodyControl, workerId: string): ContextRuntime & { client: unknown } {
  const { admin } = host;
  const nothing = () => Promise.resolve();
  return {
    client: host,
    namespace: host.config.namespace,
    logger: (name) => host.config.logger(name) as never,
    cancelRun: async (id) => control.cancel([id]),
    cancelBatch: nothing,
    // The logs and streams of a run are for people who look at it.
    putLog: nothing,
    putStream: nothing,
    refreshTimeout: async (id, by) => control.refreshTimeout(id, by),
    releaseSlot: async (id) => control.releaseSlot(id),
    runWorkflow: (name, input, options) => admin.runWorkflow(name, input, options) as never,
    runWorkflows: (runs) => admin.runWorkflows(runs) as never,
    workerId: () => workerId,
    hasWorkflow: (name) => control.serves(name),
    workerLabels: () => ({}),
    upsertWorkerLabels: (labels) => Promise.resolve(labels),
  };
}
