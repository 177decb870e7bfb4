import { inOrder } from '../../bench/helpers/sampling';

test.each([2, 3, 4, 5, 6, 7])('of %d sides, each follows each other one as often as any', (count) => {
  const sides = Array.from({ length: count }, (_, i) => i);
  const rounds = count % 2 === 0 ? count : 2 * count;
  const followed = new Map<string, number>();
  for (let round = 1; round <= rounds; round++) {
    const order = inOrder(sides, round);
    expect([...order].sort((a, b) => a - b)).toEqual(sides);
    order.slice(1).forEach((side, i) => {
      const pair = `${order[i]} ${side}`;
      followed.set(pair, (followed.get(pair) ?? 0) + 1);
    });
  }
  expect(followed.size).toBe(count * (count - 1));
  expect(new Set(followed.values())).toEqual(new Set([rounds / count]));
});
