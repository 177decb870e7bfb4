import type { RootSignature, Swarm } from '../../../src';
import { mayRefuse, Races, type Shape } from '../../helpers/races';

const races = new Races();
type Retriable = Pick<Swarm<unknown>, 'retryFailed'>;
const retriable = (group: unknown) => group as Retriable;
const kinds: Shape[] = ['swarm', 'chain', 'nested'];

test.each(kinds)('a %s that two instances try again at once is tried again once', async (shape) => {
  await races.rounds(races.times(shape, 12), async (random) => {
    const group = await races.make(random, shape, { size: 5, fail: 'once' });
    await group.runNoWait({});
    const first = await races.check(group);
    const loaded = await races.other.load(group.id);
    const left = shape === 'swarm' ? (await (group as Swarm<unknown>).progress()).failed : undefined;
    const counts = await Promise.all(
      [group, loaded].map(async (one) => {
        await random.moment(3);
        return mayRefuse(retriable(one).retryFailed(), 'ConfigurationError');
      }),
    );
    // The other one helps it on, finds it running, or comes after its second end.
    if (left)
      expect([
        [left, left],
        [left, undefined],
        [left, 0],
      ]).toContainEqual(counts.sort());
    const second = await races.check(group);
    expect([first, second]).not.toContain('cancelled');
    // What fails once, and was reached, has succeeded; groups below it may have got further and failed there.
    if (shape === 'swarm') {
      expect(second).toBe('succeeded');
      expect((await (group as Swarm<unknown>).progress()).failed).toBe(0);
    }
  });
});

test.each(kinds)('a %s that is tried again until nothing fails has run each callback once a round', async (shape) => {
  await races.rounds(races.times(shape, 8), async (random) => {
    const group = await races.make(random, shape, { size: 4, fail: 'once' });
    await group.runNoWait({});
    await races.check(group);
    for (let round = 0; round < 6; round++) {
      const [count] = await Promise.all([
        retriable(random.chance(0.5) ? group : await races.other.load(group.id)).retryFailed(),
        random.moment(20).then(() => group.suspend()),
      ]);
      await group.resume();
      expect(await races.check(group)).not.toBe('cancelled');
      if (count === 0) return;
    }
    throw new Error('Something failed six times.');
  });
});

test.each(kinds)('a %s that is cancelled and tried again at once is whole afterwards', async (shape) => {
  await races.rounds(races.times(shape, 10), async (random) => {
    const group = await races.make(random, shape, { size: 5, fail: 'once' });
    await group.runNoWait({});
    await random.moment(60);
    await group.cancel();
    await races.check(group, { cancelled: true });
    const loaded = await races.other.load(group.id);
    await Promise.all([retriable(loaded).retryFailed(), random.moment(40).then(() => group.cancel())]);
    await races.check(group, { cancelled: true });
    await retriable(group).retryFailed();
    expect(await races.check(group, { cancelled: true })).not.toBe('cancelled');
  });
});

test('the children of a root that two instances try again at once are tried again once', async () => {
  await races.rounds(12, async (random) => {
    const root = (await races.make(random, 'root', { size: 4, fail: 'once' })) as RootSignature<any, any>;
    await root.runNoWait({});
    expect(await races.check(root)).toBe('succeeded');
    const loaded = await races.other.load<typeof root>(root.id);
    const failed = (await (await root.children()).progress()).failed;
    await Promise.all(
      [root, loaded].map(async (one) => {
        await random.moment(3);
        return mayRefuse((await one.children()).retryFailed(), 'ConfigurationError');
      }),
    );
    expect(await races.check(root)).toBe('succeeded');
    const { failed: left, succeeded } = await (await root.children()).progress();
    expect({ failed, left, succeeded }).toEqual({ failed, left: 0, succeeded: 4 });
    expect(races.began(root.id)).toBe(1);
  });
});
