import { systemClock } from '../../src/utils/clock';
import { Batcher } from '../../src/store/batcher';

function recording(refused: readonly number[] = [], atOnce = 3) {
  const sent: (readonly number[])[] = [];
  const together = new Batcher<number, string>(
    systemClock,
    (calls) => {
      sent.push(calls);
      if (calls.some((call) => refused.includes(call))) return Promise.reject(new Error(`refused ${calls.join()}`));
      return Promise.resolve(calls.map((call) => `did ${call}`));
    },
    atOnce,
  );
  return { sent, join: (call: number, key = 'a', weight = 0) => together.add(key, call, weight) };
}

test('a batcher makes what is asked for in one turn as one call, each with its own result', async () => {
  const { sent, join } = recording();
  expect(await Promise.all([join(1), join(2)])).toEqual(['did 1', 'did 2']);
  expect(await join(3)).toBe('did 3');
  expect(sent).toEqual([[1, 2], [3]]);
});

test('a batcher keeps apart what has different keys', async () => {
  const { sent, join } = recording();
  await Promise.all([join(1, 'a'), join(2, 'b'), join(3, 'a')]);
  expect(sent).toEqual([[1, 3], [2]]);
});

test('a batcher makes no call larger than it may be, by number and by weight', async () => {
  const { sent, join } = recording();
  await Promise.all([1, 2, 3, 4].map((n) => join(n)));
  expect(sent).toEqual([[1, 2, 3], [4]]);
  sent.length = 0;
  await Promise.all([join(1, 'a', 0.6), join(2, 'a', 0.6), join(3, 'a', 0.6)]);
  expect(sent).toEqual([[1, 2], [3]]);
});

test('a call that is refused takes no other with it', async () => {
  const { sent, join } = recording([2]);
  const results = await Promise.allSettled([join(1), join(2), join(3)]);
  expect(results.map((result) => (result.status === 'fulfilled' ? result.value : String(result.reason)))).toEqual([
    'did 1',
    'Error: refused 2',
    'did 3',
  ]);
  expect(sent).toEqual([[1, 2, 3], [1], [2], [3]]);
});

test('what a batcher does not make apart is refused together', async () => {
  const sent: (readonly number[])[] = [];
  const together = new Batcher<number, string>(
    systemClock,
    (calls) => {
      sent.push(calls);
      return Promise.reject(new Error('away'));
    },
    3,
    false,
  );
  const results = await Promise.allSettled([1, 2].map((call) => together.add('a', call)));
  expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected']);
  expect(sent).toEqual([[1, 2]]);
});
