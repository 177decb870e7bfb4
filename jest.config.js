/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/__tests__'],
  testMatch: ['**/__tests__/**/*.test.ts'],
  moduleNameMapper: {
    '^mageflow$': '<rootDir>/src/index.ts',
    '^mageflow/viewer$': '<rootDir>/src/viewer/index.ts',
    '^@hatchet-dev/typescript-sdk$': '<rootDir>/__tests__/lazy/hatchet.js',
    '^zod$': '<rootDir>/__tests__/lazy/zod.js',
  },
  transform: {
    '^.+\\.ts$': [
      'ts-jest',
      {
        // `npm run typecheck` does the types; here each file is only translated.
        diagnostics: false,
        tsconfig: {
          target: 'ES2022',
          module: 'CommonJS',
          esModuleInterop: true,
          isolatedModules: true,
          sourceMap: true,
        },
      },
    ],
  },
  // More than there are cores: the suites mostly wait.
  maxWorkers: 4,
  // Only a hang ends by it: on a slow machine the engine takes several times as long.
  testTimeout: 300_000,
};
