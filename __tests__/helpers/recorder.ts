import { Redis } from 'ioredis';
import type { Mageflow } from '../../src';

/** One thing that a body did, in the one order in which Redis took them all. */
export interface Stamp {
  event: 'start' | 'end' | 'callback';
  n: number;
  attempt: number;
  pid: number;
  input?: unknown;
}

export interface StampInput {
  n: number;
  /** Works this long, in ms. */
  ms?: number;
  /** Works until this gate is opened, in whichever process. */
  gate?: string;
  fails?: boolean;
}

/** What bodies in several processes did, kept in Redis, and gates that hold them. */
export class Recorder {
  private readonly redis: Redis;

  constructor(
    url: string,
    private readonly key: string,
  ) {
    this.redis = new Redis(url);
  }

  /** The tasks that test processes serve: "stamp" as an item, "done" as a callback. */
  tasks(mage: Mageflow) {
    const stamp = mage.task({
      name: 'stamp',
      fn: async ({ n, ms, gate, fails }: StampInput, ctx) => {
        const attempt = ctx.retryCount();
        await this.note({ event: 'start', n, attempt, pid: process.pid });
        if (ms) await new Promise((resolve) => setTimeout(resolve, ms));
        while (gate && !(await this.redis.sismember(`${this.key}:gates`, gate))) {
          await new Promise((resolve) => setTimeout(resolve, 25));
        }
        await this.note({ event: 'end', n, attempt, pid: process.pid });
        if (fails) throw new Error(`item ${n} failed`);
        return { n };
      },
    });
    const done = mage.task({
      name: 'done',
      fn: async (input: object) => {
        await this.note({ event: 'callback', n: -1, attempt: 0, pid: process.pid, input });
        return {};
      },
    });
    return [stamp, done];
  }

  private async note(stamp: Stamp): Promise<void> {
    await this.redis.rpush(`${this.key}:stamps`, JSON.stringify(stamp));
  }

  async open(gate: string): Promise<void> {
    await this.redis.sadd(`${this.key}:gates`, gate);
  }

  async stamps(event?: Stamp['event']): Promise<Stamp[]> {
    const lines = await this.redis.lrange(`${this.key}:stamps`, 0, -1);
    const stamps = lines.map((line) => JSON.parse(line) as Stamp);
    return event ? stamps.filter((stamp) => stamp.event === event) : stamps;
  }

  /** Which items' bodies began, in that order. */
  async started(): Promise<number[]> {
    return (await this.stamps('start')).map(({ n }) => n);
  }

  /** How many items were under way at once; one that began again, after a death, counts once. */
  async mostAtOnce(): Promise<number> {
    const active = new Set<number>();
    let most = 0;
    for (const { event, n } of await this.stamps()) {
      if (event === 'start') active.add(n);
      if (event === 'end') active.delete(n);
      most = Math.max(most, active.size);
    }
    return most;
  }

  async close(): Promise<void> {
    await this.redis.del(`${this.key}:stamps`, `${this.key}:gates`);
    this.redis.disconnect();
  }
}
