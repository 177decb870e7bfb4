import { InvalidMessageError } from '../config/errors';

/** How much of an error's text is stored and travels in inputs, in characters. */
const failureLength = 10_000;

// JSON.stringify writes half a surrogate pair as an escape, in lower case; each escape is matched as a whole.
const escapes = /\\(?:ud[89a-f][0-9a-f]{2}|.)/g;

/** Whether a text is one that UTF-8 can hold: without half of a surrogate pair, as `slice` leaves of an emoji. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/**
 * JSON text, as JSON.stringify makes it, in which each half of a surrogate pair is replaced by U+FFFD: the engine's database
 * refuses it, and the runs that are recorded together with it are lost.
 * @throws InvalidMessageError when that makes one key of two
 */
export function wellFormedJson(json: string, what: string): string {
  if (!json.includes('\\ud')) return json;
  const mended = json.replace(escapes, (escape) => (escape.length > 2 ? '\ufffd' : escape));
  if (mended === json) return json;
  if (countKeys(JSON.parse(mended)) < countKeys(JSON.parse(json))) {
    throw new InvalidMessageError(
      `${what} has two keys in one object that differ only in half a character (a lone surrogate, as slice() leaves of an emoji). Rename one.`,
    );
  }
  return mended;
}

/** A text that the engine takes wherever it travels: NUL is shown as a symbol, half a surrogate pair as U+FFFD. */
export function cleanText(text: string): string {
  return text.replaceAll('\0', '\u2400').replace(/\p{Surrogate}/gu, '\ufffd');
}

/** Why something failed as it is stored, and as callbacks get it: its message, cleaned, and no more of it than people read. */
export function packFailure(message: string): string {
  return JSON.stringify({ message: cleanText(message.slice(0, failureLength)) });
}

function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const values: unknown[] = Object.values(value);
  return values.reduce<number>((sum, each) => sum + countKeys(each), Array.isArray(value) ? 0 : values.length);
}
