import type { Context } from '@hatchet-dev/typescript-sdk';
import { mergeMessages } from '../../src/messages/merge';
import { stateKey } from '../helpers/dump';
import { eventually, Fixture } from '../helpers/fixture';

// Messages and bound data with such keys are refused: bad-messages. Here is what gets in otherwise.
const poison =
  '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"deep":[{"__proto__":{"polluted":1}}]}';
const poisoned = () => JSON.parse(poison) as Record<string, unknown>;
const names = ['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString'];

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 250 });
const { mage } = fixture;
const seen: { tag: unknown; polluted: unknown; input: Record<string, unknown> }[] = [];
const look = (input: Record<string, unknown>): void => {
  seen.push({ tag: input['tag'], polluted: input['polluted'], input });
};
const gives = mage.task({ name: 'gives', fn: (input: Record<string, unknown>) => (look(input), poisoned()) });
const takes = mage.task({ name: 'takes', fn: (input: Record<string, unknown>) => (look(input), 'taken') });
const throws = mage.task({
  name: 'throws',
  fn: (input: Record<string, unknown>, _ctx: Context<unknown>): Promise<string> => {
    look(input);
    throw new Error(poison);
  },
});

beforeAll(() => fixture.worker([gives, takes, throws]));
afterAll(() => fixture.close());
afterEach(() => {
  const own = (value: object) => Object.getOwnPropertyNames(value);
  for (const prototype of [Object.prototype, Array.prototype, Function.prototype]) {
    expect(own(prototype)).not.toContain('polluted');
  }
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  expect(seen.filter(({ polluted }) => polluted !== undefined)).toEqual([]);
});

const inputOf = (tag: string) => eventually(`${tag} ran`, () => seen.find((one) => one.tag === tag));

test('outputs reach steps, callbacks, lists and descriptions, and change no prototype', async () => {
  const chain = await mage.chain([
    await mage.sign(gives),
    await mage.sign(takes, { tag: 'step', returnValue: { a: 1 } }),
  ]);
  await expect(chain.run({})).resolves.toBe('taken');
  await inputOf('step');
  const swarm = await mage.swarm({
    tasks: [gives],
    successCallbacks: [await mage.sign(takes, { tag: 'callback', returnValue: [{}] })],
    isSwarmClosed: true,
  });
  const [output] = (await swarm.run()) as Record<string, unknown>[];
  expect(JSON.stringify(output)).toBe(poison);
  await inputOf('callback');
  for await (const { output: listed } of swarm.results()) expect(JSON.stringify(listed)).toBe(poison);
  await mage.describe(swarm.id);
});

test('errors that look like them are texts', async () => {
  const swarm = await mage.swarm({
    tasks: [throws],
    config: { stopAfterNFailures: 1 },
    errorCallbacks: [await mage.sign(takes, { tag: 'error' })],
    isSwarmClosed: true,
  });
  expect(await swarm.runSettled()).toMatchObject([{ status: 'failed', error: poison }]);
  expect((await inputOf('error')).input['error']).toMatchObject({ failures: [{ message: poison }] });
});

test.each(names)('%s is a name, a key, a metadata key and a task like any other', async (name) => {
  const additionalMetadata = JSON.parse(`{"${name}":"x"}`) as Record<string, string>;
  const item = await mage.sign(takes, { tag: name }, { name, key: name, additionalMetadata });
  const options = { name, key: name, additionalMetadata, isSwarmClosed: true } as const;
  const swarm = await mage.swarm({ ...options, tasks: [item, name] });
  expect(await swarm.runSettled()).toMatchObject([
    { name, status: 'succeeded', output: 'taken' },
    {
      name,
      status: 'failed',
      error: expect.stringContaining(`no worker has registered a task named ${name}`) as string,
    },
  ]);
  expect((await mage.list({ name })).items.map(({ id }) => id)).toEqual([swarm.id]);
  expect((await mage.describe(swarm.id)).name).toBe(name);
});

test('stored values that somebody forged change no prototype, neither in publishing nor in reading', async () => {
  const swarm = await mage.swarm({
    tasks: [[takes, { tag: 'forged', kept: 1 }], takes],
    successCallbacks: [await mage.sign(takes, { tag: 'after forging' })],
    isSwarmClosed: true,
  });
  const state = await stateKey(fixture, swarm);
  const [specs, results] = ['s', 'r0'].map((name) => `${state.slice(0, -1)}${name}`) as [string, string];
  const spec = (await fixture.redis.hget(specs, '0')) ?? '';
  await fixture.redis.hset(specs, {
    '0': `${spec.slice(0, spec.indexOf('\n') + 1)}{"tag":"forged",${poison.slice(1)}`,
    m0: poison,
    '1': `["takes",0,0,{"additionalMetadata":${'{"__proto__":"x"}'}}]\n${poison}`,
  });
  await fixture.redis.hset(state, 'opt', '{"__proto__":{"polluted":1},"additionalMetadata":{"__proto__":"y"}}');
  await swarm.run({ deep: 'own' });
  const { input } = await inputOf('forged');
  expect(input['tag']).toBe('forged');
  await inputOf('after forging');
  await fixture.redis.hset(results, { '0': `s${poison}`, '1': `f${poison}` });
  const read = [];
  for await (const item of swarm.results()) read.push(item);
  expect(read).toHaveLength(2);
  await mage.describe(swarm.id);
});

test('a merge leaves out what would become a prototype', () => {
  for (const parts of [
    [{ a: 1 }, poisoned()],
    [poisoned(), { a: 1 }],
    [poisoned(), poisoned()],
    [{ deep: {} }, { deep: poisoned() }],
  ]) {
    const merged = mergeMessages(...parts) as Record<string, Record<string, unknown>>;
    expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
    expect(merged['polluted']).toBeUndefined();
    expect(merged['deep']?.['polluted']).toBeUndefined();
  }
});
