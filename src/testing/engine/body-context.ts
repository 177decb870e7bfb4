import { Context } from '@hatchet-dev/typescript-sdk';
import { randomUUID } from 'node:crypto';
import { AssignedAction, createAction, type ContextRuntime } from '@hatchet-dev/typescript-sdk/edge/index.js';

const silent = { info: nothing, debug: nothing, warn: nothing, error: nothing };

function nothing(): void {
  // A body that runs by itself has nobody to log to.
}

function noRuns(): Promise<never> {
  return Promise.reject(
    new Error('runBody runs one body, and no other task. Use createTestKit for a body that starts tasks.'),
  );
}

const done = () => Promise.resolve();

/** Returns the SDK's context of a body that no engine runs. */
export function bodyContext(name: string, input: unknown, retryCount: number): Context<unknown> {
  const id = randomUUID();
  const action = AssignedAction.fromPartial({
    workflowRunId: id,
    jobId: id,
    jobName: name,
    taskId: id,
    taskRunExternalId: id,
    actionId: `${name}:${name}`,
    actionPayload: JSON.stringify({ input, parents: {}, triggered_by: 'manual' }),
    taskName: name,
    retryCount,
    additionalMetadata: '{}',
  });
  const runtime: ContextRuntime & { client: unknown } = {
    client: { config: {} },
    namespace: '',
    logger: () => silent as never,
    cancelRun: done,
    cancelBatch: done,
    putLog: done,
    putStream: done,
    refreshTimeout: done,
    releaseSlot: done,
    runWorkflow: noRuns,
    runWorkflows: noRuns,
    workerId: () => 'runBody',
    hasWorkflow: () => false,
    workerLabels: () => ({}),
    upsertWorkerLabels: (labels) => Promise.resolve(labels),
  };
  return new Context(createAction(action), runtime as never);
}
