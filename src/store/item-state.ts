import { unpackActive } from './active-record';
import { isGroupRun } from './entry';
import type { GroupStatus, Outcome } from './replies';

/** The state of an entry. 'suspended' stands for an entry that is held back by a suspension of it or its group. */
export type ItemState =
  'waiting' | 'queued' | 'suspended' | 'granted' | 'published' | 'running' | 'returned' | 'deferred' | Outcome;

/** The stored parts of the state of an item: its own, and the properties of its group on which the state depends. */
export interface StoredState {
  /** Its packed record, if it is active. */
  active: string | null;
  byte: string;
  index: number;
  /** True if it is suspended individually. */
  alone: boolean;
  group: { status: GroupStatus; flags: string; kind: string; swept: number };
}

/** The outcome for each stored mark. */
export const marks: Record<string, Outcome> = { s: 'succeeded', f: 'failed', x: 'cancelled' };

/**
 * Returns the outcome of an item from its stored byte and the status of its group; undefined while it is open. Once a group has
 * stopped, an item that has not started never will: it counts as cancelled.
 */
export function outcomeOf(byte: string, status: GroupStatus): Outcome | undefined {
  return marks[byte] ?? (isStopped(status) && byte !== 'a' ? 'cancelled' : undefined);
}

/** Returns whether an item has no slot and has not ended. Bytes that were never written are zeros, or missing at the end. */
export function isUnstarted(byte: string): boolean {
  return byte === '' || byte === '\0' || byte === 'q' || byte === 'h';
}

export function itemStateOf({ active, byte, index, alone, group }: StoredState): ItemState {
  const whole = isSuspended(group.flags);
  // A task that was run by itself stands for its group.
  if (active) return alone || (whole && group.kind === 'task') ? 'suspended' : activeState(active);
  const outcome = outcomeOf(byte, group.status);
  if (outcome) return outcome;
  if (byte === 'a') return 'granted';
  if (whole || alone) return 'suspended';
  return byte === 'q' || byte === 'h' || index < group.swept ? 'queued' : 'waiting';
}

/** Returns the state of the entry that a packed record belongs to. */
export function activeState(packed: string): ItemState {
  const { state, run } = unpackActive(packed);
  // A nested group runs as soon as it was published.
  return state === 'published' && isGroupRun(run) ? 'running' : (state as ItemState);
}

export function isSuspended(flags: string | null | undefined): boolean {
  return flags?.includes('S') ?? false;
}

export function isStopped(status: GroupStatus): boolean {
  return status === 'stopping' || status === 'cancelling' || status === 'failed' || status === 'cancelled';
}

/** Returns whether a status or state, of a group or an item, is terminal unless it is retried. */
export function isEnded(status: string): boolean {
  return status === 'succeeded' || status === 'failed' || status === 'cancelled';
}
