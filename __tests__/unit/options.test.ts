import { systemClock } from '../../src/utils/clock';
import { ConfigurationError } from '../../src';
import { refuseUnknown, resolveOptions, wholeNumber } from '../../src/config/options';
import {
  resolveChange,
  resolveConfig,
  takeRootConfig,
  withoutDefaults,
  type ResolvedConfig,
} from '../../src/config/swarm-config';
import { decodeConfig, encodeChange, encodeConfig, storedFields } from '../../src/store/stored-config';

const logger = { info: () => undefined, warn: () => undefined, error: () => undefined };

test('the defaults are those of the documentation', () => {
  expect(resolveOptions({}, logger)).toEqual({
    keyPrefix: 'mageflow',
    finishedMs: 86_400_000,
    abandonedMs: 604_800_000,
    leaseMs: 10_000,
    reconcileIntervalMs: 5_000,
    commandTimeoutMs: 5_000,
    maxInlineBytes: 262_144,
    maxResultBytes: 67_108_864,
    logger,
    clock: systemClock,
  });
});

test('undefined and null mean the default, also inside retention', () => {
  const empty = { keyPrefix: undefined, leaseMs: null, retention: { finishedMs: null, abandonedMs: undefined } };
  expect(resolveOptions(empty as never, logger)).toEqual(resolveOptions({}, logger));
});

test('what is given replaces the default', () => {
  const lines: string[] = [];
  const own = { ...logger, warn: (line: string) => lines.push(line) };
  const given = { keyPrefix: 'shop', retention: { finishedMs: 1 }, maxInlineBytes: 5, logger: own };
  const resolved = resolveOptions(given, logger);
  expect(resolved).toMatchObject({ keyPrefix: 'shop', finishedMs: 1, abandonedMs: 604_800_000, maxInlineBytes: 5 });
  // The prefix occurs once: the client's logger does so itself.
  resolved.logger.warn('a line');
  expect(lines).toEqual(['mageflow: a line']);
  expect(resolveOptions({}, logger).logger).toBe(logger);
});

test.each([[0], [-1], [1.5], [NaN], [Infinity], [2 ** 53], ['1'], [1n], [true], [{}], [[]]])(
  'wholeNumber refuses %p',
  (value) => {
    expect(() => wholeNumber('field', value, 5)).toThrow(ConfigurationError);
    expect(() => wholeNumber('field', value, 5)).toThrow(/^field: expected a whole number of at least 1, got /);
  },
);

test('wholeNumber takes both ends of its range', () => {
  const range = { min: 0, max: 10 };
  expect([0, 10].map((value) => wholeNumber('n', value, 5, range))).toEqual([0, 10]);
  expect(() => wholeNumber('n', 11, 5, range)).toThrow('n: expected a whole number from 0 to 10, got 11.');
});

test.each([[null], [[]], [5], ['x'], [undefined]])('refuseUnknown refuses %p, naming what it is for', (value) => {
  expect(() => refuseUnknown(value as never, new Set(), 'field of retention')).toThrow(
    /^retention: expected an object/,
  );
});

describe('the texts of a swarm config in Redis', () => {
  const limits = {
    stopAfterFailureRatio: 0.25,
    timeoutMs: 5_000,
    maxItems: 7,
    onStop: 'cancel',
    closeAfterIdleMs: 9,
    rateLimit: { limit: 2, perMs: 3, burst: 4 },
  } as const;

  test.each<[string, ResolvedConfig]>([
    ['its defaults', resolveConfig({})],
    [
      'all that differs from them',
      resolveConfig({ ...limits, stopAfterNFailures: 3, maxConcurrency: 2, keepResults: false }),
    ],
  ])('give %s back', (_, config) => {
    const pairs = encodeConfig(config);
    const stored = Object.fromEntries(pairs.flatMap((name, i) => (i % 2 === 0 ? [[name, pairs[i + 1]]] : [])));
    expect(decodeConfig(storedFields.map((name) => stored[name]))).toEqual(config);
    expect(Object.values(stored)).not.toContain('');
    expect(resolveConfig(withoutDefaults(config))).toEqual(config);
  });

  test('of a change say what is removed', () => {
    expect(encodeChange(resolveChange({ maxItems: null, onStop: null, maxConcurrency: 4 }))).toEqual([
      ...['mc', '4'],
      ...['os', ''],
      ...['mi', ''],
    ]);
  });
});

describe('the config of a root task', () => {
  test('is taken out of the options of its declaration', () => {
    const { config, rest } = takeRootConfig({ name: 'root', maxConcurrency: 3, onStop: 'cancel', retries: 2 });
    expect(config).toEqual(resolveConfig({ maxConcurrency: 3, onStop: 'cancel' }));
    expect(rest).toEqual({ name: 'root', retries: 2 });
  });

  test('has no maxItems', () => {
    expect(() => takeRootConfig({ maxItems: 3 })).toThrow(/^maxItems: can't be set/);
    expect(takeRootConfig({ maxItems: null }).config).toEqual(resolveConfig({}));
  });
});

describe('a swarm config', () => {
  const noLimits = {
    stopAfterFailureRatio: null,
    timeoutMs: null,
    maxItems: null,
    onStop: 'finish',
    closeAfterIdleMs: null,
    rateLimit: null,
  };

  test('has its defaults', () => {
    const defaults = { ...noLimits, maxConcurrency: 30, stopAfterNFailures: null, keepResults: true };
    for (const given of [undefined, null, {}, { maxConcurrency: null, keepResults: null, stopAfterNFailures: null }])
      expect(resolveConfig(given)).toEqual(defaults);
  });

  test('takes both ends of its ranges', () => {
    expect(resolveConfig({ maxConcurrency: 1, stopAfterNFailures: 1, keepResults: false })).toEqual({
      ...noLimits,
      maxConcurrency: 1,
      stopAfterNFailures: 1,
      keepResults: false,
    });
    expect(resolveConfig({ maxConcurrency: 1_000_000 }).maxConcurrency).toBe(1_000_000);
    for (const stopAfterFailureRatio of [0, 1])
      expect(resolveConfig({ stopAfterFailureRatio }).stopAfterFailureRatio).toBe(stopAfterFailureRatio);
  });

  test.each([[-0.1], [1.1], [NaN], ['0.5'], [true]])('refuses %p as a ratio of failures', (stopAfterFailureRatio) => {
    expect(() => resolveConfig({ stopAfterFailureRatio: stopAfterFailureRatio as number })).toThrow(
      /^stopAfterFailureRatio: expected a number from 0 to 1, got/,
    );
  });

  test.each([[0], [-1], [1.5], [Infinity], ['5']])('refuses %p as a time limit', (timeoutMs) => {
    expect(() => resolveConfig({ timeoutMs: timeoutMs as number })).toThrow(/^timeoutMs: expected a whole number/);
  });

  test('a change holds what is given only, null being the default', () => {
    expect(resolveChange({ maxConcurrency: null, stopAfterNFailures: null, timeoutMs: undefined as never })).toEqual({
      maxConcurrency: 30,
      stopAfterNFailures: null,
    });
    expect(resolveChange({})).toEqual({});
    expect(() => resolveChange({ keepResults: false })).toThrow(/^keepResults: can't be changed/);
    expect(() => resolveChange({ maxConcurrency: 0 })).toThrow(/^maxConcurrency: expected/);
  });
});
