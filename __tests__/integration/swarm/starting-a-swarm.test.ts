import * as mageflow from 'mageflow';
import { openWorkshop, progressOf } from '../../helpers/workshop';

describe('starting a swarm', () => {
  const { workshop } = openWorkshop();

  it('starts tasks up to the limit, queues the rest, starts them as others end, and then runs the callbacks', async () => {
    const signed = ['a', 'b', 'c', 'd', 'e'].map((label) =>
      mageflow.sign(workshop.work, { label, hold: `start-${label}` }),
    );
    const swarm = await mageflow.swarm({
      tasks: await Promise.all(signed),
      successCallbacks: [workshop.report],
      config: { maxConcurrency: 2 },
    });
    await swarm.runNoWait({ date: '2026-11-22' });
    await workshop.begun(swarm, 2);
    expect(await swarm.progress()).toMatchObject({ running: 2, queued: 3, waiting: 0, status: 'running' });
    expect(workshop.labels(swarm).sort()).toEqual(['a', 'b']);

    workshop.open('start-b');
    await workshop.begun(swarm, 3);
    expect(workshop.labels(swarm).at(-1)).toBe('c');
    expect(await swarm.progress()).toMatchObject({ running: 2, queued: 2, succeeded: 1 });

    for (const label of ['a', 'c', 'd', 'e']) workshop.open(`start-${label}`);
    await progressOf(swarm, { succeeded: 5 });
    expect(await swarm.status()).toBe('running');
    expect(workshop.reports(swarm)).toEqual([]);

    await swarm.closeSwarm();
    await workshop.settled(swarm);
    expect(workshop.reports(swarm)).toHaveLength(1);
    expect(await swarm.status()).toBe('succeeded');
  });

  it('gives its message to all of its tasks', async () => {
    const swarm = await mageflow.swarm({ tasks: [workshop.work, workshop.work, workshop.work], isSwarmClosed: true });
    await swarm.run({ label: 'for all', date: '2026-11-22' });
    expect(workshop.ran(swarm).map(({ input }) => input)).toEqual(
      Array.from({ length: 3 }, () => ({ label: 'for all', date: '2026-11-22' })),
    );
  });

  it('runs 30 at once when nothing else is configured', async () => {
    const swarm = await mageflow.swarm({ tasks: Array.from({ length: 33 }, () => workshop.work), isSwarmClosed: true });
    await swarm.runNoWait({ hold: 'thirty' });
    await workshop.begun(swarm, 30);
    expect(await swarm.progress()).toMatchObject({ running: 30, queued: 3 });
    workshop.open('thirty');
    await progressOf(swarm, { status: 'succeeded', succeeded: 33 });
  });
});
