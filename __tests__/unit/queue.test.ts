import { Queue } from '../../src/utils/queue';

test('gives what came first, and nothing when it is empty', () => {
  const queue = new Queue<number>();
  for (const n of [1, 2, 3]) queue.push(n);
  expect([queue.length, queue.first(), queue.shift(), queue.shift()]).toEqual([3, 1, 1, 2]);
  queue.push(4);
  expect([queue.shift(), queue.shift(), queue.shift(), queue.first(), queue.length]).toEqual([
    3,
    4,
    undefined,
    undefined,
    0,
  ]);
});

test('keeps its order, and little of what has been taken, while millions pass through it', () => {
  const queue = new Queue<number>();
  let pushed = 0;
  let taken = 0;
  let longest = 0;
  while (pushed < 2_000_000) {
    for (let i = 0; i < 500; i++) queue.push(pushed++);
    for (let i = 0; i < 500; i++) if (queue.shift() !== taken++) throw new Error(`Out of order at ${taken}.`);
    longest = Math.max(longest, (queue as unknown as { items: unknown[] }).items.length);
  }
  expect(longest).toBeLessThan(5_000);
});

// With Array.shift, which moves all that is left, this takes hours.
test('takes a million out of a full queue', () => {
  const queue = new Queue<number>();
  for (let n = 0; n < 1_000_000; n++) queue.push(n);
  let taken = 0;
  while (queue.shift() === taken) taken += 1;
  expect(taken).toBe(1_000_000);
});
