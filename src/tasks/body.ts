import type { Context } from '@hatchet-dev/typescript-sdk';
import { messageOf } from '../errors';
import { readClaim, readMetadata, type Claim } from '../engine/claim';
import type { Message } from '../messages/json';
import { ClaimedRun } from './claimed-run';
import { inExecution, type MageContext } from './context';
import { encodeOutput } from './output';
import { moveResult, parseInput, type InputSchema } from './parsing';
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
}

/** Wraps a body: a run that mageflow published reports its end as an item; every other run is as without mageflow, its schema aside. */
export function wrapBody(runtime: Runtime, task: WrappedTask, body: Body): Body {
  return async (input, ctx) => {
    const attempt = new Attempt(runtime, task, body, input, ctx);
    const claim = readClaim(ctx.additionalMetadata());
    if (!claim) return attempt.plain();
    const run = new ClaimedRun(runtime, claim, task, ctx);
    // One task of a workflow that is an item as a whole gets the whole input, and claims nothing.
    if (!task.reports) return attempt.execute(claim, run, 0);
    runtime.publisher.bodies += 1;
    try {
      const permission = await run.start();
      if (permission.code === 'unknown') return await attempt.plain();
      if (permission.code === 'stored') return permission.output;
      return await attempt.asItem(claim, run, permission.failedItems);
    } finally {
      runtime.publisher.bodies -= 1;
    }
  };
}

/** One execution of a body. */
class Attempt {
  constructor(
    private readonly runtime: Runtime,
    private readonly task: WrappedTask,
    private readonly body: Body,
    private readonly input: unknown,
    private readonly ctx: Context<unknown>,
  ) {}

  async plain(): Promise<unknown> {
    const input = this.task.schema ? await this.parse((this.input ?? {}) as Message) : this.input;
    return this.run(input, undefined);
  }

  async asItem(claim: Claim, run: ClaimedRun, failedItems: number): Promise<unknown> {
    let output: unknown;
    let payload: string;
    try {
      output = await this.execute(claim, run, failedItems);
      payload = encodeOutput(this.task.name, output);
    } catch (error) {
      throw await run.fail(error, this.task.retries);
    }
    await run.succeed(payload);
    return output;
  }

  async execute(claim: Claim, run: ClaimedRun, failedItems: number): Promise<unknown> {
    const { runtime, task } = this;
    const { groupId, entry } = claim;
    const received = (this.input ?? {}) as Message;
    const { input, tooLarge } = await run.persist('for its input', () =>
      runtime.inputs.restore(groupId, entry, received),
    );
    if (tooLarge) {
      runtime.logger.warn(
        `mageflow: the results for ${task.name} exceed maxResultBytes; its list is empty, read mageContext().results instead.`,
      );
    }
    const context = contextOf(runtime, this.ctx, claim);
    if (failedItems > 0 && claim.source === 'g') {
      context.failures = (await run.persist('for its failures', () => runtime.reader.failures(groupId))).failures;
    }
    return this.run(await this.parse(task.schema ? moveResult(input, task.schema) : input), context);
  }

  private run(input: unknown, context: MageContext | undefined): unknown {
    return inExecution({ instance: this.runtime.instance, context }, () => this.body(input, this.ctx));
  }

  private async parse(input: Message): Promise<unknown> {
    const { task, ctx } = this;
    const parsed = task.schema ? await parseInput(task.name, input, sentInput(ctx), task.schema) : input;
    // After-middleware and the context's own accessors show what the body saw.
    ctx.input = parsed;
    return parsed;
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

function contextOf(runtime: Runtime, ctx: Context<unknown>, claim: Claim): MageContext {
  const metadata = readMetadata(ctx.additionalMetadata());
  const context: MageContext = { signatureId: metadata.signature };
  if (metadata.swarm) context.swarmId = metadata.swarm;
  if (metadata.index !== '') context.index = Number(metadata.index);
  if (claim.source === 'g') {
    context.results = { [Symbol.asyncIterator]: () => runtime.inputs.results(claim.groupId) };
  }
  return context;
}
