import { Races, shapes } from '../../helpers/races';

const races = new Races();

test('a swarm that is suspended and resumed at any moment, many times, ends with all its items run once', async () => {
  await races.rounds(10, async (random) => {
    const swarm = await races.make(random, 'swarm', { size: 20, config: { maxConcurrency: 5 } });
    await swarm.runNoWait({});
    for (let i = 0; i < 6; i++) {
      await random.moment(30);
      await (await races.anyone(random).load(swarm.id))[random.chance(0.5) ? 'suspend' : 'resume']();
    }
    await swarm.resume();
    expect(await races.check(swarm)).toBe('succeeded');
  });
});

test.each(shapes)('a %s that two instances suspend and resume at once goes on after the last resume', async (shape) => {
  await races.rounds(races.times(shape, 8), async (random) => {
    const group = await races.make(random, shape);
    await group.runNoWait({});
    const words = async () => {
      const mine = await races.anyone(random).load(group.id);
      for (let i = 0; i < 4; i++) {
        await mine.suspend();
        await random.moment(15);
        await mine.resume();
        await random.moment(10);
      }
    };
    await Promise.all([words(), words()]);
    await group.resume();
    expect(await races.check(group)).toBe('succeeded');
  });
});

test.each(shapes)('a %s that is suspended while its last item finishes ends when it is resumed', async (shape) => {
  await races.rounds(races.times(shape, 8), async (random) => {
    const group = await races.make(random, shape, { size: random.int(1, 2) });
    await group.runNoWait({});
    await random.moment(80);
    await group.suspend();
    const shown = await group.status();
    expect(['suspended', 'succeeded']).toContain(shown);
    await random.moment(40);
    // The body of a task, or what is left below a root, may end it meanwhile; only its callbacks wait then. A group waits itself.
    const ends = shown === 'suspended' && (shape === 'task' || shape === 'root');
    expect(ends ? ['suspended', 'succeeded'] : [shown]).toContain(await group.status());
    await (await races.other.load(group.id)).resume();
    expect(await races.check(group)).toBe('succeeded');
  });
});
