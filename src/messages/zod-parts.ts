/** A schema of zod, as far as mageflow reads it. */
export interface Schema {
  _zod: { def: Definition };
  clone(def: Definition): unknown;
}

export interface Definition {
  type?: string;
  shape?: Record<string, Schema>;
  catchall?: Schema;
  innerType?: Schema;
  in?: Schema;
  out?: Schema;
  left?: Schema;
  right?: Schema;
  options?: Schema[];
  getter?: () => Schema;
  coerce?: boolean;
  [mark: symbol]: unknown;
}

/** One finding of zod in a message. */
export interface Issue {
  code?: string;
  path: PropertyKey[];
  message: string;
  /** Of a union: the findings of each of its options. */
  errors?: Issue[][];
}

/** Schemas that say more of one inside them, which takes the value. */
export const wrappers: ReadonlySet<string> = new Set([
  'optional',
  'nullable',
  'default',
  'prefault',
  'catch',
  'readonly',
  'nonoptional',
]);

/** The value at a path of a message; undefined when there is no such place. */
export function placeAt(message: unknown, path: readonly PropertyKey[]): { value: unknown } | undefined {
  let value = message;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return { value };
}

/** A path as people write it. */
export const pathText = (path: readonly PropertyKey[]): string => path.map(String).join('.') || '(message)';

/** A finding as a text, with its place. */
export const issueText = ({ path, message }: Pick<Issue, 'path' | 'message'>): string =>
  `${pathText(path)}: ${message}`;
