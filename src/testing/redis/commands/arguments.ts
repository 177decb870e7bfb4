import type { Bytes } from '../bytes';
import { ReplyError } from '../errors';

/** Reads a whole number as Redis does. @throws ReplyError */
export function integer(text: Bytes): number {
  const number = /^(?:0|-?[1-9]\d{0,18})$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(number)) throw new ReplyError('ERR value is not an integer or out of range');
  return number;
}

/** Reads a number, which may be infinite. @throws ReplyError */
export function float(text: Bytes, message = 'ERR value is not a valid float'): number {
  const [, sign = '', infinite] = /^([+-]?)(inf|infinity)$/i.exec(text) ?? [];
  if (infinite) return sign === '-' ? -Infinity : Infinity;
  const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
  if (Number.isNaN(number)) throw new ReplyError(message);
  return number;
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
