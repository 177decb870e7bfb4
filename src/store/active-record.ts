/** The stored record of an item or callback that is under way. `schema.json` explains the fields. */
export interface ActiveRecord {
  state: string;
  /** The engine's run, or 'g:' and the id of the group that it is; '' until it is published. */
  run: string;
  /** The process that has to publish it or runs it. */
  process: string;
  /** The number of its publications. */
  publications: number;
  /** The group of the children of a root task, else ''. */
  child: string;
  isCancelled: boolean;
  /** When its first attempt began, in ms; undefined before. */
  startedAt: number | undefined;
  /** The number of attempts that have begun. */
  attempts: number;
}

/** Reads a packed record. `pack_active` in lib/entries.lua writes it. */
export function unpackActive(packed: string): ActiveRecord {
  const [
    state = '',
    run = '',
    ,
    ,
    ,
    process = '',
    ,
    ,
    publications = '1',
    child = '',
    cancel,
    ,
    started,
    attempts = '0',
  ] = packed.split('|');
  return {
    state,
    run,
    process,
    publications: Number(publications),
    child,
    isCancelled: cancel === '1',
    startedAt: started ? Number(started) : undefined,
    attempts: Number(attempts),
  };
}

/** Returns the run of a packed record; '' when there is no record. */
export function runOf(packed: string | null | undefined): string {
  return packed ? unpackActive(packed).run : '';
}

/**
 * Returns the retry count of the execution that owns a packed record, how many attempts have thrown, and whether the engine
 * has yet to begin the next one.
 */
export function attemptsOf(packed: string): { retryCount: number; throws: number; isBetween: boolean } {
  const [state, , retry, , , , throws = '0', counted = '-1'] = packed.split('|');
  const retryCount = Number(retry);
  return { retryCount, throws: Number(throws), isBetween: state === 'running' && Number(counted) >= retryCount };
}
