import type { RunOptions, RunRequest } from './run';

export interface ClientLogger {
  info(message: string): unknown;
  debug(message: string): unknown;
  warn(message: string): unknown;
  error(message: string, error?: Error): unknown;
}

export type Hook = (this: void, ...args: unknown[]) => unknown;

export interface Middleware {
  before?: Hook | readonly Hook[];
  after?: Hook | readonly Hook[];
}

/** The client on which an engine's bodies run. */
export interface Host {
  readonly tenantId: string;
  readonly config: { namespace: string; logger: (name: string) => ClientLogger };
  readonly admin: {
    runWorkflow(this: void, name: string, input: unknown, options?: RunOptions): Promise<unknown>;
    runWorkflows(this: void, requests: readonly RunRequest[]): Promise<unknown[]>;
  };
  /** Returns the middleware of one kind. */
  hooks(kind: keyof Middleware): Hook[];
  /** Returns the name of a task as the engine has it. */
  fullName(name: string): string;
}

/** What a body may ask of the engine that runs it. */
export interface BodyControl {
  cancel(ids: readonly string[]): void;
  refreshTimeout(id: string, by: string): void;
  releaseSlot(id: string): void;
  serves(name: string): boolean;
}
