import { Cached } from '../../src/utils/cached';
import { systemClock } from '../../src/utils/clock';

function counted(read: (n: number) => Promise<number> = (n) => Promise.resolve(n)) {
  let now = 0;
  let reads = 0;
  const cached = new Cached({ ...systemClock, elapsed: () => now }, 100, () => read((reads += 1)));
  return { cached, reads: () => reads, pass: (ms: number) => void (now += ms) };
}

test('reads at the same time and within the time share one', async () => {
  const { cached, reads, pass } = counted();
  expect(await Promise.all([cached.get(), cached.get()])).toEqual([1, 1]);
  pass(99);
  expect([await cached.get(), reads()]).toEqual([1, 1]);
  expect([await cached.get(100), await cached.get(99), await cached.get(99)]).toEqual([1, 2, 2]);
  pass(100);
  expect([await cached.get(), reads()]).toEqual([3, 3]);
});

test('a failed read is not kept', async () => {
  const { cached } = counted((n) => (n === 1 ? Promise.reject(new Error('away')) : Promise.resolve(n)));
  await expect(cached.get()).rejects.toThrow('away');
  expect(await cached.get()).toBe(2);
});
