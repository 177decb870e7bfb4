import type { Random } from '../../helpers/random';
import { mayRefuse, Races, shapes } from '../../helpers/races';

const races = new Races();

test.each(['swarm', 'chain', 'nested', 'root'] as const)(
  'a %s that is suspended while it is just being started comes to a rest, and goes on when it is resumed',
  async (shape) => {
    const waiting: { group: Awaited<ReturnType<typeof races.make>>; random: Random }[] = [];
    await races.rounds(races.times(shape, 8), async (random) => {
      const group = await races.make(random, shape);
      await group.runNoWait({});
      await random.moment(50);
      await (await races.anyone(random).load(group.id)).suspend();
      await races.invariants.still(group.id);
      waiting.push({ group, random });
    });
    const before = races.bodies;
    for (const { group } of waiting) {
      await races.invariants.still(group.id);
      expect(['suspended', 'succeeded']).toContain(await group.status());
    }
    expect(races.bodies).toBe(before);
    await Promise.all(
      waiting.map(async ({ group, random }) => {
        await (await races.anyone(random).load(group.id)).resume();
        expect(await races.check(group)).toBe('succeeded');
      }),
    );
  },
);

test.each(shapes)('a %s that is run and suspended at once runs after its resume', async (shape) => {
  await races.rounds(races.times(shape, 8), async (random) => {
    const group = await races.make(random, shape);
    await Promise.all([
      random.moment(3).then(() => group.runNoWait({})),
      // What is just being written is not there yet.
      random.moment(6).then(() => mayRefuse(group.suspend(), 'NotFoundError')),
    ]);
    await random.moment(10);
    await group.resume();
    expect(await races.check(group)).toBe('succeeded');
  });
});

test('an item that is suspended and resumed while slots are handed out runs once', async () => {
  await races.rounds(10, async (random) => {
    const swarm = await races.swarm(random, { size: 0, open: true, config: { maxConcurrency: 2 } });
    const items = [];
    for (const step of races.steps(random, 8)) items.push(await swarm.addTask(await races.sign(random, step)));
    await swarm.runNoWait({});
    await swarm.closeSwarm();
    const chosen = [random.pick(items), random.pick(items)];
    await Promise.all(
      chosen.map(async (item) => {
        for (let i = 0; i < 3; i++) {
          await random.moment(20);
          await item.suspend();
          await random.moment(20);
          await item.resume();
        }
      }),
    );
    expect(await races.check(swarm)).toBe('succeeded');
  });
});
