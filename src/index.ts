export { chain, load, Mageflow, sign, swarm } from './mageflow';
export {
  childResults,
  returnValue,
  type ChildrenMark,
  type Marked,
  type MarkedFields,
  type ResultMark,
} from './messages/marks';
export {
  mageContext,
  withoutRootSwarm,
  withoutRootSwarm as without_root_swarm,
  type MageContext,
} from './worker/context';
export {
  AlreadyStartedError,
  BackOffError,
  CancelledError,
  ClosedError,
  ConfigurationError,
  InvalidMessageError,
  MageflowError,
  NotFoundError,
  StoreError,
  StoreFormatError,
  SwarmClosedError,
  SwarmFinishedError,
  TaskFailedError,
  WaitTimeoutError,
  type Failure,
} from './config/errors';
export type { ErrorEvent, GroupEvent, ItemEvent, MageflowEvents, RepairEvent } from './config/events';
export type { MageflowLogger, MageflowOptions } from './config/options';
export type { BackOffOptions } from './config/errors';
export type { RateLimit, RootConfig, SwarmConfig } from './config/swarm-config';
export type { DescribeOptions } from './api/describe';
export type { Description } from './api/described';
export type { DoctorOptions } from './api/doctor';
export type { DoctorCheck, DoctorFinding, DoctorLevel } from './api/doctor/finding';
export type { Explanation, ExplanationReason, ReasonCode } from './api/explain/reason';
export type { ItemsOptions, ItemsWindow } from './api/items';
export type { Loaded, LoadOptions } from './api/load';
export type { FailureExample, FailureGroup, FailuresOptions } from './api/failures';
export type { ListedSignature, Listing, ListOptions } from './api/list';
export { openControl, type Control } from './api/open-control';
export { openReader, type Reader, type ReadResultsOptions } from './api/open-reader';
export type { ReaderOptions } from './api/open-store';
export type { StoreBase } from './store/bases';
export type { ChainOptions } from './api/make-chain';
export type { LabelOptions } from './api/labels';
export type { FillOptions } from './api/fill-swarm';
export type { ProgressTokenOptions, VerifiedProgressToken } from './api/progress-token';
export type { Stats, StatsOptions } from './api/stats';
export type { TimelineOptions, TimelinePoint } from './api/timeline';
export type { SwarmOptions } from './api/make-swarm';
export type { ChainInput, ChainOutput, Steps } from './api/chain-types';
export type { Arrived } from './api/json-types';
export type {
  AnyDeclaration,
  AnyFields,
  AnySignature,
  AsInput,
  AsOutput,
  Binding,
  Bound,
  BoundByName,
  Callbacks,
  CancelledItem,
  Chain,
  EndedItem,
  FailedItem,
  Fitting,
  FittingEntries,
  Handle,
  InputOf,
  ItemOf,
  ItemResult,
  MageTask,
  Message,
  NeedsMessage,
  NoSuchField,
  NotGiven,
  OutputOf,
  PartialMessage,
  Progress,
  RequiredFields,
  ResultsOptions,
  Rest,
  RetryFailedOptions,
  RootSignature,
  RootTask,
  RunArguments,
  RunOptions,
  Signature,
  SignatureOf,
  SignatureStatus,
  Signed,
  SignOptions,
  SucceededItem,
  Swarm,
  SwarmCallbacks,
  TaskEntry,
  TaskLike,
  TaskTypes,
  WaitOptions,
  WatchOptions,
  WrongType,
} from './api/types';
