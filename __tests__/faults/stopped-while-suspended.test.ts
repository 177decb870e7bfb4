import type { Signature } from '../../src';
import { eventually } from '../helpers/fixture';
import { Faults } from '../helpers/faults';
import type { TestProcess } from '../helpers/processes';

const faults = new Faults({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const { mage, recorder } = faults;
afterAll(() => faults.close());

type Any = Signature<any, any>;
const numbers = async (event: 'start' | 'body', from: number, to: number) =>
  (await recorder.stamps(event)).filter(({ n }) => n >= from && n <= to).map(({ n }) => n);
const begun = (n: number) =>
  eventually(`${n} has begun`, async () => (await recorder.stamps()).some((stamp) => stamp.n === n));

/** The engine has begun another attempt of the run that an entry has: it waits for resume, in the process that serves. */
async function waitsForResume(group: Any, entry = '0'): Promise<void> {
  const key = (await faults.keys()).find((one) => one.endsWith(`{${group.id}}:a`)) ?? '';
  await eventually(`${group.name} waits in its next attempt`, async () => {
    const [state, run = ''] = ((await faults.redis.hget(key, entry)) ?? '').split('|');
    const [task] = (await faults.hatchet.runs.get(run)).tasks;
    return state === 'running' && (task?.retryCount ?? 0) > 0 && task?.status === 'RUNNING';
  });
}

async function isQuiet(id: string): Promise<void> {
  await eventually('all that is left of it has its time to live', async () => {
    const keys = (await faults.keys()).filter((key) => key.includes(`{${id}`));
    const times = await Promise.all(keys.map((key) => faults.redis.pttl(key)));
    return keys.length > 0 && times.every((time) => time > 0);
  });
}

/** Runs something whose first attempt is held, suspends it, lets that attempt fail, and waits for the next one to wait. */
async function suspendedBetweenAttempts(group: Any, n: number, entry?: string, by: Any = group) {
  const handle = await group.runNoWait({});
  // For some nobody waits.
  handle.output.catch(() => undefined);
  await begun(n);
  await by.suspend();
  await recorder.open(`hold ${n}`);
  await waitsForResume(group, entry);
  return handle;
}

const input = (n: number) => ({ n, firstWaits: `hold ${n}`, failsUntil: `good ${n}` });

describe('a worker that is asked to stop while an attempt waits for resume', () => {
  let leaving: TestProcess;
  let staying: TestProcess;
  const handles = new Map<string, { output: Promise<unknown> }>();
  const groups = new Map<string, Any>();
  let exit: number | null | undefined;

  beforeAll(async () => {
    leaving = await faults.process({ role: 'worker' });
    const sign = (n: number) => mage.sign('careful', input(n)) as unknown as Promise<Any>;
    const single = await sign(0);
    const swarm = await mage.swarm({
      tasks: [await sign(10), ['stamp', { n: 11 }]],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    const alone = await sign(20);
    const withAlone = await mage.swarm({
      tasks: [alone, ['stamp', { n: 21 }]],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    const chain = (await mage.chain([await mage.sign('stamp', { n: 30 }), await sign(31)] as never)) as unknown as Any;
    const root = (await mage.sign('hard-root', { ...input(40), count: 4 })) as unknown as Any;
    const cancelled = (await mage.sign('hard-root', { ...input(50), count: 4 })) as unknown as Any;
    const failing = await sign(60);
    const all = { single, swarm, withAlone, chain, root, cancelled, failing };
    for (const [name, group] of Object.entries(all)) groups.set(name, group as Any);
    handles.set('single', await suspendedBetweenAttempts(single, 0));
    handles.set('swarm', await suspendedBetweenAttempts(swarm, 10));
    handles.set('withAlone', await suspendedBetweenAttempts(withAlone, 20, '0', alone));
    handles.set('chain', await suspendedBetweenAttempts(chain, 31, '1'));
    handles.set('root', await suspendedBetweenAttempts(root, 40));
    handles.set('cancelled', await suspendedBetweenAttempts(cancelled, 50));
    handles.set('failing', await suspendedBetweenAttempts(failing, 60));
    staying = await faults.process({ role: 'worker' });
    void leaving.kill('SIGTERM').then((code) => (exit = code));
    await eventually('the worker has stopped', () => exit !== undefined);
    for (const n of [0, 10, 20, 31, 40, 50]) await recorder.open(`good ${n}`);
  });

  const resumed = async (name: string) => {
    await groups.get(name)?.resume();
    return handles.get(name)?.output;
  };
  const pids = async (n: number) =>
    (await recorder.stamps('start')).filter((stamp) => stamp.n === n).map(({ pid }) => pid);

  test('stops all the same, and no body has begun meanwhile', async () => {
    expect(exit).toBe(0);
    expect([await pids(0), await pids(10), await pids(31)]).toEqual([[leaving.pid], [leaving.pid], [leaving.pid]]);
    expect(await groups.get('swarm')?.status()).toBe('suspended');
  });

  test('hands on a task by itself: resume runs it elsewhere', async () => {
    expect(await resumed('single')).toEqual({ n: 0 });
    expect(await pids(0)).toEqual([leaving.pid, staying.pid]);
  });

  test('hands on an item of a suspended swarm, whose slot nobody takes before it', async () => {
    expect(await numbers('start', 11, 11)).toEqual([]);
    expect(await resumed('swarm')).toEqual([{ n: 10 }, { n: 11 }]);
    expect(await numbers('start', 10, 11)).toEqual([10, 10, 11]);
  });

  test('hands on an item that is suspended by itself, whose slot the next one takes', async () => {
    await begun(21);
    await (
      await mage.load(`${groups.get('withAlone')?.id ?? ''}~0`).catch(() => groups.get('withAlone') as Any)
    ).resume();
    expect(await handles.get('withAlone')?.output).toEqual([{ n: 20 }, { n: 21 }]);
    expect(await numbers('start', 20, 21)).toEqual([20, 21, 20]);
  });

  test('a stopping worker hands on a suspended step of a chain, and another worker runs it after resume', async () => {
    expect(await resumed('chain')).toEqual({ n: 31 });
    expect(await numbers('start', 30, 31)).toEqual([30, 31, 31]);
  });

  test('hands on a root in the middle of its body: its next run goes on, and no child runs twice', async () => {
    expect(await resumed('root')).toEqual({ spawned: 4 });
    await isQuiet(groups.get('root')?.id ?? '');
    expect((await numbers('start', 41, 44)).sort()).toEqual([41, 42, 43, 44]);
    expect(await numbers('body', 40, 40)).toEqual([40, 40]);
  });

  test('a root that a stopping worker handed on can be cancelled with its children', async () => {
    await groups.get('cancelled')?.cancel();
    await expect(handles.get('cancelled')?.output).rejects.toThrow(/cancelled/);
    await isQuiet(groups.get('cancelled')?.id ?? '');
    expect(await numbers('body', 50, 50)).toEqual([50]);
  });

  test('hands on the count of attempts', async () => {
    await expect(resumed('failing')).rejects.toThrow('60 failed');
    expect(await pids(60)).toEqual([leaving.pid, staying.pid, staying.pid]);
  });
});
