import { StoreFormatError } from '../../config/errors';
import { messageOf } from '../../utils/error-message';
import { message, sentence } from '../explain/words';

/** The checks of `mage.doctor`. Programs can compare them; a later version may add further ones. */
export type DoctorCheck =
  /** Redis answers, and is new enough. */
  | 'redis'
  /** The storage format is one that this version of mageflow reads. */
  | 'format'
  /** Redis deletes no keys when its memory is full. */
  | 'eviction'
  /** Redis keeps its data when it is started again. */
  | 'persistence'
  /** Redis has memory left. */
  | 'memory'
  /** The clock of this process is that of Redis. */
  | 'clock'
  /** Hatchet answers, and fast. */
  | 'engine'
  /** Some process reconciles. */
  | 'reconcilers'
  /** Nothing is left alone for longer than its lease. */
  | 'leases'
  /** Workers serve the tasks of the groups in progress. */
  | 'tasks'
  /** Something happens in each group in progress. */
  | 'groups'
  /** Callbacks are published and succeed. */
  | 'callbacks'
  /** Each key of mageflow belongs to something, and expires when that is over. */
  | 'keys';

/** `'unchecked'`: it could not be looked at, and the text says why. */
export type DoctorLevel = 'ok' | 'warning' | 'error' | 'unchecked';

/** One result of `mage.doctor`. */
export interface DoctorFinding {
  check: DoctorCheck;
  level: DoctorLevel;
  /** The finding, in a sentence. */
  text: string;
  /** What to do about it. Absent when there is nothing to do. */
  todo?: string;
  /** The first groups, keys or processes that it is about. Pass groups to `mage.explain`. */
  ids?: string[];
}

/** A finding before it is shown. */
export interface Found {
  level: DoctorLevel;
  /** A part of a sentence. */
  clause: string;
  todo?: string;
  ids?: readonly string[];
}

const idsAtMost = 5;

/** Runs a check, and says when it could not be done: one that fails must not hide what the others find. */
export async function checked(check: DoctorCheck, look: () => Promise<readonly Found[]>): Promise<DoctorFinding[]> {
  try {
    return (await look()).map((found) => toFinding(check, found));
  } catch (error) {
    const reason = error instanceof StoreFormatError ? 'its storage format is newer' : message(messageOf(error));
    return [toFinding(check, unchecked(check, reason))];
  }
}

/** Says that something could not be checked. */
export function unchecked(what: string, why: string): Found {
  return { level: 'unchecked', clause: `could not check: ${what} (${why})` };
}

export function toFinding(check: DoctorCheck, { level, clause, todo, ids = [] }: Found): DoctorFinding {
  return {
    check,
    level,
    text: sentence(clause),
    ...(todo === undefined ? {} : { todo }),
    ...(ids.length > 0 ? { ids: ids.slice(0, idsAtMost) } : {}),
  };
}
