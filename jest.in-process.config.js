// Runs suites on the in-process Redis, in place of a real one: see scripts/test-fast.ts.
const base = require('./jest.config.js');

/** @type {import('jest').Config} */
module.exports = {
  ...base,
  moduleNameMapper: { ...base.moduleNameMapper, '^ioredis$': '<rootDir>/__tests__/in-process/ioredis.ts' },
  setupFiles: ['<rootDir>/__tests__/in-process/environment.ts'],
};
