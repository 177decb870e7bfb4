import type { Context } from '@hatchet-dev/typescript-sdk';
import type { Mageflow } from '../mageflow';
import type { AnyDeclaration } from '../api/types';
import type { Body } from '../worker/body';
import { wrappingOf } from '../worker/wrappings';
import { declared } from '../hatchet/internals';
import { ConfigurationError, describe } from '../config/errors';

/** What runs in place of a body: a function that gets its input, or a failure of the first `times` attempts (of all by default). */
export type Mock = ((input: never, ctx: Context<unknown>) => unknown) | { fail: unknown; times?: number };

/** Declares a task that behaves as a mock says, with the retries and time limits of the one that it stands for. */
export function declareMock(mage: Mageflow, name: string, original: AnyDeclaration | undefined, mock: Mock): void {
  const options = limitsOf(original);
  if (typeof mock === 'function') {
    // The input is what the body itself would get.
    const schema = original && wrappingOf(original)?.schema?.schema;
    mage.task({ ...options, name, ...(schema ? { input: schema } : {}), fn: mock as Body } as never);
    return;
  }
  if (typeof mock !== 'object' || mock === null || !('fail' in mock))
    throw new ConfigurationError(`mock of ${name}: expected a function or { fail, times? }, got ${describe(mock)}.`);
  const { fail, times = Infinity } = mock;
  const body = bodyOf(original);
  let failed = 0;
  const fn: Body = (input, ctx) => {
    failed += 1;
    if (failed <= times || !body) throw fail;
    return body(input, ctx);
  };
  mage.task({ ...options, name, fn } as never);
}

function bodyOf(declaration: AnyDeclaration | undefined): Body | undefined {
  return declared(declaration)?.tasks[0]?.fn;
}

function limitsOf(declaration: AnyDeclaration | undefined): object {
  const { tasks: [task] = [], defaults } = declared(declaration) ?? {};
  const backoff = (task as { backoff?: object } | undefined)?.backoff;
  const limits = {
    retries: task?.retries ?? defaults?.retries,
    executionTimeout: task?.executionTimeout ?? task?.timeout ?? defaults?.executionTimeout,
    scheduleTimeout: task?.scheduleTimeout ?? defaults?.scheduleTimeout,
    backoff,
  };
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}
