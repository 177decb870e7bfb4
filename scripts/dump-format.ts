/** `npm run formats:dump`: writes __tests__/formats/format-N.json, a dump of groups in many states in the current storage format. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { errorMessage } from './stack/errors';
import { CHECKOUT } from './stack/paths';
import { withRedis } from './with-redis';
import { dumpKeys, type FormatDump } from '../__tests__/helpers/format-dump';
import { resolveOptions } from '../src/config/options';
import { RedisConnection } from '../src/store/connection';
import { storageFormat } from '../src/store/format';
import { claimToken } from '../src/store/executions';
import { GroupStore, type NewGroup } from '../src/store/group-store';
import { groupRun } from '../src/store/entry';
import { SignatureIndex } from '../src/store/signature-index';
import { packSpec, packTemplate } from '../src/store/spec';

/** The id of a signature, whose place in its group is recorded. */
const signature = 'dumpedformat.1';
/** A nested group, stored by value. */
const nested = packSpec({
  task: 'child',
  id: 'dumped-child',
  group: 'swarm',
  data: packTemplate({ items: [], successCallbacks: [], errorCallbacks: [], maxConcurrency: 2 }),
});

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const day = 24 * 60 * 60 * 1000;

/** Calls of the store for one group, as publishers and workers make them. */
class DumpedGroup {
  constructor(
    private readonly store: GroupStore,
    readonly id: string,
    private readonly secret: string,
  ) {}

  async start(entry: string): Promise<void> {
    await this.store.confirm(this.id, [entry, `run-${entry}`]);
    const by = { runId: `run-${entry}`, retryCount: 0, invocation: 1, nonce: `nonce-${entry}` };
    await this.store.start(this.id, entry, by, { token: claimToken(this.secret, entry) });
  }

  async end(entry: string, outcome: 'succeeded' | 'failed', payload: unknown): Promise<void> {
    await this.start(entry);
    const by = { runId: `run-${entry}`, retryCount: 0, invocation: 1, nonce: `nonce-${entry}` };
    await this.store.finish(this.id, entry, by, { outcome, payload: JSON.stringify(payload), retries: 0 });
  }
}

async function makeGroups(store: GroupStore): Promise<Record<string, string>> {
  const groups: Record<string, string> = {};
  const make = async (what: string, fields: Partial<NewGroup>, specs: readonly string[], run?: string) => {
    const group: NewGroup = {
      id: `dumped-${what}`,
      kind: 'swarm',
      name: what,
      secret: `secret-of-${what}`,
      closed: true,
      maxConcurrency: 2,
      stopAfterNFailures: null,
      keepResults: true,
      successCallbacks: [],
      errorCallbacks: [],
      ...fields,
    };
    await store.create(group, specs, run === undefined ? undefined : { message: run });
    groups[what] = group.id;
    return new DumpedGroup(store, group.id, group.secret);
  };
  const items = (n: number) =>
    Array.from({ length: n }, (_, i) =>
      packSpec({ task: 'import', name: `import ${i}`, data: JSON.stringify({ file: i }) }),
    );
  const report = packSpec({ task: 'report' });

  await make('pending', { closed: false }, items(2));

  const running = await make('running', { successCallbacks: [report] }, items(5), '{"day":1}');
  await running.end('0', 'succeeded', { lines: 7 });
  await running.start('1');
  await store.suspendEntry('dumped-running', '3', true);

  const ended = await make('ended', { errorCallbacks: [report], stopAfterNFailures: 5 }, items(3), '{}');
  await ended.end('0', 'succeeded', { lines: 7 });
  await ended.end('1', 'failed', { message: 'no such file' });
  await ended.end('2', 'succeeded', [1, 'two', null]);
  await ended.end('c0', 'failed', { message: 'no printer' });

  const stopped = await make('stopped', { stopAfterNFailures: 1 }, items(6), '{}');
  await stopped.end('0', 'failed', { message: 'broken' });
  await stopped.end('1', 'succeeded', 1);

  const suspended = await make('suspended', {}, items(2), '{}');
  await suspended.end('0', 'succeeded', 1);
  await store.suspend('dumped-suspended', true);

  const chain = await make('chain', { kind: 'chain', maxConcurrency: 1 }, items(3), '{"step":0}');
  await chain.end('0', 'succeeded', { step: 1 });

  await make('root', { kind: 'root', closed: false, maxConcurrency: 5 }, items(2), '{}');

  const keyed = await make('keyed', { kind: 'task', maxConcurrency: 1 }, items(1), '{}');
  await keyed.end('0', 'succeeded', 'done');

  const open = await make('item-keys', { closed: false }, [], '{}');
  const [first = '', second = ''] = items(2);
  const withKeys = [
    { spec: first, key: 'file-0' },
    { spec: second, key: 'file-1', message: '{"own":true}' },
  ];
  await store.add(open.id, withKeys, { run: true });
  await open.end('0', 'succeeded', 1);

  const parent = await make('parent', { labels: { tags: ['nightly'] } }, [nested, ...items(1)], '{"day":1}');
  const within = { groupId: parent.id, entry: '0', round: 0 };
  const child = await make('child', { parent: within, above: { swarm: parent.id } }, items(2), '{}');
  await store.confirm(parent.id, ['0', groupRun(child.id)]);
  await child.end('0', 'succeeded', 1);

  const retried = await make('retried', { errorCallbacks: [report] }, items(3), '{}');
  await retried.end('0', 'succeeded', 1);
  await retried.end('1', 'failed', { message: 'no such file' });
  await retried.end('2', 'failed', { message: 'no such file' });
  while ((await store.retry(retried.id)).code === 'continue');

  const located = await make('located', {}, [packSpec({ task: 'import', id: signature })], '{}');
  await new SignatureIndex(store).recordItems(located.id, [{ spec: { task: 'import', id: signature }, index: 0 }]);
  return groups;
}

async function main(): Promise<void> {
  await withRedis(async (url) => {
    const redis = new Redis(url);
    const retention = { finishedMs: 365 * day, abandonedMs: 365 * day };
    const settings = resolveOptions({ keyPrefix: `dump-${process.pid}`, retention }, quiet);
    const connection = new RedisConnection(redis, settings);
    const store = new GroupStore(connection, settings, 'tenant', 'namespace');
    const { base } = store.keys;
    try {
      const groups = await makeGroups(store);
      const dump: FormatDump = { format: storageFormat, base, groups, keys: await dumpKeys(redis, base) };
      const folder = path.join(CHECKOUT, '__tests__/formats');
      mkdirSync(folder, { recursive: true });
      writeFileSync(path.join(folder, `format-${storageFormat}.json`), `${JSON.stringify(dump, undefined, 2)}\n`);
    } finally {
      const keys = await redis.keys(`${base}:*`);
      if (keys.length > 0) await redis.unlink(...keys);
      connection.close();
      redis.disconnect();
    }
  });
}

main().catch((error: unknown) => {
  console.error(`dump-format: ${errorMessage(error)}`);
  process.exitCode = 1;
});
