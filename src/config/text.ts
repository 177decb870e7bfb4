import { ConfigurationError, describe, InvalidMessageError } from './errors';

/**
 * The longest name or key, in bytes. The input of a run may be as large as the engine allows, less 64 KiB, and all other
 * fields of the request must fit in there.
 */
export const maxNameBytes = 1024;

/** The most that the run options of a signature, or its metadata, may take as JSON, in bytes. See {@link maxNameBytes}. */
export const maxOptionsBytes = 16 * 1024;

/** Checks a name or key: a non-empty text. @throws ConfigurationError, InvalidMessageError when it is ill-formed */
export function text(value: unknown, what: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || value === '' || value.includes('\0')) {
    throw new ConfigurationError(
      `${what}: expected a string that is not empty and has no NUL, got ${describe(value)}.`,
    );
  }
  checkWellFormed(what, value);
  checkBytes(what, value, maxNameBytes);
  return value;
}

/**
 * Refuses ill-formed text, because Redis stores half a surrogate pair as another character, and the scripts refuse it.
 * @throws InvalidMessageError
 */
export function checkWellFormed(what: string, value: string): void {
  if (value.isWellFormed()) return;
  throw new InvalidMessageError(
    `${what}: expected well-formed text, got half a character (a lone surrogate, as slice() leaves of an emoji) in ${JSON.stringify(value)}. Cut texts with Array.from(text).slice(0, n).join('').`,
  );
}

/** Refuses long text. @throws ConfigurationError */
export function checkBytes(what: string, value: string, limit: number): void {
  const bytes = Buffer.byteLength(value);
  if (bytes > limit)
    throw new ConfigurationError(
      `${what}: expected at most ${limit} bytes, got ${bytes}. Put large values into the message.`,
    );
}
