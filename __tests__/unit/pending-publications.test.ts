import { PendingPublications } from '../../src/orchestrator/pending-publications';

function filled(...keys: string[]): PendingPublications {
  const pending = new PendingPublications();
  for (const key of keys) pending.add(key, 0);
  return pending;
}

test('nothing is stuck where nothing is pending', () => {
  expect(new PendingPublications().stuckMs(1_000)).toBe(0);
});

test('the same oldest entry counts as stuck from when it was first asked about', () => {
  const pending = filled('a', 'b');
  expect([pending.stuckMs(100), pending.stuckMs(500)]).toEqual([0, 400]);
  expect(pending.stuckKey).toBe('a');
});

test('a queue that moves on is not stuck, however long the last of it waits', () => {
  const keys = Array.from({ length: 100 }, (_, n) => `entry ${n}`);
  const pending = filled(...keys);
  for (const [n, key] of keys.entries()) {
    expect(pending.stuckMs(1_000 * n)).toBe(0);
    pending.delete(key);
  }
});

test('a publication that hangs is noticed while those that came later get through', () => {
  const pending = filled('hangs');
  for (let n = 0; n <= 10; n++) {
    pending.add(`entry ${n}`, n);
    expect(pending.stuckMs(1_000 * n)).toBe(1_000 * n);
    pending.delete(`entry ${n}`);
  }
});

test('an entry that is removed and added again is not stuck from before', () => {
  const pending = filled('a');
  pending.stuckMs(0);
  pending.delete('a');
  pending.add('a', 600);
  expect(pending.stuckMs(1_000)).toBe(0);
});
