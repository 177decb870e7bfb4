import type { Signature } from '../../src';
import { eventually } from '../helpers/fixture';
import { Faults } from '../helpers/faults';
import type { TestProcess } from '../helpers/processes';

// Leases that outlast the test: whatever waited for one would not end.
const faults = new Faults({ leaseMs: 3_600_000 });
const { mage, recorder } = faults;
afterAll(() => faults.close());

type Any = Signature<any, any>;
const stampsOf = async (n: number) => (await recorder.stamps()).filter((stamp) => stamp.n === n);
const begun = (...all: number[]) =>
  eventually(`${all.join(', ')} have begun`, async () => {
    const stamps = await recorder.stamps();
    return all.every((n) => stamps.some((stamp) => stamp.n === n));
  });
const pidOf = async (n: number) => (await stampsOf(n)).find(({ event }) => event === 'end')?.pid;
const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);
const ended = async (from: number, count: number) =>
  (await recorder.stamps('end'))
    .map(({ n }) => n)
    .filter((n) => n >= from && n < from + count)
    .sort((a, b) => a - b);

/** States of what is under way in a group, as the store has them. */
async function active(id: string): Promise<string[]> {
  const key = (await faults.keys()).find((one) => one.endsWith(`{${id}}:a`));
  return key ? Object.values(await faults.redis.hgetall(key)).map((packed) => packed.split('|')[0] ?? '') : [];
}

describe('a worker that is asked to stop', () => {
  let leaving: TestProcess;
  let staying: TestProcess;
  const given = new Map<string, Promise<unknown>>();

  beforeAll(async () => {
    leaving = await faults.process({ role: 'worker' });
    const run = async (name: string, group: Any) => given.set(name, (await group.runNoWait({})).output);
    const careful = (n: number) => mage.sign('careful', { n, waits: 'end' });
    const chain = await mage.chain([await careful(0), await mage.sign('stamp', { n: 1 })] as never);
    await run('chain', chain as unknown as Any);
    const spawning = { from: 100, count: 8, pauseAt: 104, pause: 'end' };
    await run('spawning', (await mage.sign('spawn', spawning)) as unknown as Any);
    // At its first child, for which it waits.
    const waiting = { from: 200, count: 4, awaits: true, held: [200], gate: 'end' };
    await run('waiting', (await mage.sign('spawn', waiting)) as unknown as Any);
    const returned = { from: 300, count: 8, held: [300, 301], gate: 'end' };
    await run('returned', (await mage.sign('spawn', returned)) as unknown as Any);
    const followed = await mage.sign('careful', { n: 401, waits: 'end' }, { successCallbacks: [await careful(402)] });
    const first = await mage.sign('stamp', { n: 400 }, { successCallbacks: [followed] });
    await run('callback', first as unknown as Any);
    await begun(0, 103, 200, 300, 301, 307, 401);
    staying = await faults.process({ role: 'worker' });
    const exit = Promise.all([leaving.kill('SIGTERM'), leaving.kill('SIGTERM')]);
    await recorder.open('end');
    expect(await exit).toEqual([0, 0]);
  });

  test('finishes a step, and the chain goes on elsewhere at once', async () => {
    expect(await given.get('chain')).toEqual({ n: 1 });
    expect([await pidOf(0), await pidOf(1)]).toEqual([leaving.pid, staying.pid]);
  });

  test.each([
    ['while it publishes', 'spawning', 100, 8],
    ['while it waits for a child', 'waiting', 200, 4],
    ['whose children run', 'returned', 300, 8],
  ])('finishes the body of a root %s, and its children end once', async (_, name, from, count) => {
    expect(await given.get(name)).toEqual({ spawned: count });
    expect(await ended(from, count)).toEqual(range(from, count));
    const bodies = (await recorder.stamps('body')).filter(({ n }) => n === from);
    expect(bodies.map(({ pid, attempt }) => [pid, attempt])).toEqual([[leaving.pid, 0]]);
    expect((await recorder.started()).filter((n) => n >= from && n < from + count)).toHaveLength(count);
  });

  test('finishes a callback, whose own callback runs elsewhere', async () => {
    await eventually('it has run', async () => (await ended(402, 1)).length === 1);
    expect([await pidOf(401), await pidOf(402)]).toEqual([leaving.pid, staying.pid]);
    expect((await recorder.started()).filter((n) => n >= 400)).toEqual([400, 401, 402]);
    await staying.kill('SIGTERM');
  });
});

test('a worker that was the only one leaves nothing unconfirmed, and the next one goes on at once', async () => {
  const only = await faults.process({ role: 'worker' });
  const swarm = await mage.swarm({
    tasks: range(500, 30).map((n) => ['stamp', { n, ...(n < 506 ? { gate: 'last' } : {}) }] as const),
    config: { maxConcurrency: 6 },
    successCallbacks: ['done'],
    isSwarmClosed: true,
  });
  const single = await mage.sign('stamp', { n: 600, gate: 'last' }, { successCallbacks: ['done'] });
  const { output } = await swarm.runNoWait();
  await single.runNoWait({});
  await begun(...range(500, 6), 600);
  const exit = only.kill('SIGTERM');
  await recorder.open('last');
  expect(await exit).toBe(0);

  const left = [...(await active(swarm.id)), ...(await active(single.id))];
  expect(left).toEqual(Array(7).fill('published'));
  const next = await faults.process({ role: 'worker' });
  expect(await output).toHaveLength(30);
  await eventually('both callbacks ran', async () => (await recorder.stamps('callback')).length === 2);
  expect((await recorder.started()).filter((n) => n >= 500 && n < 600)).toHaveLength(30);
  await next.kill('SIGTERM');
});
