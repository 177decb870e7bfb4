import { NonRetryableError, type Context } from '@hatchet-dev/typescript-sdk';
import { clientOf, hasBeforeMiddleware, isEvicted, isEviction, payloadOf, setInput } from '../hatchet/internals';
import { metadataOf, readClaim, type Claim } from '../hatchet/metadata';
import { referencesIn } from '../orchestrator/run-inputs';
import type { Message } from '../messages/json';
import { childResultsField } from '../messages/marks';
import type { ResolvedConfig } from '../config/swarm-config';
import { childrenId } from '../store/ids';
import { processState } from '../utils/process-state';
import { messageOf } from '../utils/error-message';
import { BackOffError } from '../config/errors';
import { BodyContext } from './body-context';
import { ClaimedRun } from './claimed-run';
import { currentExecution, inExecution, type Execution, type MageContext } from './context';
import { isWrapped } from './layers';
import { encodeOutput, encodeThrown, firstJsonLoss } from './output';
import { moveResults, parseInput, type InputSchema } from './parsing';
import { RetryUntilTimeout } from './retry-until';
import { captureContext, claimPlainRoot, openRoot } from './roots/root-run';
import type { RootCapture } from './roots/root-capture';
import type { Runtime } from './runtime';

export type Body = (input: unknown, ctx: Context<unknown>) => unknown;

/** The task of a wrapper. */
export interface WrappedTask {
  name: string;
  /** Attempts after the first one. */
  retries: number;
  /** How long one attempt may take, in ms. */
  timeoutMs: number;
  schema: InputSchema | undefined;
  /**
   * True if a run of this task reports the end. A single task of a workflow does not report the end of the whole workflow.
   */
  reports: boolean;
  /** The configuration of a root's internal swarm. Undefined for a task that is no root. */
  root: ResolvedConfig | undefined;
}

/**
 * Wraps a body. A run that mageflow published reports its end as an item. Every other run is as without mageflow, except
 * that the schema parses its input. When several instances wrap one body, the instance whose store has the run's claim
 * runs it, and the others pass it on.
 */
export function wrapBody(runtime: Runtime, task: WrappedTask, body: Body): Body {
  const isClosed = () => !processState().instances.includes(runtime.instance);
  return async (input, ctx) => {
    const attempt = new Attempt(runtime, task, body, input, ctx);
    const around = outerExecution(ctx);
    if (isClosed() && (around ?? isWrapped(body))) return attempt.passOn(around);
    const claim = readClaim(ctx.additionalMetadata());
    const outerClaim = around?.run?.claim;
    if (claim && isToAsk(runtime, task, claim, around)) {
      const done = await (task.reports ? attempt.claimed(claim) : attempt.partOf(claim));
      if (done) return done.output;
    }
    if (outerClaim && !outerClaim.own && !task.root) return attempt.passOn(around);
    // An inner wrapper may have the store of this claim.
    if (!outerClaim && !isWrapped(body)) attempt.checkUnknown(claim);
    if (!task.root) return attempt.plain();
    return (await attempt.claimed(await attempt.ownClaim()))?.output;
  };
}

/** Tasks whose outputs were found to change as JSON, so that each is logged once. */
const warned = new WeakSet<WrappedTask>();

/** Returns the execution in which an outer wrapper of another instance has begun the same run. */
function outerExecution(ctx: Context<unknown>): Execution | undefined {
  const current = currentExecution();
  return current?.run?.ctx === ctx ? current : undefined;
}

/** Returns whether a claim may belong to this instance's store, and no outer wrapper has claimed the run. */
function isToAsk({ store }: Runtime, { root }: WrappedTask, claim: Claim, around: Execution | undefined): boolean {
  if (claim.store !== undefined && claim.store !== store.keys.mark) return false;
  if (!around?.run?.claim || around.run.claim.own) return true;
  // Another instance of the same store wraps it as a plain task. A root's children still need an entry as their parent.
  return root !== undefined && around.store === store.identity;
}

/** The state of a group when the body of one of its entries begins. */
interface Started {
  failedItems: number;
  /** The number of times that the entry has begun, this time included. */
  attempt: number;
  /** The message with which it was started, as JSON text. */
  message: string | undefined;
}

/** One execution of a body. */
class Attempt {
  private readonly untilTimeout: RetryUntilTimeout;

  constructor(
    private readonly runtime: Runtime,
    private readonly task: WrappedTask,
    private readonly body: Body,
    private readonly input: unknown,
    private readonly ctx: Context<unknown>,
  ) {
    this.untilTimeout = new RetryUntilTimeout(runtime.store.settings, task, ctx);
  }

  async plain(): Promise<unknown> {
    const { schema } = this.task;
    const input = schema ? await this.parse((this.input ?? {}) as Message, schema, false) : this.input;
    return this.run(input, undefined, undefined);
  }

  /** Runs the body in the execution that an outer wrapper has begun. Without one, as a plain run. */
  async passOn(around: Execution | undefined): Promise<unknown> {
    const { schema } = this.task;
    if (!around) return this.plain();
    if (!schema) return this.body(this.input, this.ctx);
    const received = (this.input ?? {}) as Message;
    const published = around.run?.claim !== undefined;
    const moved = published ? moveResults(received, schema) : received;
    return this.body(await this.parse(moved, schema, published), this.ctx);
  }

  /**
   * Logs a claim that is in no store of the instances around the body.
   * @throws NonRetryableError when a part of the input is stored by reference in the store of that claim
   */
  checkUnknown(claim: Claim | undefined): void {
    const { unknownClaims } = this.runtime;
    if (claim) unknownClaims.note(claim, this.task.name, this.ctx.workflowRunId());
    unknownClaims.refuseReferences(this.input, this.task.name);
  }

  /**
   * Runs one task of a workflow of several tasks; the item is the workflow. The task receives the whole input, and claims nothing.
   * @returns undefined when the claim is not in the store
   * @throws NonRetryableError when it was cancelled. The engine can't cancel a run before one of its tasks is due.
   */
  async partOf(claim: Claim): Promise<{ output: unknown } | undefined> {
    const { groupId, entry, token } = claim;
    const { reader } = this.runtime;
    const worth = await this.untilTimeout.retry('to be known', () => reader.checkClaim(groupId, entry, token));
    if (worth === 'cancelled') throw new NonRetryableError('It was cancelled before it started.');
    return worth === 'valid' ? { output: await this.asPart(claim) } : undefined;
  }

  /** Makes a claim for a root's run that was not published by mageflow. */
  ownClaim(): Promise<Claim> {
    const { runtime, task, ctx } = this;
    const sent = sentInput(ctx) ?? this.input;
    return this.untilTimeout.retry('to be entered', () => claimPlainRoot(runtime, task.name, sent, ctx));
  }

  /** Runs the body as an item. Returns undefined when the claim is not in the store. */
  async claimed(claim: Claim): Promise<{ output: unknown } | undefined> {
    const { runtime, task } = this;
    const child = task.root ? childrenId(claim.groupId, claim.entry) : '';
    const run = new ClaimedRun(runtime, claim, { name: task.name, child }, this.ctx, this.untilTimeout);
    runtime.outbox.bodies += 1;
    try {
      const permission = await run.start();
      if (permission.code === 'unknown') return undefined;
      if (permission.code === 'stored') return { output: permission.output };
      return { output: await this.asItem(claim, run, permission) };
    } finally {
      runtime.outbox.bodies -= 1;
    }
  }

  /**
   * Runs the body as one task of a workflow of several tasks; the item is the workflow. Its output or error must be one that the engine can
   * store.
   */
  private async asPart(claim: Claim): Promise<unknown> {
    try {
      const message = await this.untilTimeout.retry('for its message', () =>
        this.runtime.reader.message(claim.groupId),
      );
      const started = { failedItems: 0, attempt: this.ctx.retryCount() + 1, message };
      return encodeOutput(this.task.name, await this.execute(claim, started)).output;
    } catch (error) {
      throw encodeThrown(error);
    }
  }

  execute(claim: Claim, { failedItems, attempt, message }: Started, root?: RootCapture): unknown {
    const received = (this.input ?? {}) as Message;
    const metadata = metadataOf(claim, this.ctx.additionalMetadata());
    const context = new BodyContext(metadata, { attempt, groupId: claim.groupId, isRoot: root !== undefined });
    // A run that mageflow did not publish has no message but its input.
    context.setMessage(claim.own ? received : message);
    // The common case: the input contains no references, and no result of another entry is needed.
    if (!this.task.schema && claim.source === '' && referencesIn(received).length === 0)
      return this.run(this.shown(received), context, claim, root);
    return this.executeWith({ received, context, failedItems }, claim, root);
  }

  private async executeWith(
    { received, context, failedItems }: { received: Message; context: MageContext; failedItems: number },
    claim: Claim,
    root: RootCapture | undefined,
  ): Promise<unknown> {
    const { runtime, task, untilTimeout } = this;
    const { groupId, entry, source } = claim;
    const restored =
      referencesIn(received).length > 0
        ? await untilTimeout.retry('for its input', () => runtime.inputs.restore(groupId, entry, received))
        : undefined;
    if (!restored) runtime.unknownClaims.refuseReferences(received, task.name);
    const { input, tooLarge } = restored ?? { input: received, tooLarge: false };
    if (tooLarge) {
      runtime.logger.warn(
        `the results for ${task.name} exceed maxResultBytes; its list is empty, read mageContext().results instead.`,
      );
    }
    const ofRoot = source !== '' && childResultsField in input;
    if (source === 'g' || ofRoot || tooLarge) {
      context.results = { [Symbol.asyncIterator]: () => runtime.inputs.results(groupId, entry, source) };
    }
    if ((failedItems > 0 && source === 'g') || ofRoot) {
      const { count, failures } = await untilTimeout.retry('for its failures', () =>
        runtime.inputs.failures(groupId, source),
      );
      if (count > 0) context.failureCount = count;
      if (failures.length > 0) context.failures = failures;
    }
    const { schema } = task;
    const seen = schema ? await this.parse(moveResults(input, schema), schema, !claim.own) : this.shown(input);
    return this.run(seen, context, claim, root);
  }

  private async asItem(claim: Claim, run: ClaimedRun, started: Started): Promise<unknown> {
    const { runtime, task, ctx } = this;
    let root: RootCapture | undefined;
    let ended: ReturnType<typeof encodeOutput>;
    try {
      if (task.root) {
        const about = { name: task.name, config: task.root };
        root = await this.untilTimeout.retry('for its children', () => openRoot(runtime, about, claim, ctx));
        captureContext(runtime, ctx, root);
      }
      const output = await this.execute(claim, started, root);
      ended = encodeOutput(task.name, output);
      this.warnOfLoss(output);
    } catch (error) {
      if (root) await this.leave(root, error);
      if (error instanceof BackOffError && !claim.own) return run.backOff(error, task.retries);
      throw await run.fail(error, task.retries);
    }
    if (root) await this.leave(root);
    await run.succeed(ended.payload);
    return ended.output;
  }

  /** Called when the body of a root has returned or thrown. An evicted one continues later, so its capture does not end. */
  private async leave(root: RootCapture, error?: unknown): Promise<void> {
    await (isEvicted(this.ctx) || isEviction(error) ? root.leave() : root.end());
  }

  /** Warns once for each task when its output changes as JSON. */
  private warnOfLoss(output: unknown): void {
    const { runtime, task } = this;
    if (warned.has(task)) return;
    const loss = firstJsonLoss(output);
    if (loss === undefined) return;
    warned.add(task);
    runtime.logger.warn(`the output of ${task.name} changes when it is turned into JSON: ${loss}. Return plain JSON.`);
  }

  private run(input: unknown, context: MageContext | undefined, claim: Claim | undefined, root?: RootCapture): unknown {
    const { instance, store } = this.runtime;
    const run = { ctx: this.ctx, claim };
    return inExecution({ instance, store: store.identity, context, root, run }, () => this.body(input, this.ctx));
  }

  private async parse(input: Message, schema: InputSchema, published: boolean): Promise<unknown> {
    return this.shown(await parseInput({ task: this.task.name, schema, published }, input, sentInput(this.ctx)));
  }

  /** Sets the input that after-middleware and the context's accessors show to the one that the body receives. */
  private shown(input: unknown): unknown {
    setInput(this.ctx, input);
    return input;
  }
}

/** Returns the input as it was published, when middleware may have added to it. */
function sentInput(ctx: Context<unknown>): Message | undefined {
  if (!hasBeforeMiddleware(clientOf(ctx))) return undefined;
  try {
    const payload = JSON.parse(payloadOf(ctx)) as { input?: Message };
    return payload.input ?? {};
  } catch (error) {
    throw new Error(`The run's payload is not JSON: ${messageOf(error)}`, { cause: error });
  }
}
