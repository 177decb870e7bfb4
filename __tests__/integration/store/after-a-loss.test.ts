// Redis has come back as another server, and may have lost its last writes: what waits for the engine's history, and what is kept of it.
import type { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { InstantEngine } from '../../../bench/helpers/instant-engine';
import { Mageflow } from '../../../src';
import { writeMetadata, type Claim } from '../../../src/hatchet/metadata';
import { EngineClient } from '../../../src/hatchet/client';
import { RunRecovery } from '../../../src/orchestrator/run-recovery';
import { Events } from '../../../src/config/events';
import { claimToken } from '../../../src/store/executions';
import { packSpec } from '../../../src/store/spec';
import { eventually, gate, Log } from '../../helpers/fixture';
import { OwnRedis } from '../../helpers/own-redis';
import { execution, failed, spec, StoreFixture, TestGroup } from '../../helpers/store';

let server: OwnRedis;
const closers: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  server = await OwnRedis.open();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await server.close();
});

interface Row {
  workflowRunExternalId: string;
  createdAt: string;
  additionalMetadata: Record<string, string>;
}
interface Asked {
  since: Date;
  until?: Date;
  offset: number;
}

/** An engine with a history; each run that it knows is under way, with an empty input. */
function withHistory(hatchet: HatchetClient, rows: (asked: Asked) => Promise<Row[]>): void {
  const list = async (asked: Asked) => ({ rows: await rows(asked) });
  const getDetails = () => Promise.resolve({ done: false, isEvicted: false, input: {}, taskRuns: {} });
  Object.defineProperty(hatchet, 'runs', { value: { list, getDetails } });
}

test('after a loss what is made since is published at once, and what is older when the history of that time has been read', async () => {
  const engine = new InstantEngine('loss');
  const redis = new Redis(server.url);
  redis.on('error', () => undefined);
  const keyPrefix = `test-${randomBytes(5).toString('hex')}`;
  const mage = new Mageflow(engine.hatchet, redis, { keyPrefix, logger: new Log() });
  const read = gate();
  closers.push(async () => {
    read.open();
    await mage.close();
    redis.disconnect();
  });
  const ran: string[] = [];
  const task = mage.task({
    name: 'task',
    fn: ({ name }: { name: string }) => {
      ran.push(name);
      return {};
    },
  });
  engine.serve(task);
  const asked: Asked[] = [];
  withHistory(engine.hatchet, async (question) => {
    asked.push(question);
    await read.opened;
    return [];
  });
  await (await mage.sign(task)).runNoWait({ name: 'first' });
  await eventually('this server is known', () => ran.includes('first'));
  const older = await mage.swarm({ tasks: [task], isSwarmClosed: true });
  await server.stop();
  await server.start();

  const waiting = older.runNoWait({ name: 'older' });
  await eventually('the history is asked for', () => asked.length > 0);
  await eventually('what was made since is run', async () => {
    const newer = await mage.sign(task);
    // What is made before this process has noticed waits as well.
    void newer.runNoWait({ name: 'newer' }).catch(() => undefined);
    return ran.includes('newer');
  });
  expect(ran).not.toContain('older');
  read.open();
  await waiting;
  await eventually('the older one is run', () => ran.includes('older'));
  // Only of the time of the loss, however long ago that is.
  expect(asked.length).toBeGreaterThan(0);
  expect(asked[0]!.until!.getTime() - asked[0]!.since.getTime()).toBeLessThan(180_000);
});

test('a process that is started some time after a loss publishes what it makes before it has read any history', async () => {
  const keyPrefix = `test-${randomBytes(5).toString('hex')}`;
  const read = gate();
  const ran: string[] = [];
  const process = () => {
    const engine = new InstantEngine('loss');
    const redis = new Redis(server.url);
    const mage = new Mageflow(engine.hatchet, redis, { keyPrefix, logger: new Log() });
    const task = mage.task({
      name: 'task',
      fn: ({ name }: { name: string }) => {
        ran.push(name);
        return {};
      },
    });
    engine.serve(task);
    withHistory(engine.hatchet, async () => {
      await read.opened;
      return [];
    });
    const run = async (name: string) => (await mage.sign(task)).runNoWait({ name });
    const close = async () => {
      await mage.close();
      redis.disconnect();
    };
    return { redis, run, close };
  };
  const first = process();
  await first.run('first');
  await eventually('this server is known', () => ran.includes('first'));
  await first.close();
  await server.stop();
  await server.start();
  const second = process();
  closers.push(() => {
    read.open();
    return second.close();
  });
  await eventually('the server runs for some seconds', async () =>
    /^uptime_in_seconds:([4-9]|\d\d)/m.test(await second.redis.info('server')),
  );
  await second.run('second');
  await eventually('it is run', () => ran.includes('second'));
});

test('what ran after the moment to which Redis fell back is not run again by a process that is started later', async () => {
  const keyPrefix = `test-${randomBytes(5).toString('hex')}`;
  const held = gate();
  const started: number[] = [];
  const ended = new Set<string>();
  const history: (Row & { input: unknown })[] = [];
  const process = () => {
    const engine = new InstantEngine('loss');
    const redis = new Redis(server.url);
    redis.on('error', () => undefined);
    const options = { leaseMs: 1_000, reconcileIntervalMs: 300, logger: new Log() };
    const mage = new Mageflow(engine.hatchet, redis, { keyPrefix, ...options });
    const row = mage.task({
      name: 'row',
      fn: async ({ n }: { n: number }, ctx) => {
        started.push(n);
        if (n >= 8) await held.opened;
        ended.add(ctx.workflowRunId());
        return {};
      },
    });
    engine.serve(row);
    engine.onTake = (runId, { input, options }) => {
      const createdAt = new Date().toISOString();
      history.push({
        workflowRunExternalId: runId,
        createdAt,
        additionalMetadata: options!.additionalMetadata!,
        input,
      });
    };
    const list = ({ since, until, offset }: Asked) => {
      const within = ({ createdAt }: Row) => new Date(createdAt) >= since && new Date(createdAt) <= until!;
      return Promise.resolve({ rows: history.filter(within).slice(offset, offset + 500) });
    };
    const getDetails = (runId: string) => {
      const { input } = history.find((one) => one.workflowRunExternalId === runId)!;
      const done = ended.has(runId);
      const taskRuns = done ? { row: { readableId: 'row', output: {} } } : {};
      return Promise.resolve({ done, status: 'COMPLETED', isEvicted: false, input, taskRuns });
    };
    const get = () => Promise.reject(Object.assign(new Error('not found'), { response: { status: 404 } }));
    Object.defineProperty(engine.hatchet, 'runs', { value: { list, getDetails, get } });
    closers.push(async () => {
      held.open();
      await mage.close();
      redis.disconnect();
    });
    return { mage, row };
  };
  const first = process();
  await (await first.mage.sign(first.row)).run({ n: -1 });
  const swarm = await first.mage.swarm({
    tasks: Array.from({ length: 12 }, (_, n) => [first.row, { n }] as const),
    config: { maxConcurrency: 4 },
    isSwarmClosed: true,
  });
  await server.remember();
  await swarm.runNoWait();
  await eventually('the last ones are held', () => started.length === 13);
  await first.mage.close();
  await server.goBack();
  const { mage } = process();
  mage.startReconciler();
  const loaded = await mage.load<typeof swarm>(swarm.id);
  expect(await loaded.status()).toBe('pending');
  await loaded.runNoWait();
  await eventually('all that had ended have', async () => (await loaded.progress()).succeeded === 8);
  expect(started.sort((a, b) => a - b)).toEqual(Array.from({ length: 13 }, (_, n) => n - 1));
});

/** What knows of a history, of a Redis that was another server before. */
async function recallOf(history: (fixture: StoreFixture) => Promise<Row[]>) {
  const fixture = new StoreFixture({}, new Redis(server.url));
  const { hatchet } = new InstantEngine('loss');
  const rows = await history(fixture);
  withHistory(hatchet, ({ offset }) => Promise.resolve(rows.slice(offset, offset + 500)));
  await fixture.store.seen({ run: 'the one before', upMs: 0 }, '');
  const recall = new RunRecovery(new EngineClient(hatchet), fixture.store, fixture.reader, new Events(new Log()));
  closers.push(() => {
    recall.close();
    return fixture.close();
  });
  await recall.ready();
  return { fixture, recall };
}

function metadataOf(fixture: StoreFixture, { id, group }: TestGroup, entry: string, claim: Partial<Claim> = {}) {
  const own = {
    groupId: id,
    entry,
    token: claimToken(group.secret, entry),
    source: '',
    store: fixture.store.keys.mark,
  };
  const callback = claim.source ? ('error' as const) : ('' as const);
  const names = { swarm: id, swarmName: 'test', index: entry, chain: '', root: '', callback, name: 'task', tags: [] };
  return writeMetadata({ signature: claim.source ? '' : `${id}.${entry}`, ...names }, { ...own, ...claim });
}

function row(fixture: StoreFixture, group: TestGroup, runId: string, entry: string, claim: Partial<Claim> = {}): Row {
  const additionalMetadata = metadataOf(fixture, group, entry, claim);
  return { workflowRunExternalId: runId, createdAt: new Date().toISOString(), additionalMetadata };
}

const requestOf = (additionalMetadata: Record<string, string>) => ({
  workflowName: 'task',
  input: {},
  additionalMetadata,
  options: undefined,
});

test('of a history of 3,000 runs only those are kept of which Redis does not know what became, until it does', async () => {
  let group!: Awaited<ReturnType<StoreFixture['group']>>;
  let other!: Awaited<ReturnType<StoreFixture['group']>>;
  const { fixture, recall } = await recallOf(async (made) => {
    group = await made.group(6, { maxConcurrency: 4 }, { message: '{}' });
    other = await made.group(1000, { maxConcurrency: 1000 }, { message: '{}' });
    await group.execute('0');
    await group.start('1', execution('is running'));
    await group.start('2', execution('has failed'));
    await group.finish('2', failed(), execution('has failed'));
    await made.store.confirm(
      other.id,
      other.effects.grants.flatMap(({ entry }) => [entry, `of ${entry}`]),
    );
    const gone = new TestGroup(made.store, made.reader, { ...group.group, id: 'gone' });
    return [
      row(made, group, 'has succeeded', '0'),
      row(made, group, 'is running', '1'),
      row(made, group, 'has failed', '2'),
      // Granted, and published as far as the engine knows.
      row(made, group, 'lost', '3'),
      // Still to be started, as far as Redis knows.
      row(made, group, 'lost as well', '5'),
      row(made, group, 'forged', '5', { token: 'abcdef' }),
      ...Array.from({ length: 1000 }, (_, n) => row(made, other, `of ${n}`, `${n}`)),
      ...Array.from({ length: 2000 }, (_, n) => row(made, gone, `gone ${n}`, `${n}`)),
    ];
  });
  const { version } = group.effects;
  expect(recall.isIdle(other.id, other.effects.version)).toBe(true);
  expect(recall.isIdle('gone', '1.1.0')).toBe(true);
  expect(recall.isIdle(group.id, version)).toBe(false);
  const runOf = (entry: string) => recall.runOf(group.id, version, requestOf(metadataOf(fixture, group, entry)));
  expect(await Promise.all(['0', '1', '2', '3', '4', '5'].map(runOf))).toEqual([
    undefined,
    undefined,
    undefined,
    'lost',
    undefined,
    'lost as well',
  ]);
  // Whoever asks once more, as its confirmation was lost, gets the same.
  expect(await runOf('3')).toBe('lost');
  await fixture.store.confirm(group.id, ['3', 'lost']);
  await fixture.store.cancelEntry(group.id, '5');
  await group.start('5', execution('lost as well'));
  await group.execute('1', undefined);
  await group.finish('1', undefined, execution('is running'));
  expect(await runOf('3')).toBeUndefined();
  const { redis, keys } = fixture.store;
  await redis.use('unlink', (client) => client.unlink(...keys.group(group.id)));
  await eventually('nothing is left', () => recall.isIdle(group.id, version));
});

test('a callback of which Redis knows that it has run is not taken for one that is fired after a retry', async () => {
  let group!: Awaited<ReturnType<StoreFixture['group']>>;
  const { fixture, recall } = await recallOf(async (made) => {
    const item = packSpec({ task: 'task', errorCallbacks: [spec] });
    group = await made.group([item, item], {}, { message: '{}' });
    await group.execute('0', failed());
    await group.execute('1', failed());
    await group.start('c0', execution('told'));
    await group.finish('c0', undefined, execution('told'));
    return [
      row(made, group, 'told', 'c0', { source: '0' }),
      row(made, group, 'of another order', 'c0', { source: '1' }),
      row(made, group, 'lost', 'c1', { source: '1' }),
    ];
  });
  const runOf = (entry: string, source: string) =>
    recall.runOf(group.id, group.effects.version, requestOf(metadataOf(fixture, group, entry, { source })));
  expect(await runOf('c2', '0')).toBeUndefined();
  expect(await runOf('c1', '1')).toBe('of another order');
});
