import type { Swarm } from '../../src';
import { Faults } from '../helpers/faults';
import { eventually } from '../helpers/fixture';
import { statusOf } from '../helpers/outcomes';

const faults = new Faults({ leaseMs: 3_000, reconcileIntervalMs: 300 });
const { mage, recorder } = faults;
beforeAll(() => faults.process({ role: 'worker' }));
afterAll(() => faults.close());

/** A process that has added some items to the swarm that it fills, and works on. */
async function filling(label: string, key?: string) {
  const filler = await faults.process({ role: 'filler', items: 3, gate: `fill ${label}`, ...(key ? { key } : {}) });
  const { id } = await filler.lineOf('filling');
  await filler.lineOf('added');
  return { filler, swarm: await mage.load<Swarm<{ n: number }>>(String(id)) };
}

test('the swarm that a killed process was filling is cancelled, and its error callbacks say so', async () => {
  const { filler, swarm } = await filling('killed');
  await eventually('its items run', async () => (await recorder.started()).length === 3);
  expect(await swarm.progress()).toMatchObject({ status: 'running', closed: false, total: 3 });
  await filler.kill();
  await statusOf(swarm, 'cancelled');
  await eventually('a callback ran', async () => (await recorder.stamps('callback')).length > 0);
  const [callback, ...more] = await recorder.stamps('callback');
  expect(more).toEqual([]);
  expect(callback?.input).toMatchObject({ error: { message: expect.stringContaining('or its process died') } });
});

test('with a key, a call within the lease of the killed process goes on, and what was added runs once', async () => {
  const before = (await recorder.started()).length;
  const { filler, swarm } = await filling('taken over', 'of a killed process');
  await eventually('its items run', async () => (await recorder.started()).length === before + 3);
  await filler.kill();
  const added: number[] = [];
  const filled = await mage.swarm({ key: 'of a killed process' }, async (open) => {
    const entries = [0, 1, 2, 3, 4].map((n) => ['stamp', { n }, { key: String(n) }] as const);
    added.push(await open.addTasks(entries, { run: true }));
  });
  expect([filled.id, filled.created, added]).toEqual([swarm.id, false, [2]]);
  expect(await filled.wait()).toEqual([0, 1, 2, 3, 4].map((n) => ({ n })));
  expect((await recorder.started()).slice(before).sort()).toEqual([0, 1, 2, 3, 4]);
});

test('a process that lives fills its swarm for as long as it takes', async () => {
  const { filler, swarm } = await filling('lives');
  // Longer than the lease by the clock of Redis, which decides about it.
  const began = await redisMs();
  await eventually('the lease would be over', async () => (await redisMs()) - began > 2 * 3_000, 60_000);
  expect(await swarm.progress()).toMatchObject({ status: 'running', closed: false });
  await recorder.open('fill lives');
  await filler.lineOf('filled');
  expect(await swarm.wait()).toEqual([0, 1, 2].map((n) => ({ n })));
});

async function redisMs(): Promise<number> {
  const [seconds, micros] = await faults.redis.time();
  return Number(seconds) * 1_000 + Number(micros) / 1_000;
}
