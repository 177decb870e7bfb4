import type { Redis } from 'ioredis';
import { messageOf } from '../utils/error-message';
import type { RedisConnection } from './connection';
import { timeIn } from './redis-replies';

/** One server that holds keys, as it describes itself. */
export interface ServerReport {
  /** Its address. */
  name: string;
  /** Its fields of INFO; empty when it refuses INFO. */
  info: ReadonlyMap<string, string>;
  /** Why it refuses INFO; undefined when it answers. */
  refused: string | undefined;
  /** The time of day here before and after its own was read, in ms. */
  before: number;
  after: number;
  /** Its own time of day, in ms. */
  now: number;
}

/** Asks each server that holds keys about itself. */
export class ServerReader {
  constructor(private readonly redis: RedisConnection) {}

  /** @throws StoreError when one of them gives no answer */
  async reports(): Promise<ServerReport[]> {
    return Promise.all((await this.redis.servers()).map((node) => this.report(node)));
  }

  /**
   * Returns a setting of a server; undefined when it refuses to tell, as managed servers do.
   * @param name - the name that a report has
   */
  async setting(name: string, setting: string): Promise<string | undefined> {
    const node = (await this.redis.servers()).find((one) => addressOf(one) === name);
    if (!node) return undefined;
    try {
      const [, value] = await this.redis.use('config', () => node.config('GET', setting) as Promise<string[]>);
      return value;
    } catch (error) {
      if (isRefusal(error)) return undefined;
      throw error;
    }
  }

  private async report(node: Redis): Promise<ServerReport> {
    const { redis } = this;
    let text = '';
    let refused: string | undefined;
    try {
      text = await redis.use('info', () => node.info());
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refused = messageOf(error);
    }
    const before = redis.clock.now();
    const now = timeIn(await redis.use('time', () => node.time()));
    const after = redis.clock.now();
    const info = new Map(
      [...text.matchAll(/^([^:#\s]+):(.*?)\r?$/gm)].map(([, field = '', value = '']) => [field, value]),
    );
    return { name: addressOf(node), info, refused, before, after, now };
  }
}

function addressOf({ options: { host, port, path } }: Redis): string {
  return path ?? `${host}:${port}`;
}

/** Returns whether Redis has answered with an error, as it does for what it does not allow. */
export function isRefusal(error: unknown): boolean {
  const { cause } = Object(error) as { cause?: { name?: unknown } };
  return cause?.name === 'ReplyError';
}
