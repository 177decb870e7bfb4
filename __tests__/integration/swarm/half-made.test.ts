import { resolveOptions } from '../../../src/config/options';
import { GroupStore, newSecret } from '../../../src/store/group-store';
import { keyedId } from '../../../src/store/ids';
import { RedisConnection } from '../../../src/store/connection';
import { packSpec } from '../../../src/store/spec';
import { Fixture } from '../../helpers/fixture';

const total = 2_500;

describe('a swarm of more than 1,000 tasks that has a key', () => {
  const fixture = new Fixture();
  const item = fixture.mage.task<{ n: number }, { n: number }>({ name: 'item', fn: ({ n }) => ({ n }) });
  const tasks = Array.from({ length: total }, (_, n) => [item, { n }] as const);

  afterAll(() => fixture.close());

  test('holds each task once when two make it at the same time', async () => {
    const other = fixture.another();
    const options = { key: 'together', tasks, isSwarmClosed: true };
    const [first, second] = await Promise.all([fixture.mage.swarm(options), other.swarm(options)]);
    expect(first.id).toBe(second.id);
    expect(await first.progress()).toMatchObject({ total, closed: true, status: 'pending' });
  });

  test('is completed by the next one who makes it when its maker died half way', async () => {
    const { hatchet, keyPrefix, log, redis } = fixture;
    const settings = resolveOptions({ keyPrefix }, log);
    const connection = new RedisConnection(redis, settings);
    const store = new GroupStore(connection, settings, hatchet.tenantId, hatchet.config.namespace ?? '');
    try {
      const id = keyedId('swarm', 'half');
      const group = {
        id,
        kind: 'swarm' as const,
        name: 'half',
        secret: newSecret(),
        closed: false,
        building: 1_000,
        maxConcurrency: 5,
        stopAfterNFailures: null,
        keepResults: true,
        successCallbacks: [],
        errorCallbacks: [],
      };
      const specs = Array.from({ length: 1_000 }, (_, n) => packSpec({ task: 'item', data: JSON.stringify({ n }) }));
      await store.create(group, specs);
      const swarm = await fixture.mage.swarm({ key: 'half', tasks, isSwarmClosed: true });
      expect(await swarm.progress()).toMatchObject({ total, closed: true });
      const again = await fixture.mage.swarm({ key: 'half', tasks, isSwarmClosed: true });
      expect(await again.progress()).toMatchObject({ total });
    } finally {
      connection.close();
    }
  });
});

describe('a swarm that has a key, with tasks of which some have one', () => {
  const fixture = new Fixture();
  const { mage } = fixture;
  const item = mage.task<{ n: number }, { n: number }>({ name: 'item', fn: ({ n }) => ({ n }) });
  afterAll(() => fixture.close());

  test.each([
    ['open', false],
    ['closed', true],
  ])('holds each of them once when it is made again while it is %s', async (key, isSwarmClosed) => {
    const make = async () => {
      const inner = await mage.swarm({ key: `inner ${key}`, tasks: [[item, { n: 0 }]], isSwarmClosed: true });
      const keyed = await mage.sign(item, { n: 1 }, { key: 'one' });
      return mage.swarm({ key, tasks: [inner, keyed, [item, { n: 2 }]], isSwarmClosed });
    };
    const first = await make();
    const second = await make();
    expect(second.id).toBe(first.id);
    expect(await second.progress()).toMatchObject({ total: 3, closed: isSwarmClosed });
  });
});
