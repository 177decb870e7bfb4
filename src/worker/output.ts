import { NonRetryableError } from '@hatchet-dev/typescript-sdk';
import { describe } from '../config/errors';
import { engineLimitBytes } from '../messages/json';
import { cleanText, wellFormedJson } from '../messages/text';
import { messageOf } from '../utils/error-message';

/** The most characters of a thrown error that the engine gets; its limit for the whole call is 4 MiB. */
const thrownLength = 200_000;

/**
 * Returns a body's output as JSON text, and in the form for the engine, with ill-formed text made well-formed. Checks the
 * output first, because the engine fails a run with an unsuitable output long after the body has returned.
 * @throws Error with the reason
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
 * Returns a thrown error in a form that the engine can store. With a NUL, half a surrogate pair or megabytes of text the
 * engine would never receive the failure of the attempt, and it stores no causes. Suitable errors are returned unchanged.
 */
export function encodeThrown(error: unknown): unknown {
  const { message: own, stack, name } = Object(error) as { message?: unknown; stack?: unknown; name?: unknown };
  // The SDK recognizes an abort by the error's own fields.
  const message = typeof error !== 'object' || error === null || name === 'AbortError' ? own : messageOf(error);
  const fits = (text: unknown) => typeof text !== 'string' || (text.length <= thrownLength && cleanText(text) === text);
  if (own === message && fits(message) && fits(stack)) return error;
  const cleaned = (text: unknown) => cleanText(String(text).slice(0, thrownLength));
  const shown = new (error instanceof NonRetryableError ? NonRetryableError : Error)(cleaned(message));
  if (typeof name === 'string') shown.name = cleaned(name);
  if (typeof stack === 'string') shown.stack = cleaned(stack);
  return shown;
}

/** The most values of an output that are checked. The rest of a large output is mostly like its beginning. */
const looksAt = 1_000;

/** Returns the first place in an output that JSON removes or changes, as a text. Undefined when it arrives unchanged. */
export function firstJsonLoss(output: unknown): string | undefined {
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

/** Classes whose instances have no fields of their own. */
const empty = new Set(['Map', 'Set', 'WeakMap', 'WeakSet', 'Error', 'RegExp', 'Promise', 'ArrayBuffer']);
