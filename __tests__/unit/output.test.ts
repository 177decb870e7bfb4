import { firstJsonLoss } from '../../src/worker/output';

test.each<[what: string, output: unknown, says: string]>([
  ['a number that JSON does not have', { a: [1, NaN] }, 'output.a[1] is NaN and arrives as null'],
  ['a Map', { rows: { byId: new Map([[1, 2]]) } }, 'output.rows.byId is a Map and arrives as {}'],
  ['an Error', new Error('no'), 'output is a Error and arrives as {}'],
  ['a function', { at: 1, log: () => 1 }, 'output.log is a function and is left out'],
  ['bytes', { bytes: new Uint8Array(2) }, 'output.bytes is a Uint8Array and arrives as an object of its elements'],
])('%s is found in an output, with its path', (_, output, says) => {
  expect(firstJsonLoss(output)).toBe(says);
});

test('what arrives as its type says is no loss: JSON, dates, what has a toJSON, and fields that are undefined', () => {
  const own = { toJSON: () => 'text', secret: new Map() };
  expect(firstJsonLoss({ a: [1, 'x', null, { b: false }], at: new Date(), own, none: undefined })).toBeUndefined();
  expect(firstJsonLoss(undefined)).toBeUndefined();
});

test('a large output costs no more looks than a small one', () => {
  let looks = 0;
  const counted = Array.from({ length: 100_000 }, () => ({
    get n() {
      looks += 1;
      return 1;
    },
  }));
  expect(firstJsonLoss(counted)).toBeUndefined();
  expect(looks).toBeLessThan(1_001);
});
