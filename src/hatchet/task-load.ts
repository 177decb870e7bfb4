/** The statuses of workers that are connected. A paused worker takes no further runs. */
export const connectedStatuses = ['ACTIVE', 'PAUSED'] as const;

/** A worker that is connected to the engine. */
export interface ConnectedWorker {
  id: string;
  name: string;
  isPaused: boolean;
  /** The tasks that it serves: the lower-cased names of workflow and task, with a colon between them. */
  actions: readonly string[];
  /** Its slots by kind: for plain and for durable tasks. */
  slots: readonly { free: number; limit: number }[];
}

/** The runs that wait in the engine, by the name of their queue, which is that of an action. */
export type Queues = ReadonlyMap<string, { waiting: number; isLimited: boolean }>;

/** Which workers serve a task, and how many of its runs wait. */
export interface TaskLoad {
  active: readonly ConnectedWorker[];
  paused: readonly ConnectedWorker[];
  /** How many of its runs wait for a worker, a slot or their next attempt. */
  waiting: number;
  /** True if the engine holds some of them back because of the task's own `concurrency`. */
  isLimited: boolean;
}

// The SDK's own types have no names outside the SDK.
interface SdkWorker {
  metadata: { id: string };
  name: string;
  status?: string;
  actions?: readonly string[];
  slotConfig?: Readonly<Record<string, { available?: number; limit: number }>>;
}

type SdkStats = Readonly<
  Record<string, { queued?: { queues?: Readonly<Record<string, number>>; concurrency?: readonly unknown[] } }>
>;

export function workersOf(rows: readonly SdkWorker[]): ConnectedWorker[] {
  // An older engine ignores the filter of the list.
  const connected = rows.filter(({ status = '' }) => (connectedStatuses as readonly string[]).includes(status));
  return connected.map(({ metadata: { id }, name, status, actions = [], slotConfig = {} }) => ({
    id,
    name,
    isPaused: status === 'PAUSED',
    actions,
    slots: Object.values(slotConfig).map(({ available, limit }) => ({ free: available ?? limit, limit })),
  }));
}

export function queuesOf(stats: SdkStats): Queues {
  return new Map(
    Object.values(stats).flatMap(({ queued: { queues = {}, concurrency = [] } = {} }) =>
      Object.entries(queues).map(
        ([queue, waiting]) => [queue, { waiting, isLimited: concurrency.length > 0 }] as const,
      ),
    ),
  );
}

/** @param name - the name of a task or workflow as the engine has it */
export function loadOf(name: string, workers: readonly ConnectedWorker[], queues: Queues): TaskLoad {
  const prefix = `${name}:`;
  const serving = workers.filter(({ actions }) => actions.some((action) => action.toLowerCase().startsWith(prefix)));
  const queued = [...queues].flatMap(([queue, runs]) => (queue.toLowerCase().startsWith(prefix) ? [runs] : []));
  return {
    active: serving.filter(({ isPaused }) => !isPaused),
    paused: serving.filter(({ isPaused }) => isPaused),
    waiting: queued.reduce((sum, { waiting }) => sum + waiting, 0),
    isLimited: queued.some(({ isLimited }) => isLimited),
  };
}

/** Returns whether a worker has no slot left of some kind. Which kind a task needs is not known here. */
export function isFull({ slots }: ConnectedWorker): boolean {
  return slots.some(isTaken);
}

/** Returns whether all slots of a kind are taken. */
export function isTaken({ free, limit }: { free: number; limit: number }): boolean {
  return limit > 0 && free <= 0;
}
