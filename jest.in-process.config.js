// Runs suites on the in-process Redis in place of a real one: see scripts/test-fast.ts.
const base = require('./jest.config.js');

const inPlaceOf = {
  '^ioredis$': '<rootDir>/__tests__/in-process/ioredis.ts',
  '/own-redis$': '<rootDir>/__tests__/in-process/own-redis.ts',
};

/** @type {import('jest').Config} */
module.exports = {
  ...base,
  moduleNameMapper: { ...base.moduleNameMapper, ...inPlaceOf },
  setupFiles: ['<rootDir>/__tests__/in-process/environment.ts'],
  reporters: ['<rootDir>/__tests__/in-process/no-output.js'],
  // Only what cannot run there takes long: it waits for what never comes.
  testTimeout: 20_000,
};
