import { ago, count, counted, lasting, rate } from '../../src/viewer/page/format';

test.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [1_500, '1.5 s'],
  [59_400, '59 s'],
  [61_000, '1 min 1 s'],
  [720_000, '12 min'],
  [3_660_000, '1 h 1 min'],
  [90_000_000, '1 d 1 h'],
])('%d ms last %s', (ms, text) => {
  expect(lasting(ms)).toBe(text);
});

test.each([
  [0, 'just now'],
  [-4_000, 'just now'],
  [-30_000, 'in 30 s'],
  [42_000, '42 s ago'],
  [3_599_000, '59 min ago'],
  [86_400_000, '1 d ago'],
])('a time that is %d ms ago is %s', (ms, text) => {
  expect(ago(1_000_000_000 - ms, 1_000_000_000)).toBe(text);
});

test.each([
  [0, '0/s'],
  [0.05, '3.0/min'],
  [2.34, '2.3/s'],
  [1_234.5, '1,235/s'],
])('%d a second is shown as %s', (perSecond, text) => {
  expect(rate(perSecond)).toBe(text);
});

test('numbers have separators, and one thing is singular', () => {
  expect([count(1_000_000), counted(1, 'item'), counted(2_000, 'item')]).toEqual([
    '1,000,000',
    '1 item',
    '2,000 items',
  ]);
});
