import { LuaError } from './error';
import type { Value } from './table';

/** A pattern of Lua as a regular expression. The two backtrack alike, so they find the same. */
export interface Pattern {
  /** Looks from `lastIndex` on; only there, if the pattern begins with `^`. */
  expression: RegExp;
  /** For each capture, whether it is the place where it begins. */
  captures: readonly boolean[];
}

const classes: Readonly<Record<string, string>> = {
  a: 'A-Za-z',
  c: '\\0-\\x1f\\x7f',
  d: '0-9',
  l: 'a-z',
  p: '!-\\/:-@\\[-`{-~',
  s: ' \\t-\\r',
  u: 'A-Z',
  w: 'A-Za-z0-9',
  x: 'A-Fa-f0-9',
  z: '\\0',
};

/** Returns characters in front of which a regular expression needs a backslash. */
const escaped = (character: string): string => character.replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&');

/** What stands for a character behind `%`, within brackets. */
function ofClass(letter: string): string {
  const lower = letter.toLowerCase();
  if (letter === lower && Object.hasOwn(classes, letter)) return classes[letter] ?? '';
  if (!/[A-Za-z0-9]/.test(letter)) return escaped(letter);
  throw new LuaError(`the in-process Redis does not know %${letter} there in a pattern`);
}

/** What stands for a character behind `%`, outside of brackets. */
function alone(letter: string): string {
  const lower = letter.toLowerCase();
  if (!Object.hasOwn(classes, lower)) return ofClass(letter);
  return `[${letter === lower ? '' : '^'}${classes[lower]}]`;
}

const known = new Map<string, Pattern>();

/** @throws LuaError when it is none, or has what is not known here */
export function patternOf(text: string): Pattern {
  const before = known.get(text);
  if (before) return before;
  const pattern = new Reader(text).read();
  // Some scripts put values into a pattern.
  if (known.size >= 500) known.clear();
  known.set(text, pattern);
  return pattern;
}

class Reader {
  private at = 0;
  private readonly captures: boolean[] = [];
  private open = 0;

  constructor(private readonly text: string) {}

  read(): Pattern {
    const isAnchored = this.text.startsWith('^');
    if (isAnchored) this.at = 1;
    let source = '';
    while (this.at < this.text.length) source += this.part();
    if (this.open > 0) throw new LuaError('unfinished capture');
    const places = this.captures.includes(true) ? 'd' : '';
    return { expression: new RegExp(source, `s${isAnchored ? 'y' : 'g'}${places}`), captures: this.captures };
  }

  private part(): string {
    const character = this.text[this.at++] ?? '';
    if (character === '(') {
      const isPlace = this.text[this.at] === ')';
      this.captures.push(isPlace);
      if (isPlace) this.at += 1;
      else this.open += 1;
      return isPlace ? '()' : '(';
    }
    if (character === ')') {
      if (this.open === 0) throw new LuaError('invalid pattern capture');
      this.open -= 1;
      return ')';
    }
    if (character === '$' && this.at === this.text.length) return '$';
    const single = this.single(character);
    const repeated = this.text[this.at];
    if (repeated !== '*' && repeated !== '+' && repeated !== '-' && repeated !== '?') return single;
    this.at += 1;
    return single + (repeated === '-' ? '*?' : repeated);
  }

  private single(character: string): string {
    if (character === '.') return '.';
    if (character === '[') return this.set();
    if (character !== '%') return escaped(character);
    const letter = this.text[this.at++];
    if (letter === undefined) throw new LuaError("malformed pattern (ends with '%')");
    return alone(letter);
  }

  private set(): string {
    let inside = '';
    if (this.text[this.at] === '^') {
      inside = '^';
      this.at += 1;
    }
    // A bracket at its beginning is one of its characters.
    for (let isFirst = true; isFirst || this.text[this.at] !== ']'; isFirst = false) {
      const character = this.text[this.at++];
      if (character === undefined) throw new LuaError("malformed pattern (missing ']')");
      if (character === '%') inside += ofClass(this.text[this.at++] ?? '');
      else if (this.text[this.at] === '-' && this.at + 1 < this.text.length && this.text[this.at + 1] !== ']') {
        inside += `${escaped(character)}-${escaped(this.text[this.at + 1] ?? '')}`;
        this.at += 2;
      } else inside += escaped(character);
    }
    this.at += 1;
    return `[${inside}]`;
  }
}

/** Where something was found: its first place and the one behind it, counted from 0, and its captures. */
export interface Found {
  from: number;
  to: number;
  captures: Value[];
}

/** Looks for a pattern from a place on, counted from 0. */
export function search({ expression, captures }: Pattern, text: string, from: number): Found | undefined {
  expression.lastIndex = from;
  const match = expression.exec(text);
  if (!match) return undefined;
  const places = match.indices;
  return {
    from: match.index,
    to: match.index + match[0].length,
    captures: captures.map((isPlace, i) => (isPlace ? (places?.[i + 1]?.[0] ?? 0) + 1 : match[i + 1])),
  };
}
