export { load, Mageflow, sign, swarm } from './mageflow';
export { returnValue } from './messages/marks';
export { mageContext, type MageContext } from './tasks/context';
export {
  AlreadyStartedError,
  CancelledError,
  ConfigurationError,
  InvalidMessageError,
  MageflowError,
  NotFoundError,
  StoreError,
  SwarmClosedError,
  SwarmFinishedError,
  TaskFailedError,
  type Failure,
} from './errors';
export type { MageflowLogger, MageflowOptions } from './options';
export type { SwarmConfig } from './signatures/config';
export type { SwarmOptions } from './signatures/make-swarm';
export type {
  Handle,
  ItemResult,
  Progress,
  RunOptions,
  Signature,
  SignatureStatus,
  SignOptions,
  Swarm,
  TaskEntry,
  TaskLike,
  WaitOptions,
} from './signatures/types';
