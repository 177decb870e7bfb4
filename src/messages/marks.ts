import type { z } from 'zod';
import { wrappers, type Definition, type Schema } from './zod-parts';

/** The default result field, for schemas without a `returnValue` mark. */
export const defaultResultField = 'returnValue';

/** The default field for the outputs of a root's children, for schemas without a `childResults` mark. */
export const childResultsField = 'childResults';

const resultMark = Symbol.for('mageflow/returnValue');
const childrenMark = Symbol.for('mageflow/childResults');

declare const resultType: unique symbol;
declare const childrenType: unique symbol;

/** The type mark that `returnValue` adds to a field. */
export interface ResultMark {
  readonly [resultType]?: true;
}

/** The type mark that `childResults` adds to a field. */
export interface ChildrenMark {
  readonly [childrenType]?: true;
}

/**
 * A marked schema. The mark in its input type lets a chain's types check the previous output against the field. A field of
 * type `unknown` or `any` has no mark in its type, and takes every output.
 */
export type Marked<S extends z.ZodType, M = ResultMark> = S & {
  _zod: { input: unknown extends z.input<S> ? unknown : z.input<S> & (M | null | undefined) };
};

/** The fields of a message type that have a mark, by default that of `returnValue`. */
export type MarkedFields<I, M = ResultMark> = {
  [K in keyof I]-?: unknown extends I[K] ? never : keyof M extends keyof NonNullable<I[K]> ? K : never;
}[keyof I];

/** Limits of the search, because lazy schemas may return new schemas without end. */
const maxDepth = 100;
const maxSchemas = 10_000;

/**
 * Marks the result field of an input schema. It receives the output of the previous step, or the result of the task or
 * group whose callback the task is. Without a mark the result field is `returnValue`.
 *
 * @param schema - the schema of a field of the message itself. The mark is found through optional, nullable, default, catch,
 *   readonly, pipe, lazy, union and intersection, around the field and around the message.
 * @returns the same schema, marked
 * @example
 * const report = mage.task({ name: 'report', input: z.object({ rows: returnValue(z.array(z.number())) }), fn });
 */
export function returnValue<S extends z.ZodType>(schema: S): Marked<S> {
  return mark(schema, resultMark) as Marked<S>;
}

/**
 * Marks the field of an input schema that receives the outputs of a root's children, in the order of their publication.
 * Without a mark the field is `childResults`.
 *
 * @param schema - the schema of the field; the mark is found through the same schemas as that of `returnValue`
 * @returns the same schema, marked
 * @example
 * const report = mage.task({ name: 'report', input: z.object({ parts: childResults(z.array(z.number())) }), fn });
 */
export function childResults<S extends z.ZodType>(schema: S): Marked<S, ChildrenMark> {
  return mark(schema, childrenMark) as Marked<S, ChildrenMark>;
}

function mark<S extends z.ZodType>(schema: S, symbol: symbol): S {
  const marked = schema as unknown as Schema;
  return marked.clone({ ...marked._zod.def, [symbol]: true }) as S;
}

export type MarkName = 'returnValue' | 'childResults';

const symbols: Record<MarkName, symbol> = { returnValue: resultMark, childResults: childrenMark };

/** Returns the marked fields of an input schema. The caller refuses more than one. */
export function markedFields(schema: z.ZodType, marked: MarkName = 'returnValue'): string[] {
  const fields = [...shapesOf(schema as unknown as Schema, 0).entries()];
  return fields.filter(([, all]) => all.some((field) => isMarked(field, symbols[marked], 0))).map(([name]) => name);
}

/** Returns the declared fields of an object schema. Undefined when the schema may take other fields, or is no object. */
export function declaredFields(schema: z.ZodType): Set<string> | undefined {
  const whole = schema as unknown as Schema;
  return isObject(whole, 0) ? new Set(shapesOf(whole, 0).keys()) : undefined;
}

/** Returns the path of a mark that is not on a field of the message. */
export function misplacedMark(schema: z.ZodType, marked: MarkName): string | undefined {
  return misplaced(schema as unknown as Schema, symbols[marked], { place: 'message', path: '', depth: 0 });
}

/** Returns the fields, with their schemas, of all objects that a message may be or is merged from. */
function shapesOf(schema: Schema | undefined, depth: number): Map<string, Schema[]> {
  const fields = new Map<string, Schema[]>();
  const def = schema?._zod.def;
  if (!def || depth > maxDepth) return fields;
  if (def.type === 'object') for (const [name, field] of Object.entries(def.shape ?? {})) fields.set(name, [field]);
  else
    for (const part of inner(def)) {
      for (const [name, all] of shapesOf(part, depth + 1)) fields.set(name, [...(fields.get(name) ?? []), ...all]);
      // The output of a pipe is not a message any more.
      if (def.type === 'pipe' && fields.size > 0) break;
    }
  return fields;
}

function isObject(schema: Schema | undefined, depth: number): boolean {
  const def = schema?._zod.def;
  if (!def || depth > maxDepth) return false;
  if (def.type === 'object') return true;
  const parts = inner(def);
  if (def.type === 'pipe') return parts.some((part) => isObject(part, depth + 1));
  return parts.length > 0 && parts.every((part) => isObject(part, depth + 1));
}

function isMarked(schema: Schema | undefined, symbol: symbol, depth: number): boolean {
  const def = schema?._zod.def;
  if (!def || depth > maxDepth) return false;
  return def[symbol] === true || inner(def).some((part) => isMarked(part, symbol, depth + 1));
}

/** Returns the schemas that parse the same value as a schema, or parts of it that are merged. */
function inner(def: Definition): (Schema | undefined)[] {
  switch (def.type) {
    // Both ends of a pipe, because preprocess() has its schema at the output.
    case 'pipe':
      return [def.in, def.out];
    case 'intersection':
      return [def.left, def.right];
    case 'union':
      return def.options ?? [];
    // Calls the getter, because zod caches the result: a schema that can't be read yet would stay undefined.
    case 'lazy':
      return [def.getter?.()];
    default:
      return def.type !== undefined && wrappers.has(def.type) ? [def.innerType] : [];
  }
}

/** The place of a part of an input schema: the whole message, one of its fields, or deeper. */
type Place = 'message' | 'field' | 'deeper';
type Part = [part: Schema, place: Place, name: string];

function misplaced(
  schema: Schema,
  symbol: symbol,
  { place, path, depth }: { place: Place; path: string; depth: number },
  seen = new Map<Schema, Set<Place>>(),
): string | undefined {
  const { def } = schema._zod;
  const places = seen.get(schema) ?? new Set();
  if (places.has(place) || depth > maxDepth || seen.size > maxSchemas) return undefined;
  seen.set(schema, places.add(place));
  if (def[symbol] === true && place !== 'field') return path || '(message)';
  for (const [part, at, name] of partsOf(def, place)) {
    const below = { place: at, path: path && name ? `${path}.${name}` : path + name, depth: depth + 1 };
    const found = misplaced(part, symbol, below, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}

function partsOf(def: Definition, place: Place): Part[] {
  if (def.type === 'object') {
    const at = place === 'message' ? 'field' : 'deeper';
    const fields = Object.entries(def.shape ?? {}).map(([name, field]): Part => [field, at, name]);
    return [...fields, ...whole([def.catchall], 'deeper')];
  }
  if (def.type === 'pipe' && place === 'message' && isObject(def.in, 0))
    return [...whole([def.in], place), ...whole([def.out], 'deeper')];
  const same = inner(def);
  return same.length > 0 ? whole(same, place) : whole(Object.values(def).flat(), 'deeper');
}

function whole(values: readonly unknown[], place: Place): Part[] {
  return values.filter(isSchema).map((part) => [part, place, '']);
}

function isSchema(value: unknown): value is Schema {
  const { _zod } = Object(value) as { _zod?: { def?: unknown } };
  return typeof _zod?.def === 'object';
}
