import { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { Mageflow } from '../../src';
import { quietLogger } from '../../__tests__/helpers/quiet';

export interface Bench {
  hatchet: HatchetClient;
  redis: Redis;
  mage: Mageflow;
}

/** A client of the engine and an instance on the Redis that were started for this process. */
export function openBench(hatchet = newClient()): Bench {
  const redis = new Redis(process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379');
  const mage = new Mageflow(hatchet, redis, { keyPrefix: `bench-${randomBytes(4).toString('hex')}` });
  return { hatchet, redis, mage };
}

export async function closeBench({ mage, redis }: Bench): Promise<void> {
  await mage.close();
  redis.disconnect();
}

/** A client with a namespace of its own, without log lines. */
export function newClient(): HatchetClient {
  return HatchetClient.init({ namespace: `bench${randomBytes(4).toString('hex')}`, logger: quietLogger as never });
}

/** A callback that lets its caller wait until its body runs. */
export function reporter(mage: Mageflow, name = 'report') {
  let report = (): void => undefined;
  const task = mage.task({
    name,
    fn: () => {
      report();
      return {};
    },
  });
  /** Starts something, and gives the ms until the callback's body. */
  const timed = async (start: () => Promise<unknown>): Promise<number> => {
    const end = new Promise<number>((resolve) => (report = () => resolve(performance.now())));
    const began = performance.now();
    await start();
    return (await end) - began;
  };
  return { task, timed };
}
