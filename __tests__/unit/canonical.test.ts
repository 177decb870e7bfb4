import { canonical } from '../../src/messages/canonical';

const of = (value: unknown) => canonical(JSON.stringify(value));

test.each<[string, unknown, unknown]>([
  ['at the top', { user: 7, amount: 5 }, { amount: 5, user: 7 }],
  ['in an object in it', { a: { x: 1, y: { p: 1, q: 2 } } }, { a: { y: { q: 2, p: 1 }, x: 1 } }],
  ['in an object in a list', { rows: [{ a: 1, b: 2 }] }, { rows: [{ b: 2, a: 1 }] }],
  ['of numbers as text', { 10: 'a', 9: 'b', z: 1 }, { z: 1, 9: 'b', 10: 'a' }],
])('equal values are one text, whatever the order of the keys %s', (_, one, other) => {
  expect(of(one)).toBe(of(other));
});

test.each<[string, unknown, unknown]>([
  ['the order of a list', { a: [1, 2] }, { a: [2, 1] }],
  ['a value', { a: 1 }, { a: '1' }],
  ['a key', { a: 1 }, { b: 1 }],
  ['null and nothing', { a: null }, {}],
  ['where it is', { a: { b: 1 }, c: {} }, { a: {}, c: { b: 1 } }],
])('values that differ in %s are different texts', (_, one, other) => {
  expect(of(one)).not.toBe(of(other));
});

test('a text whose keys are in order is given back as it is', () => {
  const text = JSON.stringify({ a: [{ b: 1, c: 2 }], d: 'é "quoted"', e: 1.5e300 });
  expect(canonical(text)).toBe(text);
});

test('a value nested as deeply as a message may be has a text too', () => {
  let value: object = { z: 1, a: 2 };
  for (let depth = 0; depth < 500; depth++) value = { z: [value], a: depth };
  expect(of(value)).toBe(canonical(of(value)));
});
