import { NonRetryableError } from '@hatchet-dev/typescript-sdk';
import { systemClock } from '../../src/utils/clock';
import { ClosedError, ConfigurationError, InvalidMessageError, StoreError } from '../../src';
import { isLasting } from '../../src/config/errors';
import { RetryUntilTimeout } from '../../src/worker/retry-until';
import { Log } from '../helpers/fixture';

const context = () => ({ abortController: new AbortController() }) as never;
const about = { name: 'task', timeoutMs: 60_000 };

/** How often something that throws this is tried before a run begins; it succeeds at the second try. */
async function tries(error: unknown): Promise<number> {
  let count = 0;
  const action = () => ((count += 1) === 1 ? Promise.reject(error as Error) : Promise.resolve());
  await new RetryUntilTimeout({ clock: systemClock, logger: new Log() }, about, context())
    .retry('to be claimed', action)
    .catch(() => undefined);
  return count;
}

test('what a store or an engine that is away refuses is tried again before a run begins', async () => {
  expect(await tries(new StoreError('Redis is away'))).toBe(2);
  expect(await tries(new Error('the engine gave no answer within 10 s'))).toBe(2);
});

test.each([
  new TypeError('x is not a function'),
  new RangeError('Maximum call stack size exceeded'),
  new SyntaxError('Unexpected token'),
  new InvalidMessageError('a key named "constructor"'),
  new ConfigurationError('no such option'),
  new NonRetryableError('it was cancelled'),
])('what comes again each time ends the attempt at once: %s', async (error) => {
  expect(await tries(error)).toBe(1);
});

test('a text, nothing, and an error of another kind are not taken for lasting', () => {
  expect(
    ['TypeError', undefined, null, new Error('x'), new StoreError('x'), new ClosedError('x')].map(isLasting),
  ).toEqual(Array(6).fill(false));
});
