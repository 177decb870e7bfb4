/**
 * `npm run test:fast [-- JEST ARGS]`: runs the suites of the store and those that need nothing, on the in-process Redis.
 * A test that __tests__/in-process/cannot-run.ts names must fail there, and every other one must pass. The last line counts.
 */
import path from 'node:path';
import { cannotRun } from '../__tests__/in-process/cannot-run';
import { report, runJest, type Count, type JestSuite } from './jest';
import { CHECKOUT } from './stack/paths';

const FOLDERS = ['__tests__/unit', '__tests__/integration/store', '__tests__/model'];
/** The number of slow suites that the report names. */
const SLOWEST = 5;

/** Returns whether a test is listed as one that cannot run on the in-process Redis. */
function isListed(file: string, test: string): boolean {
  return cannotRun.some((one) => one.file === file && (one.tests?.includes(test) ?? true));
}

/** Whether a test is one that is not even tried. */
function isSkipped(file: string, test: string): boolean {
  return cannotRun.some((one) => one.file === file && one.isSkipped && one.tests?.includes(test));
}

/** Returns what keeps Jest from files of which nothing can run: each would take its time to load. */
function untriedFiles(): string[] {
  const files = cannotRun.filter(({ tests }) => tests === undefined).map(({ file }) => file);
  return files.map((file) => `--testPathIgnorePatterns=__tests__/${file.replaceAll('.', '\\.')}$`);
}

/** Returns a pattern of the names of the tests that are tried. */
function triedPattern(): string {
  const skipped = cannotRun.flatMap((one) => (one.isSkipped ? (one.tests ?? []) : []));
  const names = skipped.map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return `^(?!(?:${names.join('|')})$)`;
}

const fileOf = ({ name }: JestSuite): string => path.relative(path.join(CHECKOUT, '__tests__'), name);

/** Takes listed tests that failed as passed, and the other way round. */
function judged({ remarks, suites }: Count): Count {
  const counted: Count = { passed: 0, failed: 0, remarks: [], suites: [] };
  for (const suite of suites) {
    const file = fileOf(suite);
    const tests = suite.assertionResults.map((test) => {
      if (!isListed(file, test.fullName) || isSkipped(file, test.fullName)) return test;
      const passes = test.status !== 'failed';
      const why = 'It is in __tests__/in-process/cannot-run.ts, and can run: take it out.';
      return { ...test, status: passes ? 'failed' : 'passed', failureMessages: passes ? [why] : [] };
    });
    const failed = tests.filter(({ status }) => status === 'failed').length;
    const isBroken = tests.length === 0 && suite.status === 'failed' && !isListed(file, '');
    counted.passed += tests.filter(({ status }) => status === 'passed').length;
    counted.failed += failed + (isBroken ? 1 : 0);
    const status = failed > 0 || isBroken ? 'failed' : 'passed';
    counted.suites.push({ ...suite, status, assertionResults: tests });
  }
  counted.remarks.push(...missing(counted.suites));
  counted.failed += counted.remarks.length;
  // Those of what did not run at all.
  if (suites.length === 0) {
    counted.remarks.push(...remarks);
    counted.failed += 1;
  }
  return counted;
}

/** Returns a line for each listed name that no suite has. */
function missing(suites: readonly JestSuite[]): string[] {
  return cannotRun.flatMap(({ file, tests = [] }) => {
    const suite = suites.find((one) => fileOf(one) === file);
    if (!suite) return [];
    const names = new Set(suite.assertionResults.map(({ fullName }) => fullName));
    return tests
      .filter((test) => !names.has(test))
      .map((test) => `cannot-run.ts names "${test}", which ${file} lacks.`);
  });
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const named = args.some((arg) => !arg.startsWith('-'));
  const began = Date.now();
  const config = path.join(CHECKOUT, 'jest.in-process.config.js');
  const paths = named ? [] : FOLDERS;
  const given = ['--config', config, `--testNamePattern=${triedPattern()}`, ...untriedFiles(), ...args, ...paths];
  const count = await runJest(given, process.env);
  const slowest = count.suites
    .map((suite) => ({ file: fileOf(suite), ms: suite.endTime - suite.startTime }))
    .sort((a, b) => b.ms - a.ms)
    .slice(0, SLOWEST);
  for (const { file, ms } of slowest) console.log(`${(ms / 1_000).toFixed(1)} s ${file}`);
  console.log(`${((Date.now() - began) / 1_000).toFixed(1)} s in all`);
  report([judged(count)]);
}

void main();
