import { join } from 'node:path';
import type { Signature } from '../../src';
import { eventually } from '../helpers/fixture';
import { Faults } from '../helpers/faults';

// Shorter than the clocks are wrong: whoever counted by its own would end, forget or publish at once, or never.
const minutes = 60_000;
const faults = new Faults({
  leaseMs: 1_000,
  reconcileIntervalMs: 300,
  retention: { finishedMs: 4 * minutes, abandonedMs: 4 * minutes },
});
const { mage, recorder } = faults;
afterAll(() => faults.close());

const fast = 5 * minutes;
const slow = -5 * minutes;
const preload = join(__dirname, '../helpers/shifted-clock.cjs');
const started = async (from: number, count: number) =>
  (await recorder.started()).filter((n) => n >= from && n < from + count).sort((a, b) => a - b);
const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

// This process has nothing to do with what runs: all that is done by a clock, one of these two does.
beforeAll(async () => {
  const process = (shift: number) =>
    faults.process({ role: 'worker' }, { CLOCK_SHIFT_MS: String(shift), NODE_OPTIONS: `--require ${preload}` });
  await Promise.all([process(fast), process(slow)]);
});

/** Has the process with this clock do something to a group. */
async function order(shift: number, id: string, what: 'suspend' | 'resume'): Promise<void> {
  const { now } = (await (await mage.sign(`order-${shift}`, { id, what })).run({})) as { now: number };
  expect(Math.round((now - Date.now()) / minutes)).toBe(shift / minutes);
}

/** The reconciler has asked about what holds an item's lease, often enough that both processes did. */
async function renewed(id: string): Promise<void> {
  const key = (await faults.keys()).find((one) => one.endsWith(`{${id}}:l`)) ?? '';
  const seen = new Set<string>();
  await eventually('leases are renewed', async () => {
    const due = await faults.redis.zscore(key, '0');
    if (due) seen.add(due);
    return seen.size >= 4;
  });
}

test('a swarm, a chain and a root whose bodies outlast their leases run once, and the limit holds', async () => {
  const swarm = await mage.swarm({
    tasks: range(0, 12).map((n) => ['careful', { n, ...(n < 3 ? { waits: 'outlast' } : {}) }] as const),
    config: { maxConcurrency: 3, timeoutMs: 4 * minutes },
    successCallbacks: ['done'],
    isSwarmClosed: true,
  });
  const steps = [await mage.sign('careful', { n: 100, waits: 'outlast' }), await mage.sign('stamp', { n: 101 })];
  const chain = (await mage.chain(steps as never)) as unknown as Signature<any, any>;
  const root = await mage.sign('hard-root', { n: 200, count: 6, waits: 'outlast' });
  const handles = [await swarm.runNoWait(), await chain.runNoWait({}), await root.runNoWait({})];
  await eventually('as many have begun as may', async () => (await started(0, 12)).length === 3);
  await renewed(swarm.id);
  expect(await started(0, 12)).toEqual([0, 1, 2]);
  await recorder.open('outlast');
  const outputs = await Promise.all(handles.map(({ output }) => output));
  expect(outputs).toEqual([range(0, 12).map((n) => ({ n })), { n: 101 }, { spawned: 6 }]);
  expect(await started(0, 12)).toEqual(range(0, 12));
  expect(await started(100, 2)).toEqual([100, 101]);
  expect(await started(201, 6)).toEqual(range(201, 6));
  expect(await faults.callbacks()).toBe(1);

  // What has ended is kept for its time by the store's clock, whichever process looks after it.
  const small = await Promise.all(
    range(600, 8).map((n) => mage.swarm({ tasks: [['stamp', { n }]], isSwarmClosed: true })),
  );
  await Promise.all(small.map((one) => one.run()));
  const ended = [swarm, ...small];
  const kept = async () => {
    const keys = (await faults.keys()).filter((key) => ended.some(({ id }) => key.includes(`{${id}}`)));
    const times = await Promise.all(keys.map((key) => faults.redis.pttl(key)));
    const states = keys.filter((key) => key.endsWith(':g')).length;
    return states === ended.length && times.every((time) => time > 2 * minutes && time <= 4 * minutes + 2_000);
  };
  await eventually('all that is left of them has its time to live', kept);
  await renewedPasses(500);
  expect(await kept()).toBe(true);
});

test('the time limit of a group is over when it is', async () => {
  const swarm = await mage.swarm({
    tasks: [
      ['careful', { n: 300, waits: 'never' }],
      ['stamp', { n: 301 }],
    ],
    config: { maxConcurrency: 1, timeoutMs: 2_000 },
    isSwarmClosed: true,
  });
  const [before] = await faults.redis.time();
  const { output } = await swarm.runNoWait();
  await expect(output).rejects.toThrow(/time/);
  const [after] = await faults.redis.time();
  expect(Number(after) - Number(before)).toBeGreaterThanOrEqual(1);
  await recorder.open('never');
  expect(await started(301, 1)).toEqual([]);
});

test('the most recent suspend or resume wins, whichever process called it', async () => {
  const inner = await mage.swarm({ tasks: [['stamp', { n: 401 }]], isSwarmClosed: true });
  const swarm = await mage.swarm({
    tasks: [['careful', { n: 400, waits: 'words' }], inner],
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
  });
  const { output } = await swarm.runNoWait();
  await eventually('it has begun', async () => (await started(400, 1)).length === 1);
  for (const [first, second] of [
    [fast, slow],
    [slow, fast],
  ] as const) {
    await order(first, swarm.id, 'suspend');
    expect(await swarm.status()).toBe('suspended');
    await order(second, swarm.id, 'resume');
    expect(await swarm.status()).toBe('running');
  }
  await order(fast, swarm.id, 'suspend');
  await recorder.open('words');
  await eventually('what ran has ended', async () => (await swarm.progress()).succeeded === 1);
  // Nothing happens in it now, and a clock that is ahead would take it for abandoned.
  await renewedPasses(501);
  expect([await swarm.status(), await started(401, 1)]).toEqual(['suspended', []]);
  await order(slow, swarm.id, 'resume');
  expect(await output).toEqual([{ n: 400 }, [{ n: 401 }]]);
});

/** The reconciler has passed a few times in both processes: a group that it looks after is put off each time. */
async function renewedPasses(n: number): Promise<void> {
  const probe = await mage.swarm({ tasks: [['careful', { n, waits: `probe ${n}` }]], isSwarmClosed: true });
  const { output } = await probe.runNoWait();
  await eventually('it has begun', async () => (await started(n, 1)).length === 1);
  await renewed(probe.id);
  await recorder.open(`probe ${n}`);
  await output;
}
