import { clockOf, type Clock } from '../../src/utils/clock';
import { withTimeout, timeLimit } from '../../src/utils/timeout';

const never = () => new Promise<never>(() => undefined);

let clock: Clock;

beforeEach(() => {
  jest.useFakeTimers();
  clock = clockOf(globalThis);
});
afterEach(() => void jest.useRealTimers());

test('a call with a timeout gives what the call gives', async () => {
  await expect(withTimeout(clock, { who: 'it', ms: 1_000 }, Promise.resolve(5))).resolves.toBe(5);
  await expect(withTimeout(clock, { who: 'it', ms: 1_000 }, Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(jest.getTimerCount()).toBe(0);
});

test('the error of a timeout says what gave no answer, and for how long', async () => {
  const late = expect(withTimeout(clock, { who: 'Redis', ms: 5_000 }, never())).rejects.toThrow(
    'Redis gave no answer within 5 s',
  );
  await jest.advanceTimersByTimeAsync(5_100);
  await late;
  expect(jest.getTimerCount()).toBe(0);
});

test('a timeout is over when its time is, and not before', async () => {
  const over = jest.fn();
  timeLimit(clock, 1_000, over);
  await jest.advanceTimersByTimeAsync(990);
  expect(over).not.toHaveBeenCalled();
  await jest.advanceTimersByTimeAsync(20);
  expect(over).toHaveBeenCalledTimes(1);
});

test('a timeout is judged after a turn of the event loop, in which input is read', () => {
  const over = jest.fn();
  timeLimit(clock, 1, over);
  // Only timers: a fake one of this kind rings on time.
  jest.advanceTimersByTime(1);
  const calledOff = timeLimit(clock, 1, () => over('called off'));
  calledOff();
  jest.runAllTimers();
  expect(over.mock.calls).toEqual([[]]);
});

test('a timeout can be longer than the longest timer of Node', async () => {
  const over = jest.fn();
  const month = 30 * 24 * 60 * 60 * 1_000;
  timeLimit(clock, month, over);
  await jest.advanceTimersByTimeAsync(month - 1_000);
  expect(over).not.toHaveBeenCalled();
  await jest.advanceTimersByTimeAsync(2_000);
  expect(over).toHaveBeenCalledTimes(1);
});

test('a time limit returns the remaining time when it is cancelled', async () => {
  const callOff = timeLimit(clock, 1_000, () => undefined);
  await jest.advanceTimersByTimeAsync(300);
  expect(callOff()).toBeCloseTo(700, -1);
});
