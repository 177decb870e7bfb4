import { RecentMap } from '../../src/utils/recent-map';

test('remembers as many as asked for, and forgets what is older than twice as many', () => {
  const recent = new RecentMap<number>(10);
  for (let n = 0; n < 100; n++) {
    recent.set(`${n}`, n);
    for (let back = 0; back < Math.min(10, n); back++) expect(recent.get(`${n - back}`)).toBe(n - back);
    if (n >= 20) expect(recent.get(`${n - 20}`)).toBeUndefined();
  }
});

test('gives what was set last', () => {
  const recent = new RecentMap<string>(2);
  recent.set('a', 'first');
  recent.set('b', 'fills the half');
  recent.set('a', 'second');
  expect([recent.get('a'), recent.get('never')]).toEqual(['second', undefined]);
});
