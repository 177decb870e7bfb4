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
} from './tasks/context';
export {
  AlreadyStartedError,
  CancelledError,
  ClosedError,
  ConfigurationError,
  InvalidMessageError,
  MageflowError,
  NotFoundError,
  StoreError,
  SwarmClosedError,
  SwarmFinishedError,
  TaskFailedError,
  WaitTimeoutError,
  type Failure,
} from './errors';
export type { ErrorEvent, GroupEvent, ItemEvent, MageflowEvents, RepairEvent } from './events';
export type { MageflowLogger, MageflowOptions } from './options';
export type { SwarmConfig } from './signatures/config';
export type { DescribeOptions } from './signatures/describe';
export type { Description } from './signatures/described';
export type { Loaded, LoadOptions } from './signatures/load';
export type { ListedSignature, Listing, ListOptions } from './signatures/list';
export type { ChainOptions } from './signatures/make-chain';
export type { SwarmOptions } from './signatures/make-swarm';
export type { ChainInput, ChainOutput, Steps } from './signatures/chain-types';
export type { Arrived } from './signatures/json-types';
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
} from './signatures/types';
