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
 * Reads the number of the format that a store has. Writes its own number if there is none, or a lower one: from then on
 * older versions are refused.
 *
 * @param own - the format that this version writes
 * @throws StoreFormatError when the number is higher than `own`, or is no number
 */
export async function checkFormat(
  redis: RedisLike,
  key: string,
  logger: MageflowLogger,
  own = storageFormat,
): Promise<void> {
  const known = await read(redis, key);
  const found = known === null || isLower(known, own) ? await raise(redis, key, { known, own, logger }) : known;
  refuse(key, found, own);
}

/** Reads the number of the format that a store has, and writes nothing. @throws StoreFormatError */
export async function refuseNewerFormat(redis: RedisLike, key: string): Promise<void> {
  const known = await read(redis, key);
  if (known !== null) refuse(key, known, storageFormat);
}

/** @throws StoreFormatError when the number is higher than `own`, or is no number */
function refuse(key: string, found: string, own: number): void {
  if (!isNumber(found)) {
    throw new StoreFormatError(
      `${key}: expected the number of a storage format, got ${JSON.stringify(found.slice(0, 60))}. If another program wrote it, use another keyPrefix; else update mageflow in this process.`,
    );
  }
  if (Number(found) > own) {
    throw new StoreFormatError(
      `${key}: expected a storage format up to ${own}, which this version of mageflow reads, got ${found}. Update mageflow in this process, or use another keyPrefix.`,
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

function isNumber(text: string): boolean {
  return /^[1-9]\d{0,8}$/.test(text);
}

function isLower(text: string, own: number): boolean {
  return isNumber(text) && Number(text) < own;
}

/**
 * Writes the number, and returns the one that is stored then. If two versions write at once, the lower number may stay; the
 * newer version raises it with its next check.
 */
async function raise(redis: RedisLike, key: string, { known, own, logger }: Raised): Promise<string> {
  try {
    if (known === null) await redis.set(key, own, 'NX');
    else await redis.set(key, own);
  } catch (error) {
    if ((error as Error).name !== 'ReplyError') throw error;
    // Redis refuses writes, at its memory limit or as a replica, so nothing else is written either. Reading must work.
    logger.warn(`the number of the storage format could not be written to ${key}: ${messageOf(error)}`);
  }
  return (await read(redis, key)) ?? String(own);
}

interface Raised {
  known: string | null;
  own: number;
  logger: MageflowLogger;
}
