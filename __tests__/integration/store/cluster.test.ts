import { Redis } from 'ioredis';
import { OwnCluster } from '../../helpers/own-cluster';
import { failed, specs, StoreFixture, endLog } from '../../helpers/store';
import { packSpec } from '../../../src/store/spec';

let cluster: OwnCluster;
let fixture: StoreFixture;

beforeAll(async () => {
  cluster = await OwnCluster.open('--appendonly', 'no');
  fixture = new StoreFixture({}, cluster.connect());
});
afterAll(async () => {
  await fixture.close();
  await cluster.close();
});

test('calls that find the nodes of a cluster not connected yet are all answered', async () => {
  const fresh = new StoreFixture({}, cluster.connect());
  const ask = (n: number) => fresh.connection.use('hget', (client) => client.hget(`not-there-${n}`, 'field'));
  await ask(0);
  expect(await Promise.all(Array.from({ length: 100 }, (_, n) => ask(n)))).toEqual(Array(100).fill(null));
  await fresh.close();
});

test('twenty groups on three nodes live from their creation to being forgotten', async () => {
  const callback = packSpec({ task: 'callback' });
  const groups = await Promise.all(
    Array.from({ length: 20 }, () => fixture.group(150, { successCallbacks: [callback], maxConcurrency: 20 })),
  );
  await Promise.all(
    groups.map(async (group) => {
      const { store, id } = group;
      await store.add(
        id,
        specs(5).map((spec) => ({ spec, key: '' })),
        { run: true },
      );
      const waiting = (await endLog(group.store, id, 0, 10)).length;
      expect(waiting).toBe(0);
      const { effects } = await store.run(id, '{}');
      await store.confirm(
        id,
        effects.grants.flatMap(({ entry }) => [entry, `run-${entry}`]),
      );
      await store.close(id);
      for (const entry of [
        ...Array.from({ length: 5 }, (_, i) => 150 + i),
        ...Array.from({ length: 150 }, (_, i) => i),
      ])
        await group.execute(String(entry), entry === 77 ? failed() : undefined);
      expect((await group.snapshot()).status).toBe('succeeded');
      await group.execute('c0');
      expect(await group.snapshot()).toMatchObject({ succeeded: 154, failed: 1, slots: 0 });
      expect((await group.reader.failures(id)).count).toBe(1);
      expect((await store.due(id, 10)).active).toBe(0);
      await store.expireResults(id, 155);
      // Its retention is over.
      await store.redis.use('hset', (client) => client.hset(store.keys.state(id), 'rt', '1'));
      expect(await store.forget(id, 155)).toBe(true);
    }),
  );
  expect((await fixture.keys()).filter((key) => key.includes('{'))).toEqual([]);
  const spread = await Promise.all(
    cluster.nodes.map(async ({ url }) => {
      const client = new Redis(url);
      const info = await client.info('commandstats');
      client.disconnect();
      return /cmdstat_evalsha:/.test(info);
    }),
  );
  expect(spread).toEqual([true, true, true]);
});
