/** A suite, or tests of it, that cannot run on the in-process Redis. */
export interface CannotRun {
  /** A file below __tests__. */
  file: string;
  /** The whole names of its tests; without them, none of the file can, and it is not even tried. */
  tests?: readonly string[];
  reason: string;
  /** True if these tests are not even tried, because they would take too long. Those that are tried must fail. */
  isSkipped?: boolean;
}

const ownServer = 'It starts a redis-server of its own, to stop it, to set it up or to watch its commands.';
const manyItems = 'It moves thousands of items, for which the in-process Redis takes too long.';
const noSocket = 'It is about the socket of a connection, which the in-process Redis does not have.';

/** `npm run test:fast` fails when a test is not in it and fails, or is in it and passes. */
export const cannotRun: readonly CannotRun[] = [
  { file: 'integration/store/after-a-loss.test.ts', reason: ownServer },
  { file: 'integration/store/bounded-scripts.test.ts', reason: ownServer },
  { file: 'integration/store/cluster.test.ts', reason: ownServer },
  { file: 'integration/store/constant-work.test.ts', reason: ownServer },
  { file: 'integration/store/doctor-servers.test.ts', reason: ownServer },
  { file: 'integration/store/waiting-for-many.test.ts', reason: ownServer },
  { file: 'integration/store/outbox.test.ts', reason: 'It publishes on a real engine.' },
  {
    file: 'unit/readme.test.ts',
    reason: 'It compiles the code of all pages, which takes a third of the time of all suites.',
  },
  {
    file: 'integration/store/blocked-loop.test.ts',
    tests: [
      'a call whose answer comes while the event loop is blocked for longer than the limit gets it',
      'a connection whose answers wait while the event loop is blocked is kept',
      'a connection that the event loop has blocked again and again is kept',
    ],
    reason: noSocket,
  },
  { file: 'integration/store/dead-connections.test.ts', reason: noSocket },
  { file: 'integration/store/sending.test.ts', reason: noSocket },
  {
    file: 'integration/store/doctor-work.test.ts',
    tests: [
      'twice as many groups cost no more commands, unless all are wanted, and the findings say what was looked at',
    ],
    reason: ownServer,
  },
  {
    file: 'integration/store/explain-alone.test.ts',
    tests: [
      'the cost of an explanation is the same number of commands for 1,000 and for 100,000 items, thousands of them under way',
    ],
    reason: ownServer,
  },
  {
    file: 'integration/store/stats.test.ts',
    tests: [
      'without MEMORY the rest is counted',
      'of many groups and keys a bounded number is read, marked as a sample, and all when asked',
      'on a cluster, the keys of each master count',
    ],
    reason: ownServer,
  },
  {
    file: 'integration/store/key-check.test.ts',
    tests: ['reads a store of many keys a page at a time, and nothing by KEYS'],
    reason: 'It reads how often the server has carried out each command.',
  },
  {
    file: 'integration/store/format.test.ts',
    tests: [
      'a format that was raised is noticed at the next connection',
      'the number is written again after Redis was flushed',
    ],
    reason: 'It breaks a connection, which ioredis opens again, and would wait for that until its time is over.',
    isSkipped: true,
  },
  {
    file: 'integration/store/format.test.ts',
    tests: ['commands after the first ask for no number'],
    reason: 'It looks at what ioredis sends.',
  },
  {
    file: 'integration/store/times.test.ts',
    tests: [
      'the cost of times is at most 16 bytes for each item of a swarm whose items end in their order',
      'the cost of times is at most 16 bytes for each item of a swarm whose items end in the opposite order',
    ],
    reason: 'It measures the memory of a real Redis, with many items.',
    isSkipped: true,
  },
  {
    file: 'integration/store/grants.test.ts',
    tests: ['random sequences of everything that can happen to a swarm follow the plain model'],
    reason: manyItems,
    isSkipped: true,
  },
  {
    file: 'integration/store/retry-chosen.test.ts',
    tests: [
      'of a large group the chosen items become ready in parts, of which none starts anything before the last',
      'two callers at once retry each item once',
      'a choice that was made before another retry is refused, and made again',
      'when the process dies that chooses nobody goes on before its lease is over; then what it has reached runs, and the rest stays as it ended',
    ],
    reason: manyItems,
    isSkipped: true,
  },
  {
    file: 'integration/store/left-behind.test.ts',
    tests: ['one pass of the reconciler publishes all of 2,500 items that a dead process was granted'],
    reason: manyItems,
    isSkipped: true,
  },
  {
    file: 'integration/store/rate-limit.test.ts',
    tests: ['an item that backs off more than 1,000 times fails'],
    reason: manyItems,
    isSkipped: true,
  },
  {
    file: 'integration/store/failures.test.ts',
    tests: ['messages that have nothing in common are counted together from the 1,000th on'],
    reason: manyItems,
    isSkipped: true,
  },
  {
    file: 'integration/store/nested-deep.test.ts',
    tests: [
      '200 levels of callbacks of callbacks are stored in a size that grows with them, and run',
      '200 levels of chains that are each continued by a longer one are stored in a size that grows with them, and run',
    ],
    reason: manyItems,
    isSkipped: true,
  },
];
