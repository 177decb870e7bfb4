import type { Bytes } from '../bytes';
import { ReplyError } from '../errors';

/** Returns the sizes of the numbers in a format of Redis's `struct`. Of its formats only those like `>I5I2` are known. */
function sizesOf(format: Bytes): number[] {
  if (!/^>(?:I[1-6])+$/.test(format))
    throw new ReplyError(
      `ERR the in-process Redis does not know the format ${format} of struct: it has unsigned numbers with the highest byte first, as '>I5I2'.`,
    );
  return [...format.matchAll(/I(\d)/g)].map(([, size]) => Number(size));
}

export function pack(format: Bytes, numbers: readonly number[]): Bytes {
  return sizesOf(format)
    .map((size, i) => {
      const bytes = Buffer.alloc(size);
      bytes.writeUIntBE(Math.trunc(numbers[i] ?? 0) % 2 ** (8 * size), 0, size);
      return bytes.toString('latin1');
    })
    .join('');
}

/** @param from - the place of the first byte, from 1 on */
export function unpack(format: Bytes, text: Bytes, from: number): number[] {
  const bytes = Buffer.from(text, 'latin1');
  let at = from - 1;
  const numbers = sizesOf(format).map((size) => {
    if (at + size > bytes.length) throw new ReplyError('ERR data string too short');
    at += size;
    return bytes.readUIntBE(at - size, size);
  });
  // Behind the values, `struct.unpack` returns the place of the next byte.
  return [...numbers, at + 1];
}
