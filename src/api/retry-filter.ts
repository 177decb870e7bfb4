import { types } from 'node:util';
import { ConfigurationError, InvalidMessageError, describe } from '../config/errors';
import { refuseUnknown } from '../config/options';
import { text } from '../config/text';
import { wrongIn } from '../messages/fit';
import { encodeMessage, type Message } from '../messages/json';
import type { RetryFilter } from '../orchestrator/chosen-retry';
import { moveResults } from '../worker/parsing';
import { schemaOf } from './schemas';
import type { Scope } from './scope';
import type { RetryFailedOptions } from './types';

const fields = new Set(['indexes', 'name', 'error', 'message']);

/**
 * Reads the options of `retryFailed`. Undefined when they choose all items and change none.
 * @throws ConfigurationError, InvalidMessageError
 */
export function readRetryFilter(scope: Scope, options: RetryFailedOptions | undefined): RetryFilter | undefined {
  if (options === undefined) return undefined;
  refuseUnknown(options, fields, 'option of retryFailed');
  const indexes = readIndexes(options.indexes);
  const accepts = readItems(options);
  const message = readMessage(options.message);
  if (!indexes && !accepts && !message) return undefined;
  return { indexes, accepts, message, check: message && checkOf(scope, message) };
}

function readIndexes(given: RetryFailedOptions['indexes']): readonly number[] | undefined {
  if (given === undefined || given === null) return undefined;
  if (!Array.isArray(given))
    throw new ConfigurationError(`indexes: expected a list of the indexes of items, got ${describe(given)}.`);
  // The caller may change its list while the items are chosen.
  const indexes = [...(given as readonly number[])];
  const wrong = indexes.findIndex((index) => !Number.isSafeInteger(index) || index < 0);
  if (wrong >= 0)
    throw new ConfigurationError(
      `indexes[${wrong}]: expected a whole number of at least 0, got ${describe(indexes[wrong])}.`,
    );
  return indexes;
}

function readItems(options: RetryFailedOptions): RetryFilter['accepts'] {
  const name = text(options.name, 'name');
  const matches = readError(options.error);
  if (name === undefined && !matches) return undefined;
  return (item) => (name === undefined || item.name === name) && (!matches || matches(item.error ?? ''));
}

function readError(error: RetryFailedOptions['error']): ((message: string) => boolean) | undefined {
  if (error === undefined || error === null) return undefined;
  if (typeof error === 'string' && error !== '') return (message) => message.includes(error);
  if (!types.isRegExp(error))
    throw new ConfigurationError(
      `error: expected a string that is not empty or a regular expression, got ${describe(error)}.`,
    );
  // A global or sticky expression remembers where its last match ended. This copy always starts at the beginning.
  const own = new RegExp(error.source, error.flags);
  return (message) => {
    own.lastIndex = 0;
    return own.test(message);
  };
}

function readMessage(given: object | null | undefined): Message | undefined {
  if (given === undefined || given === null) return undefined;
  const message = JSON.parse(encodeMessage(given, 'the message of retryFailed')) as Message;
  return Object.keys(message).length > 0 ? message : undefined;
}

/** Returns a check of merged messages against the schemas of their tasks. Undefined when this instance has no schema. */
function checkOf(scope: Scope, given: Message): RetryFilter['check'] {
  if (scope.schemas.size === 0) return undefined;
  return ({ index, spec: { task } }, merged) => {
    const input = schemaOf(scope, undefined, task);
    if (!input) return;
    const { schema, resultField, childrenField } = input;
    const whole = moveResults(merged, input);
    const wrong = wrongIn(schema, { whole, given, brought: [resultField, childrenField] });
    if (wrong.length > 0)
      throw new InvalidMessageError(
        `retryFailed: with the given message, the message of item ${index} does not fit the input of ${task}: ${wrong.join('; ')}. Nothing was retried.`,
      );
  };
}
