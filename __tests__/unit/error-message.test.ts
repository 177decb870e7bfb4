import { runInNewContext } from 'node:vm';
import { messageOf } from '../../src/utils/error-message';

const caused = (message: string, cause: unknown) => new Error(message, { cause });
const refused = Object.assign(new AggregateError([new Error('connect ::1'), new Error('connect 127.0.0.1')], ''), {
  code: 'ECONNREFUSED',
});

describe('the reason of what was thrown', () => {
  test.each<[string, unknown, string]>([
    ['its message', new Error('plain'), 'plain'],
    ['its name without one', new TypeError(''), 'TypeError'],
    ['that of another realm', runInNewContext('new Error("of another realm")'), 'of another realm'],
    ['those of a list', ['one', new Error('two')], 'one; two'],
    ['a text', 'text', 'text'],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['what is in an object', { code: 5, at: { row: 7 } }, '{"code":5,"at":{"row":7}}'],
    ['what an object is that shows nothing', new Map([[1, 2]]), 'an instance of Map'],
    ['what an object is that is no JSON', { n: 5n }, 'an object'],
    [
      'with its cause',
      caused('fetch failed', new Error('connect ECONNREFUSED')),
      'fetch failed (connect ECONNREFUSED)',
    ],
    ['with a cause that is no error', caused('failed', { code: 5 }), 'failed ({"code":5})'],
    ['with the causes of its cause', caused('a', caused('b', new Error('c'))), 'a (b (c))'],
    [
      'with all of its errors',
      new AggregateError([new Error('one'), caused('two', 'three')], 'All promises were rejected'),
      'All promises were rejected (one; two (three))',
    ],
    [
      'as Node says it',
      caused('fetch failed', refused),
      'fetch failed (ECONNREFUSED (connect ::1; connect 127.0.0.1))',
    ],
    ['without what it says itself', caused('it failed: no row', new Error('no row')), 'it failed: no row'],
    ['each error once', new AggregateError(['no', 'no', 'yes'], 'all'), 'all (no; yes)'],
    ['the first of many errors', new AggregateError('abcdefgh', 'all'), 'all (a; b; c; d; e; and 3 more)'],
  ])('is %s', (_, thrown, reason) => {
    expect(messageOf(thrown)).toBe(reason);
  });

  test('ends where causes go round in a circle, or go on and on', () => {
    const circle = new Error('round');
    circle.cause = caused('and', circle);
    expect(messageOf(circle)).toBe('round (and)');
    let deep = new Error('0');
    for (let i = 1; i < 100; i++) deep = caused(`e${i}`, deep);
    expect(messageOf(deep)).toBe('e99 (e98 (e97 (e96 (e95))))');
  });

  test('is no longer than people read, whatever caused it', () => {
    expect(messageOf(caused('a', 'x'.repeat(100_000))).length).toBeLessThan(3_000);
    expect(messageOf({ rows: Array(10_000).fill('x') }).length).toBeLessThan(3_000);
  });
});
