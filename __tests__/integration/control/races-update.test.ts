import { eventually } from '../../helpers/fixture';
import { mayRefuse, Races } from '../../helpers/races';

const races = new Races();

test('a swarm whose limits go up and down while it runs never has more bodies at once than the highest', async () => {
  await races.rounds(14, async (random) => {
    const swarm = await races.swarm(random, { size: 12, config: { maxConcurrency: 2 } });
    races.fill(swarm.id, 4);
    await swarm.runNoWait({});
    await swarm.update({ maxConcurrency: 4 });
    await eventually('four run at once', () => races.most(swarm.id) === 4);
    for (let i = 0; i < 6; i++) {
      await random.moment(20);
      const who = random.chance(0.5) ? swarm : await races.other.load<typeof swarm>(swarm.id);
      await mayRefuse(who.update({ maxConcurrency: random.int(1, 4) }), 'SwarmFinishedError');
    }
    expect(await races.check(swarm, { maxConcurrency: 4 })).toBe('succeeded');
  });
});

test('a limit of failures that is set or taken away at the moment of the failure stops the swarm or does not', async () => {
  const ends = new Set<string>();
  await races.rounds(30, async (random) => {
    const swarm = await races.swarm(random, { size: 6, fail: 'always', config: { maxConcurrency: 2 } });
    await swarm.runNoWait({});
    await random.moment(70);
    const loaded = await races.other.load<typeof swarm>(swarm.id);
    await Promise.all([
      mayRefuse(swarm.update({ stopAfterNFailures: random.pick([1, 2, null]) }), 'SwarmFinishedError'),
      random
        .moment(5)
        .then(() => mayRefuse(loaded.update({ stopAfterNFailures: random.pick([1, 2, null]) }), 'SwarmFinishedError')),
    ]);
    ends.add(await races.check(swarm));
  });
  expect([...ends].sort()).toEqual(['failed', 'succeeded']);
});

test('a swarm that two instances fill while one of them closes it holds all that it took', async () => {
  await races.rounds(20, async (random) => {
    const swarm = await races.swarm(random, { size: 1, open: true });
    await swarm.runNoWait({});
    const loaded = await races.other.load<typeof swarm>(swarm.id);
    let taken = 1;
    const add = async (into: typeof swarm) => {
      for (let i = 0; i < 5; i++) {
        await random.moment(10);
        const added = await mayRefuse(
          into.addTasks([await races.sign(random, races.step(random)), await races.sign(random, {})], {
            run: random.chance(0.5),
          }),
          'SwarmClosedError',
          'SwarmFinishedError',
        );
        taken += added ?? 0;
      }
    };
    await Promise.all([add(swarm), random.moment(50).then(() => loaded.closeSwarm())]);
    expect(await races.check(swarm)).toBe('succeeded');
    expect((await swarm.progress()).total).toBe(taken);
  });
});

test('a swarm that is suspended, updated and closed at once ends after its resume', async () => {
  await races.rounds(14, async (random) => {
    const swarm = await races.swarm(random, { size: 8, open: true, config: { maxConcurrency: 1 } });
    const loaded = await races.other.load<typeof swarm>(swarm.id);
    await swarm.runNoWait({});
    await random.moment(40);
    await Promise.all([
      random.moment(20).then(() => loaded.suspend()),
      random.moment(20).then(() => swarm.update({ maxConcurrency: 5 })),
      random.moment(20).then(() => loaded.closeSwarm()),
    ]);
    await random.moment(20);
    expect(await swarm.status()).toBe('suspended');
    await swarm.resume();
    expect(await races.check(swarm)).toBe('succeeded');
  });
});
