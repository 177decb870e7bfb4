import { Faults } from '../helpers/faults';
import { eventually } from '../helpers/fixture';
import type { HardInput } from '../helpers/hard-lives';

const leaseMs = 1_000;
const faults = new Faults({ leaseMs, reconcileIntervalMs: 300 });
const { mage, recorder } = faults;
afterAll(() => faults.close());

// Beyond its leases and its heartbeat: the others take the process for dead.
const blocks = 4 * leaseMs;
const swarms = 8;
const items = 8;
const limit = 2;

test('items of a process whose event loop is blocked for longer than its leases run once, and the limit holds', async () => {
  await Promise.all([faults.process({ role: 'worker' }), faults.process({ role: 'worker' })]);
  const task = (n: number, more: Partial<HardInput> = {}) => ['careful', { n, ...more }] as const;
  const made = await Promise.all(
    Array.from({ length: swarms }, async (_, s) =>
      mage.swarm({
        tasks: Array.from({ length: items }, (_, i) => {
          const n = 100 * s + i;
          // One blocks in its body; another one at some moment between its end and the publication of what follows it.
          if (i === 0 && s % 2 === 0) return task(n, { blocks });
          if (i === 2) return task(n, { blocks, blocksAfter: s });
          // The last two work together: a limit of one would not let them.
          return task(n, i >= items - limit ? { waits: `last of ${s}` } : {});
        }),
        config: { maxConcurrency: limit, stopAfterNFailures: 1 },
        successCallbacks: [await mage.sign('done', { s })],
        isSwarmClosed: true,
      }),
    ),
  );
  for (const swarm of made) await swarm.runNoWait();
  for (const s of made.keys()) {
    const last = (n: number) => Math.floor(n / 100) === s && n % 100 >= items - limit;
    const together = async () => (await recorder.started()).filter(last).length === limit;
    await eventually(`the last items of swarm ${s} run together`, together, 200_000);
    await recorder.open(`last of ${s}`);
  }
  for (const [s, swarm] of made.entries()) {
    expect([s, await faults.ended(swarm, 200_000)]).toEqual([s, 'succeeded']);
  }
  await eventually('all callbacks ran', async () => (await recorder.stamps('callback')).length >= swarms);

  const stamps = await recorder.stamps();
  for (let s = 0; s < swarms; s++) {
    const own = stamps.filter(({ n }) => Math.floor(n / 100) === s);
    const active = new Set<number>();
    let most = 0;
    for (const { event, n } of own) {
      if (event === 'start') active.add(n);
      if (event === 'end') active.delete(n);
      most = Math.max(most, active.size);
    }
    expect([s, most]).toEqual([s, limit]);
    const began = own.filter(({ event }) => event === 'start');
    expect(began.map(({ n, attempt }) => [n - 100 * s, attempt]).sort(([a = 0], [b = 0]) => a - b)).toEqual(
      Array.from({ length: items }, (_, i) => [i, 0]),
    );
  }
  expect(stamps.filter(({ event }) => event === 'callback')).toHaveLength(swarms);
});
