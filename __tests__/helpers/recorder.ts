import { Redis } from 'ioredis';
import type { Mageflow } from '../../src';

/** One thing that a body did, in the one order in which Redis took them all. */
export interface Stamp {
  event: 'start' | 'end' | 'callback' | 'body';
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

/** What the body of the root "spawn" publishes: "stamp" from `from` on. */
export interface SpawnInput {
  from: number;
  count: number;
  /** Waits here, at the gate of that name, before it publishes the rest. */
  pauseAt?: number;
  pause?: string;
  /** The gate at which these children work. */
  held?: readonly number[];
  gate?: string;
  /** Waits for each child before it publishes the next one. */
  awaits?: boolean;
  /** Fills an open swarm with them. */
  swarm?: boolean;
}

/** The message of the durable roots "patient" and "impatient". */
export interface WaitInput {
  /** They publish "stamp" from here on. */
  from: number;
  /** So many before the wait for their event, and as many after it. */
  count: number;
  /** Waits at this gate, in the middle of the second half. */
  pause?: string;
}

/** The event that a durable root of this number waits for. */
export function eventFor(from: number): string {
  return `go:${from}`;
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
        if (gate) await this.opened(gate);
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
    const spawn = mage.rootTask({
      name: 'spawn',
      maxConcurrency: 4,
      executionTimeout: '120s',
      fn: async ({ from, count, pauseAt, pause, held = [], gate, awaits, swarm }: SpawnInput, ctx) => {
        await this.note({ event: 'body', n: from, attempt: ctx.retryCount(), pid: process.pid });
        const open = swarm ? await mage.swarm({ name: `from ${from}`, config: { maxConcurrency: 4 } }) : undefined;
        for (let n = from; n < from + count; n++) {
          if (n === pauseAt && pause) await this.opened(pause);
          const data = { n, ...(gate && held.includes(n) ? { gate } : {}) };
          const child = open ? await open.addTask(stamp, data) : await mage.sign(stamp, data);
          await (awaits ? child.run({}) : child.runNoWait({}));
        }
        return { spawned: count };
      },
    });
    const waiting = (name: string, ttl: `${number}s`) =>
      mage.durableRootTask({
        name,
        maxConcurrency: 4,
        executionTimeout: '300s',
        evictionPolicy: { ttl },
        fn: async ({ from, count, pause }: WaitInput, ctx) => {
          await this.note({
            event: 'body',
            n: from,
            attempt: ctx.retryCount(),
            pid: process.pid,
            input: ctx.invocationCount,
          });
          const publish = async (n: number) => (await mage.sign(stamp, { n })).runNoWait({});
          for (let n = from; n < from + count; n++) await publish(n);
          await ctx.waitForEvent(eventFor(from));
          for (let n = from + count; n < from + 2 * count; n++) {
            if (pause && n === from + count + 2) await this.opened(pause);
            await publish(n);
          }
          return { spawned: 2 * count };
        },
      });
    // One waits in its worker as long as a test lasts, the other one is evicted after a second.
    return [stamp, done, spawn, waiting('patient', '290s'), waiting('impatient', '1s')];
  }

  /** Waits until a gate is opened, in whichever process. */
  async opened(gate: string): Promise<void> {
    while (!(await this.isOpen(gate))) await new Promise((resolve) => setTimeout(resolve, 25));
  }

  async note(stamp: Stamp): Promise<void> {
    await this.redis.rpush(`${this.key}:stamps`, JSON.stringify(stamp));
  }

  async isOpen(gate: string): Promise<boolean> {
    return (await this.redis.sismember(`${this.key}:gates`, gate)) === 1;
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

  /** How many items were under way at once, of those from this one on; one that began again, after a death, counts once. */
  async mostAtOnce(from = 0): Promise<number> {
    const active = new Set<number>();
    let most = 0;
    for (const { event, n } of await this.stamps()) {
      if (n < from) continue;
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
