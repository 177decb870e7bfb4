import type { Context } from '@hatchet-dev/typescript-sdk';
import { randomUUID } from 'node:crypto';
import type { AnyDeclaration, InputOf, OutputOf } from '../api/types';
import { refuseUnknown, wholeNumber } from '../config/options';
import { ConfigurationError, describeTask } from '../config/errors';
import { declared, isSingleTask, setInput } from '../hatchet/internals';
import type { Message } from '../messages/json';
import { processState } from '../utils/process-state';
import { inExecution, type MageContext } from '../worker/context';
import { innermost } from '../worker/layers';
import { moveResults, parseInput } from '../worker/parsing';
import { wrappingOf } from '../worker/wrappings';
import { bodyContext } from './engine/body-context';

/** Options of `runBody`; all optional. */
export interface RunBodyOptions {
  /** What `mageContext()` returns in the body. */
  context?: Partial<MageContext> | undefined;
  /** The number of the attempt, from 1. Default 1. */
  attempt?: number | undefined;
}

/**
 * Runs the body of a task by itself, once: its schema parses the input, and `mageContext()` returns what is given. Nothing is
 * stored, retried or timed. The body must not start other tasks: for that, use a testing kit.
 * @param task - a task, a durable task or a root task; of a durable one, waits throw
 * @param input - as the engine would deliver it; results stand in `returnValue`
 * @returns what the body returns
 * @throws what the body throws, and NonRetryableError when the input does not fit the schema
 * @example
 * expect(await runBody(resize, { path: 'a.png' }, { attempt: 2 })).toEqual({ path: 'a.png', width: 100 });
 */
export async function runBody<T extends AnyDeclaration>(
  task: T,
  input: InputOf<T> | Record<string, unknown>,
  options: RunBodyOptions = {},
): Promise<OutputOf<T>> {
  refuseUnknown(options, new Set(['context', 'attempt']), 'option of runBody');
  const definition = declared(task);
  const fn = definition?.tasks[0]?.fn;
  if (!definition || !fn || !isSingleTask(task))
    throw new ConfigurationError(`runBody: expected a task with a body, got ${describeTask(task)}.`);
  const attempt = wholeNumber('attempt', options.attempt, 1);
  // As it would arrive from the engine.
  const sent = JSON.parse(JSON.stringify(input ?? {})) as Message;
  const ctx = bodyContext(definition.name, sent, attempt - 1);
  const schema = wrappingOf(task)?.input;
  const seen = schema
    ? await parseInput({ task: definition.name, schema, published: true }, moveResults(sent, schema), undefined)
    : sent;
  setInput(ctx, seen);
  const context: MageContext = { signatureId: randomUUID(), attempt, ...options.context };
  const execution = { instance: processState().instances.at(-1), store: '', context, run: { ctx, claim: undefined } };
  return (await inExecution(execution, () => innermost(fn)(seen, ctx as Context<unknown>))) as OutputOf<T>;
}
