import type { GivenOf, MessageOf, OutputOf, ResultField, Takes, TaskLike, Unmarked } from './types';

/** What a task's body gives, before it travels: a field that is typed so is taken for one that means what arrives. */
type GivenBy<T> = GivenOf<T> extends never ? OutputOf<T> : GivenOf<T>;

/** A step that takes what the one before it gives, or a type that says why it can't. */
type Step<Before, T, Field = ResultField<MessageOf<T>>> =
  Takes<Field, Before> extends true
    ? T
    : { 'the step before it gives': Before; 'but its result field takes': Unmarked<Field> };

/** The steps of a chain; one that can't take what the step before it gives is replaced by a type that nothing fits. */
export type Steps<
  T extends readonly unknown[],
  // What fits everything: there is none before the first step.
  Before = never,
  Done extends readonly unknown[] = [],
> = T extends readonly [infer First, ...infer Rest]
  ? Steps<Rest, GivenBy<First>, [...Done, Step<Before, First>]>
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
