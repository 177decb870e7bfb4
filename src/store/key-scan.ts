import type { RedisConnection } from './connection';

const keysPerPage = 500;

/** Reads the names of all keys below a prefix, a page at a time, from every server that holds keys. */
export class KeyScan {
  /** True once the last page of every server was read. */
  isComplete = false;

  constructor(
    private readonly redis: RedisConnection,
    private readonly base: string,
  ) {}

  /** @param pagesAtMost - how many pages of each server are read. A page covers 500 keys, those of others included. */
  async *pages(pagesAtMost = Infinity): AsyncGenerator<string[]> {
    let isComplete = true;
    for (const node of await this.redis.servers()) {
      let cursor = '0';
      let pages = 0;
      do {
        const from = cursor;
        const [next, page] = await this.redis.use('scan', () =>
          node.scan(from, 'MATCH', `${globbed(this.base)}:*`, 'COUNT', keysPerPage),
        );
        cursor = next;
        pages += 1;
        yield page;
      } while (cursor !== '0' && pages < pagesAtMost);
      isComplete &&= cursor === '0';
    }
    this.isComplete = isComplete;
  }
}

/** Escapes a text for use in a pattern of keys. */
function globbed(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&');
}
