/** `npm run demo`: sums up the CSV files of examples/data in a swarm, on a stack of its own. See `--help`. */
import { randomBytes } from 'node:crypto';
import { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { Redis } from 'ioredis';
import { Mageflow } from 'mageflow';
import { problemsOf } from '../examples/parallel-files/check';
import { maxConcurrency, runBatch, type Outcome } from '../examples/parallel-files/run-batch';
import { unlessAborted } from '../examples/parallel-files/unless-aborted';
import { readArgs, USAGE, type DemoArgs } from './demo/args';
import { describeOutcome } from './demo/describe-outcome';
import { howToLook } from './demo/how-to-look';
import { Interrupted, onInterrupt } from './demo/interrupt';
import { ProgressLine } from './demo/progress-line';
import { QuietLogger } from './demo/quiet-logger';
import { errorMessage } from './stack/errors';
import { startStack } from './stack/stack';

/** A batch takes some seconds; one that has not ended by then never will. */
const BATCH_MS = 120_000;

const line = new ProgressLine(process.stdout);
const ownEngine = !process.env['HATCHET_CLIENT_TOKEN'];

async function runAndPrint(mage: Mageflow, fail: boolean, signal: AbortSignal): Promise<void> {
  const timeUp = new AbortController();
  const timer = setTimeout(() => {
    timeUp.abort(new Error(`Expected the batch to end within ${BATCH_MS / 1000} s, but it still goes on.`));
  }, BATCH_MS);
  let outcome: Outcome;
  try {
    outcome = await runBatch(mage, {
      fail,
      signal: AbortSignal.any([signal, timeUp.signal]),
      onStart: (swarmId) => line.say(`swarm ${swarmId}: at most ${maxConcurrency} at once`),
      onProgress: (progress, event) => {
        if (event) line.say(event);
        line.update(progress);
      },
    });
  } finally {
    clearTimeout(timer);
    line.end();
  }
  console.log(describeOutcome(outcome));
  const problems = problemsOf(outcome, fail);
  if (problems.length > 0) throw new Error(`The result is not what it should be:\n${problems.join('\n')}`);
  console.log('Checked against a plain computation over the same files: all right.\n');
  const { succeeded, failed } = outcome.progress;
  console.log(await howToLook(mage.hatchet, outcome.swarmId, succeeded + failed + 1, ownEngine));
}

/** Without what was given: that is known, and its token may be worth something. */
function printEnvironment(env: Record<string, string>, given: NodeJS.ProcessEnv): void {
  const made = Object.entries(env).filter(([name, value]) => /^(HATCHET|REDIS)_/.test(name) && given[name] !== value);
  if (made.length > 0) console.log('\nTo use this stack from another terminal:');
  for (const [name, value] of made) console.log(`  export ${name}='${value}'`);
  console.log('\nThe engine, Postgres and Redis keep running until Ctrl-C.');
}

async function demo({ fail, keep }: DemoArgs, interrupted: AbortSignal): Promise<void> {
  line.say(
    ownEngine ? 'stack: starting an engine, Postgres and Redis ...' : 'stack: using the engine of HATCHET_CLIENT_TOKEN',
  );
  const broken = new AbortController();
  let ready = false;
  const onProgress = (text: string): void => {
    line.say(`stack: ${text}`);
    // From then on the stack speaks only of a service that has ended.
    if (ready) broken.abort(new Error(`The stack broke down: ${text}`));
  };
  const stack = await unlessAborted(startStack({ onProgress }), interrupted);
  ready = true;
  const signal = AbortSignal.any([interrupted, broken.signal]);
  const given = { ...process.env };
  Object.assign(process.env, stack.env);
  const logger = new QuietLogger();
  // On an engine that others use too, their workers must not serve these tasks.
  const namespace = ownEngine ? {} : { namespace: `demo-${randomBytes(4).toString('hex')}` };
  const redis = new Redis(stack.redisUrl);
  redis.on('error', (error) => logger.error(`Redis: ${errorMessage(error)}`));
  try {
    const mage = new Mageflow(HatchetClient.init({ ...namespace, logger: () => logger }), redis);
    try {
      await runAndPrint(mage, fail, signal);
    } finally {
      await mage.close();
    }
    if (keep) {
      printEnvironment(stack.env, given);
      await unlessAborted(new Promise(() => undefined), signal);
    } else {
      console.log('The stack stops now; npm run demo -- --keep leaves it up.');
    }
  } catch (error) {
    if (!(error instanceof Interrupted) && logger.lines.length > 0)
      console.error(`The last warnings and errors:\n${logger.lines.join('\n')}`);
    throw error;
  } finally {
    redis.disconnect();
    await stack.stop();
  }
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
