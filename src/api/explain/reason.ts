import type { Description } from '../described';
import { sentence } from './words';

/** Why something waits. Programs can compare it; a later version may add further ones. */
export type ReasonCode =
  /** Nobody has run it, or the group around it. */
  | 'not-started'
  /** A swarm whose items have all ended, and which nobody has closed. */
  | 'open'
  /** It was suspended, by itself or with a group around it. */
  | 'suspended'
  /** The rate limit of its group has no token left. */
  | 'rate-limited'
  /** A body has thrown a `BackOffError`. */
  | 'backing-off'
  /** All slots of its group are taken. */
  | 'at-its-limit'
  /** Its run waits in the engine, and no active worker serves its task. */
  | 'no-worker'
  /** Its run waits in the engine, and the workers that serve its task have no free slot. */
  | 'workers-busy'
  /** No worker has ever registered its task. */
  | 'task-unknown'
  /** It is being published, or the engine assigns it to a worker next. */
  | 'starting'
  /** Its body runs. */
  | 'running'
  /** An attempt has failed, and the engine starts the next one. */
  | 'retrying'
  /** An item of an open swarm was added and never run. */
  | 'item-not-run'
  /** A nested group, or the children of a root task, have not ended. `reasons` says why. */
  | 'waiting-for-child'
  /** The body of a root task goes on. */
  | 'waiting-for-body'
  /** A callback has not ended, or waits for what it is attached to. */
  | 'callback-pending'
  /** A callback has failed. */
  | 'callback-failed'
  /** The process that worked on it is gone, and no process continues it. */
  | 'lease-expired'
  /** No process runs the reconciler. */
  | 'no-reconciler'
  /** It has ended. */
  | 'ended';

/** One reason for which something waits. */
export interface ExplanationReason {
  code: ReasonCode;
  /** What it waits for, in a sentence. */
  text: string;
  /** Since when, as far as it is known. */
  since?: Date;
  /** The id of the item, callback or group that it waits for; of several, that of the first. */
  entry?: string;
  /** What to do about it. */
  hint?: string;
  /** Why `entry` waits in turn, for a nested group, a root task or a callback. At most 5 levels. */
  reasons?: ExplanationReason[];
}

/** The result of `mage.explain`. */
export interface Explanation extends Pick<Description, 'id' | 'kind' | 'name' | 'status'> {
  /** What it waits for, in one sentence. */
  summary: string;
  /** All reasons that were found, the most urgent first. */
  reasons: ExplanationReason[];
}

/** A reason before it is shown. */
export interface Finding {
  code: ReasonCode;
  /** What it waits for, as a part of a sentence that can follow a colon. */
  clause: string;
  /** In ms since 1970. */
  since?: number | undefined;
  entry?: string | undefined;
  /** What to do, in one or two sentences. */
  hint: string;
  below?: readonly Finding[] | undefined;
}

/** The most urgent first: what needs somebody to act comes before what ends by itself. */
const urgency: readonly ReasonCode[] = [
  'ended',
  'not-started',
  'suspended',
  'task-unknown',
  'no-worker',
  'no-reconciler',
  'lease-expired',
  'rate-limited',
  'backing-off',
  'workers-busy',
  'item-not-run',
  'open',
  'retrying',
  'at-its-limit',
  'waiting-for-child',
  'waiting-for-body',
  'running',
  'starting',
  'callback-failed',
  'callback-pending',
];

export function byUrgency(findings: readonly Finding[]): Finding[] {
  return findings.toSorted((a, b) => urgency.indexOf(a.code) - urgency.indexOf(b.code));
}

export function toReason({ code, clause, since, entry, hint, below }: Finding): ExplanationReason {
  return {
    code,
    text: sentence(clause),
    ...(since === undefined ? {} : { since: new Date(since) }),
    ...(entry === undefined ? {} : { entry }),
    hint,
    ...(below && below.length > 0 ? { reasons: byUrgency(below).map(toReason) } : {}),
  };
}
