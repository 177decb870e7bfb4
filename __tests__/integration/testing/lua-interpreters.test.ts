// The in-process Redis has translations of the store's scripts. Here fengari, a machine for Lua, runs each call too: it must call the
// same commands with the same arguments, and reply the same. `COMPARE_LUA=1 npm run test:fast` does so in all suites.
import { scripts } from '../../../src/store/scripts.generated';
import { connectTo } from '../../../src/testing/redis/connection';
import { ReplyError } from '../../../src/testing/redis/errors';
import { InProcessRedis, scriptOf } from '../../../src/testing/redis/in-process-redis';
import { systemClock } from '../../../src/utils/clock';
import { Random } from '../../helpers/random';
import { seedsOf } from '../../helpers/seeds';
import { specs, StoreFixture } from '../../helpers/store';
import { Compared } from '../../in-process/compared';
import { runSequences, seedsFrom, Stores } from '../../model/sequences';

const [seed = 0] = seedsOf('redis');
const open = () => new InProcessRedis(systemClock, (call) => new Compared(call));

/** Arguments of which most scripts take some; what they do not expect, both must refuse alike. */
const odd = [
  '',
  '0',
  '1',
  '2',
  '5',
  '1000',
  '30000',
  'x',
  '0x10',
  '1.5',
  '[]',
  '{"a":"größe"}',
  '*["t",0,0,0,[2]]\n[]',
];
const words = ['user', 'more', 'cancel', 'failed', 'succeeded', 'run-0', 'c0', 'p', 'g:x', '0|run-0|0|1|n', '0|x'];

test(`random sequences of the model are the same to both interpreters (seed ${seed})`, async () => {
  const stores = new Stores(connectTo(open()), 'compared');
  try {
    expect(await runSequences(stores, { runs: 64, seeds: seedsFrom(seed) })).toBe(64);
  } finally {
    await stores.close();
  }
});

describe(`with random arguments (seed ${seed})`, () => {
  test.each(Object.entries(scripts))('the script %s is the same to both interpreters', async (name, { lua, keys }) => {
    const redis = open();
    const fixture = new StoreFixture({}, connectTo(redis));
    const random = new Random(seed + name.length);
    const script = scriptOf(lua);
    const before = Compared.runs.get(script.sha) ?? 0;
    for (let round = 0; round < 6; round++) {
      const group = await fixture.group(specs(4), { closed: random.chance(0.5) }, { message: '{}' });
      if (random.chance(0.7)) await group.execute('0');
      const names = fixture.store.keys.group(group.id).slice(0, keys);
      for (let call = 0; call < 10; call++) {
        const args = Array.from({ length: random.int(0, 12) }, () => random.pick(random.chance(0.5) ? odd : words));
        // Those of a group begin with the process and its lease.
        if (keys === 10 && random.chance(0.8)) args.unshift('process', '30000');
        try {
          redis.runScript(script, names, args);
        } catch (error) {
          // Many are refused, by both alike.
          if (!(error instanceof ReplyError)) throw error;
        }
      }
    }
    fixture.connection.close();
    fixture.redis.disconnect();
    expect(Compared.runs.get(script.sha)).toBeGreaterThanOrEqual(before + 60);
  });
});

test('a translation that does another thing is found', () => {
  const redis = open();
  const fault = redis as unknown as { interpreter: { fengari: { run: () => unknown } } };
  fault.interpreter.fengari.run = () => 'another reply';
  expect(() => redis.runScript(scriptOf("return redis.call('SET', KEYS[1], 1)"), ['a'], [])).toThrow(
    /The interpreters differ.*another reply/,
  );
});
