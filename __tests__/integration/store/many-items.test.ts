// Groups of any number of items: no call of a script has more arguments than the stack or a script can hold.
import { newSecret, type NewGroup } from '../../../src/store/group-store';
import { newId } from '../../../src/store/ids';
import { createInParts } from '../../../src/store/parts';
import { eventually } from '../../helpers/fixture';
import { Instant } from '../../helpers/instant-mage';
import { spec, specs, StoreFixture } from '../../helpers/store';

// What is counted here doesn't depend on how fast the machine is.
const options = { commandTimeoutMs: 120_000 };
const fixture = new StoreFixture(options);
const { store, reader } = fixture;
const instant = new Instant(options);
const { mage, engine } = instant;
let ran = 0;
const item = mage.task({ name: 'item', fn: () => ({ n: (ran += 1) }) });

beforeAll(() => engine.serve(item as never));
afterAll(() => Promise.all([fixture.close(), instant.close()]));

const groupOf = (given: Partial<NewGroup> = {}): NewGroup => ({
  id: newId(),
  kind: 'swarm',
  name: 'test',
  secret: newSecret(),
  closed: true,
  maxConcurrency: 10,
  stopAfterNFailures: null,
  keepResults: true,
  successCallbacks: [],
  errorCallbacks: [],
  ...given,
});

/** The most arguments that a call of a script gets meanwhile. */
async function mostArguments(effects: () => Promise<unknown>): Promise<number> {
  const calls = jest.spyOn(store.redis, 'call');
  await effects();
  const most = Math.max(...calls.mock.calls.map(([, keys, args]) => keys.length + args.length));
  calls.mockRestore();
  return most;
}

test('a script may have more arguments than fit on the stack of a call', async () => {
  const many = Array.from({ length: 160_000 }, (_, i) => String(i));
  const call = store.redis.call('noteLocation', [store.keys.state('none'), store.keys.callbacks('none')], many);
  await expect(call).resolves.toBe(0);
});

test('a group of many items is made in parts, and started when it is whole', async () => {
  const group = groupOf();
  const most = await mostArguments(() => createInParts(store, group, specs(4_500), { message: '{}' }));
  expect(most).toBeLessThan(3_100);
  expect(await reader.snapshot(group.id)).toMatchObject({ status: 'running', total: 4_500, slots: 10, closed: true });
});

test('a group of large items is made in parts of a bounded size', async () => {
  const group = groupOf();
  const large = Array.from({ length: 8 }, () => `["task"]\n{"text":"${'x'.repeat(600_000)}"}`);
  expect(await mostArguments(() => createInParts(store, group, large, { message: '{}' }))).toBeLessThan(60);
  expect(await reader.snapshot(group.id)).toMatchObject({ status: 'running', total: 8 });
});

test('a group that a dead process has half made is completed, with each of its items once', async () => {
  const parent = { groupId: 'above', entry: '0', round: 0 };
  const group = groupOf({ parent });
  const all = specs(3_500);
  const add = jest.spyOn(store, 'add').mockRejectedValueOnce(new Error('killed'));
  await expect(createInParts(store, group, all, { message: '{}' })).rejects.toThrow('killed');
  add.mockRestore();
  expect(await reader.snapshot(group.id)).toMatchObject({ status: 'pending', total: 1_000, closed: false });
  const { created, effects } = await createInParts(store, { ...group, secret: newSecret() }, all, { message: '{}' });
  expect([created, effects.grants.length]).toEqual([false, 10]);
  expect(await reader.snapshot(group.id)).toMatchObject({ status: 'running', total: 3_500, closed: true });
  expect((await createInParts(store, group, all, { message: '{}' })).effects.grants).toEqual([]);
  expect(await reader.specs(group.id, 3_499, 3_501)).toEqual([spec]);
});

test('two that make the same group at once add each of its items once', async () => {
  const parent = { groupId: 'above', entry: '0', round: 0 };
  const group = groupOf({ parent });
  const made = [1, 2].map(() =>
    createInParts(store, { ...group, secret: newSecret() }, specs(3_500), { message: '{}' }),
  );
  await Promise.all(made);
  expect(await reader.snapshot(group.id)).toMatchObject({ status: 'running', total: 3_500, slots: 10 });
});

test('a swarm of many items serves as a callback, and a chain of many steps is started', async () => {
  const cleanup = await mage.swarm({ tasks: Array.from({ length: 1_100 }, () => item) });
  const swarm = await mage.swarm({ successCallbacks: [cleanup], isSwarmClosed: true });
  await swarm.runNoWait({});
  await eventually('the items of the callback have run', () => ran === 1_100);
  const chain = await mage.chain(Array.from({ length: 1_100 }, () => 'nobody') as never);
  await chain.runNoWait({} as never);
  expect(await instant.scope.reader.snapshot(chain.id)).toMatchObject({ status: 'running', total: 1_100, slots: 1 });
});
