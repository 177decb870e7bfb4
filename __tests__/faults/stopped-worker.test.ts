import { eventually } from '../helpers/fixture';
import { Faults } from '../helpers/faults';

// Leases that outlast the test: whatever waited for one would not end.
const faults = new Faults({ leaseMs: 3_600_000 });
afterAll(() => faults.close());

test('a worker that is asked to stop finishes what runs, and the slots that this frees are used elsewhere at once', async () => {
  const leaving = await faults.process({ role: 'worker' });
  const tasks = Array.from({ length: 12 }, (_, n) => ['stamp', { n, ...(n < 3 ? { gate: 'end' } : {}) }] as const);
  const swarm = await faults.mage.swarm({
    tasks,
    successCallbacks: ['done'],
    config: { maxConcurrency: 3 },
    isSwarmClosed: true,
  });
  await swarm.runNoWait();
  await eventually('its first items run', async () => (await faults.recorder.started()).length === 3);
  const staying = await faults.process({ role: 'worker' });
  const exit = leaving.kill('SIGTERM');
  await faults.recorder.open('end');
  expect(await exit).toBe(0);

  expect(await faults.ended(swarm)).toBe('succeeded');
  expect(await faults.callbacks()).toBe(1);
  const ends = await faults.recorder.stamps('end');
  expect(ends.map(({ n }) => n).sort((a, b) => a - b)).toEqual(tasks.map((_, n) => n));
  expect((await faults.recorder.started()).length).toBe(tasks.length);
  expect(ends.filter(({ n }) => n < 3).map(({ pid }) => pid)).toEqual(Array(3).fill(leaving.pid));
  expect(ends.filter(({ pid }) => pid === staying.pid).length).toBeGreaterThan(0);
  expect(await faults.recorder.mostAtOnce()).toBe(3);
  await staying.kill('SIGTERM');
});
