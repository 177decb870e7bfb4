// What the viewer's server and its page say to each other, as JSON. Types only: both sides import them.

export type WorkKind = 'task' | 'root' | 'chain' | 'swarm';

export type WorkStatus = 'pending' | 'queued' | 'running' | 'suspended' | 'succeeded' | 'failed' | 'cancelled';

/** A time, in ms since 1970. */
export type Time = number;

/** The counts of a group. */
export interface ProgressView {
  total: number;
  waiting: number;
  queued: number;
  running: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  closed: boolean;
  status: WorkStatus;
  callbacks: { pending: number; succeeded: number; failed: number };
  createdAt?: Time;
  startedAt?: Time;
  endedAt?: Time;
  nextStartAt?: Time;
  rateLimited: boolean;
  perSecond: number;
  etaMs?: number;
}

/** A group or item of a list. */
export interface RowView {
  id: string;
  kind: WorkKind;
  name: string;
  status: WorkStatus;
  index?: number;
  progress?: ProgressView;
  tags?: string[];
  createdAt?: Time;
  startedAt?: Time;
  endedAt?: Time;
  attempts?: number;
  runUrl?: string;
  error?: string;
}

/** The list: the rows by `row:` and their id, and their order. Flat, so that a change is told row by row. */
export interface ListView {
  order: string[];
  /** For the next page. */
  cursor?: string;
  [row: `row:${string}`]: RowView;
}

/** What changes of a group or item while it is looked at. */
export interface LiveView {
  status: WorkStatus;
  progress?: ProgressView;
  startedAt?: Time;
  endedAt?: Time;
  attempts?: number;
}

/** What somebody with a progress token sees of a group. */
export interface PublicProgressView {
  status: WorkStatus;
  total: number;
  /** How many have succeeded, failed or were cancelled. */
  ended: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  running: number;
  queued: number;
  waiting: number;
  /** Only with a token that shows it. */
  name?: string;
}

/** One group or item in full. */
export interface WorkView extends RowView {
  metadata?: Record<string, string>;
  config?: Record<string, unknown>;
  callbacks?: RowView[];
  /** The group that it is an item or callback of. */
  parent?: string;
  runId?: string;
  /** Whether it has succeeded, so that there is an output to ask for. */
  hasOutput: boolean;
  hasMessage: boolean;
}

export interface WindowView {
  items: RowView[];
  position: number;
  count: number;
  /** Of a search by name: how many items were looked at. */
  looked?: number;
  /** Of a search by name: behind which index it goes on; absent at the end. */
  next?: number;
}

export interface ChildrenView {
  children: RowView[];
  cursor?: string;
}

export interface FailureView {
  text: string;
  count: number;
  examples: { index: number; id: string; name: string }[];
}

export interface FailuresView {
  groups: FailureView[];
  /** How many failures were looked at. */
  looked: number;
}

export interface ReasonView {
  code: string;
  text: string;
  since?: Time;
  entry?: string;
  hint?: string;
  reasons?: ReasonView[];
}

export interface ExplanationView {
  summary: string;
  reasons: ReasonView[];
}

export interface TimelineView {
  points: { at: Time; ended: number }[];
}

export interface PayloadView {
  /** Indented JSON. */
  text: string;
  /** Of the whole text; more than that of `text` when only the beginning is shown. */
  length: number;
}

/** What the page is told about itself. */
export interface SessionView {
  canWrite: boolean;
  version: string;
}

export type ActionName = 'suspend' | 'resume' | 'cancel' | 'close' | 'update' | 'retry';

export interface ActionResult {
  /** How many items run again. */
  retried?: number;
}

export interface ProblemView {
  error: string;
}

/** A difference to what was sent before: fields that have changed, and fields that are gone. */
export interface ChangeView {
  set: Record<string, unknown>;
  unset: string[];
}
