import { hash, randomBytes } from 'node:crypto';

// Ids of one process are numbered within a block: those of signatures made together can then be located together.
const block = randomBytes(9).toString('base64url').replaceAll('-', 'A').replaceAll('_', 'B');
let last = 0;

/** A new id, unique without asking anybody. */
export function newId(): string {
  last += 1;
  return `${block}.${last.toString(36)}`;
}

/** The id of what carries a key: the same in every process. */
export function keyedId(kind: string, key: string): string {
  return `k.${hash('sha256', `${kind}\0${key}`, 'base64url').slice(0, 24)}`;
}

/** Whether an id stands for a key, so that there can be one after another of it. */
export function isKeyed(id: string): boolean {
  return id.startsWith('k.');
}

/** Whether it is the id of a key itself, and not of something in what carries one. */
export function isOfKey(id: string): boolean {
  return /^k\.[\w-]{24}$/.test(id);
}

/** The id of an item that was added without a signature of its own. */
export function itemId(groupId: string, index: number): string {
  return `${groupId}~${index}`;
}

/** The id of one firing of a callback that has none of its own. */
export function invocationId(groupId: string, entry: string): string {
  return `${groupId}~${entry}`;
}

/** The group that an entry is which has no id of its own. */
export function nestedId(groupId: string, entry: string): string {
  return `${groupId}~${entry}.g`;
}

/** The group of the children of a root. */
export function childrenId(groupId: string, entry: string): string {
  return `${groupId}~${entry}.r`;
}

/** Whether a group holds the children of a root. */
export function isChildrenId(id: string): boolean {
  return id.endsWith('.r');
}

/** The group and entry that an id made by {@link invocationId} names. */
export function parseInvocationId(id: string): { groupId: string; entry: string } | undefined {
  const match = /^(.+)~(c\d{1,15})$/.exec(id);
  return match?.[1] && match[2] ? { groupId: match[1], entry: match[2] } : undefined;
}

/** The group and index that an id made by {@link itemId} names. */
export function parseItemId(id: string): { groupId: string; index: number } | undefined {
  const match = /^(.+)~(\d{1,15})$/.exec(id);
  return match?.[1] && match[2] ? { groupId: match[1], index: Number(match[2]) } : undefined;
}

/** Where an id of a process's block is looked up: 1,024 ids share a place. */
export function locationOf(id: string): { chunk: string; offset: number } | undefined {
  const match = /^([A-Za-z0-9]{12})\.([0-9a-z]{1,11})$/.exec(id);
  if (!match?.[1] || !match[2]) return undefined;
  const number = parseInt(match[2], 36);
  return { chunk: `${match[1]}.${Math.floor(number / 1024)}`, offset: number % 1024 };
}
