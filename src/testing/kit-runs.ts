import { thrownMessage } from '../hatchet/run-history';
import { readClaim, readMetadata } from '../hatchet/metadata';
import { itemId } from '../store/ids';
import { outputOf, type Run, type RunStatus } from './engine/run';

/** One run of a task or workflow in a testing kit. */
export interface KitRun {
  /** Its id in the engine. */
  id: string;
  /** The name of its task, in lower case as the engine has it. */
  task: string;
  /** What its body received, before its schema parsed it. */
  input: unknown;
  /** What it returned; of a workflow of several tasks, their outputs by their names. Absent unless it has completed. */
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
  // A child that a body has started by itself inherits the metadata, and is no item.
  const isOwn = readClaim(run.metadata) !== undefined;
  const { swarm, index, callback } = readMetadata(isOwn ? run.metadata : {});
  const errors = run.tasks.flatMap(({ error }) => (error === '' ? [] : [thrownMessage(error)]));
  return {
    id: run.id,
    task: run.name,
    input: JSON.parse(run.input) as unknown,
    ...(run.status === 'COMPLETED' ? { output: outputOf(run) } : {}),
    ...(run.status === 'FAILED' ? { error: errors.join('; ') } : {}),
    attempt: Math.max(...run.tasks.map(({ retryCount }) => retryCount)) + 1,
    status: run.status.toLowerCase() as KitRun['status'],
    ...(swarm ? { swarmId: swarm } : {}),
    ...(index === '' ? {} : { index: Number(index) }),
    ...(callback ? { callback } : {}),
  };
}

/** Returns whether a run is a callback of a signature, chain or swarm. */
export function isCallbackOf({ metadata }: Run, id: string): boolean {
  const claim = readClaim(metadata);
  const { callback, swarm, chain } = readMetadata(metadata);
  if (!claim || !callback) return false;
  if (claim.groupId !== id) return itemId(claim.groupId, Number(claim.source)) === id;
  // Of the group itself, or of a task that was run by itself.
  return claim.source === 'g' || (swarm !== id && chain !== id);
}

/** How many items of each swarm were seen running at once. */
export class ConcurrencySeen {
  private readonly running = new Map<string, Set<Run>>();
  private readonly highest = new Map<string, number>();

  /** Called when a run begins. */
  note(run: Run): void {
    const { swarm, callback } = readMetadata(readClaim(run.metadata) ? run.metadata : {});
    if (!swarm || callback) return;
    const running = this.running.get(swarm) ?? new Set();
    this.running.set(swarm, running.add(run));
    for (const one of running) if (one.status !== 'RUNNING') running.delete(one);
    this.highest.set(swarm, Math.max(this.most(swarm), running.size));
  }

  most(swarm: string): number {
    return this.highest.get(swarm) ?? 0;
  }
}
