import { leftAloneMs } from '../../config/options';
import { WaitsReader } from '../../store/waits-reader';
import type { Reading } from '../reading';
import { EngineLook } from './engine-look';
import type { Finding } from './reason';
import type { Group, Subject } from './subject';

/** How many groups one call reads, and through how many levels. */
const most = { groups: 12, levels: 5 };

/** The place of an entry. */
export interface Place {
  groupId: string;
  entry: string;
}

/** Explains what is below or above. Passed on, because groups and entries explain each other. */
export interface Explainers {
  /** A group, by its id. */
  group(look: Look, id: string): Promise<Finding[]>;
  /** An item or callback, by its place. */
  entry(look: Look, place: Place): Promise<Finding[]>;
  /** A root task that is under way. */
  root(look: Look, group: Group, subject: Subject): Promise<Finding[]>;
}

/** One call of `explain` at one level: what it reads with, and how much it may still read. */
export class Look {
  readonly waits: WaitsReader;

  constructor(
    readonly reading: Reading,
    readonly explain: Explainers,
    readonly engine = new EngineLook(reading.engine, reading.store),
    private readonly left = { groups: most.groups },
    private readonly level = 0,
  ) {
    this.waits = new WaitsReader(reading.store);
  }

  /** Returns the look for a group below or above; undefined when it would be one too many. */
  deeper(): Look | undefined {
    if (this.level + 1 >= most.levels || this.left.groups <= 0) return undefined;
    this.left.groups -= 1;
    return new Look(this.reading, this.explain, this.engine, this.left, this.level + 1);
  }

  /** After how many ms without a reconciler's visit something counts as left alone. Reconcilers may be set differently. */
  get leftAloneMs(): number {
    return leftAloneMs(this.reading.store.settings);
  }
}
