import { eventually } from '../helpers/fixture';
import { Faults } from '../helpers/faults';

const faults = new Faults({ leaseMs: 1_000, reconcileIntervalMs: 300 });
afterAll(() => faults.close());

const limit = 4;

test('items whose worker was killed end once on another one, and the limit holds meanwhile', async () => {
  const victim = await faults.process({ role: 'worker' });
  const tasks = Array.from(
    { length: 12 },
    (_, n) => ['stamp', { n, ...(n < limit ? { gate: 'never' } : {}) }] as const,
  );
  const swarm = await faults.mage.swarm({
    tasks,
    successCallbacks: ['done'],
    errorCallbacks: ['done'],
    config: { maxConcurrency: limit, stopAfterNFailures: 1 },
    isSwarmClosed: true,
  });
  await swarm.runNoWait();
  await eventually('its first items run', async () => (await faults.recorder.started()).length === limit);
  const heir = await faults.process({ role: 'worker' });
  await victim.kill();
  await faults.recorder.open('never');

  // The engine takes a worker for dead after 30 s without a heartbeat, and starts its runs elsewhere.
  expect(await faults.ended(swarm)).toBe('succeeded');
  expect(await swarm.progress()).toMatchObject({ total: 12, succeeded: 12, failed: 0, running: 0 });
  const stamps = await faults.recorder.stamps();
  const of = (event: string, pid: number) => stamps.filter((one) => one.event === event && one.pid === pid);
  expect(
    of('start', victim.pid)
      .map(({ n }) => n)
      .sort(),
  ).toEqual([0, 1, 2, 3]);
  expect(of('end', victim.pid)).toEqual([]);
  const ended = of('end', heir.pid).map(({ n }) => n);
  expect(ended.sort((a, b) => a - b)).toEqual(tasks.map((_, n) => n));
  expect(
    of('start', heir.pid)
      .filter(({ n }) => n < limit)
      .map(({ attempt }) => attempt),
  ).toEqual([1, 1, 1, 1]);
  expect(await faults.recorder.mostAtOnce()).toBe(limit);
  expect(await faults.callbacks()).toBe(1);
});
