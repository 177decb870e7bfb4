import type { Snapshot } from '../../store/group-reader';
import type { Spec } from '../../store/spec';
import type { EntryUnderWay, GroupWaits } from '../../store/waits-reader';

/** A group, and some of what is under way in it. */
export interface Group {
  id: string;
  snapshot: Snapshot;
  waits: GroupWaits;
  /** The items under way, without callbacks. */
  items: readonly Subject[];
}

/** An entry under way. */
export interface Subject {
  record: EntryUnderWay;
  /** The id by which it is described. */
  id: string;
  /** What it is, for a sentence: `item 3 ("resize")`. */
  what: string;
  task: string;
  /** What it is if it is no plain task. */
  kind: Spec['group'];
  /** The group that it is, or that has its children. */
  below: string | undefined;
  /** Since when it is suspended individually, in ms. */
  suspendedSince: number | undefined;
}
