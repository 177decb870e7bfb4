import type { AnyHatchet, Engine } from '../engine/engine';
import type { Inputs } from '../engine/inputs';
import type { Publisher } from '../engine/publisher';
import type { Served } from '../engine/served';
import type { Settler } from '../engine/settler';
import type { Events } from '../events';
import type { Recent } from '../recent';
import type { MageflowLogger } from '../options';
import type { GroupReader } from '../store/group-reader';
import type { GroupStore } from '../store/group-store';
import type { Locations } from '../store/locations';
import type { Spec } from '../store/spec';
import type { GroupMessage } from '../store/replies';
import type { RootScope } from './root-scope';
import type { UnknownClaims } from './unknown-claims';

/** The SDK's reference to a run, whose class it doesn't export. */
export type RunRef = ReturnType<AnyHatchet['runs']['runRef']>;

/** One run that a root's body asked for. */
export interface CaptureRequest {
  task: string;
  input: unknown;
  /** An identity within the root run. */
  key?: string | undefined;
  options?: RunOptionsLike | undefined;
  /** How the output of a single task is taken out of its run's. */
  standaloneName?: string | undefined;
}

/** What the SDK's run options may hold that mageflow passes on. */
export interface RunOptionsLike {
  additionalMetadata?: Record<string, string> | undefined;
  priority?: number | undefined;
  sticky?: boolean | undefined;
  desiredWorkerLabels?: Record<string, unknown> | undefined;
}

/** The parts of one instance that the code above store and engine works with. */
export interface Runtime {
  /** The instance itself, as bodies' module-level functions see it. */
  readonly instance: unknown;
  readonly store: GroupStore;
  readonly reader: GroupReader;
  readonly engine: Engine;
  readonly inputs: Inputs;
  readonly publisher: Publisher;
  readonly settler: Settler;
  readonly served: Served;
  readonly logger: MageflowLogger;
  readonly unknownClaims: UnknownClaims;
  readonly events: Events;
  /** The messages of groups whose items ran here lately, by the group's id. */
  readonly messages: Recent<GroupMessage>;
  /** How many workers of it are being stopped: a run that waits for nothing but `resume` must not keep them. */
  readonly stopping: { workers: number };
  readonly locations: Locations;
  /** A root as its declaration says it is, with its callbacks, for runs that nobody signed. @throws ConfigurationError */
  readonly declaredRoot: (name: string) => Promise<Spec>;
  /** Publishes runs as children of the root whose body asks for them. */
  readonly capture: (root: RootScope, requests: readonly CaptureRequest[]) => Promise<RunRef[]>;
}
