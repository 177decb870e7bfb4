import { mayRefuse, Races, shapes } from '../../helpers/races';

const races = new Races();

test.each(shapes)(
  'a %s that is cancelled while its last item finishes ends once, as one or the other',
  async (shape) => {
    await races.rounds(races.times(shape, 10), async (random) => {
      const group = await races.make(random, shape, { size: random.int(1, 3) });
      await group.runNoWait({});
      await random.moment(80);
      await Promise.all([group.cancel(), random.chance(0.5) ? (await races.other.load(group.id)).cancel() : undefined]);
      expect(['succeeded', 'cancelled']).toContain(await races.check(group));
    });
  },
);

test.each(shapes)('a %s that one suspends and another cancels is cancelled, or had ended before', async (shape) => {
  await races.rounds(races.times(shape, 10), async (random) => {
    const group = await races.make(random, shape);
    await group.runNoWait({});
    await random.moment(60);
    const loaded = await races.other.load(group.id);
    await Promise.all([
      (async () => {
        await group.suspend();
        if (random.chance(0.5)) await group.resume();
        if (random.chance(0.5)) await group.suspend();
      })(),
      random.moment(10).then(() => loaded.cancel()),
    ]);
    expect(['succeeded', 'cancelled']).toContain(await races.check(group));
  });
});

test.each(shapes)(
  'a suspended %s that one resumes and another cancels is cancelled, or had ended before',
  async (shape) => {
    await races.rounds(races.times(shape, 10), async (random) => {
      const group = await races.make(random, shape);
      await group.runNoWait({});
      await random.moment(40);
      await group.suspend();
      const loaded = await races.other.load(group.id);
      await Promise.all([random.moment(10).then(() => group.resume()), random.moment(10).then(() => loaded.cancel())]);
      expect(['succeeded', 'cancelled']).toContain(await races.check(group));
    });
  },
);

test('items that are cancelled while slots are handed out never start, or are stopped, or had ended', async () => {
  await races.rounds(14, async (random) => {
    const swarm = await races.swarm(random, { size: 0, open: true, config: { maxConcurrency: 2 } });
    const items = [];
    for (const step of races.steps(random, 8)) items.push(await swarm.addTask(await races.sign(random, step)));
    const chosen = items.filter(() => random.chance(0.5));
    await Promise.all([
      swarm.runNoWait({}).then(() => swarm.closeSwarm()),
      ...chosen.map(async (item) => {
        await random.moment(60);
        await (await races.anyone(random).load(item.id)).cancel();
      }),
    ]);
    expect(await races.check(swarm)).toBe('succeeded');
    for (const item of items) {
      const status = await item.status();
      expect(chosen.includes(item) ? ['succeeded', 'cancelled'] : ['succeeded']).toContain(status);
    }
  });
});

test('items below a group that is being suspended are cancelled all the same', async () => {
  await races.rounds(12, async (random) => {
    const swarm = await races.swarm(random, { size: 0, open: true });
    const chain = await races.make(random, 'chain');
    const root = await races.make(random, 'root');
    await swarm.addTask(chain);
    await swarm.addTask(root);
    await swarm.runNoWait({});
    await swarm.closeSwarm();
    await random.moment(40);
    const chosen = random.pick([chain, root]);
    await Promise.all([
      random.moment(10).then(() => swarm.suspend()),
      random.moment(10).then(() => chosen.cancel()),
      random.moment(10).then(() => swarm.suspend()),
    ]);
    await swarm.resume();
    expect(await races.check(swarm)).toBe('succeeded');
    expect(['succeeded', 'cancelled']).toContain(await chosen.status());
  });
});

test('a swarm that one updates and another cancels is cancelled, or had ended before', async () => {
  await races.rounds(12, async (random) => {
    const swarm = await races.swarm(random, { size: 6, config: { maxConcurrency: 1 } });
    await swarm.runNoWait({});
    await random.moment(60);
    const loaded = await races.other.load(swarm.id);
    await Promise.all([
      random.moment(10).then(() => mayRefuse(swarm.update({ maxConcurrency: 4 }), 'SwarmFinishedError')),
      random.moment(10).then(() => loaded.cancel()),
    ]);
    expect(['succeeded', 'cancelled']).toContain(await races.check(swarm));
  });
});
