import { changeBetween, fieldsOf, snapshotOf } from '../../src/viewer/live/fields';

const first = fieldsOf({ status: 'running', counts: { done: 1 }, left: 5, none: undefined });

test('a snapshot is the whole as JSON, without what has no value', () => {
  expect(JSON.parse(snapshotOf(first))).toEqual({ status: 'running', counts: { done: 1 }, left: 5 });
});

test('a difference has what is new and what is gone, and nothing else', () => {
  const second = fieldsOf({ status: 'running', counts: { done: 2 }, ended: 7 });
  const change = changeBetween(first, second);
  expect(JSON.parse(change ?? '')).toEqual({ set: { counts: { done: 2 }, ended: 7 }, unset: ['left'] });
});

test('equal values make no difference', () => {
  const same = fieldsOf({ status: 'running', counts: { done: 1 }, left: 5 });
  expect(changeBetween(first, same)).toBeUndefined();
});
