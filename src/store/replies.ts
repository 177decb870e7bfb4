import type { Reply } from './connection';

export type GroupStatus = 'pending' | 'running' | 'stopping' | 'cancelling' | 'succeeded' | 'failed' | 'cancelled';
export type Outcome = 'succeeded' | 'failed' | 'cancelled';

/** What a script hands to this process for publication. */
export interface Effects {
  status: GroupStatus;
  /** Items that got a slot. */
  grants: { entry: string; spec: string; message: string }[];
  /** Callbacks that were fired. */
  callbacks: { entry: string; packed: string }[];
  /** Whether free slots and queued items are left: one call hands out 1,000 at most. */
  more: boolean;
  /** Changes with what publishers remember of the group. */
  version: string;
  /** How many items the group holds. */
  total: number;
  /** Whether the group's last work has ended, and its keys were given their time to live. */
  expiring: boolean;
  /** The entries of roots whose bodies have ended, and the groups of their children. */
  closing: readonly { entry: string; child: string }[];
  /** Whether its status has changed, and other groups sit in it. */
  cascade: boolean;
  /** What it is, when its status has changed. */
  statusChange: { kind: string; name: string } | undefined;
  /** In how many ms its time is over, if that has just been set. */
  timeLeft: number | undefined;
  /** Runs that were taken back before a body began in them. */
  withdrawn: readonly string[];
  suspended: boolean;
  /** How the entry that it was about ended. */
  outcome: Outcome | undefined;
}

/** The message that a group was started with, as JSON text, and when that group was created. */
export interface GroupMessage {
  text: string;
  createdAt: string;
}

/** What an item does at its start. */
export type StartReply =
  /** message: the group's, and when that group was created, for a process that has asked for it and doesn't know it. */
  | { code: 'run'; failed: number; message?: GroupMessage }
  /** late: the run counts no more, as it was taken back, or ended other than well. */
  | { code: 'stored'; result: string; late?: true }
  | { code: 'duplicate'; owner: string }
  /** It is suspended, and published again when it goes on. */
  | { code: 'requeued'; effects: Effects }
  /** It is suspended, and this run goes on later. */
  | { code: 'suspended' }
  | { code: 'superseded' | 'unknown' | 'cancelled' };

/** Entries whose lease ran out, and when to look again. */
export interface DueReply {
  status: GroupStatus | 'missing';
  active: number;
  /** How many items the group holds. */
  total: number;
  /** When Redis said all this, by its own clock, in ms. */
  now: number;
  forgetAt: number | undefined;
  more: boolean;
  /** Whether there are groups below it that have to be kept from expiring. */
  hold: boolean;
  /** Whether other groups sit in it. */
  nested: boolean;
  /** Whether the groups below have yet to hear which of them are suspended. */
  toSpread: boolean;
  /** Whether its items are still being made ready to be tried again. */
  retrying: boolean;
  /** Whether what it refers to has yet to be kept from expiring, as its callbacks were fired anew. */
  retaining: boolean;
  /** In how many ms its time is over. */
  timeLeft: number | undefined;
  /** Whether nothing runs in it and nothing has happened in it for `retention.abandonedMs`. */
  abandoned: boolean;
  /** Whether the records of where its signatures are have to be renewed. */
  renew: boolean;
  /** In how many ms the next lease runs out. */
  next: number | undefined;
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

/** What has become something else: the second line of what a script says of its group. */
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

/** Whether a script left something for this process to do. */
export function hasEffects(effects: Effects): boolean {
  const { grants, callbacks, closing, withdrawn, more, expiring, timeLeft, cascade } = effects;
  const lists = grants.length + callbacks.length + closing.length + withdrawn.length;
  return lists > 0 || more || expiring || cascade || timeLeft !== undefined || startsCancelling(effects);
}

/** Whether a script has made a group one that is being cancelled: what runs in it is to be cancelled in the engine. */
export function startsCancelling({ status, statusChange }: Effects): boolean {
  return status === 'cancelling' && statusChange !== undefined;
}

/** What is left of a script's work for those for whom another one publishes it. */
export function withoutEffects(effects: Effects): Effects {
  const none = { grants: [], callbacks: [], more: false, expiring: false, closing: [], withdrawn: [] };
  return { ...effects, ...none, cascade: false, statusChange: undefined, timeLeft: undefined };
}

/** @param work - what the script had done besides, for whoever publishes it */
export function toStart(reply: string | readonly Reply[], effects: Effects): StartReply {
  if (typeof reply === 'string') return { code: 'run', failed: Number(reply) };
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
    entries: toEntries(reply[7] as string[]),
  };
}

export function toEntries(flat: readonly string[]): DueReply['entries'] {
  const entries: DueReply['entries'] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const [state = '', runId = '', , , , process = '', , , publications = '1', child = '', cancel] = (
      flat[i + 1] ?? ''
    ).split('|');
    entries.push({
      entry: flat[i] ?? '',
      state,
      runId,
      process,
      publications: Number(publications),
      child,
      cancelled: cancel === '1',
    });
  }
  return entries;
}
