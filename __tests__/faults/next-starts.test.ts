import { Faults } from '../helpers/faults';
import { eventually } from '../helpers/fixture';

const faults = new Faults({ leaseMs: 1_000, reconcileIntervalMs: 300 });
afterAll(() => faults.close());

test('a swarm goes on when the process dies that was to look after its pause', async () => {
  const worker = await faults.process({ role: 'worker' });
  const swarm = await faults.mage.swarm({
    tasks: [['backs-off', { n: 1, ms: 3_000 }]],
    successCallbacks: ['done'],
    isSwarmClosed: true,
  });
  await swarm.runNoWait();
  await eventually('it pauses', async () => (await swarm.progress()).nextStartAt !== undefined);
  await worker.kill();
  await faults.process({ role: 'worker' });
  expect(await faults.ended(swarm)).toBe('succeeded');
  expect(await faults.recorder.started()).toEqual([1, 1]);
  expect(await faults.callbacks()).toBe(1);
});

test('a limited swarm goes on when the process dies that was to start its next item', async () => {
  const worker = await faults.process({ role: 'worker' });
  const swarm = await faults.mage.swarm({
    tasks: Array.from({ length: 4 }, (_, n) => ['stamp', { n: 10 + n }] as const),
    config: { rateLimit: { limit: 1, perMs: 1_000, burst: 1 } },
    isSwarmClosed: true,
  });
  await swarm.runNoWait();
  await eventually('it waits', async () => (await swarm.progress()).succeeded === 1);
  await worker.kill();
  await faults.process({ role: 'worker' });
  expect(await faults.ended(swarm)).toBe('succeeded');
  expect((await faults.recorder.started()).filter((n) => n >= 10).sort()).toEqual([10, 11, 12, 13]);
});
