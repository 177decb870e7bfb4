import type { Attempt, NewItem } from './actions';

export type Outcome = 'succeeded' | 'failed' | 'cancelled';
export type State = 'waiting' | 'queued' | 'granted' | 'published' | 'running' | 'returned' | 'deferred' | Outcome;
export type Status = 'pending' | 'running' | 'stopping' | 'cancelling' | Outcome;

export const isOutcome = (state: string): state is Outcome => ['succeeded', 'failed', 'cancelled'].includes(state);
export const mark = (outcome: Outcome) => ({ succeeded: 's', failed: 'f', cancelled: 'x' })[outcome];
export const holdsSlot = ({ state }: Unit) => ['granted', 'published', 'running', 'returned'].includes(state);

/** The entry that a callback was fired for; 'g' for the group. */
export const sourceOf = ({ fired }: Unit) => fired.split(' ')[1] ?? '';

/** An item, a callback that was fired (c0, c1 ...), or the report of the end to the parent (p). */
export interface Unit extends NewItem {
  name: string;
  state: State;
  /** Of a callback: which list, and whose end. */
  fired: string;
  /** A callback that was repeated, or whose source has ended again: it is not repeated any more. */
  superseded: boolean;
  /** The run that was published or owns it, who has to look after it, and when that is to be asked. */
  run: string;
  attempt: Attempt | undefined;
  owner: number;
  publications: number;
  due: boolean;
  /** How many attempts of its run threw, and the last one that did. */
  threw: number;
  lastThrow: number;
  /** How many attempts have begun in its latest round. */
  begun: number;
  /** How many attempts had thrown, and begun, when its run was handed back. */
  spent: number;
  spentBegun: number;
  /** It has taken a token of the rate limit, and has not begun. */
  token: boolean;
  /** It is under way and was cancelled by itself. */
  doomed: boolean;
  /** Runs of it that count no more. */
  void: string[];
  /** The last word on suspending it by itself. */
  word: { suspended: boolean; version: number };
  /** Its turn came while it was suspended by itself. */
  passed: boolean;
  /** Of a root whose body has ended. */
  body: { outcome: Outcome; payload: string } | undefined;
  child: string;
  payload: string;
  /** It ended without ever having had a slot: it leaves nothing. */
  unbegun: boolean;
}

/** What the store has to answer. */
export interface Answer {
  code: string;
  grants: string[];
  fired: string[];
  withdrawn: string[];
  endedAs: Outcome | undefined;
  more?: unknown;
}

export const noItem: NewItem = { key: '', message: '', kind: 'task', onSuccess: 0, onError: 0 };
