type JsonLeaf = string | number | boolean | null;
type NoJson = undefined | void | symbol | ((...args: never[]) => unknown);

/** A type that is kept as it is, because it refers to itself and would be mapped without end. */
type AnyJson = JsonLeaf | undefined | AnyJson[] | { [field: string]: AnyJson };

/** True if a type is `any` or `unknown`. */
type IsAnything<T> = unknown extends T ? true : false;

/**
 * The type of a value after its transport as JSON. A value with `toJSON` (a `Date`) becomes the result of that. Functions,
 * symbols and undefined are removed from objects and become null elsewhere. Types that JSON does not change are kept with
 * their names. `void` is kept too, because nobody reads it.
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

/** True if a field of this type arrives. */
type Arrives<V> =
  IsAnything<V> extends true
    ? 'always'
    : [Extract<V, NoJson>] extends [never]
      ? 'always'
      : [Exclude<V, NoJson>] extends [never]
        ? 'never'
        : 'sometimes';

/** The name of a field that always arrives. */
type Left<K, V> = K extends symbol ? never : Arrives<V> extends 'always' ? K : never;

/** The name of a field that may be missing on arrival. */
type Dropped<K, V> = K extends symbol ? never : Arrives<V> extends 'sometimes' ? K : never;
