import { InvalidMessageError, type Signature, type Swarm } from '../../src';
import { Fixture } from '../helpers/fixture';
import { expectRefusal } from '../helpers/refusals';

// Nothing here needs a worker: what is refused must not get as far as the engine.
const fixture = new Fixture();
const { mage } = fixture;
const limit = 4 * 1024 * 1024 - 64 * 1024;

class Money {
  constructor(readonly cents: number) {}
}
class Amount extends Money {
  toJSON() {
    return { cents: this.cents };
  }
}

const cycle: Record<string, unknown> = { name: 'a' };
cycle['self'] = { list: [cycle] };
const deep = (levels: number) => {
  let value: object = {};
  for (let i = 0; i < levels; i++) value = { value };
  return value;
};

let open: Swarm<unknown>;
let item: Signature<Record<string, unknown>, unknown>;

beforeAll(async () => {
  item = await (await mage.swarm()).addTask('item');
  open = await mage.swarm({ tasks: ['item'], name: 'open' });
});
afterAll(() => fixture.close());

/** Every way in which a message gets into mageflow. */
const ways: [string, (message: object) => Promise<unknown>][] = [
  ['as the data of sign', (message) => mage.sign('item', message)],
  ["as a signature's message", async (message) => (await mage.sign('item')).runNoWait(message)],
  ["as a signature's message to run", async (message) => (await mage.sign('item')).run(message)],
  ["as a swarm's message", (message) => open.runNoWait(message as never)],
  ["as a swarm's message to runSettled", (message) => open.runSettled(message as never)],
  ['as the data of a task of a new swarm', (message) => mage.swarm({ tasks: ['item', ['item', message]] })],
  ['as the data of addTask', (message) => open.addTask('item', message)],
  ['as the data of addTasks', (message) => open.addTasks(['item', ['item', message]])],
  ["as an item's message", (message) => item.runNoWait(message as Record<string, unknown>)],
];

/** What is wrong, and what the error says besides the path. */
const bad: [string, object, string[]][] = [
  ['a function', { a: { f: () => 1 } }, ['.a.f: expected a JSON value, got a function']],
  ['a symbol', { a: Symbol('s') }, ['.a: expected a JSON value, got Symbol(s)']],
  ['a BigInt', { rows: [1, 2n] }, ['.rows[1]: expected a JSON value, got 2n']],
  ['NaN', { n: NaN }, ['.n: expected a finite number, got NaN']],
  ['Infinity', { n: [Infinity] }, ['.n[0]: expected a finite number, got Infinity']],
  ['-Infinity', { n: -Infinity }, ['.n: expected a finite number, got -Infinity']],
  ['a cycle', cycle, ['.self.list[0]: expected JSON without cycles']],
  ['a Map', { m: new Map() }, ['.m: expected a plain object', 'got an instance of Map']],
  ['a Set', { s: new Set([1]) }, ['.s: expected a plain object', 'got an instance of Set']],
  ['a RegExp', { r: /x/ }, ['.r: expected a plain object', 'got an instance of RegExp']],
  ['a class instance', { money: new Money(5) }, ['.money: expected a plain object', 'got an instance of Money']],
  ['a promise', { p: Promise.resolve(1) }, ['.p: expected a plain object', 'got an instance of Promise']],
  ['an error', { e: new Error('x') }, ['.e: expected a plain object', 'got an instance of Error']],
  ['a NUL in a text', { a: { text: 'x\0y' } }, ['.a.text contains a NUL character']],
  ['a NUL in a key', { a: { 'x\0y': 1 } }, ['a key of ', '.a contains a NUL character']],
  ['the key __proto__', JSON.parse('{"a":{"__proto__":{"x":1}}}') as object, ['.a has a key named "__proto__"']],
  ['the key constructor', JSON.parse('{"constructor":{"x":1}}') as object, ['has a key named "constructor"']],
  ['the key prototype', JSON.parse('{"a":[{"prototype":1}]}') as object, ['.a[0] has a key named "prototype"']],
  ['too deep nesting', deep(600), ['at most 500 levels of nesting']],
  ['an array', [1, 2], ['must be a plain object, got an array of 2']],
  ['a text', 'text' as never, ['must be a plain object, got "text"']],
  ['a number', 5 as never, ['must be a plain object, got 5']],
  ['a date', new Date(0), ['must be a plain object, got an instance of Date']],
  ['a class instance as the whole', new Money(1), ['must be a plain object, got an instance of Money']],
];

describe.each(ways)('%s', (_, send) => {
  test.each(bad)('%s is refused, and nothing is written', async (_what, message, texts) => {
    await expectRefusal(fixture, () => send(message), InvalidMessageError, ...texts);
    await expect(open.progress()).resolves.toMatchObject({ status: 'pending', total: 1 });
  });

  test("more than the engine's limit is refused with both sizes, and nothing is written", async () => {
    const message = { text: 'x'.repeat(limit) };
    const size = Buffer.byteLength(JSON.stringify(message));
    await expectRefusal(fixture, () => send(message), InvalidMessageError, `${size} bytes`, `${limit} bytes`);
    await expect(open.progress()).resolves.toMatchObject({ status: 'pending', total: 1 });
  });
});

test('a size is counted in bytes, not in characters', async () => {
  const message = { text: 'ü'.repeat(limit / 2) };
  await expectRefusal(fixture, () => mage.sign('item', message), InvalidMessageError, `${limit + 11} bytes`);
});

test('the prototype of nothing is changed by a message that tries to', async () => {
  const attack = JSON.parse('{"__proto__":{"polluted":true}}') as object;
  await expectRefusal(fixture, () => mage.sign('item', attack), InvalidMessageError, '__proto__');
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

test.each([
  ['dates', { at: new Date(0) }],
  ['class instances with toJSON', { amount: new Amount(5) }],
  ['objects without a prototype', Object.assign(Object.create(null) as object, { a: 1 })],
  ['undefined fields', { a: undefined }],
  ['the same object twice', (({ a }) => ({ x: a, y: a }))({ a: { b: 1 } })],
  ['keys that only look dangerous', { proto: 1, __proto: 2, constructors: 3 }],
  ['nesting below the limit', deep(400)],
])('%s are taken', async (_, message) => {
  await expect(mage.sign('item', message)).resolves.toBeDefined();
});

test('a toJSON that gives what JSON cannot hold is refused', async () => {
  const value = { toJSON: () => ({ big: 1n }) };
  await expectRefusal(fixture, () => mage.sign('item', { value }), InvalidMessageError, '.value.big', 'got 1n');
});

test('entries that were added before the bad one in an earlier thousand stay, the rest of the call does not', async () => {
  const swarm = await mage.swarm();
  function* entries() {
    for (let i = 0; i < 1_500; i++) yield ['item', { i: i === 1_400 ? NaN : i }] as const;
  }
  await expect(swarm.addTasks(entries())).rejects.toThrow(/NaN/);
  await expect(swarm.progress()).resolves.toMatchObject({ total: 1_000 });
});
