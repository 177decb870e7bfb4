/** `npm test [-- JEST ARGS]`: runs the suites, on a stack of their own where one of them needs it. The last line counts. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { JEST, runJest, type Count } from './jest';
import { errorMessage } from './stack/errors';
import { CHECKOUT } from './stack/paths';
import { startStack } from './stack/stack';

/** Suites that need no services. */
const WITHOUT_STACK = ['__tests__/unit/', '__tests__/types/'].map((folder) => path.join(CHECKOUT, folder));

/** What takes minutes by itself is run by its name, and by `npm run faults`. */
const WITHOUT_LONG = '--testPathIgnorePatterns=\\.long\\.test\\.ts$';

/** Jest itself says which files its arguments choose. */
function needsStack(args: string[]): boolean {
  const listed = execFileSync(process.execPath, [JEST, '--listTests', '--json', ...args], {
    cwd: CHECKOUT,
    encoding: 'utf8',
  });
  const files = JSON.parse(listed) as string[];
  return files.some((file) => !WITHOUT_STACK.some((folder) => file.startsWith(folder)));
}

async function runSuites(args: string[]): Promise<Count> {
  if (!needsStack(args)) return runJest(args, process.env);
  const stack = await startStack({
    onProgress: (line) => {
      console.error(`stack: ${line}`);
    },
  });
  try {
    return await runJest(args, { ...process.env, ...stack.env });
  } finally {
    await stack.stop();
  }
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const named = args.some((arg) => !arg.startsWith('-'));
  const counted = await runSuites(named ? args : [...args, WITHOUT_LONG]).catch((error: unknown): Count => ({
    passed: 0,
    failed: 1,
    remarks: [errorMessage(error)],
    suites: [],
  }));
  for (const remark of counted.remarks) console.log(remark);
  console.log(`${String(counted.passed)} passed, ${String(counted.failed)} failed`);
  if (counted.failed > 0) process.exitCode = 1;
}

void main();
