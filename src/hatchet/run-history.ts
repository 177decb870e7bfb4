/** An event of a run in the engine's history. */
export interface RunEvent {
  type: string;
  /** In ms since 1970, by the engine's clock. */
  at: number;
  /** Its place among events of the same time. */
  order: number;
  retryCount: number;
  workerId: string | undefined;
  /** The message of an error, without its stack; '' for none. */
  error: string;
}

/** What the engine's history tells about the latest attempt of a run. */
export interface Attempt {
  /** `waiting`: for a worker, or for the next attempt. `evicted`: it waits without a worker. `ended`: with the whole run. */
  phase: 'waiting' | 'running' | 'evicted' | 'ended';
  /** Since when, in ms since 1970 by the engine's clock. */
  since: number;
  /** How many attempts were made before this one. */
  retryCount: number;
  /** True if a worker has had the run, in this attempt or before. */
  wasTaken: boolean;
  /** The worker that it runs on. */
  workerId?: string;
  /** Why the attempt before it has failed. */
  error?: string;
}

/** An event as the SDK returns it. Its own type has no name outside the SDK. */
interface SdkEvent {
  id: number;
  eventType: string;
  timestamp: string;
  retryCount?: number;
  workerId?: string;
  errorMessage?: string;
}

const onWorker = new Set(['ASSIGNED', 'SENT_TO_WORKER', 'ACKNOWLEDGED', 'STARTED']);
const ends = new Set(['FINISHED', 'CANCELLED', 'SCHEDULING_TIMED_OUT', 'SKIPPED']);
const failures = new Set(['FAILED', 'TIMED_OUT']);
/** The worker of an attempt was gone, before or after it began. */
const losses = new Set(['REASSIGNED', 'COULD_NOT_SEND_TO_WORKER']);

/**
 * Returns the latest attempt of a run; undefined when there are no events. Those of one attempt are no reliable sequence: the
 * engine may store that a run is queued after it has sent it to a worker.
 */
export function latestAttempt(events: readonly RunEvent[]): Attempt | undefined {
  const sorted = events.toSorted((a, b) => a.at - b.at || a.order - b.order);
  const retryCount = Math.max(...sorted.map((event) => event.retryCount));
  const current = sorted.filter((event) => event.retryCount === retryCount);
  const [first] = current;
  if (!first) return undefined;
  const failure = sorted.findLast(({ type }) => failures.has(type));
  const wasTaken = sorted.some(({ type }) => onWorker.has(type));
  const error = failure && (failure.error || failure.type.toLowerCase());
  const attempt = { retryCount, wasTaken, ...(error === undefined ? {} : { error }) };
  const end = current.findLast(({ type }) => ends.has(type));
  if (end) return { ...attempt, phase: 'ended', since: end.at };
  const began = lastOf(current, 'STARTED') ?? current.find(({ type }) => onWorker.has(type));
  const lost = current.findLast(({ type }) => losses.has(type));
  const over = failure?.retryCount === retryCount ? failure : lost && lost.at >= (began?.at ?? 0) ? lost : undefined;
  if (over || !began) return { ...attempt, phase: 'waiting', since: (over ?? first).at };
  const evicted = lastOf(current, 'DURABLE_EVICTED');
  if (evicted && evicted.at >= (lastOf(current, 'DURABLE_RESTORING') ?? began).at)
    return { ...attempt, phase: 'evicted', since: evicted.at };
  const { workerId } = current.findLast((event) => onWorker.has(event.type) && event.workerId) ?? {};
  return { ...attempt, phase: 'running', since: began.at, ...(workerId ? { workerId } : {}) };
}

function lastOf(events: readonly RunEvent[], type: string): RunEvent | undefined {
  return events.findLast((event) => event.type === type);
}

export function toEvent({ id, eventType, timestamp, retryCount = 0, workerId, errorMessage }: SdkEvent): RunEvent {
  const error = thrownMessage(errorMessage ?? '');
  return { type: eventType, at: Date.parse(timestamp), order: id, retryCount, workerId, error };
}

/**
 * The message of a task's error. The SDK records what a body threw as JSON with its stack; the engine's own errors are plain
 * text.
 */
export function thrownMessage(error: string): string {
  try {
    const { message } = Object(JSON.parse(error)) as { message?: unknown };
    return typeof message === 'string' ? message : error;
  } catch {
    return error;
  }
}
