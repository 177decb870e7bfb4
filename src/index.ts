export { chain, load, Mageflow, sign, swarm } from './mageflow';
export { childResults, returnValue } from './messages/marks';
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
export type { ListedSignature, Listing, ListOptions } from './signatures/list';
export type { ChainOptions } from './signatures/make-chain';
export type { SwarmOptions } from './signatures/make-swarm';
export type {
  Chain,
  Handle,
  ItemResult,
  Progress,
  RootSignature,
  RootTask,
  RunOptions,
  Signature,
  SignatureStatus,
  SignOptions,
  Swarm,
  TaskEntry,
  TaskLike,
  WaitOptions,
} from './signatures/types';
