import { StoreFormatError } from '../config/errors';
import type { MageflowLogger } from '../config/options';
import { messageOf } from '../utils/error-message';
import type { RedisLike } from './connection';

/**
 * The number of the storage format. It rises when an older version could misread what this one writes. A version reads all
 * formats up to its own; `__tests__/formats` holds a dump of each.
 */
export const storageFormat = 1;

/**
 * Reads the number of the format that a store has, and writes it if it is missing.
 *
 * @throws StoreFormatError when the number is higher than `storageFormat`, or is no number
 */
export async function checkFormat(redis: RedisLike, key: string, logger: MageflowLogger): Promise<void> {
  const found = (await read(redis, key)) ?? (await write(redis, key, logger));
  if (!/^[1-9]\d{0,8}$/.test(found)) {
    throw new StoreFormatError(
      `${key}: expected the number of a storage format, got ${JSON.stringify(found.slice(0, 60))}. If another program wrote it, use another keyPrefix; else update mageflow in this process.`,
    );
  }
  if (Number(found) > storageFormat) {
    throw new StoreFormatError(
      `${key}: expected a storage format up to ${storageFormat}, which this version of mageflow reads, got ${found}. Update mageflow in this process, or use another keyPrefix.`,
    );
  }
}

async function read(redis: RedisLike, key: string): Promise<string | null> {
  try {
    return await redis.get(key);
  } catch (error) {
    if (messageOf(error).startsWith('WRONGTYPE')) return 'a value of another type';
    throw error;
  }
}

/** Writes the number unless another process was faster. Returns the number that is stored then. */
async function write(redis: RedisLike, key: string, logger: MageflowLogger): Promise<string> {
  try {
    await redis.set(key, storageFormat, 'NX');
  } catch (error) {
    if ((error as Error).name !== 'ReplyError') throw error;
    // Redis refuses writes, at its memory limit or as a replica, so nothing else is written either. Reading must work.
    logger.warn(`the number of the storage format could not be written to ${key}: ${messageOf(error)}`);
  }
  return (await read(redis, key)) ?? String(storageFormat);
}
