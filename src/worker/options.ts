import type {
  Context,
  CreateDurableTaskWorkflowOpts,
  CreateTaskWorkflowOpts,
  CreateWorkflowOpts,
  DurableContext,
  InputType,
  Resolved,
} from '@hatchet-dev/typescript-sdk';
import type { z } from 'zod';
import type { RootConfig } from '../config/swarm-config';
import type { TaskLike } from '../api/types';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the SDK's own options, whatever their types
type TaskOpts = Given<Omit<CreateTaskWorkflowOpts<any, any>, 'fn' | 'inputValidator' | 'batch'>>;
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the SDK's own options, whatever their types
type DurableOpts = Given<Omit<CreateDurableTaskWorkflowOpts<any, any>, 'fn' | 'inputValidator' | 'batch'>>;

/** Options that may be undefined, also under the compiler option exactOptionalPropertyTypes. */
type Given<T> = { [K in keyof T]: undefined extends T[K] ? T[K] | undefined : T[K] };

/** The fields that before-middleware and the client's global input add to a body's input. */
export type Added<GI extends object, MB extends object> = Resolved<GI, MB>;

/** Every option of the SDK's `hatchet.task`, and a schema. */
export interface SchemaTask<S extends z.ZodType, O, GI extends object, MB extends object> extends TaskOpts {
  /** Types and validates the merged message, in every run. */
  input: S;
  fn: (input: z.output<S> & Added<GI, MB>, ctx: Context<AsContext<z.output<S>>>) => O | Promise<O>;
}

/** Every option of the SDK's `hatchet.task`. */
export interface PlainTask<I, O, GI extends object, MB extends object> extends TaskOpts {
  input?: undefined;
  fn: (input: I & Added<GI, MB>, ctx: Context<AsContext<I>>) => O | Promise<O>;
}

/**
 * The options of a root task besides those of `task`: the configuration of its internal swarm, and the callbacks of each
 * run. Callbacks of a signature replace them.
 */
export interface RootOptions extends RootConfig {
  successCallbacks?: readonly TaskLike[] | undefined;
  errorCallbacks?: readonly TaskLike[] | undefined;
}

/** Every option of the SDK's `hatchet.durableTask`, and a schema. */
export interface SchemaDurableTask<S extends z.ZodType, O, GI extends object, MB extends object> extends DurableOpts {
  /** Types and validates the merged message, in every run. */
  input: S;
  fn: (input: z.output<S> & Added<GI, MB>, ctx: DurableContext<AsContext<z.output<S>>>) => O | Promise<O>;
}

/** Every option of the SDK's `hatchet.durableTask`. */
export interface PlainDurableTask<I, O, GI extends object, MB extends object> extends DurableOpts {
  input?: undefined;
  fn: (input: I & Added<GI, MB>, ctx: DurableContext<AsContext<I>>) => O | Promise<O>;
}

/** Every option of the SDK's `hatchet.workflow`, and a schema with which each of its tasks parses its input. */
export interface WorkflowOptions<S extends z.ZodType> extends Given<Omit<CreateWorkflowOpts, 'inputValidator'>> {
  input?: S | undefined;
}

/** The input type for a context. The SDK requires an index signature on it. */
type AsContext<I> = I extends InputType ? I : InputType;
