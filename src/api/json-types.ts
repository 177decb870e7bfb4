type JsonLeaf = string | number | boolean | null;
type NoJson = undefined | void | symbol | ((...args: never[]) => unknown);

/** As it is: its type refers to itself, and would be mapped without end. */
type AnyJson = JsonLeaf | undefined | AnyJson[] | { [field: string]: AnyJson };

/** Whether nothing is known of it: `any` and `unknown`. */
type IsAnything<T> = unknown extends T ? true : false;

/**
 * A value as it arrives, which travels as JSON: what has a `toJSON` (a `Date`) is what that gives, functions, symbols and what is
 * undefined are left out of objects and are null elsewhere. What JSON doesn't change keeps its type, and its name; `void` too, at
 * which nobody looks.
 */
export type Arrived<T> =
  IsAnything<T> extends true
    ? T
    : [Extract<T, Nothing>] extends [never]
      ? Whole<T>
      : IsVoid<T> extends true
        ? T
        : Whole<Exclude<T, Nothing>> | null;

type Nothing = undefined | void;
type IsVoid<T> = [void] extends [T] ? ([T] extends [Nothing] ? true : false) : false;

type Whole<T> = [T] extends [ArrivedEach<T>] ? ([ArrivedEach<T>] extends [T] ? T : ArrivedEach<T>) : ArrivedEach<T>;

type ArrivedEach<T> =
  IsAnything<T> extends true
    ? T
    : T extends JsonLeaf | NoJson
      ? T
      : T extends { toJSON(...args: never[]): infer J }
        ? ArrivedEach<J>
        : T extends readonly unknown[]
          ? { [K in keyof T]: InList<T[K]> }
          : T extends object
            ? string extends keyof T
              ? T extends AnyJson
                ? T
                : { [K in keyof T]: ArrivedEach<T[K]> }
              : ArrivedObject<T>
            : T;

type ArrivedObject<T> = { [K in keyof T as Left<K, T[K]>]: ArrivedEach<T[K]> } & MayBeMissing<T> extends infer Fields
  ? { [K in keyof Fields]: Fields[K] }
  : never;

type MayBeMissing<T> = { [K in keyof T as Dropped<K, T[K]>]?: ArrivedEach<Exclude<T[K], NoJson>> };

type InList<T> = IsAnything<T> extends true ? T : T extends NoJson ? null : ArrivedEach<T>;

/** Whether a field of this type arrives. */
type Arrives<V> =
  IsAnything<V> extends true
    ? 'always'
    : [Extract<V, NoJson>] extends [never]
      ? 'always'
      : [Exclude<V, NoJson>] extends [never]
        ? 'never'
        : 'sometimes';

/** The name of a field that arrives as its type says. */
type Left<K, V> = K extends symbol ? never : Arrives<V> extends 'always' ? K : never;

/** The name of a field that may be left out. */
type Dropped<K, V> = K extends symbol ? never : Arrives<V> extends 'sometimes' ? K : never;
