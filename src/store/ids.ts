import { hash, randomBytes } from 'node:crypto';

// Ids of one process are numbered within a block, so that signatures created together share a row of the signature index.
const block = randomBytes(9).toString('base64url').replaceAll('-', 'A').replaceAll('_', 'B');
let last = 0;

/** Returns a new id that is unique without coordination. */
export function newId(): string {
  last += 1;
  return `${block}.${last.toString(36)}`;
}

/** Returns the id of an object with an idempotency key. It is the same in every process. */
export function keyedId(kind: string, key: string): string {
  return `k.${hash('sha256', `${kind}\0${key}`, 'base64url').slice(0, 24)}`;
}

/** Returns whether an id was made from a key, so that several groups can have it one after another. */
export function isKeyed(id: string): boolean {
  return id.startsWith('k.');
}

/** Returns whether it is the id of a keyed object itself, not of an entry within it. */
export function isOfKey(id: string): boolean {
  return /^k\.[\w-]{24}$/.test(id);
}

/** Returns the id of an item that was added without a signature of its own. */
export function itemId(groupId: string, index: number): string {
  return `${groupId}~${index}`;
}

/** Returns the id of an invocation of a callback that has no id of its own. */
export function invocationId(groupId: string, entry: string): string {
  return `${groupId}~${entry}`;
}

/** Returns the id of the nested group that an entry without an id of its own becomes. */
export function nestedId(groupId: string, entry: string): string {
  return `${groupId}~${entry}.g`;
}

/** Returns the id of the group of the children of a root. */
export function childrenId(groupId: string, entry: string): string {
  return `${groupId}~${entry}.r`;
}

/** Returns whether a group holds the children of a root. */
export function isChildrenId(id: string): boolean {
  return id.endsWith('.r');
}

/** Parses an id made by {@link invocationId}; returns undefined for another id. */
export function parseInvocationId(id: string): { groupId: string; entry: string } | undefined {
  const match = /^(.+)~(c\d{1,15})$/.exec(id);
  return match?.[1] && match[2] ? { groupId: match[1], entry: match[2] } : undefined;
}

/** Parses an id made by {@link itemId}; returns undefined for another id. */
export function parseItemId(id: string): { groupId: string; index: number } | undefined {
  const match = /^(.+)~(\d{1,15})$/.exec(id);
  return match?.[1] && match[2] ? { groupId: match[1], index: Number(match[2]) } : undefined;
}

/** Returns the row of the signature index for an id made by {@link newId}: 1,024 ids share a key in Redis. */
export function locationOf(id: string): { chunk: string; offset: number } | undefined {
  const match = /^([A-Za-z0-9]{12})\.([0-9a-z]{1,11})$/.exec(id);
  if (!match?.[1] || !match[2]) return undefined;
  const number = parseInt(match[2], 36);
  return { chunk: `${match[1]}.${Math.floor(number / 1024)}`, offset: number % 1024 };
}
