import { NonRetryableError } from '@hatchet-dev/typescript-sdk';
import { z } from 'zod';
import { ConfigurationError } from '../config/errors';
import { isPlainObject, type Message } from '../messages/json';
import {
  childResultsField,
  declaredFields,
  defaultResultField,
  markedFields,
  misplacedMark,
  type MarkName,
} from '../messages/marks';
import { withoutNulls } from '../messages/nothing';
import { issueText, type Issue } from '../messages/zod-parts';

/** What mageflow reads from a task's schema. */
interface SchemaFields {
  /** The field in which results arrive. */
  readonly resultField: string;
  /** The field in which the outputs of a root's children arrive. */
  readonly childrenField: string;
  readonly fields: Set<string> | undefined;
}

/** A task's schema, and what is read from it once. */
export interface InputSchema extends SchemaFields {
  readonly schema: z.ZodType;
}

/**
 * Reads a schema; one with lazy parts that can't be read yet, as they are defined further down in a module, when it is needed.
 * @throws ConfigurationError when it is no zod 4 schema, marks more than one field, or something that is no field of the message
 */
export function readSchema(task: string, schema: z.ZodType): InputSchema {
  if (typeof (schema as { safeParseAsync?: unknown }).safeParseAsync !== 'function' || !('_zod' in schema)) {
    throw new ConfigurationError(`input of ${task}: expected a zod 4 schema. Import z from zod 4.`);
  }
  let known: SchemaFields | undefined;
  const read = () => (known ??= readFields(task, schema));
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigurationError) throw error;
  }
  return {
    schema,
    get resultField() {
      return read().resultField;
    },
    get childrenField() {
      return read().childrenField;
    },
    get fields() {
      return read().fields;
    },
  };
}

function readFields(task: string, schema: z.ZodType): SchemaFields {
  const only = (mark: MarkName) => {
    const misplaced = misplacedMark(schema, mark);
    if (misplaced !== undefined) {
      throw new ConfigurationError(
        `input of ${task}: expected ${mark}() on a field of the message itself, got it on ${misplaced}. Mark the field of the outermost object that holds it.`,
      );
    }
    const fields = markedFields(schema, mark);
    if (fields.length <= 1) return fields[0];
    throw new ConfigurationError(
      `input of ${task}: expected at most one field marked with ${mark}(), got ${fields.length} (${fields.join(', ')}). Unmark the others.`,
    );
  };
  return {
    resultField: only('returnValue') ?? defaultResultField,
    childrenField: only('childResults') ?? childResultsField,
    fields: declaredFields(schema),
  };
}

/** The schema for the SDK's `inputValidator`, which it turns into JSON Schema: undefined where zod can't. */
export function validatorFor(schema: z.ZodType): z.ZodType | undefined {
  try {
    // Throws where a lazy part can't be read yet: asked for it, zod would take it for nothing from then on.
    declaredFields(schema);
    for (const mark of ['returnValue', 'childResults'] as const) misplacedMark(schema, mark);
    z.toJSONSchema(schema);
    return schema;
  } catch {
    // Dates and transforms have no JSON Schema; the dashboard then shows none, and the wrapper parses all the same.
    return undefined;
  }
}

/** Moves what arrived in the default fields of results to the fields that the schema marks. */
export function moveResults(input: Message, { resultField, childrenField }: InputSchema): Message {
  return move(move(input, defaultResultField, resultField), childResultsField, childrenField);
}

function move(input: Message, from: string, to: string): Message {
  if (from === to || !Object.hasOwn(input, from)) return input;
  const { [from]: result, ...rest } = input;
  return { ...rest, [to]: result };
}

/**
 * Parses a run's input. What before-middleware added and the schema doesn't know is put back afterwards.
 * @param sent - the input as it was published, to tell what middleware added; undefined without middleware
 * @param published - whether mageflow published the run, so that its input may hold results
 * @throws NonRetryableError with the field's path: the same message fits no better the next time
 */
export async function parseInput(
  task: string,
  input: Message,
  sent: Message | undefined,
  schema: InputSchema,
  published: boolean,
): Promise<unknown> {
  const added =
    sent && schema.fields
      ? Object.keys(input).filter((field) => !Object.hasOwn(sent, field) && !schema.fields?.has(field))
      : [];
  const own =
    added.length === 0 ? input : Object.fromEntries(Object.entries(input).filter(([field]) => !added.includes(field)));
  const parsed = await (published ? parseResults(own, schema) : schema.schema.safeParseAsync(own));
  if (!parsed.success) {
    const issues = parsed.error.issues.map(issueText);
    throw new NonRetryableError(`The message does not fit the input of ${task}: ${issues.join('; ')}`);
  }
  if (added.length === 0 || !isPlainObject(parsed.data)) return parsed.data;
  return { ...parsed.data, ...Object.fromEntries(added.map((field) => [field, input[field]])) };
}

/** Parses a message with results. A body that returned nothing is null in them: where the schema refuses that, it gets nothing. */
async function parseResults(message: Message, { schema, resultField, childrenField }: InputSchema) {
  const first = await schema.safeParseAsync(message);
  let parsed = first;
  let left = message;
  // What lies behind one null may show the next one, as in the later part of a pipe.
  while (!parsed.success) {
    const next = withoutNulls(left, parsed.error.issues as Issue[], [resultField, childrenField]);
    if (!next) return first;
    left = next;
    parsed = await schema.safeParseAsync(left);
  }
  return parsed;
}
