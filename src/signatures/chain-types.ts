import type { MarkedFields } from '../messages/marks';
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

interface Start {
  readonly start: unique symbol;
}

/** A step that takes what the one before it gives, or a type that says why it can't. */
type Step<Before, T> = [Before] extends [Start]
  ? T
  : unknown extends Before
    ? T
    : Before extends ResultField<MessageOf<T>>
      ? T
      : { 'expected a task whose result field takes': Before; 'got one whose field takes': ResultField<MessageOf<T>> };

/** The steps of a chain; one that can't take what the step before it gives is replaced by a type that nothing fits. */
export type Steps<T extends readonly unknown[], Before = Start> = T extends readonly [infer First, ...infer Rest]
  ? readonly [Step<Before, First>, ...Steps<Rest, OutputOf<First>>]
  : T;

/** What the first step of a chain takes. */
export type ChainInput<T extends readonly TaskLike[]> = T extends readonly [infer First, ...unknown[]]
  ? MessageOf<First>
  : Record<string, unknown>;

/** What the last step of a chain gives. */
export type ChainOutput<T extends readonly TaskLike[]> = T extends readonly [...unknown[], infer Last]
  ? OutputOf<Last>
  : OutputOf<T[number]>;
