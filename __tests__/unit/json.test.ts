import { runInNewContext } from 'node:vm';
import { InvalidMessageError } from '../../src';
import { encodeJson, encodeMessage, engineLimitBytes, isPlainObject } from '../../src/messages/json';

class Point {
  constructor(readonly x: number) {}
}

describe('encodeJson', () => {
  test.each<[string, unknown]>([
    ['null', null],
    ['a boolean', false],
    ['a number', -1.5],
    ['negative zero', -0],
    ['a text with every kind of character', '"\\\n\u2028ä😀'],
    ['a list', [1, [2, { a: null }]]],
    ['an object', { a: { b: [] }, 'c d': 1 }],
    ['undefined fields', { a: undefined, b: 1 }],
    ['undefined in a list', [undefined]],
    ['a date', { at: new Date(0) }],
    ['one object in two places', (({ a }) => [a, a])({ a: {} })],
  ])('gives the text of JSON.stringify for %s', (_, value) => {
    expect(encodeJson(value, 'it')).toBe(JSON.stringify(value));
  });

  test('gives null for undefined', () => {
    expect(encodeJson(undefined, 'it')).toBe('null');
  });

  test('takes objects of another realm', () => {
    expect(encodeJson(runInNewContext('({ a: [1] })'), 'it')).toBe('{"a":[1]}');
  });

  test.each<[unknown, string]>([
    [{ a: [{ b: NaN }] }, 'it.a[0].b: expected a finite number, got NaN.'],
    [{ a: () => 1 }, 'it.a: expected a JSON value, got a function.'],
    [[1n], 'it[0]: expected a JSON value, got 1n.'],
    [{ p: new Point(1) }, 'it.p: expected a plain object (or one with toJSON), got an instance of Point.'],
    [{ toJSON: () => ({ x: Infinity }) }, 'it.x: expected a finite number, got Infinity.'],
  ])('names the path, what was expected and what came (%#)', (value, message) => {
    expect(() => encodeJson(value, 'it')).toThrow(new InvalidMessageError(message));
  });

  test('distinguishes a cycle through any number of levels from a repetition', () => {
    const a: Record<string, unknown> = {};
    const b = { list: [{ a }] };
    a['b'] = b;
    expect(() => encodeJson(b, 'it')).toThrow(/it\.list\[0\]\.a\.b: expected JSON without cycles/);
  });

  test('refuses a toJSON that gives itself instead of running out of stack', () => {
    const value = { toJSON: (): unknown => value };
    expect(() => encodeJson(value, 'it')).toThrow(InvalidMessageError);
  });
});

describe('encodeMessage', () => {
  test('takes up to the limit to the byte', () => {
    const room = engineLimitBytes - JSON.stringify({ a: '' }).length;
    expect(Buffer.byteLength(encodeMessage({ a: 'x'.repeat(room) }, 'it'))).toBe(engineLimitBytes);
    expect(() => encodeMessage({ a: 'x'.repeat(room + 1) }, 'it')).toThrow(
      `it is ${engineLimitBytes + 1} bytes, more than the engine's limit of ${engineLimitBytes} bytes`,
    );
  });

  test.each([[[]], [null], [undefined], [5], ['x'], [new Point(1)], [new Map()]])('refuses %p', (value) => {
    expect(() => encodeMessage(value, 'the message')).toThrow(/^the message must be a plain object, got /);
  });
});

test('isPlainObject', () => {
  for (const plain of [{}, JSON.parse('{}'), Object.create(null), runInNewContext('({})')])
    expect(isPlainObject(plain)).toBe(true);
  for (const other of [[], null, undefined, 1, 'x', new Point(1), new Date(), new Map(), () => 1, /x/])
    expect(isPlainObject(other)).toBe(false);
});
