import { describe, messageOf } from '../errors';
import { engineLimitBytes } from '../messages/json';

/**
 * A body's output as JSON text. Checked before it is handed to the engine, which fails the run long after the body
 * returned when an output doesn't suit it.
 * @throws Error saying what is wrong with it
 */
export function encodeOutput(task: string, output: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(output) ?? 'null';
  } catch (error) {
    throw new Error(`The output of ${task} can't be turned into JSON: ${messageOf(error)}. Return plain JSON.`, {
      cause: error,
    });
  }
  if (typeof output === 'function' || typeof output === 'symbol') {
    throw new Error(`The output of ${task} can't be turned into JSON: expected plain JSON, got ${describe(output)}.`);
  }
  const bytes = Buffer.byteLength(text);
  if (bytes > engineLimitBytes) {
    throw new Error(
      `The output of ${task} is ${bytes} bytes, more than the engine's limit of ${engineLimitBytes} bytes. Store it elsewhere and return where it is.`,
    );
  }
  if (/(?<!\\)(?:\\\\)*\\u0000/.test(text)) {
    throw new Error(
      `The output of ${task} contains a NUL character (\\u0000), which the engine refuses. Remove it or encode the bytes.`,
    );
  }
  return text;
}
