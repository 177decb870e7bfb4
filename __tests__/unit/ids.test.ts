import { itemId, keyedId, locationOf, newId, parseItemId } from '../../src/store/ids';

test('new ids are unique, and those made one after another have places one after another', () => {
  const ids = Array.from({ length: 3_000 }, () => newId());
  expect(new Set(ids).size).toBe(ids.length);
  const places = ids.map((id) => locationOf(id));
  for (const [i, place] of places.entries()) {
    expect(place).toBeDefined();
    const before = places[i - 1];
    if (before && place && before.chunk === place.chunk) expect(place.offset).toBe(before.offset + 1);
    else expect(place?.offset).toBe(i === 0 ? place?.offset : 0);
  }
  expect(new Set(places.map((place) => place?.chunk)).size).toBeLessThanOrEqual(4);
});

test('ids have no character that a key or a claim is cut at', () => {
  for (const id of [newId(), keyedId('task', 'a key'), itemId(newId(), 5)]) expect(id).toMatch(/^[\w.~-]+$/);
});

test('a key gives the same id each time, another key or kind another one', () => {
  expect(keyedId('task', 'a')).toBe(keyedId('task', 'a'));
  const ids = [
    keyedId('task', 'a'),
    keyedId('swarm', 'a'),
    keyedId('task', 'b'),
    keyedId('tas', 'ka'),
    keyedId('task', ''),
  ];
  expect(new Set(ids).size).toBe(ids.length);
});

test('the id of an item names its group and its place', () => {
  for (const group of [newId(), keyedId('swarm', 'x')]) {
    expect(parseItemId(itemId(group, 0))).toEqual({ groupId: group, index: 0 });
    expect(parseItemId(itemId(group, 99_999))).toEqual({ groupId: group, index: 99_999 });
    expect(parseItemId(group)).toBeUndefined();
  }
  for (const text of ['', '~1', 'x~', 'x~-1', 'x~1.5', 'x~c1']) expect(parseItemId(text)).toBeUndefined();
});

test('ids that are not of a block have no place', () => {
  for (const id of [keyedId('task', 'x'), itemId(newId(), 1), 'abc', '']) expect(locationOf(id)).toBeUndefined();
});
