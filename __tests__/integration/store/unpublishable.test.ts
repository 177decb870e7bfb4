// What is granted and can't be put together ends after some tries: it holds no slot and no group for ever.
import { StoreError } from '../../../src';
import { composed, maxPublications, Unpublishable } from '../../../src/orchestrator/unpublishable';
import { newSecret } from '../../../src/store/group-store';
import { newId } from '../../../src/store/ids';
import { packSpec } from '../../../src/store/spec';
import { eventually } from '../../helpers/fixture';
import { Instant } from '../../helpers/instant-mage';
import { execution, spec, StoreFixture, regrant } from '../../helpers/store';

const instant = new Instant({ leaseMs: 300, reconcileIntervalMs: 50 });
const { mage, engine, redis } = instant;
const { store, reader } = instant.scope;
const fixture = new StoreFixture();
const other = new StoreFixture();
let callbacksRun = 0;
const item = mage.task({ name: 'item', fn: ({ n }: { n: number }) => ({ n }) });
const note = mage.task({ name: 'note', fn: () => ({ callbacksRun: (callbacksRun += 1) }) });

beforeAll(() => {
  engine.serve(item as never, note as never);
  mage.startReconciler();
});
beforeEach(() => (callbacksRun = 0));
afterAll(() => Promise.all([instant.close(), fixture.close(), other.close()]));

test('an item whose message can not be read fails with what is wrong, and the others and the callback run', async () => {
  const repairs: string[] = [];
  const stop = mage.on('repair', ({ message }) => repairs.push(message));
  const swarm = await mage.swarm({
    tasks: [0, 1, 2].map((n) => [item, { n }] as const),
    config: { maxConcurrency: 1 },
    successCallbacks: [note],
    isSwarmClosed: true,
  });
  await redis.hset(store.keys.specs(swarm.id), 'm0', 'no JSON');
  await swarm.runNoWait({}).catch(() => undefined);
  await eventually('the swarm has ended', async () => (await swarm.status()) === 'succeeded');
  await eventually('its callback has run', () => callbacksRun === 1);
  const ended = await reader.ended(swarm.id, [0, 1, 2]);
  expect(ended.map(({ status }) => status)).toEqual(['failed', 'succeeded', 'succeeded']);
  expect(ended[0]?.error).toMatch(/^it could not be published: .*JSON/);
  expect(
    repairs.filter((message) => message.includes(`item 0 ("item") of the swarm "swarm" (${swarm.id}) again`)),
  ).toHaveLength(maxPublications - 1);
  stop();
});

test('a callback that is a chain without what it is made of fails, and its group gets its time to live', async () => {
  const group = {
    id: newId(),
    kind: 'swarm' as const,
    name: 'test',
    secret: newSecret(),
    closed: true,
    maxConcurrency: 1,
    stopAfterNFailures: null,
    keepResults: true,
    successCallbacks: [packSpec({ task: 'chain', group: 'chain' }), packSpec({ task: 'note' })],
    errorCallbacks: [],
  };
  const { effects } = await store.create(group, [], { message: '{}' });
  await instant.scope.effects.carryOut(group.id, effects).catch(() => undefined);
  await eventually('the callback has failed', async () => (await reader.callbackState(group.id, 'c0')) === 'failed');
  await eventually('the other one has run', () => callbacksRun === 1);
  await eventually('the group expires', async () => (await redis.pttl(store.keys.state(group.id))) > 0);
  const failure = `the success callback "chain" of the swarm "test" (${group.id}) failed`;
  const logged = () => instant.log.lines.filter((line) => line.includes(failure)).length;
  // The process that ended the callback logs it after Redis has it.
  await eventually('its failure is logged', () => logged() > 0);
  expect(logged()).toBe(1);
});

test('a spec whose callbacks can not be read keeps its item and its group from nothing', async () => {
  const group = await fixture.group(['*["task",0,"\\ud83d",0,[5]]\n*["c"', spec], { closed: true }, { message: '{}' });
  await fixture.redis.hset(fixture.store.keys.state(group.id), 'cs', '["\\ud83d"]');
  await group.execute('0');
  await group.execute('1');
  expect((await group.snapshot()).status).toBe('succeeded');
});

test('publications that fail are counted in Redis, together with runs that were lost, for whichever process holds the entry', async () => {
  const { store: own } = fixture;
  const group = await fixture.group([spec, spec], { maxConcurrency: 1, closed: true }, { message: '{}' });
  const failing = (by = own) => by.failPublication(group.id, '0', maxPublications, '{"message":"no input"}');
  expect((await failing(other.store)).code).toBe('unknown');
  expect((await failing()).code).toBe('retry');
  await own.confirm(group.id, ['0', 'run-0']);
  expect((await failing()).code).toBe('refused');
  await regrant(own, group.id, { entry: '0', state: 'published', process: own.process, runId: 'run-0' });
  const { code, effects } = await failing();
  expect([code, effects.outcome, effects.grants.map(({ entry }) => entry)]).toEqual(['ended', 'failed', ['1']]);
  expect((await failing()).code).toBe('refused');
  await group.start('1', execution('run-1'));
  expect((await group.finish('1', undefined, execution('run-1'))).effects.status).toBe('succeeded');
});

test('a store that is away does not count, a result that it does not have any more does', async () => {
  const away = new StoreError('Redis did not carry out "hget"', { cause: new Error('closed') });
  await expect(composed(() => Promise.reject(away))).rejects.toBe(away);
  const lost = new StoreError('Redis has lost the result');
  await expect(composed(() => Promise.reject(lost))).rejects.toBeInstanceOf(Unpublishable);
});
