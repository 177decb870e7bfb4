import { NotFoundError } from '../../../src';
import { mayRefuse, Races } from '../../helpers/races';

const races = new Races();

test('what is tried again and removed at once is one or the other', async () => {
  await races.rounds(16, async (random) => {
    const swarm = await races.swarm(random, { size: 4, fail: 'once' });
    await swarm.runNoWait({});
    await races.check(swarm);
    const loaded = await races.other.load<typeof swarm>(swarm.id);
    const [, removed] = await Promise.all([
      random.moment(4).then(() => mayRefuse(swarm.retryFailed(), 'NotFoundError')),
      random.moment(4).then(
        async () =>
          (await mayRefuse(
            loaded.remove().then(() => true),
            'AlreadyStartedError',
          )) ?? false,
      ),
    ]);
    if (!removed) return void (await races.check(swarm));
    await expect(races.mage.load(swarm.id)).rejects.toThrow(NotFoundError);
    expect((await races.fixture.keys()).filter((key) => key.includes(`{${swarm.id}}`))).toEqual([]);
  });
});

test('what is run and removed at once runs, or is gone', async () => {
  await races.rounds(24, async (random) => {
    const swarm = await races.swarm(random, { size: 3 });
    const loaded = await races.other.load<typeof swarm>(swarm.id);
    const [ran, removed] = await Promise.all([
      random.moment(3).then(() => mayRefuse(swarm.runNoWait({}), 'NotFoundError')),
      random.moment(3).then(
        async () =>
          (await mayRefuse(
            loaded.remove().then(() => true),
            'AlreadyStartedError',
          )) ?? false,
      ),
    ]);
    if (!removed) {
      expect(ran).toBeDefined();
      expect(await races.check(swarm)).toBe('succeeded');
      return;
    }
    // Removed before it was run, or after its end.
    await expect(races.mage.load(swarm.id)).rejects.toThrow(NotFoundError);
    expect((await races.fixture.keys()).filter((key) => key.includes(`{${swarm.id}}`))).toEqual([]);
  });
});
