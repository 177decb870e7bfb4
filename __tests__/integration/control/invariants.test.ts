// The races are judged by the invariants: these see to it that they see something.
import { Random, rounds } from '../../helpers/random';
import { Races } from '../../helpers/races';

const races = new Races();
const { redis } = races.fixture;

async function finished() {
  const swarm = await races.swarm(new Random(1), { size: 3 });
  await swarm.runNoWait({});
  expect(await races.check(swarm)).toBe('succeeded');
  return { swarm, state: races.invariants.keys.state(swarm.id), keys: races.invariants.keys };
}

test.each<[what: string, field: string, value: string, says: RegExp]>([
  ['a slot that nobody gave back', 'sl', '1', /slots taken/],
  ['an end that was counted twice', 'ok', '4', /its counters say/],
  ['an end of the wrong kind', 'st', 'failed', /its callbacks were success/],
  ['a flag that was left', 'fl', 'S', /has the flags S/],
])('%s is seen', async (_, field, value, says) => {
  const { swarm, state } = await finished();
  await redis.hset(state, field, value);
  await expect(races.check(swarm)).rejects.toThrow(says);
});

test('an item that never ended is seen', async () => {
  const { swarm, keys } = await finished();
  await redis.setrange(keys.bytes(swarm.id), 1, 'q');
  await expect(races.check(swarm)).rejects.toThrow(/an item has not ended/);
});

test('a callback that was fired twice is seen', async () => {
  const { swarm, keys } = await finished();
  const callbacks = await redis.hgetall(keys.callbacks(swarm.id));
  const fired = Object.keys(callbacks).filter((field) => /^c\d+$/.test(field)).length;
  await redis.hset(keys.callbacks(swarm.id), `c${fired}`, 'success g\n["report"]\n');
  await expect(races.check(swarm)).rejects.toThrow(/its callbacks were success,success/);
});

test('a body that ran twice is seen', async () => {
  const { swarm } = await finished();
  const first = [...(await redis.hvals(races.invariants.keys.specs(swarm.id)))].find((spec) => spec.includes('piece'));
  const [, id = ''] = JSON.parse((first ?? '').replace(/^[*@]/, '').split('\n')[0] ?? '[]') as string[];
  const began = jest.spyOn(races, 'began').mockImplementation((of) => (of === id ? 2 : 1));
  await expect(races.check(swarm)).rejects.toThrow(/the body of item \d ran 2 times/);
  began.mockRestore();
});

test('one body more at once than the limit is seen', async () => {
  const limit = 3;
  const swarm = await races.swarm(new Random(1), { size: limit + 2, config: { maxConcurrency: limit } });
  races.fill(swarm.id, limit);
  await swarm.runNoWait({});
  expect(await races.check(swarm)).toBe('succeeded');
  expect(races.most(swarm.id)).toBe(limit);
  const most = jest.spyOn(races, 'most').mockReturnValue(limit + 1);
  await expect(races.check(swarm)).rejects.toThrow(/4 of its bodies ran at once/);
  most.mockRestore();
});

test('a failed round names the seed that repeats it, and the same seed makes the same choices', async () => {
  const failing = rounds(3, 1, (_, n) => (n === 1 ? Promise.reject(new Error('lost')) : Promise.resolve()));
  await expect(failing).rejects.toThrow(/^RACES_SEED=\d+, round 1: Error: lost/);
  const [one, two] = [new Random(7), new Random(7)];
  expect([one.int(1, 9), one.next(), one.pick('abc'.split(''))]).toEqual([
    two.int(1, 9),
    two.next(),
    two.pick('abc'.split('')),
  ]);
});
