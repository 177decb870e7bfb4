import { randomBytes } from 'node:crypto';
import { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { Redis } from 'ioredis';
import { Mageflow } from 'mageflow';
import { unlessAborted } from './unless-aborted';
import { Interrupted } from './demo/interrupt';
import { QuietLogger } from './demo/quiet-logger';
import { errorMessage } from './stack/errors';
import { startStack } from './stack/stack';

export interface OnStack {
  mage: Mageflow;
  /** What a process needs to use the stack. */
  env: Record<string, string>;
  /** Aborted by an interrupt, and when a service breaks down. */
  signal: AbortSignal;
}

export interface OnStackOptions {
  /** Begins the namespace, on an engine that others use too. */
  name: string;
  say: (line: string) => void;
  interrupted: AbortSignal;
}

/** Whether the stack makes its engine itself. */
export const ownEngine = !process.env['HATCHET_CLIENT_TOKEN'];

/** Starts a stack, or takes what the environment names, uses a Mageflow on it, and stops what it has started. */
export async function onStack(
  { name, say, interrupted }: OnStackOptions,
  use: (stack: OnStack) => Promise<void>,
): Promise<void> {
  say(
    ownEngine ? 'stack: starting an engine, Postgres and Redis ...' : 'stack: using the engine of HATCHET_CLIENT_TOKEN',
  );
  const broken = new AbortController();
  let ready = false;
  const onProgress = (text: string): void => {
    say(`stack: ${text}`);
    // From then on the stack speaks only of a service that has ended.
    if (ready) broken.abort(new Error(`The stack broke down: ${text}`));
  };
  const stack = await unlessAborted(startStack({ onProgress }), interrupted);
  ready = true;
  Object.assign(process.env, stack.env);
  const logger = new QuietLogger();
  // On an engine that others use too, their workers must not serve these tasks.
  const namespace = ownEngine ? {} : { namespace: `${name}-${randomBytes(4).toString('hex')}` };
  const redis = new Redis(stack.redisUrl);
  redis.on('error', (error) => logger.error(`Redis: ${errorMessage(error)}`));
  try {
    const mage = new Mageflow(HatchetClient.init({ ...namespace, logger: () => logger }), redis);
    try {
      await use({ mage, env: stack.env, signal: AbortSignal.any([interrupted, broken.signal]) });
    } finally {
      await mage.close();
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

/** Calls `use` with a signal that is also aborted, with `message`, when the time is up. */
export async function withTimeLimit<T>(
  ms: number,
  message: string,
  signal: AbortSignal,
  use: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timeUp = new AbortController();
  const timer = setTimeout(() => timeUp.abort(new Error(message)), ms);
  try {
    return await use(AbortSignal.any([signal, timeUp.signal]));
  } finally {
    clearTimeout(timer);
  }
}
