// Tries `mageflow/testing` as its users have it: in projects of jest and vitest, with ES modules and CommonJS, from the packed
// package. One install serves all.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** The last major version for Node 20. */
const vitest = '4.0.18';

const programs = ['tasks', 'factory', 'connected', 'suite'];

/** The test file of each project. HatchetClient.init() throws without a token, so that each mocks it. */
const tests = {
  'jest-esm': `
import { jest } from '@jest/globals';
jest.unstable_mockModule('@hatchet-dev/typescript-sdk', async () => {
  const { createRequire } = await import('node:module');
  const sdk = createRequire(import.meta.url)('@hatchet-dev/typescript-sdk');
  return { ...sdk, HatchetClient: Object.assign(class extends sdk.HatchetClient {}, { init: () => ({}) }), default: sdk };
});
const testing = await import('mageflow/testing');
const { kit } = await import('mageflow/testing/setup');
const { Mageflow } = await import('mageflow');
const tasks = await import('./tasks.mjs');
const factory = await import('./factory.mjs');
const connected = await import('./connected.mjs');
const { suite } = await import('./suite.mjs');
suite({ test, expect, afterEach, testing, kit, tasks, factory, connected, Mageflow });
`,
  'jest-cjs': `
jest.mock('@hatchet-dev/typescript-sdk', () => {
  const sdk = jest.requireActual('@hatchet-dev/typescript-sdk');
  return { ...sdk, HatchetClient: Object.assign(class extends sdk.HatchetClient {}, { init: () => ({}) }) };
});
const testing = require('mageflow/testing');
const { kit } = require('mageflow/testing/setup');
const { Mageflow } = require('mageflow');
const { suite } = require('./suite.cjs');
suite({ test, expect, afterEach, testing, kit, tasks: require('./tasks.cjs'), factory: require('./factory.cjs'), connected: require('./connected.cjs'), Mageflow });
`,
  'vitest-esm': `
import { afterEach, expect, test, vi } from 'vitest';
import * as testing from 'mageflow/testing';
import { kit } from 'mageflow/testing/setup';
import { Mageflow } from 'mageflow';
import { suite } from './suite.mjs';
import * as tasks from './tasks.mjs';
import * as factory from './factory.mjs';
import * as connected from './connected.mjs';
vi.mock('@hatchet-dev/typescript-sdk', async (importActual) => {
  const sdk = await importActual();
  return { ...sdk, HatchetClient: { init: () => ({}) } };
});
suite({ test, expect, afterEach, testing, kit, tasks, factory, connected, Mageflow });
`,
  // The test is an ES module, as vitest has them; what it tests is CommonJS, with the other copy of the package.
  'vitest-cjs': `
import { createRequire } from 'node:module';
import { afterEach, expect, test } from 'vitest';
import * as testing from 'mageflow/testing';
import { kit } from 'mageflow/testing/setup';
const require = createRequire(import.meta.url);
const { HatchetClient } = require('@hatchet-dev/typescript-sdk');
// vi.mock does not reach what require() loads.
HatchetClient.init = () => ({});
const { Mageflow } = require('mageflow');
const { suite } = require('./suite.cjs');
suite({ test, expect, afterEach, testing, kit, tasks: require('./tasks.cjs'), factory: require('./factory.cjs'), connected: require('./connected.cjs'), Mageflow });
`,
};

/** Turns a program of the check into CommonJS. */
function toCommonJs(text) {
  const names = [...text.matchAll(/^export (?:const|async function|function) (\w+)/gm)].map(([, name]) => name);
  return (
    text
      .replace(/^import (.*) from '(.*)';$/gm, (_, what, from) => `const ${what} = require('${from}');`)
      .replace(/^export /gm, '') + `module.exports = { ${names.join(', ')} };\n`
  );
}

/** Writes the projects below a folder that has the package installed. @returns their names */
function writeProjects(folder, source) {
  for (const [name, test] of Object.entries(tests)) {
    const project = path.join(folder, name);
    mkdirSync(project, { recursive: true });
    const isEsm = name.endsWith('esm');
    writeFileSync(path.join(project, 'package.json'), JSON.stringify({ name, type: isEsm ? 'module' : 'commonjs' }));
    for (const program of programs) {
      const text = readFileSync(path.join(source, `${program}.mjs`), 'utf8');
      const extension = isEsm ? 'mjs' : 'cjs';
      writeFileSync(path.join(project, `${program}.${extension}`), isEsm ? text : toCommonJs(text));
    }
    const isJest = name.startsWith('jest');
    writeFileSync(path.join(project, isJest && !isEsm ? 'kit.test.cjs' : 'kit.test.mjs'), test);
    const config = isJest
      ? `{ "transform": {}, "testMatch": ["**/*.test.?js"], "setupFiles": ["mageflow/testing/setup"] }`
      : `import { defineConfig } from 'vitest/config';\nexport default defineConfig({ test: { include: ['*.test.mjs'], setupFiles: ['mageflow/testing/setup'] } });\n`;
    writeFileSync(path.join(project, isJest ? 'jest.config.json' : 'vitest.config.mjs'), config);
  }
  return Object.keys(tests);
}

/**
 * Installs the runners and runs all projects.
 * @param run - runs a command in a folder and returns its output; throws when it fails
 */
export function checkTestingProjects({ consumer, source, run, installed }) {
  const runners = [`jest@${installed('jest')}`, `vitest@${vitest}`, `@types/jest@${installed('@types/jest')}`];
  run('npm', ['install', '--no-save', '--prefer-offline', '--no-audit', '--no-fund', ...runners], consumer);
  const bin = (name) => path.join(consumer, 'node_modules/.bin', name);
  for (const name of writeProjects(consumer, source)) {
    const project = path.join(consumer, name);
    const output = name.startsWith('jest')
      ? run(process.execPath, ['--experimental-vm-modules', '--no-warnings', bin('jest'), '--json'], project)
      : run(bin('vitest'), ['run', '--reporter=json'], project);
    const { numPassedTests: passed, numTotalTests: all } = JSON.parse(output.slice(output.indexOf('{')));
    if (passed !== all || all === 0) throw new Error(`${name}: ${passed} of ${all} tests passed`);
    console.log(`    ${name}: ${passed} tests passed`);
  }
  for (const file of ['process.mjs', 'tasks.mjs']) cpSync(path.join(source, file), path.join(consumer, file));
  run(process.execPath, ['process.mjs'], consumer);
  const typed = path.join(consumer, 'typed');
  mkdirSync(typed);
  for (const file of ['types.ts', 'declared.ts']) cpSync(path.join(source, file), path.join(typed, file));
  return typed;
}
