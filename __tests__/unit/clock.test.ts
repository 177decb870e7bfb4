import { AsyncLocalStorage } from 'node:async_hooks';
import { clockOf, idlePause, pause, systemClock, type Clock } from '../../src/utils/clock';

afterEach(() => void jest.useRealTimers());

test("the process's clock goes on when a test replaces the global timers", async () => {
  jest.useFakeTimers();
  const before = systemClock.elapsed();
  await pause(systemClock, 5);
  await new Promise<void>((resolve) => void systemClock.immediate(resolve));
  await new Promise<void>((resolve) => {
    const timer = systemClock.interval(() => {
      timer.cancel();
      resolve();
    }, 1);
  });
  expect(systemClock.elapsed()).toBeGreaterThan(before);
});

test('a clock made of replaced timers follows them', async () => {
  jest.useFakeTimers({ now: 1_000 });
  const clock = clockOf(globalThis);
  const calls: string[] = [];
  clock.timeout(() => calls.push('timeout'), 100);
  clock.interval(() => calls.push('interval'), 60);
  clock.timeout(() => calls.push('cancelled'), 10).cancel();
  void idlePause(clock, 130).then(() => calls.push('pause'));
  await jest.advanceTimersByTimeAsync(130);
  expect(calls).toEqual(['interval', 'timeout', 'interval', 'pause']);
  expect(clock.now()).toBe(1_130);
});

test.each([
  ['timeout', (clock: Clock, action: () => void) => clock.timeout(action, 1)],
  ['interval', (clock: Clock, action: () => void) => clock.interval(action, 1)],
  ['immediate', (clock: Clock, action: () => void) => clock.immediate(action)],
] as const)('the action of a %s runs outside the context in which it is set', async (_, set) => {
  const context = new AsyncLocalStorage<string>();
  const seen = await context.run('a body', () => {
    return new Promise<unknown>((resolve) => {
      const timer = set(systemClock, () => {
        timer.cancel();
        resolve(context.getStore());
      });
    });
  });
  expect(seen).toBeUndefined();
});
