import { ConfigurationError } from '../../src';
import { resolveEviction } from '../../src/worker/eviction';

const minute = 60_000;

describe('the eviction policy of a durable root', () => {
  test.each([
    ['nothing', undefined],
    ['null', null],
    ['an empty policy', {}],
    ['fields that are undefined', { ttl: undefined, priority: undefined, allowCapacityEviction: undefined }],
  ])('has the defaults for %s: 30 s in its worker', (_, given) => {
    expect(resolveEviction('agent', given, minute)).toEqual({ ttl: '30s', allowCapacityEviction: true, priority: 0 });
  });

  test.each([['59s'], [59_999], [{ seconds: 59 }], ['1s']])('keeps a time below the time limit: %p', (ttl) => {
    const given = { ttl, priority: 3, allowCapacityEviction: false };
    expect(resolveEviction('agent', given, minute)).toEqual(given);
  });

  test('is a new object, because a policy may be shared', () => {
    const shared = { priority: 1 };
    expect(resolveEviction('agent', shared, minute)).not.toBe(shared);
    expect(shared).toEqual({ priority: 1 });
  });

  test.each([
    ['a time as long as the time limit', { ttl: '1m' }, 'evictionPolicy.ttl of agent: expected less than'],
    ['the default time, for a shorter time limit', undefined, 'of 30000 ms, got 30000 ms'],
    ['zero, which means never', { ttl: 0 }, 'evictionPolicy.ttl of agent: expected a time above zero'],
    ['a negative time', { ttl: -5 }, 'expected a time above zero'],
    ['no end', { ttl: Infinity }, 'expected a time above zero'],
    ['a time in words', { ttl: 'soon' }, 'got "soon"'],
    ['an object without a time', { ttl: {} }, 'expected a time above zero'],
    ['a boolean', { ttl: true }, 'expected a time above zero'],
    ['a misspelt field', { tll: '5s' }, 'tll: unknown field of evictionPolicy'],
    ['a text', '5s', 'evictionPolicy: expected an object'],
    ['a list', [], 'evictionPolicy: expected an object'],
    ['a priority in words', { priority: 'high' }, 'evictionPolicy.priority of agent: expected a number'],
    ['a priority that is none', { priority: NaN }, 'evictionPolicy.priority of agent: expected a number'],
    [
      'a text for a boolean',
      { allowCapacityEviction: 'no' },
      'evictionPolicy.allowCapacityEviction of agent: expected true or false',
    ],
  ])('is refused with %s', (_, given, text) => {
    const resolve = () => resolveEviction('agent', given, given === undefined ? 30_000 : minute);
    expect(resolve).toThrow(ConfigurationError);
    expect(resolve).toThrow(text);
  });
});
