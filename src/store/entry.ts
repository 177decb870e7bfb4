// How Redis writes an entry and its run. Item 7 is '7', and invocation 7 of a callback 'c7'.

/** Stands in the list of active entries for the report of the group's end to the group around it. */
export const PARENT_REPORT = 'p';

/** Returns whether an entry is an invocation of a callback. */
export function isCallback(entry: string): boolean {
  return entry.startsWith('c');
}

/** Returns whether an entry is an item: neither an invocation of a callback nor the report to the parent. */
export function isItem(entry: string): boolean {
  return /^\d+$/.test(entry);
}

/** Returns the entry of an invocation of a callback. @param number - counts the invocations of a group, from 0 on */
export function callbackEntry(number: number): string {
  return `c${number}`;
}

/** Returns the number of an invocation of a callback, as given to {@link callbackEntry}. */
export function callbackNumber(entry: string): number {
  return Number(entry.slice(1));
}

/** Returns the run of an entry that is a group itself. */
export function groupRun(groupId: string): string {
  return `g:${groupId}`;
}

/** Returns the group that a run is. Undefined for a run of the engine, and for '' (not published). */
export function groupOfRun(run: string): string | undefined {
  return run.startsWith('g:') ? run.slice(2) : undefined;
}

/** Returns whether a run is a group. */
export function isGroupRun(run: string): boolean {
  return run.startsWith('g:');
}
