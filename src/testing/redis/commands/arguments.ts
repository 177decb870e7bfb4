import type { Bytes } from '../bytes';
import { ReplyError } from '../errors';

/** Reads a whole number as Redis does. @throws ReplyError */
export function integer(text: Bytes): number {
  const number = /^(?:0|-?[1-9]\d{0,18})$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(number)) throw new ReplyError('ERR value is not an integer or out of range');
  return number;
}

/** Reads a number, which may be infinite. @throws ReplyError */
export function float(text: Bytes): number {
  const number = /^\s/.test(text) || text === '' ? NaN : numberOf(text);
  if (Number.isNaN(number)) throw new ReplyError('ERR value is not a valid float');
  return number;
}

/** Reads a limit of a range. Redis takes an empty text for zero. @throws ReplyError */
export function limit(text: Bytes): number {
  const number = text === '' ? 0 : numberOf(text);
  if (Number.isNaN(number)) throw new ReplyError('ERR min or max is not a float');
  return number;
}

/** Returns the number that C's `strtod` reads of a text; NaN when it leaves a part of it. */
function numberOf(text: Bytes): number {
  const [, sign = '', infinite] = /^\s*([+-]?)(inf|infinity)$/i.exec(text) ?? [];
  if (infinite) return sign === '-' ? -Infinity : Infinity;
  if (/^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text)) return Number(text);
  const [, hexSign = '', digits] = /^\s*([+-]?)(0x[\da-f]+)$/i.exec(text) ?? [];
  return digits === undefined ? NaN : Number(digits) * (hexSign === '-' ? -1 : 1);
}

/** Returns the text of a number as Redis shows it. */
export function shown(number: number): Bytes {
  if (Math.abs(number) === Infinity) return number > 0 ? 'inf' : '-inf';
  return Object.is(number, -0) ? '-0' : String(number);
}

/**
 * Returns the elements from one place to another, both included, as Redis counts them: negative places count from the end,
 * and what is outside is left out.
 */
export function span(length: number, first: number, last: number): { from: number; to: number } {
  const from = Math.max(0, first < 0 ? length + first : first);
  const to = Math.min(length - 1, last < 0 ? length + last : last);
  return from > to ? { from: 0, to: 0 } : { from, to: to + 1 };
}
