import { HatchetClient, type CreateWorkerOpts } from '@hatchet-dev/typescript-sdk';
import { randomBytes } from 'node:crypto';
import { Cluster, Redis } from 'ioredis';
import { Mageflow, type MageflowLogger, type MageflowOptions } from '../../src';
import { keyFaults } from './key-faults';
import { quietLogger } from './quiet';

/** A logger that keeps its lines for the test, so that the output stays readable. */
export class Log implements MageflowLogger {
  readonly lines: string[] = [];
  info(message: string): void {
    this.lines.push(`info ${message}`);
  }
  warn(message: string): void {
    this.lines.push(`warn ${message}`);
  }
  error(message: string): void {
    this.lines.push(`error ${message}`);
  }
}

/** A client of the test's engine with a namespace of its own, so that suites that run side by side don't meet. */
export function newHatchet(
  namespace = `t${randomBytes(5).toString('hex')}`,
  addresses: { host_port?: string; api_url?: string } = {},
): HatchetClient {
  return HatchetClient.init({ namespace, logger: quietLogger as never, ...addresses });
}

/** One instance on the real engine and the real Redis, and whatever a test opens on it. */
export class Fixture {
  readonly hatchet: HatchetClient;
  readonly redis: Redis;
  readonly keyPrefix: string;
  readonly log = new Log();
  readonly mage: Mageflow;
  /** Whether closing it fails when a key lives too long, or not long enough; not where a test has written keys itself. */
  checksKeys = true;
  private readonly closers: (() => Promise<unknown>)[] = [];
  private readonly releases: (() => void)[] = [];

  constructor(options: MageflowOptions = {}, hatchet = newHatchet(), store: string | Cluster = storeOfTests()) {
    this.hatchet = hatchet;
    // A cluster takes the same commands, as long as all keys of one are of one group.
    this.redis = typeof store === 'string' ? new Redis(store) : (store as unknown as Redis);
    this.keyPrefix = options.keyPrefix ?? `test-${randomBytes(5).toString('hex')}`;
    this.mage = new Mageflow(this.hatchet, this.redis, { logger: this.log, ...options, keyPrefix: this.keyPrefix });
  }

  /** Starts a worker and waits until the engine knows it. */
  async worker(workflows: NonNullable<CreateWorkerOpts['workflows']>, options: CreateWorkerOpts = {}) {
    const worker = await this.mage.worker(`w-${randomBytes(4).toString('hex')}`, {
      slots: 100,
      handleKill: false,
      ...options,
      workflows,
    });
    const running = worker.start();
    this.closers.push(async () => {
      await worker.stop();
      await running;
    });
    await worker.waitUntilReady(120_000);
    return worker;
  }

  /** Another instance in this process on the same store, as another process would have it. */
  another(options: MageflowOptions = {}): Mageflow {
    const mage = new Mageflow(this.hatchet, this.redis, { logger: this.log, ...options, keyPrefix: this.keyPrefix });
    this.closers.push(() => mage.close());
    return mage;
  }

  onClose(close: () => Promise<unknown>): void {
    this.closers.push(close);
  }

  /** For what holds bodies back: called before the workers are stopped, which wait for their bodies. */
  onRelease(release: () => void): void {
    this.releases.push(release);
  }

  /** All of mageflow's keys of this fixture. */
  async keys(): Promise<string[]> {
    const found: string[] = [];
    for (const node of nodesOf(this.redis)) {
      for await (const keys of node.scanStream({ match: `${this.keyPrefix}:*`, count: 1000 }))
        found.push(...(keys as string[]));
    }
    return found.sort();
  }

  /** What groups and signatures have written. Processes write of themselves too, at moments that no test chooses. */
  async writtenKeys(): Promise<string[]> {
    return (await this.keys()).filter((key) => !/:(process|served|reconcilers|server|due|meta)(:|$)/.test(key));
  }

  async close(): Promise<void> {
    for (const release of this.releases) release();
    for (const close of this.closers.reverse()) await close();
    await this.mage.close();
    stopListening(this.hatchet);
    const faults = this.checksKeys ? await this.keyFaults() : [];
    const keys = await this.keys();
    for (let i = 0; i < keys.length; i += 500)
      await Promise.all(keys.slice(i, i + 500).map((key) => this.redis.unlink(key)));
    this.redis.disconnect();
    if (faults.length > 0) throw new Error(`Keys live too long, or not long enough:\n${faults.join('\n')}`);
  }

  /** What is wrong with the lifetimes of its keys now. */
  keyFaults(): Promise<string[]> {
    const { keyPrefix, hatchet, redis } = this;
    return keyFaults(redis, { keyPrefix, tenant: hatchet.tenantId, namespace: hatchet.config.namespace ?? '' });
  }
}

/** Where the suites keep their keys: on the cluster whose ports are named, else on the one Redis. */
export function storeOfTests(): string | Cluster {
  const ports = process.env['MAGEFLOW_TEST_CLUSTER'];
  return ports ? clusterAt(ports.split(',').map(Number)) : required('REDIS_URL');
}

/** A client of the cluster whose nodes have these ports on this machine. */
export function clusterAt(ports: readonly number[]): Cluster {
  // A node that was away is known again soon: otherwise only after a command that needs it.
  return new Cluster(
    ports.map((port) => ({ host: '127.0.0.1', port })),
    { slotsRefreshInterval: 500 },
  );
}

/** The servers that hold keys. */
export function nodesOf(redis: Redis | Cluster): Redis[] {
  return redis instanceof Cluster ? redis.nodes('master') : [redis];
}

interface ListeningClient {
  pooledListener?: { init: () => Promise<void>; signal: AbortController };
}

/** The SDK never closes the streams on which it waits for runs, and they keep a process alive. */
export function stopListening(hatchet: HatchetClient): void {
  const client = hatchet as unknown as {
    _listener?: ListeningClient;
    admin: { listenerClient?: ListeningClient };
    _durableListener?: { stop(): unknown };
  };
  for (const stream of [client._listener?.pooledListener, client.admin.listenerClient?.pooledListener]) {
    if (!stream) continue;
    stream.init = () => Promise.resolve();
    stream.signal.abort();
  }
  client._durableListener?.stop();
}

/** Waits for a condition, reading it again and again. Gives what it gave. */
export async function eventually<T>(
  what: string,
  read: () => T | Promise<T>,
  timeoutMs = 120_000,
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await read();
      if (value) return value as Exclude<T, false | null | undefined>;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline)
      throw new Error(
        `Not within ${timeoutMs} ms: ${what}. Last: ${last instanceof Error ? last.stack : JSON.stringify(last)}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Counts how many things go on at once. */
export class Gauge {
  now = 0;
  max = 0;
  total = 0;
  private full: { at: number; opened: Promise<void>; open: () => void } | undefined;

  async during<T>(work: () => Promise<T>): Promise<T> {
    this.now += 1;
    this.total += 1;
    this.max = Math.max(this.max, this.now);
    if (this.full && this.max >= this.full.at) this.full.open();
    try {
      await this.full?.opened;
      return await work();
    } finally {
      this.now -= 1;
    }
  }

  /**
   * Counts anew, and holds what goes on until there is so much of it at once: whether a limit is reached must not depend on how
   * fast anything is. One that is never reached is given up after a while, for the test to say so.
   */
  fill(limit: number): void {
    const { opened, open } = gate();
    const giveUp = setTimeout(open, 50_000).unref();
    this.max = this.now;
    this.full = {
      at: limit,
      opened,
      open: () => {
        clearTimeout(giveUp);
        open();
      },
    };
  }
}

/** A promise that a test settles when it wants to. */
export function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => undefined as void;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

export function required(name: string): string {
  const value = process.env[name];
  if (!value)
    throw new Error(`${name} is not set. Run the tests through "npm test", which starts an engine and a Redis.`);
  return value;
}
