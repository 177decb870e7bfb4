import type { GivenOf, MessageOf, OutputOf, ResultField, Takes, TaskLike, Unmarked } from './types';

/**
 * The type that a task's body returns, before it is serialized. A result field of this type is accepted as one for the
 * value that arrives.
 */
type GivenBy<T> = GivenOf<T> extends never ? OutputOf<T> : GivenOf<T>;

/** A step that accepts the output of the previous one, or a type that shows why it does not. */
type Step<Before, T, Field = ResultField<MessageOf<T>>> =
  Takes<Field, Before> extends true
    ? T
    : { 'the step before it gives': Before; 'but its result field takes': Unmarked<Field> };

/**
 * The constraint on the steps of a chain. A step that can't accept the previous output is replaced by a type that no value
 * fits.
 */
export type Steps<
  T extends readonly unknown[],
  // The output before the first step: `never`, which fits every field.
  Before = never,
  Done extends readonly unknown[] = [],
> = T extends readonly [infer First, ...infer Rest]
  ? Steps<Rest, GivenBy<First>, [...Done, Step<Before, First>]>
  : Done extends readonly []
    ? T
    : readonly [...Done, ...T];

/** The message of a chain: that of its first step. */
export type ChainInput<T extends readonly TaskLike[]> = T extends readonly [infer First, ...unknown[]]
  ? MessageOf<First>
  : Record<string, unknown>;

/** The output of a chain: that of its last step. */
export type ChainOutput<T extends readonly TaskLike[]> = T extends readonly [...unknown[], infer Last]
  ? OutputOf<Last>
  : OutputOf<T[number]>;
