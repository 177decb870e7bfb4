/** `npm run demo`: sums up the CSV files of examples/data in a swarm, on a stack of its own. See `--help`. */
import type { Mageflow } from 'mageflow';
import { problemsOf } from '../examples/parallel-files/check';
import { maxConcurrency, runBatch, type Outcome } from '../examples/parallel-files/run-batch';
import { unlessAborted } from './unless-aborted';
import { readArgs, USAGE, type DemoArgs } from './demo/args';
import { commandsToTry } from './demo/commands-to-try';
import { describeOutcome } from './demo/describe-outcome';
import { howToLook } from './demo/how-to-look';
import { Interrupted, onInterrupt } from './demo/interrupt';
import { ProgressLine } from './demo/progress-line';
import { endOfDemo, keptServices } from './demo/started';
import { onStack, ownEngine, withTimeLimit } from './on-stack';
import { errorMessage } from './stack/errors';
import { serveViewer } from './viewer/serve';

/** A batch takes some seconds, minutes on a machine that does much else; one that has not ended by then never will. */
const BATCH_MS = 600_000;

const line = new ProgressLine(process.stdout);

/** @returns the commands that show it */
async function runAndPrint(mage: Mageflow, fail: boolean, signal: AbortSignal): Promise<string[]> {
  const message = `Expected the batch to end within ${BATCH_MS / 1000} s, but it still goes on.`;
  let outcome: Outcome;
  try {
    outcome = await withTimeLimit(BATCH_MS, message, signal, (signal) =>
      runBatch(mage, {
        fail,
        signal,
        onStart: (swarmId) => line.say(`swarm ${swarmId}: at most ${maxConcurrency} at once`),
        onProgress: (progress, event) => {
          if (event) line.say(event);
          line.update(progress);
        },
      }),
    );
  } finally {
    line.end();
  }
  console.log(describeOutcome(outcome));
  const problems = problemsOf(outcome, fail);
  if (problems.length > 0) throw new Error(`The result is not what it should be:\n${problems.join('\n')}`);
  console.log('Checked against a plain computation over the same files: all right.\n');
  const { succeeded, failed } = outcome.progress;
  console.log(await howToLook(mage.hatchet, outcome.swarmId, succeeded + failed + 1, ownEngine));
  return commandsToTry(outcome.swarmId, mage.hatchet.config.namespace ?? '', failed);
}

/** Without what was given: that is known, and its token may be worth something. */
function printEnvironment(env: Record<string, string>, given: NodeJS.ProcessEnv): void {
  const made = Object.entries(env).filter(([name, value]) => /^(HATCHET|REDIS)_/.test(name) && given[name] !== value);
  if (made.length > 0) console.log('\nTo use this stack from another terminal:');
  for (const [name, value] of made) console.log(`  export ${name}='${value}'`);
  console.log(`\n${keptServices(given)}`);
}

async function demo({ fail, keep }: DemoArgs, interrupted: AbortSignal): Promise<void> {
  const given = { ...process.env };
  await onStack({ name: 'demo', say: (text) => line.say(text), interrupted }, async ({ mage, env, signal }) => {
    const commands = (await runAndPrint(mage, fail, signal)).map((command) => `  ${command}`).join('\n');
    if (keep) {
      printEnvironment(env, given);
      console.log(`\nTo look at the swarm there:\n${commands}\n`);
      console.log('Or in a browser, where each address works once:');
      const close = await serveViewer(mage, (address) => console.log(`  ${address}`));
      try {
        await unlessAborted(new Promise(() => undefined), signal);
      } finally {
        close();
      }
    } else {
      console.log(`\nTo try while it is there, with npm run demo -- --keep:\n${commands}\n`);
      console.log(endOfDemo(given));
    }
  });
}

async function main(): Promise<void> {
  const args = readArgs(process.argv.slice(2));
  if (args.help) return console.log(USAGE);
  await demo(args, onInterrupt());
}

main().catch((error: unknown) => {
  console.error(`demo: ${errorMessage(error)}`);
  // At once: what still hangs on an engine or a Redis that is gone must not keep the process. A stack ends with it.
  process.exit(error instanceof Interrupted ? error.exitCode : 1);
});
