import { processState } from '../utils/process-state';
import type { ResolvedConfig } from '../config/swarm-config';
import type { InputSchema } from './parsing';

/** mageflow's data about a declaration that it has made or wrapped. */
export interface Wrapping {
  /** The instances that wrap it, and whether they wrap it as a root. */
  readonly instances: WeakMap<object, boolean>;
  /** The identities of the stores of these instances. */
  readonly stores: Set<string>;
  /** The schema of its message when it is sent. Undefined when middleware may change the message on its way. */
  schema?: InputSchema;
  /** How it was declared, so that a testing kit can declare it anew. */
  input?: InputSchema;
  root?: ResolvedConfig;
  /** The callbacks of a root, as its instance keeps them. */
  callbacks?: object;
}

function wrappings(): WeakMap<object, Wrapping> {
  return processState().declarations as WeakMap<object, Wrapping>;
}

/** Returns the data about a declaration. Undefined for one that no instance has wrapped. */
export function wrappingOf(declaration: object): Wrapping | undefined {
  return wrappings().get(declaration);
}

export function setWrapping(declaration: object, wrapping: Wrapping): void {
  wrappings().set(declaration, wrapping);
}

/** Stores the schema of a declaration, so that every instance can check the message when it signs. */
export function rememberSchema(declaration: object, schema: InputSchema): void {
  const wrapping = wrappingOf(declaration);
  if (wrapping) wrapping.schema = schema;
}

/** Stores the callbacks of a root's declaration. */
export function rememberCallbacks(declaration: object, callbacks: object): void {
  const wrapping = wrappingOf(declaration);
  if (wrapping) wrapping.callbacks = callbacks;
}
