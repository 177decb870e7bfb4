import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { resolveOptions } from '../../src/config/options';
import { claimToken } from '../../src/store/executions';
import { GroupStore, type NewGroup } from '../../src/store/group-store';
import { RedisConnection } from '../../src/store/connection';
import { packSpec } from '../../src/store/spec';

/** What one step in the life of a group changes in Redis. */
export interface Step {
  title: string;
  /** A line for each value that was written or deleted. */
  written: string[];
}

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const id = 'example';
const secret = 'the-secret';

/** What is under one base of keys: for each key and field its value, as a text. */
async function read(redis: Redis, base: string): Promise<Map<string, string>> {
  const values = new Map<string, string>();
  for (const key of (await redis.keys(`${base}:*`)).sort()) {
    const name = key.slice(base.length + 1);
    switch (await redis.type(key)) {
      case 'hash':
        for (const [field, value] of Object.entries(await redis.hgetall(key))) values.set(`${name} ${field}`, value);
        break;
      case 'list':
        values.set(name, (await redis.lrange(key, 0, -1)).join(' '));
        break;
      case 'zset': {
        const all = await redis.zrange(key, '0', '-1');
        for (const member of all) values.set(`${name} ${member}`, '<time>');
        break;
      }
      default:
        values.set(name, (await redis.get(key)) ?? '');
    }
  }
  return values;
}

/** The same in each run: times, and the name of the process. */
function steady(text: string, process: string): string {
  return (
    text
      .replaceAll(process, '<process>')
      .replace(/\b1[6-9]\d{11}\b/g, '<time>')
      // A recent row of times: the entry, its end and how long it took, and its attempts.
      .replace(/\b(c?\d+) \d+ \d+ (\d+) /g, '$1 <ms> <ms> $2 ')
      .replaceAll('\n', '\\n')
      .replaceAll('\0', '\\0')
  );
}

function changes(before: Map<string, string>, after: Map<string, string>, process: string): string[] {
  const lines: string[] = [];
  for (const place of before.keys()) if (!after.has(place)) lines.push(`- ${steady(place, process)}`);
  for (const [place, value] of after)
    if (before.get(place) !== value) lines.push(`+ ${steady(place, process)} = ${steady(value, process)}`);
  return lines;
}

/** Takes a swarm of three items through its life on a real Redis, as publishers and workers do. */
export async function liveExample(url: string): Promise<Step[]> {
  const redis = new Redis(url);
  const settings = resolveOptions({ keyPrefix: `schema-${randomUUID()}` }, quiet);
  const connection = new RedisConnection(redis, settings);
  const store = new GroupStore(connection, settings, 'tenant', '');
  const { base } = store.keys;
  const steps: Step[] = [];
  let before = new Map<string, string>();
  const step = async (title: string, act: () => Promise<unknown>) => {
    await act();
    const after = await read(redis, base);
    steps.push({ title, written: changes(before, after, store.process) });
    before = after;
  };
  const group: NewGroup = {
    id,
    kind: 'swarm',
    name: 'nightly',
    secret,
    closed: true,
    maxConcurrency: 2,
    stopAfterNFailures: null,
    keepResults: true,
    successCallbacks: [packSpec({ task: 'report' })],
    errorCallbacks: [],
  };
  const specs = ['a.csv', 'b.csv', 'c.csv'].map((file) => packSpec({ task: 'import', data: JSON.stringify({ file }) }));
  const by = (entry: string) => ({ runId: `run-${entry}`, retryCount: 0, invocation: 1, nonce: `nonce-${entry}` });
  const start = (entry: string, source = entry) =>
    store.start(id, entry, by(entry), { token: claimToken(secret, source) });
  const succeed = (entry: string, output: object) =>
    store.finish(id, entry, by(entry), { outcome: 'succeeded', payload: JSON.stringify(output), retries: 0 });
  try {
    await step('`mage.swarm(...)`: the script `create`', () => store.create(group, specs));
    await step('`runNoWait({ day: 1 })`: `run` grants the two slots', () => store.run(id, '{"day":1}'));
    await step('The publisher has published both runs: `confirm`', () =>
      store.confirm(id, ['0', 'run-0', '1', 'run-1']),
    );
    await step('A worker begins with item 0: `start`', () => start('0'));
    await step('Its body has returned: `finish` stores the output and grants item 2', () => succeed('0', { lines: 7 }));
    await step('Item 1 fails: `start`, `finish`', async () => {
      await start('1');
      await store.finish(id, '1', by('1'), { outcome: 'failed', payload: '{"message":"no such file"}', retries: 0 });
    });
    await step('Item 2 succeeds: the group ends, and its callback is fired', async () => {
      await start('2');
      await succeed('2', { lines: 9 });
    });
    await step('The callback succeeds: all keys of the group get their time to live', async () => {
      await start('c0');
      await succeed('c0', { sent: true });
    });
    return steps;
  } finally {
    const keys = await redis.keys(`${base}:*`);
    if (keys.length > 0) await redis.unlink(...keys);
    connection.close();
    redis.disconnect();
  }
}
