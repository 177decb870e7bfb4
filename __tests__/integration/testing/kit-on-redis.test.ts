import { Redis } from 'ioredis';
import { createTestKit } from '../../../src/testing';

async function keysOfKits(): Promise<string[]> {
  const redis = new Redis(process.env['REDIS_URL']!);
  const found = await redis.keys('kit-*');
  redis.disconnect();
  return found;
}

test('a kit works on a real Redis, whose time it does not move, and leaves no key behind', async () => {
  const kit = await createTestKit({ mode: 'redis' });
  const item = kit.mage.task({
    name: 'item',
    fn: ({ n }: { n: number }) => {
      if (n === 3) throw new Error('no');
      return { n };
    },
  });
  const done = kit.mage.task({ name: 'done', fn: () => ({}) });
  const swarm = await kit.mage.swarm({
    tasks: Array.from({ length: 10 }, (_, n) => [item, { n }] as const),
    successCallbacks: [done],
    config: { maxConcurrency: 3 },
    isSwarmClosed: true,
  });
  await swarm.runNoWait({});
  await kit.drain({ withinMs: 60_000 });
  expect(await swarm.progress()).toMatchObject({ succeeded: 9, failed: 1 });
  expect(kit.maxConcurrencySeen(swarm)).toBe(3);
  expect(kit.callbacksOf(swarm)).toHaveLength(1);
  await expect(kit.advance('1m')).rejects.toThrow("the time of a real Redis can't be moved");
  expect(await keysOfKits()).not.toEqual([]);
  await kit.close();
  expect(await keysOfKits()).toEqual([]);
});
