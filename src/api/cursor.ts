import { ConfigurationError, describe } from '../config/errors';

/** Packs the place after which the next page begins into an opaque text. */
export function packCursor(kind: string, ...parts: (string | number)[]): string {
  return Buffer.from([kind, ...parts].join(' ')).toString('base64url');
}

/** The opposite of {@link packCursor}; undefined for none. @throws ConfigurationError for any other value */
export function unpackCursor(cursor: unknown, kind: string, pattern: RegExp): RegExpExecArray | undefined {
  if (cursor === undefined || cursor === null) return undefined;
  const found =
    typeof cursor === 'string' ? pattern.exec(Buffer.from(cursor, 'base64url').toString('latin1')) : undefined;
  if (!found || packCursor(found[0]) !== cursor) {
    throw new ConfigurationError(
      `cursor: expected the cursor that an earlier ${kind} returned, got ${describe(cursor)}. Omit it for the first page.`,
    );
  }
  return found;
}
