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

/** The fields that mageflow reads from a task's schema. */
interface SchemaFields {
  /** The field in which results arrive. */
  readonly resultField: string;
  /** The field in which the outputs of a root's children arrive. */
  readonly childrenField: string;
  readonly fields: Set<string> | undefined;
}

/** A task's schema, with the fields that are read from it once. */
export interface InputSchema extends SchemaFields {
  readonly schema: z.ZodType;
}

/**
 * Reads a schema. If it has lazy parts that can't be read yet, because a module defines them further down, it is read when
 * it is first needed.
 * @throws ConfigurationError when it is no zod 4 schema, marks more than one field, or has a mark that is on no field of
 *   the message
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
        `input of ${task}: expected ${mark}() on a top-level field, got it on ${misplaced}. Mark the top-level field that contains it.`,
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

/** Returns the schema for the SDK's `inputValidator`, which becomes a JSON Schema. Undefined when zod can't convert it. */
export function validatorFor(schema: z.ZodType): z.ZodType | undefined {
  try {
    // These throw when a lazy part can't be read yet. If zod read it now, it would cache the part as undefined.
    declaredFields(schema);
    for (const mark of ['returnValue', 'childResults'] as const) misplacedMark(schema, mark);
    z.toJSONSchema(schema);
    return schema;
  } catch {
    // Dates and transforms have no JSON Schema. The dashboard then shows none, but the wrapper still parses the input.
    return undefined;
  }
}

/** Moves results from the default fields to the fields that the schema marks. */
export function moveResults(input: Message, { resultField, childrenField }: InputSchema): Message {
  return move(move(input, defaultResultField, resultField), childResultsField, childrenField);
}

function move(input: Message, from: string, to: string): Message {
  if (from === to || !Object.hasOwn(input, from)) return input;
  const { [from]: result, ...rest } = input;
  return { ...rest, [to]: result };
}

/**
 * Parses a run's input. Puts fields back that before-middleware added and the schema does not have.
 * @param about - the name and schema of the task, and whether mageflow published the run, so that its input may contain results
 * @param sent - the input as it was published, to find the fields that middleware added; undefined without middleware
 * @throws NonRetryableError with the field's path, because the same message would fail again
 */
export async function parseInput(
  { task, schema, published }: { task: string; schema: InputSchema; published: boolean },
  input: Message,
  sent: Message | undefined,
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

/**
 * Parses a message with results. In them, null stands for a missing output. If the schema refuses that null, undefined is
 * tried instead.
 */
async function parseResults(message: Message, { schema, resultField, childrenField }: InputSchema) {
  const first = await schema.safeParseAsync(message);
  let parsed = first;
  let left = message;
  // Repeats, because a replaced null may reveal the next one, as in the later part of a pipe.
  while (!parsed.success) {
    const next = withoutNulls(left, parsed.error.issues as Issue[], [resultField, childrenField]);
    if (!next) return first;
    left = next;
    parsed = await schema.safeParseAsync(left);
  }
  return parsed;
}
