import { NonRetryableError, type Context } from '@hatchet-dev/typescript-sdk';
import { randomBytes } from 'node:crypto';
import { isCallback } from '../store/entry';
import { idlePause, pause } from '../utils/clock';
import { retry } from '../utils/retry';
import { runOutsideContext } from '../utils/outside-context';
import { invocationOf, isEvicted, isEviction } from '../hatchet/internals';
import { metadataOf, type Claim } from '../hatchet/metadata';
import { emitStart, type ItemRef } from '../orchestrator/item-events';
import type { Execution as RunExecution, ExecutionEnd, FinishReply } from '../store/executions';
import { readError } from '../store/group-reader';
import type { StartReply } from '../store/replies';
import { packBackOff, type BackOff } from '../orchestrator/back-offs';
import type { BackOffError } from '../config/errors';
import { cleanText, packFailure } from '../messages/text';
import { messageOf } from '../utils/error-message';
import { encodeThrown } from './output';
import type { RetryUntilTimeout } from './retry-until';
import type { Runtime } from './runtime';

/** How much of the reason of a `BackOffError` is kept, in characters. */
const reasonLength = 1_000;
const endTriedForMs = 5_000;
const askSuspendedMs = 1_000;
const askAgainMs = [0, 100, 300];
const askLaterMs = [100, 300, 1_000, 3_000, 5_000];

const ofThisProcess = randomBytes(6).toString('base64url');
let executions = 0;

/** The result of claiming an entry. */
export type Permission =
  /** `message` is the message with which the group was started, as JSON text. */
  | { code: 'run'; failedItems: number; attempt: number; message: string | undefined }
  | { code: 'stored'; output: unknown }
  /** The run was not published from this store. */
  | { code: 'unknown' };

/** One execution of a run that mageflow published. Claims its entry, and reports its end. */
export class ClaimedRun {
  private readonly execution: RunExecution;
  private asking: Promise<void> | undefined;

  constructor(
    private readonly runtime: Runtime,
    private readonly claim: Claim,
    /** The name of the task, and the id of its internal swarm when it is a root, else ''. */
    private readonly about: { name: string; child: string },
    private readonly ctx: Context<unknown>,
    private readonly untilTimeout: RetryUntilTimeout,
  ) {
    this.execution = {
      runId: ctx.workflowRunId(),
      retryCount: ctx.retryCount(),
      invocation: invocationOf(ctx),
      nonce: `${ofThisProcess}${(executions++).toString(36)}`,
    };
  }

  /**
   * Claims the entry. The body runs only with this claim.
   * @throws NonRetryableError when the stored result is a failure, or another run owns the entry
   */
  async start(): Promise<Permission> {
    let deadOwner = '';
    for (;;) {
      const reply = await this.untilTimeout.retry('to be claimed', () => this.claimOnce(deadOwner));
      if ('code' in reply) return reply;
      deadOwner = reply.deadOwner;
    }
  }

  private claimOnce(deadOwner: string): Promise<Permission | { deadOwner: string }> {
    const { store, stopping, messages, confirmations } = this.runtime;
    const { groupId, entry, token } = this.claim;
    // A successful claim also confirms the run.
    const unconfirmed = confirmations.drop(groupId, entry, this.execution.runId);
    const handBack = stopping.workers > 0;
    const known = messages.get(groupId);
    const ask = known?.version ?? '0';
    const request = { token, deadOwner, child: this.about.child, handBack, knownMessage: ask };
    return store.start(groupId, entry, this.execution, request).then(
      (reply) => {
        if (reply.code === 'run') {
          if (reply.message) messages.set(groupId, reply.message);
          return this.begun(reply, (reply.message ?? known)?.text);
        }
        if (unconfirmed) confirmations.add(groupId, entry, this.execution.runId);
        return this.refused(reply, deadOwner);
      },
      (error: unknown) => {
        if (unconfirmed) confirmations.add(groupId, entry, this.execution.runId);
        throw error;
      },
    );
  }

  private begun({ failed, attempt }: StartReply & { code: 'run' }, message: string | undefined): Permission {
    const { events } = this.runtime;
    this.watchAbort();
    if (events.hasItemListener) emitStart(events, this.itemRef());
    return { code: 'run', failedItems: failed, attempt, message };
  }

  private async refused(
    reply: Exclude<StartReply, { code: 'run' }>,
    deadOwner: string,
  ): Promise<Permission | { deadOwner: string }> {
    const { runReconciler, logger, effects, engine } = this.runtime;
    const { groupId, entry } = this.claim;
    const { runId } = this.execution;
    switch (reply.code) {
      case 'unknown':
        return { code: 'unknown' };
      case 'requeued':
        await effects.carryOut(groupId, reply.effects);
        await engine.cancel([runId]);
        throw new NonRetryableError(
          'This run does not count any more: its item was suspended or retried, and continues in another run.',
        );
      case 'suspended':
        await this.untilTimeout.pause(askSuspendedMs);
        return { deadOwner };
      case 'cancelled':
        await runReconciler.cancel(groupId, entry, runId);
        throw new NonRetryableError('It was cancelled before it started.');
      case 'superseded':
        throw new NonRetryableError(`A later attempt of run ${runId} has begun.`);
      case 'stored':
        // Warns only about replays, which have a retry count. A run that was withdrawn or cancelled before it began ends here too.
        if (this.execution.retryCount > 0 || (!reply.late && reply.result !== 'x'))
          logger.warn(
            `run ${runId} of ${this.about.name} has ended already; its body does not run again. To repeat failed items, use retryFailed().`,
          );
        return { code: 'stored', output: await this.stored(reply.result) };
      case 'duplicate': {
        // The engine's record decides how the owner ended, whether with an output or a timeout. Completing the entry from
        // that record, as the reconciler would a moment later, stores the result that this run reads when it claims again.
        // Only a missing record decides nothing.
        const owner = await runReconciler.completeIfEnded(groupId, entry, reply.owner, this.about.name);
        if (!owner.known) return { deadOwner: reply.owner };
        if (!owner.end) throw new NonRetryableError(`A duplicate of run ${reply.owner}, which executes this item.`);
        return { deadOwner: '' };
      }
    }
  }

  private async stored(result: string): Promise<unknown> {
    if (result.startsWith('s')) return JSON.parse(await this.runtime.reader.output(result.slice(1))) as unknown;
    throw new NonRetryableError(
      result.startsWith('f') ? readError(result.slice(1)) : 'It was cancelled before it started.',
    );
  }

  /** Stores the result, and publishes the items that it grants. */
  succeed(payload: string): Promise<unknown> {
    return this.wasAborted ? this.askEngineOnce() : this.end('succeeded', payload, 0);
  }

  /**
   * Reports a failed attempt.
   * @returns the error for the engine: one that it does not retry when the failure is final
   */
  async fail(error: unknown, retries: number): Promise<unknown> {
    if (this.wasAborted) {
      await this.askEngineOnce();
      return encodeThrown(error);
    }
    // A later invocation continues, and the engine knows of no failure.
    if (isEviction(error)) return error;
    const final = error instanceof NonRetryableError;
    const code = await this.end(final ? 'failed' : 'threw', packFailure(messageOf(error)), retries);
    // The engine may have counted an attempt that is missing here: a timeout that its own process has yet to report.
    if (code === 'retry' && this.execution.retryCount >= retries) runOutsideContext(() => void this.askLater());
    if (final || code !== 'ended') return encodeThrown(error);
    const last = new NonRetryableError(messageOf(error));
    const { stack } = Object(error) as { stack?: unknown };
    if (typeof stack === 'string') last.stack = stack;
    return encodeThrown(last);
  }

  /**
   * Puts the entry back, so that it runs again after a pause. When that can't be stored, the reconciler does it by the output.
   * @returns the output for the engine
   * @throws what the engine has to record when the entry ends instead
   */
  async backOff(error: BackOffError, retries: number): Promise<BackOff> {
    if (this.wasAborted) throw await this.fail(error, retries);
    const { pauser, completion, nextStarts, logger } = this.runtime;
    const { groupId, entry } = this.claim;
    const { ms } = error;
    const reason = error.reason === undefined ? undefined : cleanText(String(error.reason).slice(0, reasonLength));
    const output: BackOff = reason === undefined ? { backedOff: ms } : { backedOff: ms, reason };
    // First, because a pause can be repeated. When this process dies between the two, the engine runs the body again.
    const end: ExecutionEnd = { outcome: 'backed-off', payload: packBackOff(output), retries };
    let reply: FinishReply;
    try {
      if (!isCallback(entry)) await this.tryForAWhile(() => pauser.above(groupId, ms));
      reply = await this.storeEnd(end);
    } catch (failure) {
      logger.error(
        `could not put back ${this.about.name} (run ${this.execution.runId}), which backed off; the reconciler will: ${messageOf(failure)}`,
      );
      return output;
    }
    if (reply.code === 'backed-off' && isCallback(entry)) nextStarts.planCallback(groupId, entry, ms);
    await completion.completeReported(reply, () => this.itemRef(), messageOf(error));
    if (reply.code === 'ended') throw encodeThrown(new NonRetryableError(messageOf(error)));
    return output;
  }

  /** Returns whether the engine ended this attempt. Afterwards the result of the body no longer counts. */
  private get wasAborted(): boolean {
    return this.asking !== undefined || this.ctx.abortController.signal.aborted;
  }

  private askEngineOnce(): Promise<void> {
    return (this.asking ??= this.askEngine());
  }

  private watchAbort(): void {
    const { signal } = this.ctx.abortController;
    if (signal.aborted) void this.askEngineOnce();
    else signal.addEventListener('abort', () => void this.askEngineOnce(), { once: true });
  }

  /** Asks the engine why the run was aborted, because a timeout, a cancellation and an eviction abort it alike. */
  private async askEngine(): Promise<void> {
    const { runReconciler, logger, store } = this.runtime;
    const { groupId, entry } = this.claim;
    try {
      for (const delay of askAgainMs) {
        await pause(store.clock, delay);
        const state = await runReconciler.completeIfEnded(groupId, entry, this.execution.runId, this.about.name);
        if (!state.known || state.end || state.evicted || isEvicted(this.ctx)) return;
      }
      await this.end('aborted', '', 0);
    } catch (error) {
      logger.warn(
        `could not find out how run ${this.execution.runId} of ${this.about.name} ended; the reconciler will: ${messageOf(error)}`,
      );
    }
  }

  /**
   * Completes the run when the engine does not retry it. The engine records that a moment after the attempt has returned.
   */
  private async askLater(): Promise<void> {
    const { runReconciler, logger, store } = this.runtime;
    const { groupId, entry } = this.claim;
    try {
      for (const delay of askLaterMs) {
        await idlePause(store.clock, delay);
        const state = await runReconciler.completeIfEnded(groupId, entry, this.execution.runId, this.about.name);
        if (!state.known || state.end) return;
      }
    } catch (error) {
      logger.warn(
        `could not find out how run ${this.execution.runId} of ${this.about.name} ended; the reconciler will: ${messageOf(error)}`,
      );
    }
  }

  /** Returns the fields that events have in common. */
  private itemRef(): ItemRef {
    const { groupId, entry } = this.claim;
    const { signature, index } = metadataOf(this.claim, this.ctx.additionalMetadata());
    const id = signature || groupId;
    return { groupId, entry, task: this.about.name, id, runId: this.execution.runId, alone: index === '' };
  }

  /** Stores the outcome, and publishes the items that it grants, before the run returns to the engine. */
  private async end(outcome: 'succeeded' | 'failed' | 'threw' | 'aborted', payload: string, retries: number) {
    const { completion, logger } = this.runtime;
    let reply: FinishReply;
    try {
      reply = await this.storeEnd({ outcome, payload, retries });
    } catch (error) {
      logger.error(
        `could not store the end of run ${this.execution.runId} of ${this.about.name}; the reconciler will read it from the engine: ${messageOf(error)}`,
      );
      return 'unstored';
    }
    await completion.completeReported(reply, () => this.itemRef(), outcome === 'succeeded' ? '' : readError(payload));
    return reply.code;
  }

  /**
   * Stores the end, and retries for a while without Redis. Then the engine gets the output, and the reconciler completes the
   * entry: a finished body is never run again for mageflow's sake.
   */
  private storeEnd(end: ExecutionEnd): Promise<FinishReply> {
    const { store, confirmations } = this.runtime;
    const { groupId, entry } = this.claim;
    const confirmed = confirmations.take(groupId);
    return this.tryForAWhile(() => store.finish(groupId, entry, this.execution, { ...end, confirmed }));
  }

  private tryForAWhile<T>(action: () => Promise<T>): Promise<T> {
    const { store } = this.runtime;
    const giveUpAt = store.clock.elapsed() + endTriedForMs;
    return retry(action, (refusal, attempt) => {
      if (store.redis.isClosed || store.clock.elapsed() > giveUpAt) throw refusal;
      return pause(store.clock, Math.min(1_000, 50 * 2 ** attempt));
    });
  }
}
