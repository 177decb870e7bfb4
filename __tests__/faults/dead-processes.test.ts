import type { Swarm } from '../../src';
import { eventually } from '../helpers/fixture';
import { Faults } from '../helpers/faults';
import { closedPort } from '../helpers/own-redis';

const faults = new Faults({ leaseMs: 1_000, reconcileIntervalMs: 300 });
afterAll(() => faults.close());

test('what a killed client was granted and had not published is published by the reconciler of a worker', async () => {
  const worker = await faults.process({ role: 'worker' });
  const unreachable = { HATCHET_CLIENT_HOST_PORT: `127.0.0.1:${await closedPort()}` };
  const client = await faults.process({ role: 'client', items: 6, maxConcurrency: 2, gate: 'both' }, unreachable);
  const { id } = await client.lineOf('swarm');
  const swarm = await faults.mage.load<Swarm<{ n: number }>>(String(id));
  await eventually('the client holds its grants', async () => (await swarm.progress()).running === 2);
  const published = client.lines.filter(({ event }) => event === 'published');
  await client.kill();
  expect(published).toEqual([]);
  expect(await faults.recorder.started()).toEqual([]);

  await eventually('both run', async () => (await faults.recorder.started()).length === 2);
  await faults.recorder.open('both');
  expect(await faults.ended(swarm)).toBe('succeeded');
  expect((await faults.recorder.started()).sort()).toEqual([0, 1, 2, 3, 4, 5]);
  expect(await faults.recorder.mostAtOnce()).toBe(2);
  expect(await faults.callbacks()).toBe(1);
  expect(worker.lines.filter(({ message }) => String(message).includes('publishing item')).length).toBe(2);
  await worker.kill('SIGTERM');
});
