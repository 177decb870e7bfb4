import type { Context } from '@hatchet-dev/typescript-sdk';
import { messageOf } from '../errors';
import { readClaim, readMetadata, type Claim } from '../engine/claim';
import { referencesIn } from '../engine/inputs';
import type { Message } from '../messages/json';
import { childResultsField } from '../messages/marks';
import type { ResolvedConfig } from '../signatures/config';
import { childrenId } from '../store/ids';
import { ClaimedRun } from './claimed-run';
import { inExecution, type MageContext } from './context';
import { encodeOutput } from './output';
import { moveResults, parseInput, type InputSchema } from './parsing';
import { Persistence } from './persist';
import { captureContext, claimPlainRoot, openRoot } from './root-run';
import type { RootScope } from './root-scope';
import type { Runtime } from './runtime';

export type Body = (input: unknown, ctx: Context<unknown>) => unknown;

/** What the wrapper knows of the task that it wraps. */
export interface WrappedTask {
  name: string;
  /** Attempts after the first one. */
  retries: number;
  /** How long one attempt may take, in ms. */
  timeoutMs: number;
  schema: InputSchema | undefined;
  /** The end of a workflow of several tasks isn't for one of them to report. */
  reports: boolean;
  /** How the children of a root run; undefined for a task that is no root. */
  root: ResolvedConfig | undefined;
}

/** Wraps a body: a run that mageflow published reports its end as an item; every other run is as without mageflow, its schema aside. */
export function wrapBody(runtime: Runtime, task: WrappedTask, body: Body): Body {
  return async (input, ctx) => {
    const attempt = new Attempt(runtime, task, body, input, ctx);
    const claim = readClaim(ctx.additionalMetadata());
    if (claim) {
      // One task of a workflow that is an item as a whole gets the whole input, and claims nothing.
      if (!task.reports) return attempt.execute(claim, 0);
      const done = await attempt.claimed(claim);
      if (done) return done.output;
    }
    if (!task.root) return attempt.plain();
    return (await attempt.claimed(await attempt.ownClaim()))?.output;
  };
}

/** One execution of a body. */
class Attempt {
  private readonly persistence: Persistence;

  constructor(
    private readonly runtime: Runtime,
    private readonly task: WrappedTask,
    private readonly body: Body,
    private readonly input: unknown,
    private readonly ctx: Context<unknown>,
  ) {
    this.persistence = new Persistence(runtime.logger, task, ctx);
  }

  async plain(): Promise<unknown> {
    const { schema } = this.task;
    const input = schema ? await this.parse((this.input ?? {}) as Message, schema) : this.input;
    return this.run(input, undefined);
  }

  /** The claim of a root's run that nobody signed. */
  ownClaim(): Promise<Claim> {
    const { runtime, task, ctx, input } = this;
    return this.persistence.until('to be entered', () => claimPlainRoot(runtime, task.name, input, ctx));
  }

  /** Runs the body as an item; undefined when the store doesn't know the claim. */
  async claimed(claim: Claim): Promise<{ output: unknown } | undefined> {
    const { runtime, task } = this;
    const child = task.root ? childrenId(claim.groupId, claim.entry) : '';
    const run = new ClaimedRun(runtime, claim, task, this.ctx, this.persistence, child);
    runtime.publisher.bodies += 1;
    try {
      const permission = await run.start();
      if (permission.code === 'unknown') return undefined;
      if (permission.code === 'stored') return { output: permission.output };
      return { output: await this.asItem(claim, run, permission.failedItems) };
    } finally {
      runtime.publisher.bodies -= 1;
    }
  }

  execute(claim: Claim, failedItems: number, root?: RootScope): unknown {
    const received = (this.input ?? {}) as Message;
    const context = contextOf(this.ctx, claim, root !== undefined);
    // Most items: their input is all here, and they are told of nobody else's end.
    if (!this.task.schema && claim.source === '' && referencesIn(received).length === 0)
      return this.run(this.shown(received), context, root);
    return this.executeWith(received, context, claim, failedItems, root);
  }

  private async executeWith(
    received: Message,
    context: MageContext,
    { groupId, entry, source }: Claim,
    failedItems: number,
    root: RootScope | undefined,
  ): Promise<unknown> {
    const { runtime, task, persistence } = this;
    const { input, tooLarge } =
      referencesIn(received).length > 0
        ? await persistence.until('for its input', () => runtime.inputs.restore(groupId, entry, received))
        : { input: received, tooLarge: false };
    if (tooLarge) {
      runtime.logger.warn(
        `mageflow: the results for ${task.name} exceed maxResultBytes; its list is empty, read mageContext().results instead.`,
      );
    }
    const ofRoot = source !== '' && childResultsField in input;
    if (source === 'g' || ofRoot || tooLarge) {
      context.results = { [Symbol.asyncIterator]: () => runtime.inputs.results(groupId, entry, source) };
    }
    if ((failedItems > 0 && source === 'g') || ofRoot) {
      const failures = await persistence.until('for its failures', () => runtime.inputs.failures(groupId, source));
      if (failures.length > 0) context.failures = failures;
    }
    const { schema } = task;
    const seen = schema ? await this.parse(moveResults(input, schema), schema) : this.shown(input);
    return this.run(seen, context, root);
  }

  private async asItem(claim: Claim, run: ClaimedRun, failedItems: number): Promise<unknown> {
    const { runtime, task, ctx } = this;
    let root: RootScope | undefined;
    let output: unknown;
    let payload: string;
    try {
      if (task.root) {
        const config = task.root;
        root = await this.persistence.until('for its children', () => openRoot(runtime, task.name, config, claim, ctx));
        captureContext(runtime, ctx, root);
      }
      output = await this.execute(claim, failedItems, root);
      payload = encodeOutput(task.name, output);
    } catch (error) {
      await root?.end();
      throw await run.fail(error, task.retries);
    }
    if (root) await root.end();
    await run.succeed(payload);
    return output;
  }

  private run(input: unknown, context: MageContext | undefined, root?: RootScope): unknown {
    return inExecution({ instance: this.runtime.instance, context, root }, () => this.body(input, this.ctx));
  }

  private async parse(input: Message, schema: InputSchema): Promise<unknown> {
    return this.shown(await parseInput(this.task.name, input, sentInput(this.ctx), schema));
  }

  /** After-middleware and the context's own accessors show what the body saw. */
  private shown(input: unknown): unknown {
    this.ctx.input = input;
    return input;
  }
}

/** The input as it was published, where middleware may have added to it. */
function sentInput(ctx: Context<unknown>): Message | undefined {
  const { middleware } = ctx.v1.config as { middleware?: { before?: unknown } };
  if (!middleware?.before) return undefined;
  try {
    const payload = JSON.parse(ctx.action.actionPayload) as { input?: Message };
    return payload.input ?? {};
  } catch (error) {
    throw new Error(`The run's payload is no JSON: ${messageOf(error)}`, { cause: error });
  }
}

function contextOf(ctx: Context<unknown>, claim: Claim, isRoot: boolean): MageContext {
  const metadata = readMetadata(ctx.additionalMetadata());
  const signatureId = metadata.signature || claim.groupId;
  const context: MageContext = { signatureId };
  const rootId = isRoot ? signatureId : metadata.root;
  if (metadata.swarm) context.swarmId = metadata.swarm;
  if (metadata.chain) context.chainId = metadata.chain;
  if (rootId) context.rootId = rootId;
  if (metadata.index !== '') context.index = Number(metadata.index);
  return context;
}
