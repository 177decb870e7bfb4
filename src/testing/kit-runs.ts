import { thrownMessage } from '../hatchet/run-history';
import { readMetadata } from '../hatchet/metadata';
import type { Run, RunStatus } from './engine/run';

/** One run of a task in a testing kit. */
export interface KitRun {
  /** Its id in the engine. */
  id: string;
  /** The name of its task, in lower case as the engine has it. */
  task: string;
  /** What its body received, before its schema parsed it. */
  input: unknown;
  /** What it returned. Absent unless it has completed. */
  output?: unknown;
  /** The message of the error with which it failed. Absent unless it has failed. */
  error?: string;
  /** The number of its latest attempt, from 1. */
  attempt: number;
  status: Lowercase<RunStatus>;
  /** The swarm around it, and its index there. Absent without one. */
  swarmId?: string;
  index?: number;
  /** Whether it is a callback. Absent for other runs. */
  callback?: 'success' | 'error';
}

/** Returns a run as users see it. */
export function toKitRun(run: Run): KitRun {
  const { swarm, index, callback } = readMetadata(run.metadata);
  return {
    id: run.id,
    task: run.name,
    input: JSON.parse(run.input) as unknown,
    ...(run.output === undefined ? {} : { output: JSON.parse(run.output) as unknown }),
    ...(run.error === '' ? {} : { error: thrownMessage(run.error) }),
    attempt: run.retryCount + 1,
    status: run.status.toLowerCase() as KitRun['status'],
    ...(swarm ? { swarmId: swarm } : {}),
    ...(index === '' ? {} : { index: Number(index) }),
    ...(callback ? { callback } : {}),
  };
}
