import { storageFormat } from '../../src/store/format';
import { Keys } from '../../src/store/keys';
import { eventually, Fixture } from '../helpers/fixture';

test('a worker stops when a newer version has raised the storage format, and says why', async () => {
  const fixture = new Fixture({ reconcileIntervalMs: 300 });
  const { mage, redis, keyPrefix, hatchet, log } = fixture;
  try {
    const task = mage.task({ name: 'item', fn: () => ({ n: 1 }) });
    const worker = await mage.worker('older', { workflows: [task] });
    const ended = worker.start();
    await worker.waitUntilReady(60_000);
    expect(await (await mage.swarm({ tasks: [task], isSwarmClosed: true })).run()).toEqual([{ n: 1 }]);
    const meta = new Keys(keyPrefix, hatchet.tenantId, hatchet.config.namespace ?? '').meta();
    await redis.set(meta, storageFormat + 1);
    await ended;
    const reason = `${meta}: expected a storage format up to ${storageFormat}, which this version of mageflow reads`;
    await eventually('it says why', () => log.lines.some((line) => line.includes(`worker older stops: ${reason}`)));
    await expect(mage.swarm({ tasks: [task] })).rejects.toMatchObject({ code: 'STORE_FORMAT' });
    await redis.set(meta, storageFormat);
  } finally {
    await fixture.close();
  }
}, 120_000);
