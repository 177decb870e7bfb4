import { unpackActive } from './active-record';
import type { Reply } from './connection';

export type GroupStatus = 'pending' | 'running' | 'stopping' | 'cancelling' | 'succeeded' | 'failed' | 'cancelled';
export type Outcome = 'succeeded' | 'failed' | 'cancelled';

/** The effects of a script: what the process has to do after it. */
export interface Effects {
  status: GroupStatus;
  /** Items that got a slot. This process publishes them. */
  grants: { entry: string; spec: string; message: string }[];
  /** Callbacks that were fired. */
  callbacks: { entry: string; packed: string }[];
  /**
   * True if the script has left work to grant, because one call grants, inspects and puts back a bounded number of entries and
   * bytes.
   */
  more: boolean;
  /** Changes when properties of the group change that publishers cache. */
  version: string;
  /** The number of items of the group. */
  total: number;
  /** True if the group has ended, all of its callbacks too, and its keys have got their time to live. */
  expiring: boolean;
  /** The entries of roots whose bodies have returned, and the groups of their children. */
  closing: readonly { entry: string; child: string }[];
  /** True if the status of the group has changed and groups below it have to follow. */
  cascade: boolean;
  /** The kind and name of the group, if its status has changed. */
  statusChange: { kind: string; name: string } | undefined;
  /** The ms until the deadline of the group, if the deadline was set by this script. */
  timeLeft: number | undefined;
  /** Runs that were taken back before a body began in them. They are to be cancelled in the engine. */
  withdrawn: readonly string[];
  suspended: boolean;
  /** The outcome of the entry that the call was about. */
  outcome: Outcome | undefined;
}

/** The message that a group was started with, as JSON text, and its version, which changes when a retry replaces it. */
export interface GroupMessage {
  text: string;
  version: string;
}

/** The answer to a claim. */
export type StartReply =
  /**
   * The body may run. `failed`: how many items of the group have failed. `attempt`: the number of times that the entry has
   * begun, this time included. `message`: the message of the group, if the process has asked for it and has no current one.
   */
  | { code: 'run'; failed: number; attempt: number; message?: GroupMessage }
  /** The entry has ended. `late`: the run is void, because it was taken back or did not succeed. */
  | { code: 'stored'; result: string; late?: true }
  | { code: 'duplicate'; owner: string }
  /** The entry is suspended and was taken back. It is published again after `resume`. */
  | { code: 'requeued'; effects: Effects }
  /** The entry is suspended, and this run continues after `resume`. */
  | { code: 'suspended' }
  | { code: 'superseded' | 'unknown' | 'cancelled' };

/** The reconciler's work for a group: entries whose lease has run out, pending duties, and the next due time. */
export interface DueReply {
  status: GroupStatus | 'missing';
  active: number;
  /** The number of items of the group. */
  total: number;
  /** The time of Redis at the reply, in ms. */
  now: number;
  forgetAt: number | undefined;
  more: boolean;
  /** True if groups below it have yet to be kept from expiring. */
  hold: boolean;
  /** True if groups are below it. */
  nested: boolean;
  /** True if groups below it have yet to follow a suspend or resume. */
  toSpread: boolean;
  /** True if a retry of it is still being prepared. */
  retrying: boolean;
  /** True if results and nested groups must be kept from expiring, because callbacks run again. */
  retaining: boolean;
  /** The ms until its deadline; undefined without one. */
  timeLeft: number | undefined;
  /** True if nothing runs in it and nothing has happened in it for `retention.abandonedMs`. */
  abandoned: boolean;
  /** True if its rows of the signature index have to be renewed. */
  renew: boolean;
  /** The ms until the next lease runs out. */
  next: number | undefined;
  /** The time of Redis for which the next start of an item is planned, in ms. */
  nextStartAt: number | undefined;
  /** The ms until the lease of a call is over that fills it or chooses the items of a retry; undefined without one. */
  leaseLeft: number | undefined;
  entries: {
    entry: string;
    state: string;
    runId: string;
    process: string;
    publications: number;
    child: string;
    cancelled: boolean;
  }[];
}

export function toEffects(reply: readonly Reply[]): Effects {
  const text = String(reply[1] ?? '');
  const at = text.indexOf('\n');
  const fields = (at < 0 ? text : text.slice(0, at)).split('|');
  const closing = (reply[4] ?? []) as string[];
  return {
    status: fields[0] as GroupStatus,
    grants: grantsOf((reply[2] ?? []) as string[]),
    callbacks: ((reply[3] ?? []) as string[][]).map(([entry = '', packed = '']) => ({ entry, packed })),
    more: fields[1] === '1',
    version: fields[2] ?? '',
    total: Number(fields[3] ?? 0),
    expiring: fields[4] === '1',
    closing: closing.flatMap((entry, i) => (i % 2 === 0 ? [{ entry, child: closing[i + 1] ?? '' }] : [])),
    withdrawn: (reply[5] ?? []) as string[],
    cascade: fields[5] === '1',
    statusChange: statusChangeIn(text),
    timeLeft: toTime(fields[6] ?? ''),
    suspended: fields[7] === '1',
    outcome: (fields[8] || undefined) as Outcome | undefined,
  };
}

/** Reads the kind and name of a group from the second line of its state, which exists only if its status has changed. */
export function statusChangeIn(text: string): Effects['statusChange'] {
  const at = text.indexOf('\n');
  if (at < 0) return undefined;
  const end = text.indexOf(' ', at);
  return { kind: text.slice(at + 1, end), name: text.slice(end + 1) };
}

function grantsOf(flat: readonly string[]): Effects['grants'] {
  const grants: Effects['grants'] = [];
  for (let i = 0; i + 2 < flat.length; i += 3)
    grants.push({ entry: flat[i] ?? '', spec: flat[i + 1] ?? '', message: flat[i + 2] ?? '' });
  return grants;
}

function toTime(text: string): number | undefined {
  return text === '' ? undefined : Number(text);
}

/** Returns whether a script left effects for this process to carry out. */
export function hasEffects(effects: Effects): boolean {
  const { grants, callbacks, closing, withdrawn, more, expiring, timeLeft, cascade } = effects;
  const lists = grants.length + callbacks.length + closing.length + withdrawn.length;
  return lists > 0 || more || expiring || cascade || timeLeft !== undefined || startsCancelling(effects);
}

/** Returns whether a script has begun to cancel the group, so that its runs have to be cancelled in the engine. */
export function startsCancelling({ status, statusChange }: Effects): boolean {
  return status === 'cancelling' && statusChange !== undefined;
}

/** Removes the effects from a reply, for calls whose effects another call of the same batch carries out. */
export function withoutEffects(effects: Effects): Effects {
  const none = { grants: [], callbacks: [], more: false, expiring: false, closing: [], withdrawn: [] };
  return { ...effects, ...none, cascade: false, statusChange: undefined, timeLeft: undefined };
}

/** Reads the answer to a claim. @param effects - the effects of granting the slot of a run that was taken back */
export function toStart(reply: string | readonly Reply[], effects: Effects): StartReply {
  if (typeof reply === 'string') {
    const [failed, attempt] = reply.split('|');
    return { code: 'run', failed: Number(failed), attempt: Number(attempt) };
  }
  switch (reply[0]) {
    case 'stored':
      return { code: 'stored', result: String(reply[1]), ...(reply[2] === 1 ? { late: true } : {}) };
    case 'duplicate':
      return { code: 'duplicate', owner: String(reply[1]) };
    case 'requeued':
      return { code: 'requeued', effects };
    default:
      return { code: reply[0] as 'suspended' | 'superseded' | 'unknown' | 'cancelled' };
  }
}

export function toDue(reply: readonly Reply[]): DueReply {
  if (reply[0] === 'missing')
    return {
      status: 'missing',
      active: 0,
      total: 0,
      now: 0,
      forgetAt: undefined,
      more: false,
      hold: false,
      nested: false,
      toSpread: false,
      retrying: false,
      retaining: false,
      timeLeft: undefined,
      abandoned: false,
      renew: false,
      next: undefined,
      nextStartAt: undefined,
      leaseLeft: undefined,
      entries: [],
    };
  return {
    status: reply[0] as GroupStatus,
    active: Number(reply[2]),
    total: Number(reply[12]),
    now: Number(reply[13]),
    forgetAt: reply[3] ? Number(reply[3]) : undefined,
    more: reply[4] === 1,
    hold: reply[5] === '1',
    nested: reply[6] === '1',
    toSpread: String(reply[1]).includes('W'),
    retrying: String(reply[1]).includes('R'),
    retaining: String(reply[1]).includes('K'),
    timeLeft: toTime(reply[8] as string),
    abandoned: reply[9] === 1,
    renew: reply[10] === 1,
    next: toTime(reply[11] as string),
    nextStartAt: toTime(reply[14] as string),
    leaseLeft: toTime(reply[15] as string),
    entries: toEntries(reply[7] as string[]),
  };
}

export function toEntries(flat: readonly string[]): DueReply['entries'] {
  const entries: DueReply['entries'] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const { run, isCancelled, state, process, publications, child } = unpackActive(flat[i + 1] ?? '');
    const record = { state, process, publications, child };
    entries.push({ entry: flat[i] ?? '', ...record, runId: run, cancelled: isCancelled });
  }
  return entries;
}
