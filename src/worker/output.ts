import { NonRetryableError } from '@hatchet-dev/typescript-sdk';
import { describe } from '../config/errors';
import { engineLimitBytes } from '../messages/json';
import { cleanText, wellFormedJson } from '../messages/text';
import { messageOf } from '../utils/error-message';

/** How much of a thrown error the engine gets, in characters: with its whole call it takes 4 MiB. */
const thrownLength = 200_000;

/**
 * A body's output as JSON text, and as it is handed to the engine: ill-formed text in it is made well-formed. Checked before
 * that, as the engine fails the run long after the body returned when an output doesn't suit it.
 * @throws Error saying what is wrong with it
 */
export function encodeOutput(task: string, output: unknown): { payload: string; output: unknown } {
  let json: string | undefined;
  try {
    json = JSON.stringify(output) as string | undefined;
  } catch (error) {
    throw new Error(`The output of ${task} can't be turned into JSON: ${messageOf(error)}. Return plain JSON.`, {
      cause: error,
    });
  }
  if (json === undefined && output !== undefined) {
    throw new Error(`The output of ${task} can't be turned into JSON: expected plain JSON, got ${describe(output)}.`);
  }
  const text = json ?? 'null';
  const payload = wellFormedJson(text, `The output of ${task}`);
  const bytes = Buffer.byteLength(payload);
  if (bytes > engineLimitBytes) {
    throw new Error(
      `The output of ${task} is ${bytes} bytes, more than the engine's limit of ${engineLimitBytes} bytes. Store it elsewhere and return where it is.`,
    );
  }
  if (/(?<!\\)(?:\\\\)*\\u0000/.test(payload)) {
    throw new Error(
      `The output of ${task} contains a NUL character (\\u0000), which the engine refuses. Remove it or encode the bytes.`,
    );
  }
  return { payload, output: payload === text ? output : (JSON.parse(payload) as unknown) };
}

/**
 * What a body threw, as the engine can record it: with a NUL, half of a surrogate pair or megabytes of text in it, it would
 * never hear that the attempt has failed, and of causes it records nothing. What suits it stays what it is.
 */
export function encodeThrown(error: unknown): unknown {
  const { message: own, stack, name } = Object(error) as { message?: unknown; stack?: unknown; name?: unknown };
  // The SDK tells an abort by the error itself.
  const message = typeof error !== 'object' || error === null || name === 'AbortError' ? own : messageOf(error);
  const fits = (text: unknown) => typeof text !== 'string' || (text.length <= thrownLength && cleanText(text) === text);
  if (own === message && fits(message) && fits(stack)) return error;
  const cleaned = (text: unknown) => cleanText(String(text).slice(0, thrownLength));
  const shown = new (error instanceof NonRetryableError ? NonRetryableError : Error)(cleaned(message));
  if (typeof name === 'string') shown.name = cleaned(name);
  if (typeof stack === 'string') shown.stack = cleaned(stack);
  return shown;
}

/** How many values of an output are looked at: the rest of a large one is like its beginning. */
const looksAt = 1_000;

/** The first place in an output that JSON leaves out or makes something else of, as a text; undefined when it arrives as it is. */
export function lossIn(output: unknown): string | undefined {
  let left = looksAt;
  const look = (value: unknown, path: string): string | undefined => {
    if ((left -= 1) < 0 || value === null || value === undefined) return undefined;
    if (typeof value === 'number')
      return Number.isFinite(value) ? undefined : `${path} is ${value} and arrives as null`;
    if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return undefined;
    if (typeof value === 'function' || typeof value === 'symbol') return `${path} is a ${typeof value} and is left out`;
    if (typeof value !== 'object') return undefined;
    const kind = Object.prototype.toString.call(value).slice(8, -1);
    if (empty.has(kind)) return `${path} is a ${kind} and arrives as {}`;
    if (ArrayBuffer.isView(value)) return `${path} is a ${kind} and arrives as an object of its elements`;
    for (const [key, inner] of Object.entries(value)) {
      const loss = look(inner, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`);
      if (loss !== undefined) return loss;
    }
    return undefined;
  };
  return look(output, 'output');
}

/** What has no fields of its own. */
const empty = new Set(['Map', 'Set', 'WeakMap', 'WeakSet', 'Error', 'RegExp', 'Promise', 'ArrayBuffer']);
