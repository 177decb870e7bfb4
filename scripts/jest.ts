import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runInForeground } from './child';
import { CHECKOUT } from './stack/paths';
import { poll } from './stack/wait';

/** How long Jest may live on after its results: longer, and a test has left something open. */
const LINGER_MS = 20_000;
export const JEST = require.resolve('jest/bin/jest');

/** What is read of the file that Jest writes. */
export interface JestResult {
  numPassedTests: number;
  numFailedTests: number;
  numRuntimeErrorTestSuites: number;
  numPendingTests: number;
  numTodoTests: number;
  numTotalTests: number;
  testResults: JestSuite[];
}

export interface JestSuite {
  name: string;
  startTime: number;
  endTime: number;
  /** Why the suite did not run, if it did not. */
  message?: string;
  status?: string;
  assertionResults: { fullName: string; status: string; failureMessages?: string[] }[];
}

export interface Count {
  passed: number;
  failed: number;
  /** Failures that Jest itself does not report as such. */
  remarks: string[];
  suites: JestSuite[];
}

function count(resultFile: string, exitCode: number, filtered: boolean): Count {
  if (!existsSync(resultFile))
    return { passed: 0, failed: 1, remarks: [`Jest gave no result (exit code ${String(exitCode)}).`], suites: [] };
  const result = JSON.parse(readFileSync(resultFile, 'utf8')) as JestResult;
  const counted: Count = {
    passed: result.numPassedTests,
    failed: result.numFailedTests + result.numRuntimeErrorTestSuites,
    remarks: [],
    suites: result.testResults,
  };
  const fail = (number: number, remark: string): void => {
    counted.failed += number;
    counted.remarks.push(remark);
  };
  // Jest also calls those skipped that a name pattern has left out.
  const skipped = result.numTodoTests + (filtered ? 0 : result.numPendingTests);
  if (skipped > 0)
    fail(skipped, `${String(skipped)} skipped or todo tests count as failed: a test is to run or to go.`);
  if (counted.passed + counted.failed === 0) fail(1, 'No test ran, which counts as a failure.');
  if (exitCode !== 0 && counted.failed === 0)
    fail(1, `Jest exited with code ${String(exitCode)} though no test failed.`);
  return counted;
}

/** Of several runs together. */
export function sumOf(counts: readonly Count[], field: 'passed' | 'failed'): number {
  return counts.reduce((total, count) => total + count[field], 0);
}

/** The tests and suites that failed, a line each: the reports of long runs are cut before they are read. */
export function failuresOf({ suites }: Count): string[] {
  const line = (name: string, test: string, message: string): string =>
    `FAILED ${path.relative(CHECKOUT, name)} › ${test}: ${message.split('\n')[0] ?? ''}`;
  return suites.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === 'failed');
    if (status === 'failed' && failed.length === 0) return [line(name, 'the whole suite', message?.trim() ?? '')];
    return failed.map(({ fullName, failureMessages }) => line(name, fullName, failureMessages?.[0] ?? ''));
  });
}

/** Prints what several runs gave, the count in the last line; the process fails when one of them has. */
export function report(counts: readonly Count[]): void {
  for (const failure of counts.flatMap(failuresOf)) console.log(failure);
  for (const { remarks } of counts) for (const remark of remarks) console.log(remark);
  const failed = sumOf(counts, 'failed');
  console.log(`${String(sumOf(counts, 'passed'))} passed, ${String(failed)} failed`);
  if (failed > 0) process.exitCode = 1;
}

/**
 * Runs Jest and counts.
 * @param within - a command that runs the one that it is given, with more around it
 */
export async function runJest(args: string[], env: NodeJS.ProcessEnv, within: string[] = []): Promise<Count> {
  const folder = mkdtempSync(path.join(tmpdir(), 'mageflow-test-'));
  const resultFile = path.join(folder, 'result.json');
  const ended = new AbortController();
  let lingered = false;
  const watch = async (child: ChildProcess): Promise<void> => {
    const day = 24 * 60 * 60_000;
    await poll(() => existsSync(resultFile), { timeoutMs: day, everyMs: 500, signal: ended.signal });
    const gone = await poll(() => child.exitCode !== null, {
      timeoutMs: LINGER_MS,
      everyMs: 100,
      signal: ended.signal,
    });
    if (gone === undefined) {
      lingered = true;
      child.kill('SIGKILL');
    }
  };
  try {
    const exitCode = await runInForeground(
      process.execPath,
      [...within, JEST, '--json', `--outputFile=${resultFile}`, ...args],
      {
        env,
        // Its workers go on by themselves when it is ended.
        wholeGroup: true,
        onStart: (child) => {
          watch(child).catch((error: unknown) => {
            if (!ended.signal.aborted) console.error(error);
          });
        },
      },
    );
    const filtered = args.some((arg) => arg === '-t' || arg.startsWith('--testNamePattern'));
    const counted = count(resultFile, lingered ? 0 : exitCode, filtered);
    if (lingered) {
      counted.failed += 1;
      counted.remarks.push(
        `Jest did not end ${String(LINGER_MS / 1000)} s after its results: a test left something open (--detectOpenHandles shows what).`,
      );
    }
    return counted;
  } finally {
    ended.abort();
    rmSync(folder, { recursive: true, force: true });
  }
}
