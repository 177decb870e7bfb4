import type { z } from 'zod';
import { isPlainObject, type Message } from './json';
import { issueText, pathText, placeAt, wrappers, type Issue, type Schema } from './zod-parts';

/** Kinds of schemas that never accept a list. */
const noLists = new Set([
  'object',
  'record',
  'string',
  'number',
  'boolean',
  'bigint',
  'date',
  'literal',
  'enum',
  'null',
]);

/**
 * Returns the fields of a part of a message that its schema refuses, as texts. Missing fields may still be merged in, and so
 * may fields that make the whole valid. Only present values count, and fields that look misspelt.
 */
export function misfits(schema: z.ZodType, part: Message): string[] {
  const wrong = issuesOf(schema, part).filter((issue) => isOfValue(issue, part, []));
  return [...wrong.map(issueText), ...unknownFields(schema as unknown as Schema, part, '')];
}

/** Returns the required fields that a message lacks, except those that are supplied later. */
export function missingFields(schema: z.ZodType, message: Message, brought: readonly string[]): string[] {
  const missing = issuesOf(schema, message)
    .map(({ path }) => path)
    .filter(
      ([field, ...rest]) => field !== undefined && !brought.includes(String(field)) && !has(message, [field, ...rest]),
    );
  return [...new Set(missing.map(pathText))];
}

/**
 * Returns what a schema refuses of a whole message, as texts.
 * @param given - the part of it that was given now; only this part is searched for misspelt fields
 * @param brought - fields that are not checked, because results arrive in them
 */
export function wrongIn(
  schema: z.ZodType,
  { whole, given, brought }: { whole: Message; given: Message; brought: readonly string[] },
): string[] {
  const wrong = issuesOf(schema, whole).filter(({ path: [field] }) => !brought.includes(String(field)));
  // The items of a swarm may be of several tasks, so a field that only some of them have is no mistake.
  return [...new Set([...wrong.map(issueText), ...unknownFields(schema as unknown as Schema, given, '', true)])];
}

/** Returns whether a field of an object schema refuses lists. False when it can't be determined. */
export function refusesLists(schema: z.ZodType, field: string): boolean {
  const def = plain(plain(schema as unknown as Schema)?._zod.def.shape?.[field])?._zod.def;
  return def?.type !== undefined && noLists.has(def.type) && def.coerce !== true;
}

/** Kinds of values that JSON does not have. */
const neverInJson = new Set(['date', 'bigint', 'symbol', 'map', 'set', 'function', 'file', 'nan']);
/** Schemas that supply a value for a missing field, or need none. */
const withoutValue = new Set(['optional', 'default', 'prefault', 'catch']);

/** Returns a required field whose value no message can hold, as a text. Undefined when there is none. */
export function neverFits(schema: z.ZodType): string | undefined {
  try {
    return neverFitsAt(schema as unknown as Schema, '');
  } catch {
    // A lazy part can't be read yet.
    return undefined;
  }
}

function neverFitsAt({ _zod: { def } }: Schema, path: string): string | undefined {
  if (withoutValue.has(def.type ?? '')) return undefined;
  const inner = def.type === 'pipe' ? def.in : def.innerType;
  if (inner) return neverFitsAt(inner, path);
  if (neverInJson.has(def.type ?? '') && def.coerce !== true) return `${path || '(message)'} is a ${def.type ?? ''}`;
  if (def.type !== 'object') return undefined;
  for (const [field, own] of Object.entries(def.shape ?? {})) {
    const found = neverFitsAt(own, path === '' ? field : `${path}.${field}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Returns zod's issues. None when the schema parses only asynchronously, or when code of its user throws. */
function issuesOf(schema: z.ZodType, message: Message): Issue[] {
  try {
    return schema.safeParse(message).error?.issues ?? [];
  } catch {
    return [];
  }
}

function isOfValue(issue: Issue, message: Message, base: PropertyKey[]): boolean {
  const path = [...base, ...issue.path];
  if (issue.code === 'unrecognized_keys') return true;
  if (issue.code === 'invalid_union' && issue.errors && issue.errors.length > 0)
    return issue.errors.every((option) => option.some((inner) => isOfValue(inner, message, path)));
  return path.length > 0 && has(message, path);
}

function has(message: Message, path: readonly PropertyKey[]): boolean {
  return placeAt(message, path)?.value !== undefined;
}

/**
 * Returns the fields that look misspelt. Other unknown fields are allowed, because parsing strips them: users bind whole
 * rows of which a task takes some columns.
 * @param mayBeForeign - allows an object of which no field is known
 */
function unknownFields(schema: Schema | undefined, value: unknown, path: string, mayBeForeign = false): string[] {
  const { type, shape, catchall } = plain(schema)?._zod.def ?? {};
  if (type !== 'object' || !shape || catchall !== undefined || !isPlainObject(value)) return [];
  const fields = Object.keys(value);
  const known = fields.filter((field) => Object.hasOwn(shape, field));
  const missing = Object.keys(shape).filter((field) => !Object.hasOwn(value, field));
  const isForeign = known.length === 0 && !mayBeForeign;
  const isMistake = (field: string) => isForeign || missing.some((other) => isLike(field, other));
  const mistakes = fields.filter((field) => !Object.hasOwn(shape, field) && isMistake(field));
  return [
    ...known.flatMap((field) => unknownFields(shape[field], value[field], `${path}${field}.`, mayBeForeign)),
    ...mistakes.map(
      (field) => `${path}${field}: there is no such field, only ${Object.keys(shape).join(', ') || 'none'}`,
    ),
  ];
}

/**
 * Returns whether two names look like a name and its misspelling: they differ in case, in `_` or `-`, or in a third of their
 * letters, at most two.
 */
function isLike(one: string, other: string): boolean {
  const [a, b] = [one, other].map((name) => name.toLowerCase().replaceAll(/[_-]/g, '')) as [string, string];
  const most = Math.min(2, Math.floor(Math.max(a.length, b.length) / 3));
  return Math.abs(a.length - b.length) <= most && editsBetween(a, b) <= most;
}

/** Returns how many letters must be inserted, removed or replaced to turn one text into the other. */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++)
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1)));
    row = next;
  }
  return row[b.length] ?? 0;
}

/** Returns the schema that parses the value first, without its wrappers. */
function plain(schema: Schema | undefined): Schema | undefined {
  const def = schema?._zod.def;
  if (!def) return undefined;
  if (def.type === 'pipe') return plain(def.in);
  return def.type !== undefined && wrappers.has(def.type) ? plain(def.innerType) : schema;
}
