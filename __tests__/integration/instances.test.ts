import * as mageflow from '../../src';
import { ConfigurationError, Mageflow, NotFoundError, type MageflowOptions } from '../../src';
import { Redis } from 'ioredis';
import { Fixture, Log, newHatchet, required } from '../helpers/fixture';
import { TaskSet } from '../helpers/task-set';
import { thrownBy } from '../helpers/refusals';

const opened: (() => Promise<void> | void)[] = [];

/** An instance whose making and closing is the test's own. */
function make(options: MageflowOptions = {}): { mage: Mageflow; redis: Redis } {
  const redis = new Redis(required('REDIS_URL'));
  const mage = new Mageflow(newHatchet(), redis, { logger: new Log(), ...options });
  opened.push(async () => {
    await mage.close();
    redis.disconnect();
  });
  return { mage, redis };
}

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

describe('the module-level functions', () => {
  /** Which instance made a signature, told by who takes it. */
  async function madeBy(signature: unknown): Promise<string> {
    const error = await thrownBy(() => mageflow.sign(signature as never));
    return error.message;
  }

  test('throw a ConfigurationError while no instance is open', async () => {
    for (const call of [() => mageflow.sign('t'), () => mageflow.swarm(), () => mageflow.load('id')]) {
      const error = await thrownBy(call);
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.message).toContain('No Mageflow is open');
    }
  });

  test('use the last instance that was made, and after its close() the one before that is still open', async () => {
    const first = make({ keyPrefix: 'test-first' }).mage;
    const second = make({ keyPrefix: 'test-second' }).mage;
    const third = make({ keyPrefix: 'test-third' }).mage;
    const belongsTo = async (owner: Mageflow) => {
      const signature = await mageflow.sign('t');
      // Only the instance that made it takes it; a list of callbacks is checked, and writes nothing.
      await expect(owner.sign('t', {}, { successCallbacks: [signature] })).resolves.toBeDefined();
      for (const other of [first, second, third].filter((mage) => mage !== owner)) {
        await expect(other.sign('t', {}, { successCallbacks: [signature] })).rejects.toThrow('another Mageflow');
      }
    };
    await belongsTo(third);
    await second.close();
    await belongsTo(third);
    await third.close();
    await belongsTo(first);
    await first.close();
    await first.close();
    expect(await madeBy('t')).toContain('No Mageflow is open');
  });

  test('use, inside a body, the instance that runs it, also after an await and in what the body calls', async () => {
    const fixture = new Fixture();
    const made: string[] = [];
    const helper = async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return mageflow.sign('anything', {}, { name: 'made in a body' });
    };
    const body = fixture.mage.task({
      name: 'body',
      fn: async () => {
        const [signature] = await Promise.all([helper()]);
        const swarm = await mageflow.swarm({ tasks: [signature] });
        made.push(swarm.id);
        return { id: swarm.id, loaded: (await mageflow.load(swarm.id)).id };
      },
    });
    try {
      await fixture.worker([body]);
      // Made later, so it is the default outside of the body.
      const later = make({ keyPrefix: 'test-later' }).mage;
      const signed = await (await fixture.mage.sign(body)).run();
      const plain = await body.run({});
      for (const { id, loaded } of [signed, plain]) {
        expect(loaded).toBe(id);
        await expect(fixture.mage.load(id)).resolves.toMatchObject({ id });
        await expect(later.load(id)).rejects.toBeInstanceOf(NotFoundError);
      }
      expect(made).toHaveLength(2);
    } finally {
      await fixture.close();
    }
  });
});

describe('two instances on one Redis', () => {
  test('with different key prefixes do not touch each other', async () => {
    const one = new Fixture();
    const two = new Fixture({}, one.hatchet);
    try {
      const taskSet = new TaskSet(one);
      await one.worker(taskSet.tasks);
      const keyed = { key: 'the same', isSwarmClosed: true } as const;
      const a = await one.mage.swarm({ ...keyed, tasks: [[taskSet.work, { value: 'one' }]] });
      const b = await two.mage.swarm({ ...keyed, tasks: [[taskSet.work, { value: 'two' }]] });
      expect(a.id).toBe(b.id);
      await expect(a.run()).resolves.toEqual(['one']);
      await expect(b.status()).resolves.toBe('pending');
      expect(one.keyPrefix).not.toBe(two.keyPrefix);
    } finally {
      await two.close();
      await one.close();
    }
  });

  test('with one key prefix are one store', async () => {
    const one = new Fixture();
    try {
      const swarm = await one.mage.swarm({ name: 'shared' });
      await expect(one.another().load(swarm.id)).resolves.toMatchObject({ id: swarm.id, name: 'shared' });
    } finally {
      await one.close();
    }
  });
});

describe("the caller's Redis connection", () => {
  test('stays as it was and usable after close(), whatever its options are', async () => {
    const redis = new Redis(required('REDIS_URL'), { keyPrefix: 'of-the-caller:', lazyConnect: true });
    const before = { ...redis.options };
    const mage = new Mageflow(newHatchet(), redis, { keyPrefix: 'test-caller', logger: new Log() });
    expect(redis.status).toBe('wait');
    const swarm = await mage.swarm();
    await expect(swarm.status()).resolves.toBe('pending');
    expect(redis.status).toBe('wait');
    await mage.close();
    expect({ ...redis.options }).toEqual(before);
    expect(Object.keys(redis).filter((name) => name.includes('mageflow'))).toEqual([]);
    await expect(redis.ping()).resolves.toBe('PONG');
    const left = await redis.call('KEYS', 'test-caller:*');
    await redis.call('DEL', ...(left as string[]));
    redis.disconnect();
  });

  test('may be a URL', async () => {
    const mage = new Mageflow(newHatchet(), required('REDIS_URL'), { keyPrefix: 'test-url', logger: new Log() });
    await expect(mage.load('nothing')).rejects.toBeInstanceOf(NotFoundError);
    await mage.close();
  });

  test('after close() every call is a clear refusal', async () => {
    const { mage } = make({ keyPrefix: 'test-closed' });
    const signature = await mage.sign('t');
    await mage.close();
    await expect(mage.swarm()).rejects.toThrow(/closed/);
    await expect(signature.runNoWait()).rejects.toThrow(/closed/);
  });
});

describe('options of new Mageflow are refused, naming the field, what was expected and what came', () => {
  test.each<[string, object, RegExp]>([
    ['an unknown one', { prefix: 'x' }, /prefix: unknown option. Known: keyPrefix, /],
    ['keyPrefix', { keyPrefix: 'a b' }, /keyPrefix: expected a string without .*, got "a b"/],
    ['keyPrefix', { keyPrefix: '' }, /keyPrefix: .*got ""/],
    ['keyPrefix', { keyPrefix: '{x}' }, /keyPrefix: .*got "\{x\}"/],
    ['keyPrefix', { keyPrefix: 5 }, /keyPrefix: .*got 5/],
    ['retention', { retention: 5 }, /retention: expected an object with fields, got 5/],
    ['a field of retention', { retention: { finished: 5 } }, /finished: unknown field of retention/],
    ['retention.finishedMs', { retention: { finishedMs: -1 } }, /retention.finishedMs: expected a whole number/],
    ['leaseMs', { leaseMs: 0 }, /leaseMs: expected a whole number of at least 1, got 0/],
    ['reconcileIntervalMs', { reconcileIntervalMs: '5s' }, /reconcileIntervalMs: .*got "5s"/],
    ['commandTimeoutMs', { commandTimeoutMs: Infinity }, /commandTimeoutMs: .*got Infinity/],
    ['maxInlineBytes', { maxInlineBytes: 1.5 }, /maxInlineBytes: .*got 1.5/],
    ['maxResultBytes', { maxResultBytes: NaN }, /maxResultBytes: .*got NaN/],
    ['logger', { logger: { info: 5 } }, /logger: expected an object with the functions info, warn and error/],
    ['logger', { logger: 'console' }, /logger: .*got "console"/],
  ])('%s', async (_, options, message) => {
    const error = await thrownBy(() => new Mageflow(newHatchet(), 'redis://127.0.0.1:1', options as never));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toMatch(message);
    // What could not be made is not the default either.
    await expect(mageflow.sign('t')).rejects.toThrow('No Mageflow is open');
  });

  test.each([[undefined], [null], [{}], ['hatchet']])('%p instead of a client', async (client) => {
    const error = await thrownBy(() => new Mageflow(client as never, 'redis://127.0.0.1:1'));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toContain('hatchet: expected a client of the Hatchet SDK');
  });

  test.each([[undefined], [null], [{}], [6379]])('%p instead of a Redis', async (redis) => {
    const error = await thrownBy(() => new Mageflow(newHatchet(), redis as never));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toContain('redis: expected an ioredis Redis or Cluster, or a URL');
  });

  test('undefined and null mean the default', async () => {
    const { mage } = make({ keyPrefix: 'test-defaults', leaseMs: undefined, retention: undefined } as never);
    await expect(mage.sign('t')).resolves.toBeDefined();
  });
});
