import * as mageflow from 'mageflow';
import { SwarmClosedError } from 'mageflow';
import { openWorkshop, progressOf } from '../../helpers/workshop';

describe('closing a swarm', () => {
  const { workshop } = openWorkshop();

  it('runs the completion callbacks when the tasks that were there have completed', async () => {
    const swarm = await mageflow.swarm({ tasks: [workshop.work, workshop.work], successCallbacks: [workshop.report] });
    await swarm.runNoWait({ hold: 'closing' });
    await workshop.begun(swarm, 2);
    await swarm.closeSwarm();
    expect(await swarm.progress()).toMatchObject({ closed: true, running: 2, status: 'running' });
    expect(workshop.reports(swarm)).toEqual([]);
    workshop.open('closing');
    await workshop.settled(swarm);
    expect(workshop.reports(swarm)).toHaveLength(1);
  });

  it('runs them at once when everything had completed before', async () => {
    const swarm = await mageflow.swarm({ tasks: [workshop.work], successCallbacks: [workshop.report] });
    await swarm.runNoWait({});
    await progressOf(swarm, { succeeded: 1 });
    expect(await swarm.status()).toBe('running');
    await swarm.closeSwarm();
    expect(await swarm.status()).toBe('succeeded');
    await workshop.settled(swarm);
    expect(workshop.reports(swarm)).toHaveLength(1);
  });

  it('accepts no new tasks afterwards', async () => {
    const swarm = await mageflow.swarm({ tasks: [workshop.work] });
    await swarm.closeSwarm();
    await expect(swarm.addTask(workshop.work)).rejects.toThrow(SwarmClosedError);
    await expect(swarm.addTasks([workshop.work, workshop.work], { run: true })).rejects.toThrow(SwarmClosedError);
    expect(await swarm.progress()).toMatchObject({ total: 1, status: 'pending' });
  });

  it('can be done when the swarm is made', async () => {
    const swarm = await mageflow.swarm({
      tasks: [workshop.work],
      successCallbacks: [workshop.report],
      isSwarmClosed: true,
    });
    expect(await swarm.progress()).toMatchObject({ closed: true, status: 'pending' });
    await expect(swarm.addTask(workshop.work)).rejects.toThrow(SwarmClosedError);
    expect(await swarm.run({ label: 'only' })).toEqual([{ label: 'only', value: null }]);
    await workshop.settled(swarm);
    expect(workshop.reports(swarm)).toHaveLength(1);
  });
});
