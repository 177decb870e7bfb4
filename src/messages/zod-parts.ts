/** The parts of a zod schema that mageflow reads. */
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

/** An issue that zod found in a message. */
export interface Issue {
  code?: string;
  path: PropertyKey[];
  message: string;
  /** For a union: the issues of each of its options. */
  errors?: Issue[][];
}

/** Schemas that wrap an inner schema, which parses the value. */
export const wrappers: ReadonlySet<string> = new Set([
  'optional',
  'nullable',
  'default',
  'prefault',
  'catch',
  'readonly',
  'nonoptional',
]);

/** Returns the value at a path of a message. Undefined when the path does not exist. */
export function placeAt(message: unknown, path: readonly PropertyKey[]): { value: unknown } | undefined {
  let value = message;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return { value };
}

/** A path as a text. */
export const pathText = (path: readonly PropertyKey[]): string => path.map(String).join('.') || '(message)';

/** An issue as a text, with its path. */
export const issueText = ({ path, message }: Pick<Issue, 'path' | 'message'>): string =>
  `${pathText(path)}: ${message}`;
