import type { Redis } from 'ioredis';
import type { RedisConnection } from './connection';
import { keyPages } from './key-scan';
import { isRefusal } from './server-reader';

/** A part of what a store keeps in Redis. */
export interface MemoryPart {
  /**
   * `state`, `specs`, `bytes`, `queue`, `active`, `leases`, `callbacks`, `ends`, `results` and `times` of groups; `indexes`
   * that groups share; `other`.
   */
  part: string;
  keys: number;
  bytes: number;
}

/** The memory of a store's keys in Redis. */
export interface MemoryUse {
  /** True if only some keys were measured, and the numbers are estimates of all. */
  sampled: boolean;
  parts: MemoryPart[];
}

/** The last letter of the keys of a group. */
const partsOfGroups: Readonly<Record<string, string>> = {
  g: 'state',
  s: 'specs',
  b: 'bytes',
  q: 'queue',
  a: 'active',
  l: 'leases',
  c: 'callbacks',
  e: 'ends',
  r: 'results',
  t: 'times',
};
const indexes = new Set(['due', 'catalog', 'ids']);
const keysPerPage = 500;
/** The number of keys of other programs that are passed over for each key that is to be measured. */
const othersPerKey = 20;
/** The number of elements of a large value that Redis measures: some for an estimate, more when every key is measured. */
const elements = { some: 5, more: 100 };

/** Measures what the keys of a store take in the memory of Redis. */
export class MemoryReader {
  constructor(
    private readonly redis: RedisConnection,
    private readonly base: string,
  ) {}

  /**
   * @param keysAtMost - how many keys are measured; Infinity for all
   * @returns undefined when Redis refuses MEMORY
   */
  async use(keysAtMost: number): Promise<MemoryUse | undefined> {
    const parts = new Map<string, MemoryPart>();
    let sampled = false;
    try {
      const servers = await this.redis.servers();
      for (const node of servers) {
        const found = await this.ofNode(node, keysAtMost / servers.length);
        sampled ||= found.factor !== 1;
        for (const { part, keys, bytes } of found.parts) {
          const sum = parts.get(part) ?? { part, keys: 0, bytes: 0 };
          sum.keys += Math.round(keys * found.factor);
          sum.bytes += Math.round(bytes * found.factor);
          parts.set(part, sum);
        }
      }
    } catch (error) {
      if (isRefusal(error)) return undefined;
      throw error;
    }
    return { sampled, parts: [...parts.values()].sort((a, b) => b.bytes - a.bytes) };
  }

  /** @returns `factor`: how many times as much there is as was measured */
  private async ofNode(node: Redis, keysAtMost: number): Promise<{ parts: MemoryPart[]; factor: number }> {
    const parts = new Map<string, MemoryPart>();
    const samples = keysAtMost === Infinity ? elements.more : elements.some;
    let isWhole = false;
    let seen = 0;
    let measured = 0;
    for await (const { keys, isLast } of keyPages(this.redis, node, '*', keysPerPage)) {
      isWhole = isLast;
      seen += keys.length;
      const own = keys.filter((key) => key.startsWith(`${this.base}:`));
      measured += own.length;
      const sizes = await this.redis.use('memory', () =>
        Promise.all(own.map((key) => node.memory('USAGE', key, 'SAMPLES', samples))),
      );
      own.forEach((key, i) => this.add(parts, key, sizes[i] ?? null));
      if (measured >= keysAtMost || seen >= othersPerKey * keysAtMost) break;
    }
    const all = isWhole ? seen : await this.redis.use('dbsize', () => node.dbsize());
    return { parts: [...parts.values()], factor: isWhole ? 1 : Math.max(1, all / seen) };
  }

  private add(parts: Map<string, MemoryPart>, key: string, bytes: number | null): void {
    // It has expired meanwhile.
    if (bytes === null) return;
    const name = key.slice(this.base.length + 1);
    const [, letter] = /^\{.+\}:([a-z])\d*$/s.exec(name) ?? [];
    const shared = indexes.has(name.split(':')[0] ?? '') ? 'indexes' : 'other';
    const part = letter === undefined ? shared : (partsOfGroups[letter] ?? 'other');
    const sum = parts.get(part) ?? { part, keys: 0, bytes: 0 };
    sum.keys += 1;
    sum.bytes += bytes;
    parts.set(part, sum);
  }
}
