import type { GroupStatus, Outcome } from './replies';

/** Where an entry is; 'suspended' what would be on its way, were it not (or what is it belongs to) suspended. */
export type ItemState =
  'waiting' | 'queued' | 'suspended' | 'granted' | 'published' | 'running' | 'returned' | 'deferred' | Outcome;

/** What is stored of an item's state: some of it is its own, some its group's. */
export interface StoredState {
  /** What is under way of it, packed. */
  active: string | null;
  byte: string;
  index: number;
  /** Whether it is suspended by itself. */
  alone: boolean;
  group: { status: GroupStatus; flags: string; kind: string; swept: number };
}

/** How an entry ended, by the mark that is stored. */
export const marks: Record<string, Outcome> = { s: 'succeeded', f: 'failed', x: 'cancelled' };

export function itemStateOf({ active, byte, index, alone, group }: StoredState): ItemState {
  const whole = isSuspended(group.flags);
  // A task that runs by itself is its group.
  if (active) return alone || (whole && group.kind === 'task') ? 'suspended' : activeState(active);
  const outcome = marks[byte];
  if (outcome) return outcome;
  if (byte === 'a') return 'granted';
  if (isStopped(group.status)) return 'cancelled';
  if (whole || alone) return 'suspended';
  return byte === 'q' || byte === 'h' || index < group.swept ? 'queued' : 'waiting';
}

export function activeState(packed: string): ItemState {
  const [state = '', run = ''] = packed.split('|', 2);
  // A group that was published runs.
  return state === 'published' && run.startsWith('g:') ? 'running' : (state as ItemState);
}

export function isSuspended(flags: string | null | undefined): boolean {
  return flags?.includes('S') ?? false;
}

export function isStopped(status: GroupStatus): boolean {
  return status === 'stopping' || status === 'cancelling' || status === 'failed' || status === 'cancelled';
}
