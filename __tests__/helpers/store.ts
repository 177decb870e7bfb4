import { randomBytes } from 'node:crypto';
import { Redis, type Cluster } from 'ioredis';
import type { MageflowOptions } from '../../src';
import { resolveOptions } from '../../src/config/options';
import { GroupReader, type Snapshot } from '../../src/store/group-reader';
import { claimToken, type Execution } from '../../src/store/executions';
import { GroupStore, newSecret, type NewGroup } from '../../src/store/group-store';
import { newId } from '../../src/store/ids';
import { RedisConnection } from '../../src/store/connection';
import type { StoreListeners } from '../../src/store/script-calls';
import { packSpec } from '../../src/store/spec';
import { Log, required } from './fixture';
import { keyFaults } from './key-faults';

export const spec = packSpec({ task: 'task' });
export const specs = (n: number): string[] => Array.from({ length: n }, () => spec);

/** An execution of a run, as the wrapper would name it. */
export function execution(runId: string, retryCount = 0, invocation = 1, nonce = 'n'): Execution {
  return { runId, retryCount, invocation, nonce };
}

export const succeeded = (payload = '1') => ({ outcome: 'succeeded' as const, payload, retries: 0 });
export const failed = (message = 'no') => ({
  outcome: 'failed' as const,
  payload: JSON.stringify({ message }),
  retries: 0,
});
export const threw = (retries: number) => ({ outcome: 'threw' as const, payload: '{"message":"thrown"}', retries });

/** A group of a test, with the calls that a publisher and a wrapper would make for it. */
export class TestGroup {
  constructor(
    readonly store: GroupStore,
    readonly reader: GroupReader,
    readonly group: NewGroup,
  ) {}

  get id(): string {
    return this.group.id;
  }

  start(entry: string, by: Execution = execution(`run-${entry}`), deadOwner = '') {
    return this.store.start(this.id, entry, by, { token: claimToken(this.group.secret, entry), deadOwner });
  }

  finish(
    entry: string,
    end: Parameters<GroupStore['finish']>[3] = succeeded(),
    by: Execution = execution(`run-${entry}`),
    confirmed: readonly string[] = [],
  ) {
    return this.store.finish(this.id, entry, by, { ...end, confirmed });
  }

  /** Starts and finishes an entry, as one execution does. */
  async execute(entry: string, end: Parameters<GroupStore['finish']>[3] = succeeded()) {
    await this.start(entry);
    return this.finish(entry, end);
  }

  async snapshot(): Promise<Snapshot> {
    const snapshot = await this.reader.snapshot(this.id);
    if (!snapshot) throw new Error('The group is gone.');
    return snapshot;
  }

  state(entry: string) {
    return entry.startsWith('c')
      ? this.reader.callbackState(this.id, entry)
      : this.reader.itemState(this.id, Number(entry));
  }

  async stateHash(): Promise<Record<string, string>> {
    return this.store.redis.use('hgetall', (client) => client.hgetall(this.store.keys.state(this.id)));
  }
}

/** The indexes of ended items in the order of their ends, from a position in this order. */
export async function endLog({ redis, keys }: GroupStore, id: string, from: number, limit: number): Promise<number[]> {
  const indexes = await redis.use('lrange', (client) => client.lrange(keys.ends(id), from, from + limit - 1));
  return indexes.map(Number);
}

/** Takes over the publication of one entry. The code is 'refused' when its state has changed meanwhile. */
export async function regrant(store: GroupStore, id: string, left: Parameters<GroupStore['regrantSome']>[1][number]) {
  const { code, expected, effects } = await store.regrantSome(id, [left]);
  return { code: code === 'unknown' || expected[0] ? code : ('refused' as const), effects };
}

/** The store without an engine, below a prefix of its own. */
export class StoreFixture {
  readonly keyPrefix = `test-${randomBytes(5).toString('hex')}`;
  readonly redis: Redis | Cluster;
  readonly connection: RedisConnection;
  readonly store: GroupStore;
  readonly reader: GroupReader;

  constructor(
    options: MageflowOptions = {},
    redis: Redis | Cluster = new Redis(required('REDIS_URL')),
    listeners: StoreListeners = {},
  ) {
    this.redis = redis;
    const log = new Log();
    const settings = resolveOptions({ ...options, keyPrefix: this.keyPrefix }, log);
    this.connection = new RedisConnection(this.redis, settings);
    this.store = new GroupStore(this.connection, settings, 'tenant', 'namespace_', listeners);
    this.reader = new GroupReader(this.store);
  }

  async group(items: number | readonly string[], fields: Partial<NewGroup> = {}, run?: { message: string }) {
    const group: NewGroup = {
      id: newId(),
      kind: 'swarm',
      name: 'test',
      secret: newSecret(),
      closed: false,
      maxConcurrency: 30,
      stopAfterNFailures: null,
      keepResults: true,
      successCallbacks: [],
      errorCallbacks: [],
      ...fields,
    };
    const { effects } = await this.store.create(group, typeof items === 'number' ? specs(items) : items, run);
    return Object.assign(new TestGroup(this.store, this.reader, group), { effects });
  }

  async keys(): Promise<string[]> {
    const nodes = this.redis instanceof Redis ? [this.redis] : this.redis.nodes('master');
    const found = await Promise.all(nodes.map((node) => node.keys(`${this.keyPrefix}:*`)));
    return found.flat().sort();
  }

  /** What is wrong with the lifetimes of its keys now. */
  keyFaults(): Promise<string[]> {
    return keyFaults(this.redis, { keyPrefix: this.keyPrefix, tenant: 'tenant', namespace: 'namespace_' });
  }

  async close(): Promise<void> {
    for (const key of await this.keys()) await this.redis.unlink(key);
    this.connection.close();
    this.redis.disconnect();
  }
}
