/** `npm test [-- JEST ARGS]`: runs the suites, on stacks of their own where they need one. The last line counts. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { JEST, report, runJest, type Count } from './jest';
import { errorMessage } from './stack/errors';
import { CHECKOUT } from './stack/paths';
import { onStopSignal } from './stack/stop-signals';
import { withStack } from './stack/with-stack';

/** Suites that need no services. */
const WITHOUT_STACK = ['__tests__/unit/', '__tests__/types/'].map((folder) => path.join(CHECKOUT, folder));

/** What takes minutes by itself is run by its name, and by `npm run faults`. */
const WITHOUT_LONG = '--testPathIgnorePatterns=\\.long\\.test\\.ts$';

/** Each suite brings task names of its own, and the engine goes on polling a queue for every name: many would take all its time. */
const SUITES_PER_STACK = 40;

/** On how many stacks, one after the other. Jest itself says which files its arguments choose. */
function stacksFor(args: string[]): number {
  const listed = execFileSync(process.execPath, [JEST, '--listTests', '--json', ...args], {
    cwd: CHECKOUT,
    encoding: 'utf8',
  });
  const files = JSON.parse(listed) as string[];
  const needing = files.filter((file) => !WITHOUT_STACK.some((folder) => file.startsWith(folder)));
  return Math.ceil(needing.length / SUITES_PER_STACK);
}

/** What one run of Jest gave, and whether a signal has ended it. */
async function runPart(args: string[], env: NodeJS.ProcessEnv): Promise<{ count: Count; interrupted: boolean }> {
  let interrupted = false;
  const listenNoMore = onStopSignal(() => void (interrupted = true));
  try {
    return { count: await runJest(args, env), interrupted };
  } finally {
    listenNoMore();
  }
}

async function runSuites(args: string[]): Promise<Count[]> {
  const stacks = stacksFor(args);
  if (stacks === 0) return [await runJest(args, process.env)];
  const counts: Count[] = [];
  for (let part = 1; part <= stacks; part++) {
    const shard = stacks === 1 ? [] : [`--shard=${String(part)}/${String(stacks)}`];
    const { count, interrupted } = await withStack((env) => runPart([...args, ...shard], { ...process.env, ...env }));
    counts.push(count);
    if (interrupted) {
      const left = `Interrupted in part ${String(part)} of ${String(stacks)}; the rest was not run.`;
      return [...counts, { passed: 0, failed: 1, remarks: [left], suites: [] }];
    }
  }
  return counts;
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const named = args.some((arg) => !arg.startsWith('-'));
  const counts = await runSuites(named ? args : [...args, WITHOUT_LONG]).catch((error: unknown): Count[] => [
    { passed: 0, failed: 1, remarks: [errorMessage(error)], suites: [] },
  ]);
  report(counts);
}

void main();
