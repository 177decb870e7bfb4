import { createHash } from 'node:crypto';
import type { Bytes } from './bytes';
import { notKnown, ReplyError, syntaxError } from './errors';
import { integer } from './commands/arguments';
import { matcher } from './pattern';

/** Redis returns a small hash or sorted set as a whole, however few elements were asked for. */
const smallest = 128;

/** A page of a scan: of all elements that are there from its first to its last page, none is left out. */
export interface Page {
  /** Where the next page begins; '0' behind the last one. */
  next: Bytes;
  found: Bytes[];
}

/**
 * Returns a page of elements. Their order is that of a hash of each, so that a cursor means the same whatever was added or
 * removed since it was given.
 * @param from - the cursor
 */
export function page(command: string, elements: readonly Bytes[], from: number, words: readonly Bytes[]): Page {
  const { count, matches } = optionsOf(command, words);
  if (command !== 'SCAN' && elements.length <= smallest) return { next: '0', found: elements.filter(matches) };
  const placed = elements.map((element) => ({ element, place: placeOf(element) }));
  const left = placed.filter(({ place }) => place >= from).sort((a, b) => a.place - b.place);
  const last = left[count - 1]?.place ?? Infinity;
  const taken = left.filter(({ place }) => place <= last);
  const next = taken.length < left.length ? String(last + 1) : '0';
  return { next, found: taken.map(({ element }) => element).filter(matches) };
}

/** Reads a cursor. @throws ReplyError */
export function cursorOf(text: Bytes): number {
  if (!/^(?:[+-]?\d{1,20})?$/.test(text)) throw new ReplyError('ERR invalid cursor');
  return Number(text);
}

function optionsOf(command: string, words: readonly Bytes[]): { count: number; matches: (element: Bytes) => boolean } {
  let count = 10;
  let matches: (element: Bytes) => boolean = () => true;
  for (let i = 0; i < words.length; i += 2) {
    const name = (words[i] ?? '').toUpperCase();
    const value = words[i + 1];
    if (name === 'TYPE' && command === 'SCAN') throw notKnown(`the option TYPE of ${command}`);
    if (value === undefined || (name !== 'COUNT' && name !== 'MATCH')) throw syntaxError();
    if (name === 'COUNT') count = integer(value);
    else matches = matcher(value);
    if (count < 1) throw syntaxError();
  }
  return { count, matches };
}

/** Returns a number from 1 on. */
function placeOf(element: Bytes): number {
  return createHash('sha1').update(element, 'latin1').digest().readUIntBE(0, 6) + 1;
}
