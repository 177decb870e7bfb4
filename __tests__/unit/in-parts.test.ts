import { inParts, PartCollector } from '../../src/utils/in-parts';

const size = (text: string) => text.length;

test('a list is cut into parts of the given number of items, in order', () => {
  expect(inParts([1, 2, 3, 4, 5], { items: 2 })).toEqual([[1, 2], [3, 4], [5]]);
  expect(inParts([1, 2, 3, 4], { items: 2 })).toEqual([
    [1, 2],
    [3, 4],
  ]);
  expect(inParts([1, 2], { items: 1 })).toEqual([[1], [2]]);
});

test('an empty list has no parts', () => {
  expect(inParts([], { items: 2, bytes: 2 }, size)).toEqual([]);
});

test('a part holds at most the given number of bytes', () => {
  expect(inParts(['aa', 'bb', 'c', 'd'], { items: 10, bytes: 4 }, size)).toEqual([
    ['aa', 'bb'],
    ['c', 'd'],
  ]);
});

test('an item that is larger than a part is a part of its own', () => {
  expect(inParts(['a', 'bbbbb', 'c'], { items: 10, bytes: 4 }, size)).toEqual([['a'], ['bbbbb'], ['c']]);
});

test('a collector hands out a part as soon as it is full, and the rest when asked', () => {
  const collector = new PartCollector({ items: 2, bytes: 4 }, size);
  expect(collector.add('a')).toBeUndefined();
  expect(collector.add('b')).toEqual(['a', 'b']);
  expect(collector.add('ccc')).toBeUndefined();
  expect(collector.add('dd')).toEqual(['ccc']);
  expect(collector.take()).toEqual(['dd']);
  expect(collector.take()).toEqual([]);
});
