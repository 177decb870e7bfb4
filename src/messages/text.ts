import { InvalidMessageError } from '../config/errors';

/** The most characters of an error's text that are stored and travel in inputs. */
const failureLength = 10_000;

// JSON.stringify writes half a surrogate pair as a lower-case escape. Each escape is matched as a whole.
const escapes = /\\(?:ud[89a-f][0-9a-f]{2}|.)/g;

/**
 * Replaces each half of a surrogate pair in the output of JSON.stringify by U+FFFD. The engine's database refuses such
 * halves, and the runs that are recorded in the same batch are lost.
 * @throws InvalidMessageError when two keys become equal by that
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

/** Returns a text that the engine accepts: NUL becomes a visible symbol, half a surrogate pair U+FFFD. */
export function cleanText(text: string): string {
  return text.replaceAll('\0', '\u2400').toWellFormed();
}

/** Returns an error's message as it is stored and as callbacks receive it: cleaned and shortened. */
export function packFailure(message: string): string {
  return JSON.stringify({ message: cleanText(message.slice(0, failureLength)) });
}

function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const values: unknown[] = Object.values(value);
  return values.reduce<number>((sum, each) => sum + countKeys(each), Array.isArray(value) ? 0 : values.length);
}
