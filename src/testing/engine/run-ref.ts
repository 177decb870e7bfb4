import { throwIfAborted } from '@hatchet-dev/typescript-sdk/edge/index.js';
import type { InProcessEngine } from './engine';
import { notInKit } from './errors';
import { outputsOf } from './run';

/** A reference to a run, as the SDK's `WorkflowRunRef`. */
export class RunReference {
  _standaloneTaskName: string | undefined;
  defaultSignal: AbortSignal | undefined;

  constructor(
    private readonly engine: InProcessEngine,
    public workflowRunId: string | Promise<string>,
    public parentWorkflowRunId?: string,
    standaloneName?: string,
  ) {
    this._standaloneTaskName = standaloneName;
  }

  get runId(): Promise<string> {
    return this.getWorkflowRunId();
  }

  getWorkflowRunId(): Promise<string> {
    return Promise.resolve(this.workflowRunId);
  }

  get output(): Promise<unknown> {
    return this.result();
  }

  /** Waits for the end. @throws a list of messages when the run has failed, as the SDK does */
  async result(): Promise<unknown> {
    const ended = this.engine.whenEnded(await this.workflowRunId);
    const run = await this.unlessAborted(ended);
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- the SDK rejects with a list
    if (run.status === 'FAILED') throw run.tasks.flatMap(({ status, error }) => (status === 'FAILED' ? [error] : []));
    // As the SDK reads it: a cancelled task has an empty object as its output.
    const none = Object.fromEntries(run.tasks.map(({ task }) => [task.name, {}]));
    const outputs = { ...none, ...outputsOf(run) } as Record<string, unknown>;
    return this._standaloneTaskName === undefined ? outputs : outputs[this._standaloneTaskName];
  }

  async cancel(): Promise<void> {
    this.engine.cancel([await this.workflowRunId]);
  }

  stream(): never {
    throw notInKit('streams of runs');
  }

  async replay(): Promise<void> {
    this.engine.replay([await this.workflowRunId]);
  }

  private unlessAborted<T>(promise: Promise<T>): Promise<T> {
    const signal = this.defaultSignal;
    if (!signal) return promise;
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        try {
          throwIfAborted(signal);
        } catch (error) {
          reject(error as Error);
        }
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    });
  }
}
