import type { Reply } from './redis';

export type GroupStatus = 'pending' | 'running' | 'stopping' | 'cancelling' | 'succeeded' | 'failed' | 'cancelled';
export type Outcome = 'succeeded' | 'failed' | 'cancelled';

/** What a script hands to this process for publication. */
export interface Work {
  status: GroupStatus;
  /** Items that got a slot. */
  grants: { entry: string; spec: string; message: string }[];
  /** Callbacks that were fired. */
  callbacks: { entry: string; packed: string }[];
  /** Whether free slots and queued items are left: one call hands out 1,000 at most. */
  more: boolean;
  /** Whether the group has been given a message. */
  hasMessage: boolean;
  /** How many items the group holds. */
  total: number;
  /** Whether the group's last work has ended, and its keys were given their time to live. */
  expiring: boolean;
  /** The entry of a root whose body has ended, and the group of its children. */
  closing: { entry: string; child: string } | undefined;
  /** Whether its status has changed, and other groups sit in it. */
  tellBelow: boolean;
}

/** What an item does at its start. */
export type StartReply =
  | { code: 'run'; failed: number }
  | { code: 'stored'; result: string }
  | { code: 'duplicate'; owner: string }
  | { code: 'superseded' | 'unknown' | 'cancelled' };

/** Entries whose lease ran out, and when to look again. */
export interface DueReply {
  status: GroupStatus | 'missing';
  nextDue: number | undefined;
  active: number;
  forgetAt: number | undefined;
  more: boolean;
  /** Whether there are groups below it that have to be kept from expiring. */
  hold: boolean;
  /** Whether other groups sit in it. */
  nested: boolean;
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

export function toWork(reply: readonly Reply[]): Work {
  const grants = (reply[2] ?? []) as string[][];
  const callbacks = (reply[3] ?? []) as string[][];
  const [closing, child = ''] = (reply[8] ?? []) as string[];
  return {
    status: reply[1] as GroupStatus,
    grants: grants.map(([entry = '', spec = '', message = '']) => ({ entry, spec, message })),
    callbacks: callbacks.map(([entry = '', packed = '']) => ({ entry, packed })),
    more: reply[4] === 1,
    hasMessage: Number(reply[5] ?? 0) > 0,
    total: Number(reply[6] ?? 0),
    expiring: reply[7] === 1,
    closing: closing ? { entry: closing, child } : undefined,
    tellBelow: reply[9] === '1',
  };
}

export function toStart(reply: readonly Reply[]): StartReply {
  switch (reply[0]) {
    case 'run':
      return { code: 'run', failed: Number(reply[1]) };
    case 'stored':
      return { code: 'stored', result: String(reply[1]) };
    case 'duplicate':
      return { code: 'duplicate', owner: String(reply[1]) };
    default:
      return { code: reply[0] as 'superseded' | 'unknown' | 'cancelled' };
  }
}

export function toDue(reply: readonly Reply[]): DueReply {
  if (reply[0] === 'missing')
    return {
      status: 'missing',
      nextDue: undefined,
      active: 0,
      forgetAt: undefined,
      more: false,
      hold: false,
      nested: false,
      entries: [],
    };
  const flat = reply[7] as string[];
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
  return {
    status: reply[0] as GroupStatus,
    nextDue: reply[1] ? Number(reply[1]) : undefined,
    active: Number(reply[2]),
    forgetAt: reply[3] ? Number(reply[3]) : undefined,
    more: reply[4] === 1,
    hold: reply[5] === '1',
    nested: reply[6] === '1',
    entries,
  };
}
