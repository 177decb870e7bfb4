import { Redis } from 'ioredis';

/** What a body did, in the one order in which Redis took it all. */
export interface Entry {
  event: 'start' | 'end' | 'callback' | 'root';
  /** Which item it is, or of what it is the callback. */
  of: string;
  runId: string;
  attempt: number;
  pid: number;
  input?: unknown;
}

/** What all processes of one batch write down, beside the store under test. */
export class Diary {
  private readonly redis: Redis;

  constructor(
    url: string,
    private readonly key: string,
  ) {
    this.redis = new Redis(url);
  }

  async note(entry: Omit<Entry, 'pid'>): Promise<void> {
    await this.redis.rpush(`${this.key}:entries`, JSON.stringify({ ...entry, pid: process.pid }));
  }

  async entries(): Promise<Entry[]> {
    return (await this.redis.lrange(`${this.key}:entries`, 0, -1)).map((line) => JSON.parse(line) as Entry);
  }

  /** How many bodies of an item have come to their end. */
  async ends(of: string): Promise<number> {
    return (await this.entries()).filter((entry) => entry.event === 'end' && entry.of === of).length;
  }

  /** Does a step of a program, unless a process has done it to its end before. */
  async once(step: string, work: () => Promise<unknown>): Promise<void> {
    if (await this.did(step)) return;
    await work();
    await this.redis.hset(`${this.key}:steps`, step, '1');
  }

  async did(step: string): Promise<boolean> {
    return (await this.redis.hexists(`${this.key}:steps`, step)) === 1;
  }

  async close(): Promise<void> {
    await this.redis.del(`${this.key}:entries`, `${this.key}:steps`);
    this.redis.disconnect();
  }
}
