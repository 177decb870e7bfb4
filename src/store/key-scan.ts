import type { Redis } from 'ioredis';
import type { RedisConnection } from './connection';

/** One page of the names of the keys of a server. */
interface KeyPage {
  keys: string[];
  /** True if it is the last one. */
  isLast: boolean;
}

/** Yields the names of the keys of one server that match a pattern, a page at a time. */
export async function* keyPages(
  redis: RedisConnection,
  node: Redis,
  pattern: string,
  keysPerPage: number,
): AsyncGenerator<KeyPage, void, undefined> {
  let cursor = '0';
  do {
    const from = cursor;
    const [next, keys] = await redis.use('scan', () => node.scan(from, 'MATCH', pattern, 'COUNT', keysPerPage));
    cursor = next;
    yield { keys, isLast: cursor === '0' };
  } while (cursor !== '0');
}

/** Reads the names of the keys that match a pattern, a page at a time, from every server that holds keys. */
export class KeyScan {
  /** True once the last page of every server was read. */
  isComplete = false;

  /** @param keysPerPage - how many keys a page covers, those that do not match included */
  constructor(
    private readonly redis: RedisConnection,
    private readonly pattern: string,
    private readonly keysPerPage: number,
  ) {}

  /** @param pagesAtMost - how many pages of each server are read */
  async *pages(pagesAtMost = Infinity): AsyncGenerator<string[], void, undefined> {
    let isComplete = true;
    for (const node of await this.redis.servers()) {
      let pages = 0;
      let isRead = false;
      for await (const { keys, isLast } of keyPages(this.redis, node, this.pattern, this.keysPerPage)) {
        yield keys;
        isRead = isLast;
        pages += 1;
        if (pages >= pagesAtMost) break;
      }
      isComplete &&= isRead;
    }
    this.isComplete = isComplete;
  }
}

/** Returns the pattern of the keys below a prefix. */
export function keysBelow(base: string): string {
  return `${base.replace(/[\\*?[\]]/g, '\\$&')}:*`;
}
