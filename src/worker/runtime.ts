import type { AnyHatchet, EngineClient } from '../hatchet/client';
import type { RunInputs } from '../orchestrator/run-inputs';
import type { Publisher } from '../orchestrator/publisher';
import type { TaskRegistry } from '../orchestrator/task-registry';
import type { RunReconciler } from '../orchestrator/run-reconciler';
import type { Events } from '../config/events';
import type { RecentMap } from '../utils/recent-map';
import type { MageflowLogger } from '../config/options';
import type { GroupReader } from '../store/group-reader';
import type { GroupStore } from '../store/group-store';
import type { SignatureIndex } from '../store/signature-index';
import type { Spec } from '../store/spec';
import type { GroupMessage } from '../store/replies';
import type { RootCapture } from './roots/root-capture';
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
  readonly engine: EngineClient;
  readonly inputs: RunInputs;
  readonly publisher: Publisher;
  readonly settler: RunReconciler;
  readonly served: TaskRegistry;
  readonly logger: MageflowLogger;
  readonly unknownClaims: UnknownClaims;
  readonly events: Events;
  /** The messages of groups whose items ran here lately, by the group's id. */
  readonly messages: RecentMap<GroupMessage>;
  /** How many workers of it are being stopped: a run that waits for nothing but `resume` must not keep them. */
  readonly stopping: { workers: number };
  readonly locations: SignatureIndex;
  /** A root as its declaration says it is, with its callbacks, for runs that nobody signed. @throws ConfigurationError */
  readonly declaredRoot: (name: string) => Promise<Spec>;
  /** Publishes runs as children of the root whose body asks for them. */
  readonly capture: (root: RootCapture, requests: readonly CaptureRequest[]) => Promise<RunRef[]>;
}
