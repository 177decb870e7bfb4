import { groupFailure } from '../../src/orchestrator/group-end';
import type { Snapshot } from '../../src/store/group-reader';

const failures = [
  { id: 'x~2', name: 'resize', index: 2, message: 'no such file' },
  { id: 'x~5', name: 'rotate', index: 5, message: 'too large' },
];

function snapshot(given: Partial<Snapshot>): Snapshot {
  const counts = {
    total: 9,
    ready: 9,
    slots: 0,
    succeeded: 5,
    failed: 2,
    cancelled: 2,
    suspended: false,
    reason: undefined,
    createdAt: undefined,
    startedAt: undefined,
    endedAt: undefined,
    nextStartAt: undefined,
    pausedUntil: undefined,
    labels: {},
    swept: 0,
    callbacks: { pending: 0, succeeded: 0, failed: 0 },
  };
  return { kind: 'swarm', name: 'nightly', status: 'failed', closed: true, ...counts, ...given };
}

describe('the reason of a group that failed', () => {
  test('names the step of a chain, counted from one, and its error', () => {
    expect(groupFailure(snapshot({ kind: 'chain', name: 'etl', total: 4 }), failures.slice(0, 1))).toBe(
      'The chain "etl" failed at "resize" (step 3 of 4): no such file',
    );
  });

  test("counts a swarm's failed items and contains the first error", () => {
    expect(groupFailure(snapshot({}), failures)).toBe(
      'The swarm "nightly" failed: 2 of its 9 items failed, the first with: no such file',
    );
  });

  test("counts a root's children without a name, which is reported separately", () => {
    expect(groupFailure(snapshot({ kind: 'root', name: 'root-swarm:batch' }), failures)).toBe(
      'It failed: 2 of its 9 children failed, the first with: no such file',
    );
  });
});
