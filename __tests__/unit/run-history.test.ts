import { latestAttempt, thrownMessage, toEvent, type RunEvent } from '../../src/hatchet/run-history';

let order = 0;
const event = (type: string, at: number, more: Partial<RunEvent> = {}): RunEvent => ({
  type,
  at,
  order: (order += 1),
  retryCount: 0,
  workerId: undefined,
  error: '',
  ...more,
});

test('a run that no worker took waits since it was created', () => {
  const events = [event('REQUEUED_NO_WORKER', 9), event('QUEUED', 5), event('CREATED', 4)];
  expect(latestAttempt(events)).toEqual({ phase: 'waiting', since: 4, retryCount: 0, wasTaken: false });
  expect(latestAttempt([])).toBeUndefined();
});

test('a run that a worker has begun runs since then, whatever order its events come in', () => {
  const events = [event('STARTED', 8), event('ASSIGNED', 6, { workerId: 'w' }), event('QUEUED', 5)];
  const running = { phase: 'running', since: 8, retryCount: 0, wasTaken: true, workerId: 'w' };
  expect(latestAttempt(events)).toEqual(running);
  expect(latestAttempt(events.toReversed())).toEqual(running);
  expect(latestAttempt(events.slice(1))).toEqual({ ...running, since: 6 });
  const lost = [...events.slice(1), event('COULD_NOT_SEND_TO_WORKER', 7)];
  expect(latestAttempt(lost)).toMatchObject({ phase: 'waiting', since: 7 });
});

test('between two attempts it waits since the failure, whose message is kept for the next attempt', () => {
  const failed = [
    event('STARTED', 6, { workerId: 'w' }),
    event('FAILED', 7, { error: 'no such file' }),
    event('RETRYING', 7),
  ];
  expect(latestAttempt(failed)).toEqual({
    phase: 'waiting',
    since: 7,
    retryCount: 0,
    wasTaken: true,
    error: 'no such file',
  });
  const again = [...failed, event('ASSIGNED', 19, { workerId: 'v', retryCount: 1 })];
  expect(latestAttempt(again)).toEqual({
    phase: 'running',
    since: 19,
    retryCount: 1,
    wasTaken: true,
    workerId: 'v',
    error: 'no such file',
  });
});

test('a run whose worker is gone waits since the engine has noticed that', () => {
  const events = [event('STARTED', 6, { workerId: 'w' }), event('REASSIGNED', 40)];
  expect(latestAttempt(events)).toEqual({ phase: 'waiting', since: 40, retryCount: 0, wasTaken: true });
  const queued = [...events, event('QUEUED', 41, { retryCount: 1 })];
  expect(latestAttempt(queued)).toEqual({ phase: 'waiting', since: 41, retryCount: 1, wasTaken: true });
});

test('a run that the engine has sent to a worker before it stored that it is queued is running', () => {
  const events = [
    event('SENT_TO_WORKER', 23, { workerId: 'w' }),
    event('QUEUED', 28),
    event('STARTED', 37),
    event('ASSIGNED', 38, { workerId: 'w' }),
  ];
  expect(latestAttempt(events)).toMatchObject({ phase: 'running', since: 37, workerId: 'w' });
  expect(latestAttempt(events.slice(0, 2))).toMatchObject({ phase: 'running', since: 23, workerId: 'w' });
});

test('a durable task that was evicted waits without a worker', () => {
  const events = [event('STARTED', 6, { workerId: 'w' }), event('DURABLE_EVICTED', 30)];
  expect(latestAttempt(events)).toMatchObject({ phase: 'evicted', since: 30 });
});

test('a run that the engine has ended says so, until it is replayed', () => {
  const events = [event('STARTED', 6, { workerId: 'w' }), event('FINISHED', 9)];
  expect(latestAttempt(events)).toMatchObject({ phase: 'ended', since: 9 });
  const replayed = [...events, event('RETRIED_BY_USER', 20, { retryCount: 1 })];
  expect(latestAttempt(replayed)).toMatchObject({ phase: 'waiting', since: 20 });
});

test('an event of the SDK is read with the message of its error alone', () => {
  const at = '2026-11-22T10:00:00.000Z';
  expect(
    toEvent({ id: 3, eventType: 'FAILED', timestamp: at, errorMessage: '{"message":"no","stack":"..."}' }),
  ).toEqual({
    type: 'FAILED',
    at: Date.parse(at),
    order: 3,
    retryCount: 0,
    workerId: undefined,
    error: 'no',
  });
  expect(['plain', '{"other":1}', 'null', ''].map(thrownMessage)).toEqual(['plain', '{"other":1}', 'null', '']);
});
