import { mergeMessages } from '../../src/messages/merge';

describe('mergeMessages', () => {
  test.each<[string, object[], object]>([
    ['nothing is an empty message', [], {}],
    ['fields of all parts', [{ a: 1 }, { b: 2 }, { c: 3 }], { a: 1, b: 2, c: 3 }],
    ['the later part wins', [{ a: 1 }, { a: 2 }, { a: 3 }], { a: 3 }],
    [
      'objects merge at any depth',
      [{ a: { b: { c: 1, d: 2 } } }, { a: { b: { d: 3 } } }],
      { a: { b: { c: 1, d: 3 } } },
    ],
    ['arrays replace', [{ a: [1, 2, 3] }, { a: [4] }], { a: [4] }],
    ['arrays of objects replace', [{ a: [{ b: 1 }] }, { a: [{ c: 2 }] }], { a: [{ c: 2 }] }],
    ['null replaces an object', [{ a: { b: 1 } }, { a: null }], { a: null }],
    ['an object replaces null', [{ a: null }, { a: { b: 1 } }], { a: { b: 1 } }],
    ['a value replaces an object', [{ a: { b: 1 } }, { a: 5 }], { a: 5 }],
    ['an object replaces an array', [{ a: [1] }, { a: { 0: 2 } }], { a: { 0: 2 } }],
    [
      'falsy values replace',
      [
        { a: 1, b: 'x', c: true },
        { a: 0, b: '', c: false },
      ],
      { a: 0, b: '', c: false },
    ],
    [
      'names that objects inherit are fields',
      [{ toString: 1 }, { hasOwnProperty: { a: 1 } }],
      { toString: 1, hasOwnProperty: { a: 1 } },
    ],
  ])('%s', (_, parts, expected) => {
    expect(mergeMessages(...(parts as Record<string, unknown>[]))).toEqual(expected);
  });

  test('left-out parts are passed over', () => {
    expect(mergeMessages(undefined, { a: 1 }, undefined, { b: 2 })).toEqual({ a: 1, b: 2 });
  });

  test('changes none of its parts', () => {
    const parts = [{ a: { x: 1 } }, { a: { y: 2 } }, { a: { z: [3] } }];
    const before = structuredClone(parts);
    mergeMessages(...parts);
    expect(parts).toEqual(before);
  });

  test('gives no way to a prototype, also for parsed text that nobody checked', () => {
    const merged = mergeMessages(
      { a: {} },
      JSON.parse('{"__proto__":{"polluted":1},"a":{"__proto__":{"polluted":1}}}'),
    );
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
    expect(JSON.stringify(Object.prototype)).toBe('{}');
    expect(merged).toBeDefined();
  });
});
