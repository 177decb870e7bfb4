import { NonRetryableError, type Context } from '@hatchet-dev/typescript-sdk';
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { retry } from '../utils/retry';
import { runOutsideContext } from '../utils/outside-context';
import { metadataOf, type Claim } from '../hatchet/metadata';
import { emitEnd, emitStart, type ItemRef } from '../orchestrator/item-events';
import type { Execution as RunExecution, ExecutionEnd, FinishReply } from '../store/group-executions';
import { readError } from '../store/group-reader';
import { hasEffects, type StartReply } from '../store/replies';
import { packFailure } from '../messages/text';
import { messageOf } from '../utils/error-message';
import { encodeThrown } from './output';
import type { Persistence } from './retry-until';
import type { Runtime } from './runtime';

const endTriedForMs = 5_000;
const askSuspendedMs = 1_000;
const askAgainMs = [0, 100, 300];
const askLaterMs = [100, 300, 1_000, 3_000, 5_000];

const ofThisProcess = randomBytes(6).toString('base64url');
let executions = 0;

/** What the claim of an execution allows. */
export type Permission =
  /** message: what the group was started with, as JSON text. */
  | { code: 'run'; failedItems: number; message: string | undefined }
  | { code: 'stored'; output: unknown }
  /** Nobody of this store published it. */
  | { code: 'unknown' };

/** One execution of a run that mageflow published: claims its entry, and reports how it ended. */
export class ClaimedRun {
  private readonly execution: RunExecution;
  private judgement: Promise<void> | undefined;

  constructor(
    private readonly runtime: Runtime,
    private readonly claim: Claim,
    private readonly about: { name: string },
    private readonly ctx: Context<unknown>,
    private readonly persistence: Persistence,
    /** The group of its children, when it is a root; else ''. */
    private readonly child: string,
  ) {
    this.execution = {
      runId: ctx.workflowRunId(),
      retryCount: ctx.retryCount(),
      invocation: (ctx as { invocationCount?: number }).invocationCount ?? 1,
      nonce: `${ofThisProcess}${(executions++).toString(36)}`,
    };
  }

  /**
   * Claims the entry, before the body may run: without its claim no body runs.
   * @throws NonRetryableError when what is stored is a failure, or another run owns the entry
   */
  async start(): Promise<Permission> {
    let deadOwner = '';
    for (;;) {
      const reply = await this.persistence.retryUntil('to be claimed', () => this.claimOnce(deadOwner));
      if ('code' in reply) return reply;
      deadOwner = reply.deadOwner;
    }
  }

  private claimOnce(deadOwner: string): Promise<Permission | { deadOwner: string }> {
    const { store, stopping, messages } = this.runtime;
    const { confirmations } = this.runtime.publisher;
    const { groupId, entry, token } = this.claim;
    // A claim that is granted confirms the run itself.
    const unconfirmed = confirmations.drop(groupId, entry, this.execution.runId);
    const confirmLater = () => {
      if (unconfirmed) confirmations.add(groupId, entry, this.execution.runId);
    };
    const handBack = stopping.workers > 0;
    const known = messages.get(groupId);
    const ask = known?.createdAt ?? '0';
    return store.start(groupId, entry, token, this.execution, deadOwner, this.child, handBack, ask).then(
      (reply) => {
        if (reply.code === 'run') {
          if (reply.message) messages.set(groupId, reply.message);
          return this.begun(reply.failed, (reply.message ?? known)?.text);
        }
        confirmLater();
        return this.refused(reply, deadOwner);
      },
      (error: unknown) => {
        confirmLater();
        throw error;
      },
    );
  }

  private begun(failedItems: number, message: string | undefined): Permission {
    const { events } = this.runtime;
    this.watchAbort();
    if (events.hasItemListener) emitStart(events, this.told());
    return { code: 'run', failedItems, message };
  }

  private async refused(
    reply: Exclude<StartReply, { code: 'run' }>,
    deadOwner: string,
  ): Promise<Permission | { deadOwner: string }> {
    const { settler, logger, publisher, engine } = this.runtime;
    const { groupId, entry } = this.claim;
    const { runId } = this.execution;
    switch (reply.code) {
      case 'unknown':
        return { code: 'unknown' };
      case 'requeued':
        await publisher.publish(groupId, reply.effects);
        await engine.cancel([runId]);
        throw new NonRetryableError(
          'This run counts no more: it was suspended or tried again, and gets or has another run.',
        );
      case 'suspended':
        await this.persistence.pause(askSuspendedMs);
        return { deadOwner };
      case 'cancelled':
        await settler.cancel(groupId, entry, runId);
        throw new NonRetryableError('It was cancelled before it started.');
      case 'superseded':
        throw new NonRetryableError(`A later attempt of run ${runId} has begun.`);
      case 'stored':
        // What was taken back or cancelled on its way is no repetition; those have a higher count.
        if (this.execution.retryCount > 0 || (!reply.late && reply.result !== 'x'))
          logger.warn(
            `run ${runId} of ${this.about.name} has ended before; its body is not run again. To repeat failed items, use retryFailed().`,
          );
        return { code: 'stored', output: await this.stored(reply.result) };
      case 'duplicate': {
        // What the owner's body did is the engine's to tell, a timeout as much as an output: settled from its record, as
        // the reconciler would a moment later, it is what is stored when this run asks again. Only a record that is gone tells nothing.
        const owner = await settler.completeIfEnded(groupId, entry, reply.owner, this.about.name);
        if (!owner.known) return { deadOwner: reply.owner };
        if (!owner.end) throw new NonRetryableError(`A duplicate of run ${reply.owner}, which runs it.`);
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

  /** Stores the result and publishes what it makes room for. */
  succeed(payload: string): Promise<unknown> {
    return this.wasAborted ? this.judged() : this.end('succeeded', payload, 0);
  }

  /**
   * Reports a failed attempt.
   * @returns the error to hand to the engine: one that it doesn't retry, when the failure is final
   */
  async fail(error: unknown, retries: number): Promise<unknown> {
    if (this.wasAborted) {
      await this.judged();
      return encodeThrown(error);
    }
    const final = error instanceof NonRetryableError;
    const code = await this.end(final ? 'failed' : 'threw', packFailure(messageOf(error)), retries);
    // The engine may have counted more than we know of: a timeout that its own process has yet to report.
    if (code === 'retry' && this.execution.retryCount >= retries) runOutsideContext(() => void this.askLater());
    if (final || code !== 'ended') return encodeThrown(error);
    const last = new NonRetryableError(messageOf(error));
    const { stack } = Object(error) as { stack?: unknown };
    if (typeof stack === 'string') last.stack = stack;
    return encodeThrown(last);
  }

  /** When the engine ended this attempt, what the body does afterwards counts no more. */
  private get wasAborted(): boolean {
    return this.judgement !== undefined || this.ctx.abortController.signal.aborted;
  }

  private judged(): Promise<void> {
    return (this.judgement ??= this.askEngine());
  }

  private watchAbort(): void {
    const { signal } = this.ctx.abortController;
    if (signal.aborted) void this.judged();
    else signal.addEventListener('abort', () => void this.judged(), { once: true });
  }

  /** An abort says nothing of its reason: a timeout, a person's cancel and an eviction look the same. The engine knows. */
  private async askEngine(): Promise<void> {
    const { settler, logger } = this.runtime;
    const { groupId, entry } = this.claim;
    try {
      for (const delay of askAgainMs) {
        await pause(delay);
        const state = await settler.completeIfEnded(groupId, entry, this.execution.runId, this.about.name);
        if (!state.known || state.end || state.evicted || this.wasEvicted()) return;
      }
      await this.end('aborted', '', 0);
    } catch (error) {
      logger.warn(
        `how run ${this.execution.runId} of ${this.about.name} ended is left to the reconciler: ${messageOf(error)}`,
      );
    }
  }

  /** Settles the run when the engine doesn't try it again, which it knows a moment after the attempt has returned. */
  private async askLater(): Promise<void> {
    const { settler, logger } = this.runtime;
    const { groupId, entry } = this.claim;
    try {
      for (const delay of askLaterMs) {
        await pause(delay, undefined, { ref: false });
        const state = await settler.completeIfEnded(groupId, entry, this.execution.runId, this.about.name);
        if (!state.known || state.end) return;
      }
    } catch (error) {
      logger.warn(
        `how run ${this.execution.runId} of ${this.about.name} ended is left to the reconciler: ${messageOf(error)}`,
      );
    }
  }

  /** What events tell of it. */
  private told(): ItemRef {
    const { groupId, entry } = this.claim;
    const { signature, index } = metadataOf(this.claim, this.ctx.additionalMetadata());
    const id = signature || groupId;
    return { groupId, entry, task: this.about.name, id, runId: this.execution.runId, alone: index === '' };
  }

  private wasEvicted(): boolean {
    return (this.ctx.abortController.signal.reason as { reason?: string } | undefined)?.reason === 'evicted';
  }

  /** Stores how it ended, and publishes what that makes room for before the run returns to the engine. */
  private async end(outcome: 'succeeded' | 'failed' | 'threw' | 'aborted', payload: string, retries: number) {
    const { publisher, events, logger } = this.runtime;
    let reply: FinishReply;
    try {
      reply = await this.storeEnd({ outcome, payload, retries });
    } catch (error) {
      logger.error(
        `the end of run ${this.execution.runId} of ${this.about.name} is not stored (${messageOf(error)}); the reconciler will settle it from the engine's record.`,
      );
      return 'unstored';
    }
    const { groupId } = this.claim;
    if (events.hasItemListener)
      emitEnd(events, this.told(), reply.effects, outcome === 'succeeded' ? '' : readError(payload));
    try {
      if (hasEffects(reply.effects)) await publisher.publish(groupId, reply.effects);
      // What was confirmed with it may have been on the way when the group was suspended.
      if (reply.effects.suspended) await publisher.suspender.withdraw(groupId);
    } catch (error) {
      // It ended all the same; what it was granted stays leased, and the reconciler publishes it.
      logger.warn(
        `what follows run ${this.execution.runId} of ${this.about.name} is left to the reconciler: ${messageOf(error)}`,
      );
    }
    return reply.code;
  }

  /** A finished body is never run again for our reasons: after a while without Redis the engine gets the output, and the reconciler settles. */
  private storeEnd(end: ExecutionEnd): Promise<FinishReply> {
    const { store, publisher } = this.runtime;
    const { groupId, entry } = this.claim;
    const confirmed = publisher.confirmations.take(groupId);
    const giveUpAt = performance.now() + endTriedForMs;
    return retry(
      () => store.finish(groupId, entry, this.execution, end, confirmed),
      (refusal, attempt) => {
        if (store.redis.isClosed || performance.now() > giveUpAt) throw refusal;
        return pause(Math.min(1_000, 50 * 2 ** attempt));
      },
    );
  }
}
