import type { z } from 'zod';

/** The field in which results travel when the receiving schema marks no other. */
export const defaultResultField = 'returnValue';

/** The field in which the outputs of a root's children travel when the receiving schema marks no other. */
export const childResultsField = 'childResults';

const resultMark = Symbol.for('mageflow/returnValue');
const childrenMark = Symbol.for('mageflow/childResults');

declare const resultType: unique symbol;
declare const childrenType: unique symbol;

/** What a field's type carries when `returnValue` marks it. */
export interface ResultMark {
  readonly [resultType]?: true;
}

/** What a field's type carries when `childResults` marks it. */
export interface ChildrenMark {
  readonly [childrenType]?: true;
}

/**
 * A marked schema: of what goes into it, a chain's types can tell that it takes the previous output. A field that takes
 * anything stays as it is, and takes every output.
 */
export type Marked<S extends z.ZodType, M = ResultMark> = S & {
  _zod: { input: unknown extends z.input<S> ? unknown : z.input<S> & (M | null | undefined) };
};

/** The fields of a message type that `returnValue`, or another mark, marks. */
export type MarkedFields<I, M = ResultMark> = {
  [K in keyof I]-?: unknown extends I[K] ? never : keyof M extends keyof NonNullable<I[K]> ? K : never;
}[keyof I];

interface Definition {
  type?: string;
  shape?: Record<string, Schema>;
  innerType?: Schema;
  in?: Schema;
  out?: Schema;
  [mark: symbol]: unknown;
}
interface Schema {
  _zod: { def: Definition };
  clone(def: Definition): unknown;
}

const seenThrough = new Set(['optional', 'nullable', 'default', 'prefault', 'catch', 'readonly', 'nonoptional']);

/**
 * Marks the field of an input schema that takes the result: what the previous step, the task or the swarm gave.
 * Without a mark it is the field named `returnValue`.
 *
 * @param schema - the field's schema; the mark is seen through optional, nullable, default, catch, readonly and pipe
 * @returns the same schema, marked
 * @example
 * const report = mage.task({ name: 'report', input: z.object({ rows: returnValue(z.array(z.number())) }), fn });
 */
export function returnValue<S extends z.ZodType>(schema: S): Marked<S> {
  return mark(schema, resultMark) as Marked<S>;
}

/**
 * Marks the field of an input schema that takes the outputs of a root's children, in the order of their publication.
 * Without a mark it is the field named `childResults`.
 *
 * @param schema - the field's schema; the mark is seen through what `returnValue`'s is
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

/** The fields of an input schema that carry a mark; more than one is for the caller to refuse. */
export function markedFields(schema: z.ZodType, marked: 'returnValue' | 'childResults' = 'returnValue'): string[] {
  const shape = objectShape(schema as unknown as Schema) ?? {};
  const symbol = marked === 'returnValue' ? resultMark : childrenMark;
  return Object.keys(shape).filter((field) => isMarked(shape[field], symbol));
}

/** The names of the fields that an object schema declares, or undefined when the schema is no object. */
export function declaredFields(schema: z.ZodType): Set<string> | undefined {
  const shape = objectShape(schema as unknown as Schema);
  return shape && new Set(Object.keys(shape));
}

function objectShape(schema: Schema | undefined): Record<string, Schema> | undefined {
  const def = schema?._zod.def;
  if (!def) return undefined;
  if (def.type === 'object') return def.shape;
  for (const schema of inner(def)) {
    const shape = objectShape(schema);
    if (shape) return shape;
  }
  return undefined;
}

function isMarked(schema: Schema | undefined, symbol: symbol): boolean {
  const def = schema?._zod.def;
  if (!def) return false;
  return def[symbol] === true || inner(def).some((schema) => isMarked(schema, symbol));
}

function inner(def: Definition): (Schema | undefined)[] {
  // Both ends of a pipe: preprocess() has its schema at the far one.
  if (def.type === 'pipe') return [def.in, def.out];
  return def.type !== undefined && seenThrough.has(def.type) ? [def.innerType] : [];
}
