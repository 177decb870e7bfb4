import { notKnown } from '../errors';
import { LuaError } from './error';
import { shown, wholeDigits } from './numbers';
import { asNumber, badArgument } from './operators';
import { patternOf, search } from './pattern';
import type { LuaFunction, Value, Values } from './table';

/** Returns an argument that is a text, or a number, which counts as one. */
export function expectText(value: Value, name: string, place = 1): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return shown(value);
  throw badArgument(name, place, 'string', value);
}

/** Returns an argument that is a number, or a text that stands for one. */
export function expectNumber(value: Value, name: string, place = 1): number {
  const number = asNumber(value);
  if (number === undefined) throw badArgument(name, place, 'number', value);
  return number;
}

/** Returns an argument that is a whole number, without what is behind its point. */
export function whole(value: Value, name: string, place: number, without?: number): number {
  if (value === undefined && without !== undefined) return without;
  return Math.trunc(expectNumber(value, name, place));
}

/** Returns the place that a number means, counted from 1: negative ones count from the end. */
const placed = (place: number, length: number): number => (place < 0 ? Math.max(length + place + 1, 0) : place);

function sub(value: Value, from: Value, to: Value): string {
  const text = expectText(value, 'sub');
  const first = Math.max(placed(whole(from, 'sub', 2), text.length), 1);
  const last = placed(whole(to, 'sub', 3, -1), text.length);
  return text.slice(first - 1, Math.max(last, 0));
}

function byte(value: Value, from: Value, to: Value): Values {
  const text = expectText(value, 'byte');
  const first = Math.max(placed(whole(from, 'byte', 2, 1), text.length), 1);
  const last = to === undefined ? first : placed(whole(to, 'byte', 3), text.length);
  const part = text.slice(first - 1, Math.max(last, 0));
  return Array.from({ length: part.length }, (_, i) => part.charCodeAt(i));
}

const char: LuaFunction = (...codes) =>
  String.fromCharCode(
    ...codes.map((code, i) => {
      const number = whole(code, 'char', i + 1);
      if (number < 0 || number > 255) throw new LuaError(`bad argument #${i + 1} to 'char' (invalid value)`);
      return number;
    }),
  );

/** The place from which to look, counted from 0. */
function begin(from: Value, name: string, length: number): number {
  return Math.min(Math.max(placed(whole(from, name, 3, 1), length) - 1, 0), length);
}

function find(value: Value, wanted: Value, from: Value, isPlain: Value): Values {
  const [text, pattern] = [expectText(value, 'find'), expectText(wanted, 'find', 2)];
  const start = begin(from, 'find', text.length);
  if ((isPlain !== undefined && isPlain !== false) || !/[\^$*+?.([%-]/.test(pattern)) {
    const at = text.indexOf(pattern, start);
    return at < 0 ? undefined : [at + 1, at + pattern.length];
  }
  const found = search(patternOf(pattern), text, start);
  return found && [found.from + 1, found.to, ...found.captures];
}

function match(value: Value, wanted: Value, from: Value): Values {
  const text = expectText(value, 'match');
  const pattern = patternOf(expectText(wanted, 'match', 2));
  const found = search(pattern, text, begin(from, 'match', text.length));
  if (!found) return undefined;
  return found.captures.length > 0 ? found.captures : text.slice(found.from, found.to);
}

function gmatch(value: Value, wanted: Value): LuaFunction {
  const [text, pattern] = [expectText(value, 'gmatch'), expectText(wanted, 'gmatch', 2)];
  if (pattern.startsWith('^')) throw notKnown('a pattern of string.gmatch that begins with ^');
  let at = 0;
  return () => {
    const found = at > text.length ? undefined : search(patternOf(pattern), text, at);
    if (!found) return undefined;
    at = found.to === found.from ? found.to + 1 : found.to;
    return found.captures.length > 0 ? found.captures : text.slice(found.from, found.to);
  };
}

function gsub(value: Value, wanted: Value, by: Value, limit: Value): Values {
  const [text, source] = [expectText(value, 'gsub'), expectText(wanted, 'gsub', 2)];
  if (typeof by !== 'string' || by.includes('%')) throw notKnown('string.gsub by anything but a plain text');
  const most = limit === undefined ? Infinity : whole(limit, 'gsub', 4);
  const pattern = patternOf(source);
  let result = '';
  let at = 0;
  let number = 0;
  while (number < most && at <= text.length) {
    const found = search(pattern, text, at);
    if (!found) break;
    number += 1;
    result += text.slice(at, found.from) + by;
    at = found.to;
    // Behind nothing the next character is kept.
    if (found.to === found.from) result += text.slice(at, (at += 1));
    if (source.startsWith('^')) break;
  }
  return [result + text.slice(at), number];
}

function format(pattern: Value, number: Value): string {
  const text = expectText(pattern, 'format');
  const value = expectNumber(number, 'format', 2);
  if (text === '%.0f') return wholeDigits(value);
  if (text !== '%d' || !Number.isFinite(value)) throw notKnown(`the format ${text} of string.format for ${value}`);
  return wholeDigits(Math.trunc(value) + 0);
}

/** The library `string` of Lua. Upper and lower case are those of ASCII. */
export const strings = {
  byte,
  char,
  find,
  format,
  gmatch,
  gsub,
  len: (value: Value) => expectText(value, 'len').length,
  lower: (value: Value) => expectText(value, 'lower').replace(/[A-Z]+/g, (part) => part.toLowerCase()),
  match,
  rep: (value: Value, number: Value) => expectText(value, 'rep').repeat(Math.max(whole(number, 'rep', 2), 0)),
  reverse: (value: Value) => Array.from(expectText(value, 'reverse')).reverse().join(''),
  sub,
  upper: (value: Value) => expectText(value, 'upper').replace(/[a-z]+/g, (part) => part.toUpperCase()),
} satisfies Record<string, LuaFunction>;
