import type { EngineClient } from '../hatchet/client';
import type { RunRef } from '../hatchet/internals';
import type { RunInputs } from '../orchestrator/run-inputs';
import type { Completion } from '../orchestrator/completion';
import type { Confirmations } from '../orchestrator/confirmations';
import type { EffectRunner } from '../orchestrator/effects';
import type { GroupCache } from '../orchestrator/group-cache';
import type { Nesting } from '../orchestrator/nesting';
import type { NextStarts } from '../orchestrator/next-starts';
import type { Outbox } from '../orchestrator/outbox';
import type { Pauser } from '../orchestrator/pauser';
import type { Suspender } from '../orchestrator/suspender';
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

/** A run that a root's body requests. */
export interface CaptureRequest {
  task: string;
  input: unknown;
  /** An identity within the root's run. */
  key?: string | undefined;
  options?: RunOptionsLike | undefined;
  /** The SDK's name of a single task, whose output is taken out of the run's output. */
  standaloneName?: string | undefined;
}

/** The SDK's run options that mageflow passes on. */
export interface RunOptionsLike {
  additionalMetadata?: Record<string, string> | undefined;
  priority?: number | undefined;
  sticky?: boolean | undefined;
  desiredWorkerLabels?: Record<string, unknown> | undefined;
}

/** The parts of an instance, which it may have yet to make. A testing kit replaces them. */
export interface RuntimeSource {
  readonly instance: object;
  /** The present parts. */
  readonly runtime: Runtime;
  /** Calls back with the parts as soon as they are made, and again with those that replace them. */
  onOpen(action: (parts: { runtime: Runtime }) => void): void;
}

/** The parts of one instance that the code above the store and the engine uses. */
export interface Runtime {
  /** The instance itself, for the module-level functions in bodies. */
  readonly instance: unknown;
  readonly store: GroupStore;
  readonly reader: GroupReader;
  readonly engine: EngineClient;
  readonly inputs: RunInputs;
  readonly outbox: Outbox;
  readonly confirmations: Confirmations;
  readonly cache: GroupCache;
  readonly effects: EffectRunner;
  readonly completion: Completion;
  readonly nesting: Nesting;
  readonly suspender: Suspender;
  readonly pauser: Pauser;
  readonly nextStarts: NextStarts;
  readonly runReconciler: RunReconciler;
  readonly registry: TaskRegistry;
  readonly logger: MageflowLogger;
  readonly unknownClaims: UnknownClaims;
  readonly events: Events;
  /** The messages of groups whose items ran here lately, by the group's id. */
  readonly messages: RecentMap<GroupMessage>;
  /** The number of its workers that are being stopped. A run that only waits for `resume` must not keep them running. */
  readonly stopping: { workers: number };
  readonly signatureIndex: SignatureIndex;
  /** Returns the spec of a declared root with its callbacks, for runs that were not signed. @throws ConfigurationError */
  readonly declaredRoot: (name: string) => Promise<Spec>;
  /** Publishes runs as children of the root whose body requests them. */
  readonly capture: (root: RootCapture, requests: readonly CaptureRequest[]) => Promise<RunRef[]>;
}
