// Pins what the crash matrix stands on: that each call to Redis and to the engine passes a named fault point.
import { betweenFaultPoints, faultPoints } from '../../src/utils/fault-points';
import { scripts } from '../../src/store/scripts.generated';
import { readFaultPoints } from '../helpers/fault-points';

const { names, bare } = readFaultPoints();

test('each call to Redis and to the engine stands between fault points', () => {
  expect(bare).toEqual([]);
});

test('the list holds every script, the single commands and every kind of call to the engine', () => {
  expect(names).toEqual(expect.arrayContaining(Object.keys(scripts).map((name) => `redis ${name}`)));
  expect(names).toEqual(expect.arrayContaining(['redis hset', 'redis zscore', 'engine publish', 'engine state']));
});

describe('a call between fault points', () => {
  afterEach(() => delete faultPoints.hook);

  test('is made as it is, at once, without a hook', () => {
    const answer = Promise.resolve(1);
    expect(betweenFaultPoints('redis', 'finish', () => answer)).toBe(answer);
  });

  test('is reported before it is made, and after it has answered', async () => {
    const points: string[] = [];
    faultPoints.hook = (point) => void points.push(point);
    await betweenFaultPoints('redis', 'finish', async () => void points.push('call'));
    expect(points).toEqual(['before redis finish', 'call', 'after redis finish']);
  });

  test('that fails passes no second one', async () => {
    const points: string[] = [];
    faultPoints.hook = (point) => void points.push(point);
    const failing = betweenFaultPoints('engine', 'publish', () => Promise.reject(new Error('away')));
    await expect(failing).rejects.toThrow('away');
    expect(points).toEqual(['before engine publish']);
  });
});
