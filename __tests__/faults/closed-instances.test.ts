import { Redis } from 'ioredis';
import { Mageflow, type Swarm } from '../../src';
import { resolveOptions } from '../../src/config/options';
import { GroupStore } from '../../src/store/group-store';
import { RedisConnection } from '../../src/store/connection';
import { eventually, gate, newHatchet, required, stopListening } from '../helpers/fixture';
import { Faults } from '../helpers/faults';

const times = { leaseMs: 1_000, reconcileIntervalMs: 300 };
const faults = new Faults(times);
const { mage, recorder } = faults;
const held = gate();
const ran: string[] = [];
const declare = (instance: Mageflow) => {
  const fn = async ({ tag }: { tag: string }) => {
    ran.push(tag);
    if (tag === 'runs') await held.opened;
    return { tag };
  };
  return [
    instance.task({ name: 'closing', executionTimeout: '300s', fn }),
    instance.task({ name: 'closing-soon', executionTimeout: '2s', fn }),
  ];
};
/** Its worker goes on when it is closed. */
const closing = faults.another(times);
const worker = { stop: () => Promise.resolve() };

beforeAll(async () => {
  const made = await closing.worker('goes-on', { workflows: declare(closing), handleKill: false });
  const running = made.start();
  worker.stop = async () => {
    await made.stop();
    await running;
  };
  await made.waitUntilReady(120_000);
});
afterAll(async () => {
  held.open();
  await worker.stop();
  await faults.close();
});

async function ends({ id }: { id: string }) {
  const items = [];
  for await (const { status, output } of (await mage.load<Swarm<unknown>>(id)).results())
    items.push({ status, output });
  return items;
}

describe('an instance that is closed while its worker goes on', () => {
  test('leaves the output of the body that runs to the reconciler of another process', async () => {
    const swarm = await closing.swarm({ tasks: [['closing', { tag: 'runs' }]], isSwarmClosed: true });
    await swarm.runNoWait();
    await eventually('the body runs', () => ran.includes('runs'));
    await closing.close();
    const { store } = (closing as unknown as { kernel: { runtime: { store: GroupStore } } }).kernel.runtime;
    const finish = jest.spyOn(store, 'finish');
    held.open();
    mage.startReconciler();
    expect(await ends(swarm)).toEqual([{ status: 'succeeded', output: { tag: 'runs' } }]);
    await mage.stopReconciler();
    expect(ran.filter((tag) => tag === 'runs')).toHaveLength(1);
    // Trying again could only take up what is left of the run's time.
    expect(finish).toHaveBeenCalledTimes(1);
  });

  test('runs no body of an item without its claim, and the item fails at the end of its run', async () => {
    mage.startReconciler();
    const swarm = await mage.swarm({ tasks: [['closing-soon', { tag: 'unclaimed' }]], isSwarmClosed: true });
    await swarm.runNoWait();
    expect(await ends(swarm)).toMatchObject([{ status: 'failed' }]);
    await mage.stopReconciler();
    expect(ran).not.toContain('unclaimed');
    expect(faults.log.lines.join('\n')).toMatch(/closing-soon waits to be claimed: .*this Mageflow is closed/);
  });

  test('runs plain runs of its tasks as before', async () => {
    expect(await faults.hatchet.run('closing', { tag: 'plain' })).toEqual({ closing: { tag: 'plain' } });
  });
});

describe('the reconciler', () => {
  test('in a process that only publishes completes what a dead one left', async () => {
    await faults.process({ role: 'worker', options: { leaseMs: 3_600_000, reconcileIntervalMs: 3_600_000 } });
    const swarm = await mage.swarm({
      tasks: [0, 1, 2].map((n) => ['stamp', { n }] as const),
      config: { maxConcurrency: 1 },
      successCallbacks: ['done'],
      isSwarmClosed: true,
    });
    await faults.deadProcess().store.run(swarm.id, '{}');
    const repairs: string[] = [];
    const client = faults.another();
    client.on('repair', ({ groupId }) => repairs.push(groupId));
    client.startReconciler();
    expect(await faults.ended(swarm)).toBe('succeeded');
    expect(await faults.callbacks()).toBe(1);
    expect(await recorder.started()).toEqual([0, 1, 2]);
    expect(repairs).toContain(swarm.id);
    await client.stopReconciler();
  });

  test('of another namespace below the same prefix touches nothing', async () => {
    const left = await mage.swarm({ tasks: [['stamp', { n: 10 }]], key: 'the same', isSwarmClosed: true });
    const { store } = faults.deadProcess();
    await store.run(left.id, '{}');
    const foreign = new Foreign(faults.keyPrefix);
    try {
      const own = await foreign.mage.swarm({ tasks: [['stamp', { n: 11 }]], key: 'the same', isSwarmClosed: true });
      expect(own.id).toBe(left.id);
      expect(await own.status()).toBe('pending');
      await foreign.deadProcess().run(own.id, '{}');
      await faults.redis.zadd(store.keys.dueIndexOf(left.id), 0, left.id);
      // It repairs its own, and has then seen all that it looks after.
      await eventually('it has repaired its own', () => foreign.repairs.length > 0);
      expect(await left.progress()).toMatchObject({ total: 1, failed: 0, succeeded: 0 });
      expect(await recorder.started()).not.toContain(10);
    } finally {
      await foreign.close();
    }
    mage.startReconciler();
    expect(await faults.ended(left)).toBe('succeeded');
    await mage.stopReconciler();
    expect((await recorder.started()).filter((n) => n >= 10)).toEqual([10]);
  });
});

/** An instance of another namespace, where nobody serves anything, with its reconciler. */
class Foreign {
  readonly hatchet = newHatchet();
  readonly redis = new Redis(required('REDIS_URL'));
  readonly repairs: string[] = [];
  readonly mage: Mageflow;

  constructor(keyPrefix: string) {
    this.mage = new Mageflow(this.hatchet, this.redis, { ...times, keyPrefix, logger: faults.log });
    this.mage.on('repair', ({ message }) => this.repairs.push(message));
    this.mage.startReconciler();
  }

  /** The store as a process has it that makes no heartbeat. */
  deadProcess(): GroupStore {
    const settings = resolveOptions({ ...times, keyPrefix: faults.keyPrefix }, faults.log);
    const connection = new RedisConnection(this.redis, settings);
    faults.onClose(() => Promise.resolve(connection.close()));
    return new GroupStore(connection, settings, this.hatchet.tenantId, this.hatchet.config.namespace ?? '');
  }

  async close(): Promise<void> {
    await this.mage.close();
    stopListening(this.hatchet);
    this.redis.disconnect();
  }
}
