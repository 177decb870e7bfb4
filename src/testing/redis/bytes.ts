/**
 * Values are kept as bytes in a text with one character for each byte, so that slices, lengths and comparisons are those of
 * Redis, and so that a value can be a key of a `Map`.
 */
export type Bytes = string;

/** Returns the bytes of an argument of a command, as ioredis would send it. */
export function bytesOf(value: unknown): Bytes {
  if (typeof value === 'string') return isAscii(value) ? value : Buffer.from(value, 'utf8').toString('latin1');
  if (value instanceof Uint8Array) return latin1(value);
  return value === null || value === undefined ? '' : bytesOf(String(value as number | boolean));
}

/** Returns the text of bytes in UTF-8. */
export function textOf(bytes: Bytes): string {
  return isAscii(bytes) ? bytes : bufferOf(bytes).toString('utf8');
}

export function bufferOf(bytes: Bytes): Buffer {
  return Buffer.from(bytes, 'latin1');
}

/** Returns bytes that are in an array. */
export function latin1(array: Uint8Array): Bytes {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('latin1');
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text, 'utf8') === text.length;
}
