import { ConfigurationError } from '../../src';
import { resolveOptions } from '../../src/config/options';

const logger = { info: () => undefined, warn: () => undefined, error: () => undefined };
const longest = 2 ** 31 - 1;

describe.each(['leaseMs', 'reconcileIntervalMs', 'commandTimeoutMs'] as const)('%s', (field) => {
  test('takes the longest time that a timer can be set to', () => {
    expect(resolveOptions({ [field]: longest }, logger)[field]).toBe(longest);
  });

  test('refuses a longer one, which would turn into its opposite', () => {
    const refused = () => resolveOptions({ [field]: longest + 1 }, logger);
    expect(refused).toThrow(ConfigurationError);
    expect(refused).toThrow(`${field}: expected at most 2147483647 ms (24 days), got 2147483648.`);
  });
});

test('a retention of years is kept by Redis, not by a timer', () => {
  const years = 10 * 365 * 24 * 60 * 60 * 1_000;
  expect(resolveOptions({ retention: { finishedMs: years, abandonedMs: years } }, logger)).toMatchObject({
    finishedMs: years,
    abandonedMs: years,
  });
});
