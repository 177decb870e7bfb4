import type { MarkedFields, ResultMark } from '../messages/marks';
import type { AnyDeclaration, InputOf, OutputOf, Signature, TaskLike } from './types';

/** The message of what a task or signature is given. */
type MessageOf<T> =
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- only the message matters
  T extends Signature<infer I, any> ? I : T extends AnyDeclaration ? InputOf<T> : Record<string, unknown>;

/** The type of the field in which a task takes what the step before it gave; unknown where nothing says so. */
type ResultField<I> = [MarkedFields<I>] extends [never]
  ? 'returnValue' extends keyof I
    ? I['returnValue']
    : unknown
  : I[MarkedFields<I>];

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** A value as it arrives at the next step. What can be any JSON fits everything, and so does what nothing is said of. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as the line above says
type AsJson<T> = [Json] extends [T] ? any : AsJsonEach<T>;
type AsJsonEach<T> = T extends string | number | boolean | null
  ? T
  : T extends { toJSON(): infer J }
    ? J
    : T extends undefined | ((...args: never[]) => unknown)
      ? null
      : T extends readonly unknown[]
        ? { -readonly [K in keyof T]: AsJson<T[K]> }
        : IsOpen<T> extends true
          ? // eslint-disable-next-line @typescript-eslint/no-explicit-any -- an object of anything fits every object
            any
          : { -readonly [K in Kept<T>]: AsJson<T[K]> } & {
              -readonly [K in Exclude<keyof T, Kept<T>>]?: AsJson<Exclude<T[K], undefined>>;
            };

/** An object that can have any fields; `void` or `{}`, where the SDK doesn't know what a task gives. */
type IsOpen<T> = [keyof T] extends [never]
  ? true
  : string extends keyof T
    ? [Record<string, Json>] extends [T]
      ? true
      : false
    : false;

/** The fields that arrive in any case: what is undefined doesn't. */
type Kept<T> = { [K in keyof T]-?: [Json] extends [T[K]] ? K : undefined extends T[K] ? never : K }[keyof T];

/** A step that takes what the one before it gives, or a type that says why it can't. */
type Step<Before, T, Field = ResultField<MessageOf<T>>> = [Before] extends [Field]
  ? T
  : [AsJson<Before>] extends [Field]
    ? T
    : {
        'the step before it gives': Before;
        'but its result field takes': Field extends infer Unmarked & ResultMark ? Unmarked : Field;
      };

/** The steps of a chain; one that can't take what the step before it gives is replaced by a type that nothing fits. */
export type Steps<
  T extends readonly unknown[],
  // What fits everything: there is none before the first step.
  Before = never,
  Done extends readonly unknown[] = [],
> = T extends readonly [infer First, ...infer Rest]
  ? Steps<Rest, OutputOf<First>, [...Done, Step<Before, First>]>
  : Done extends readonly []
    ? T
    : readonly [...Done, ...T];

/** What the first step of a chain takes. */
export type ChainInput<T extends readonly TaskLike[]> = T extends readonly [infer First, ...unknown[]]
  ? MessageOf<First>
  : Record<string, unknown>;

/** What the last step of a chain gives. */
export type ChainOutput<T extends readonly TaskLike[]> = T extends readonly [...unknown[], infer Last]
  ? OutputOf<Last>
  : OutputOf<T[number]>;
