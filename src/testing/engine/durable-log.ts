import {
  createAbortError,
  NonDeterminismError,
  type DurableTaskEventLogEntryResult,
  type DurableTaskSendEvent,
  type DurableTransport,
} from '@hatchet-dev/typescript-sdk/edge/index.js';
import { hasEnded, outputOf, type Run, type RunRequest, type TaskRun, type WaitLog } from './run';
import type { Conditions, Waits } from './waits';

type Result = Pick<DurableTaskEventLogEntryResult, 'payload' | 'isFailure' | 'errorMessage'>;

/** What a durable body has asked for at one place. */
interface Entry {
  /** What was asked for, as a text that is the same when the body runs again. */
  asked: string;
  result: Result | undefined;
  /** Called when there is a result. */
  readonly waiting: Set<() => void>;
  /** Ends the wait behind it. */
  end?: () => void;
  runId?: string;
  memo?: Uint8Array;
}

/** What a log needs of the engine. */
export interface LogHost {
  readonly waits: Waits;
  publish(requests: readonly RunRequest[]): string[];
  whenEnded(id: string): Promise<Run>;
  /** Called when a wait of a task that has been evicted is over. */
  restore(task: TaskRun): void;
}

/**
 * What a durable task has waited for, in the order in which its body asked. When the body runs again, it gets what is there.
 */
export class DurableLog implements WaitLog {
  private readonly entries: Entry[] = [];
  private place = 0;

  constructor(
    private readonly host: LogHost,
    private readonly task: TaskRun,
  ) {}

  /** Begins an invocation, and returns what its context talks to. */
  transport(): DurableTransport {
    this.place = 0;
    const nothing = () => Promise.resolve();
    const send = (_id: string, _invocation: number, event: DurableTaskSendEvent) =>
      Promise.resolve().then(() => this.send(event));
    return {
      sendEvent: send as DurableTransport['sendEvent'],
      // eslint-disable-next-line no-restricted-syntax -- the parameters of the SDK's interface
      waitForCallback: (_id, _invocation, _branch, node, opts) => this.result(node, opts?.signal),
      consumeCallbackWithoutBlocking: () => undefined,
      // eslint-disable-next-line no-restricted-syntax -- the parameters of the SDK's interface
      sendMemoCompletedNotification: (_id, node, _branch, _invocation, _key, payload) => {
        const entry = this.entries[node - 1];
        if (entry && payload) entry.memo = payload;
        return Promise.resolve();
      },
      cleanupTaskState: () => undefined,
      sendEvictInvocation: nothing,
    };
  }

  /** Ends all waits. */
  close(): void {
    for (const { end } of this.entries) end?.();
  }

  private send(event: DurableTaskSendEvent): object {
    const of = { invocationCount: this.task.invocation, durableTaskExternalId: this.task.id, branchId: 1 };
    switch (event.kind) {
      case 'memo': {
        const node = this.at(`memo ${Buffer.from(event.memoKey).toString('base64')}`, () => undefined);
        const memo = this.entries[node - 1]?.memo;
        const known = memo ? { memoAlreadyExisted: true, memoResultPayload: memo } : { memoAlreadyExisted: false };
        return { ackType: 'memo', ...of, nodeId: node, ...known };
      }
      case 'waitFor': {
        const conditions = event.waitForConditions as Conditions;
        const node = this.at(`wait ${conditionsText(conditions)}`, (entry) => {
          entry.end = this.host.waits.begin(conditions, (found) =>
            this.complete(entry, { payload: { CREATE: found } }),
          );
        });
        return { ackType: 'waitFor', ...of, nodeId: node };
      }
      case 'runChildren': {
        const runEntries = event.triggerOpts.map(({ name, input, additionalMetadata, ...options }) => {
          const request: RunRequest = {
            workflowName: name,
            input: JSON.parse(input) as unknown,
            options: {
              ...(options as RunRequest['options']),
              additionalMetadata: JSON.parse(additionalMetadata || '{}') as Record<string, string>,
            },
          };
          const node = this.at(`run ${name}`, (entry) => void this.runChild(entry, request));
          return { nodeId: node, branchId: 1, workflowRunExternalId: this.entries[node - 1]?.runId ?? '' };
        });
        return { ackType: 'run', ...of, runEntries };
      }
    }
  }

  /**
   * Returns the number of the next entry, from 1. An entry that is not there yet is begun.
   * @throws NonDeterminismError when the body asked for something else at this place
   */
  private at(asked: string, begin: (entry: Entry) => void): number {
    const node = (this.place += 1);
    const known = this.entries[node - 1];
    if (known && known.asked !== asked) {
      const text = `Non-determinism detected: expected "${known.asked}" at place ${node}, got "${asked}".`;
      throw new NonDeterminismError(this.task.id, this.task.invocation, node, text);
    }
    if (!known) {
      const entry: Entry = { asked, result: undefined, waiting: new Set() };
      this.entries.push(entry);
      begin(entry);
    }
    return node;
  }

  private async runChild(entry: Entry, request: RunRequest): Promise<void> {
    const [id = ''] = this.host.publish([request]);
    entry.runId = id;
    const run = await this.host.whenEnded(id);
    const { status } = run;
    if (status === 'COMPLETED')
      return this.complete(entry, { payload: Object(outputOf(run)) as Record<string, unknown> });
    this.complete(entry, { isFailure: true, errorMessage: run.tasks.map(({ error }) => error).join('') || status });
  }

  private complete(entry: Entry, { payload, isFailure = false, errorMessage }: Partial<Result>): void {
    entry.result = { payload, isFailure, errorMessage };
    for (const wake of [...entry.waiting]) wake();
    if (!hasEnded(this.task) && this.task.isEvicted) this.host.restore(this.task);
  }

  private result(node: number, signal: AbortSignal | undefined): Promise<DurableTaskEventLogEntryResult> {
    return new Promise((resolve, reject) => {
      const entry = this.entries[node - 1];
      if (!entry) return reject(new Error(`A durable task has no entry ${node}.`));
      const give = () => resolve({ durableTaskExternalId: this.task.id, nodeId: node, ...(entry.result as Result) });
      const abort = () => reject(createAbortError('Operation cancelled by AbortSignal'));
      if (signal?.aborted) return abort();
      if (entry.result) return give();
      const wake = () => {
        entry.waiting.delete(wake);
        signal?.removeEventListener('abort', stop);
        give();
      };
      const stop = () => {
        entry.waiting.delete(wake);
        abort();
      };
      entry.waiting.add(wake);
      signal?.addEventListener('abort', stop, { once: true });
    });
  }
}

/** The names of groups are made up anew each time. */
function conditionsText({ sleepConditions, userEventConditions }: Conditions): string {
  const sleeps = sleepConditions.map(({ sleepFor }) => `sleep ${sleepFor}`);
  const events = userEventConditions.map(({ userEventKey, base }) =>
    `event ${userEventKey} ${base?.expression ?? ''}`.trim(),
  );
  return [...sleeps, ...events].join(', ');
}
