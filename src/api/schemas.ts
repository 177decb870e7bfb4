import { ConfigurationError, InvalidMessageError } from '../config/errors';
import { missingFields, misfits, refusesLists } from '../messages/fit';
import type { Message } from '../messages/json';
import { childResultsField, defaultResultField } from '../messages/marks';
import type { Spec } from '../store/spec';
import type { InputSchema } from '../worker/parsing';
import { wrappingOf } from '../worker/wrappings';
import type { Scope } from './scope';

/** Returns the schema of a declaration, or of a task by its name, if this process has it. */
export function schemaOf({ schemas }: Scope, task: unknown, name: string): InputSchema | undefined {
  const wrapping = typeof task === 'object' && task !== null ? wrappingOf(task) : undefined;
  return wrapping?.schema ?? schemas.get(name.toLowerCase());
}

/** Refuses bound data that the task would refuse when it runs. @throws InvalidMessageError */
export function checkBound({ schema, fields }: InputSchema, name: string, text: string): void {
  const data = JSON.parse(text) as Message;
  // Results arrive in these fields, whichever fields the schema marks.
  for (const field of [defaultResultField, childResultsField]) if (!fields?.has(field)) delete data[field];
  const wrong = misfits(schema, data);
  if (wrong.length > 0)
    throw new InvalidMessageError(`The data bound to ${name} does not fit its input: ${wrong.join('; ')}.`);
}

/**
 * Refuses a success callback that would fail because a field is missing, or because its result does not fit.
 * @param list - whether its result is a list, as a swarm's is
 * @throws ConfigurationError
 */
export function checkCallback({ schema, ...fields }: InputSchema, spec: Spec, what: string, list: boolean): void {
  const { resultField, childrenField } = fields;
  const bound = spec.data === undefined ? {} : (JSON.parse(spec.data) as Message);
  const missing = missingFields(schema, bound, [resultField, childrenField]);
  if (missing.length > 0) {
    throw new ConfigurationError(
      `${what}: ${spec.task} requires ${missing.join(', ')}, but a callback receives only its result field (${resultField}) and its bound data. Bind them: mage.sign(task, { ${missing.join(', ')} }).`,
    );
  }
  if (list && refusesLists(schema, resultField)) {
    throw new ConfigurationError(
      `${what}: a swarm passes a list of outputs to its callbacks, but the field ${resultField} of ${spec.task} does not accept a list. Declare it with z.array(...).`,
    );
  }
}
