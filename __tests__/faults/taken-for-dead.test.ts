import { kill } from 'node:process';
import type { RootSignature, Signature } from '../../src';
import { eventually } from '../helpers/fixture';
import { Faults } from '../helpers/faults';
import type { TestProcess } from '../helpers/processes';

const options = { leaseMs: 1_000, reconcileIntervalMs: 300 };
const frozen = new Faults(options);
const stopping = new Faults(options);
afterAll(() => Promise.all([frozen.close(), stopping.close()]));

type Any = Signature<any, any>;
type Outputs = Map<string, Promise<unknown>>;

const stampsOf = async ({ recorder }: Faults, n: number) => (await recorder.stamps()).filter((stamp) => stamp.n === n);
const seen = (faults: Faults, what: string, n: number, event: string, attempt: number) =>
  eventually(`${what}: ${event} of attempt ${attempt} of ${n}`, async () =>
    (await stampsOf(faults, n)).some((stamp) => stamp.event === event && stamp.attempt === attempt),
  );
const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

/** Runs one of each kind whose bodies wait, each at a gate for its first attempt and one for the later ones. */
async function batch({ mage }: Faults, outputs: Outputs): Promise<Map<string, Any>> {
  const input = (n: number) => ({ n, firstWaits: 'first', laterWaits: 'later' });
  const held = (n: number) => mage.sign('careful', input(n));
  const done = (mark: string) => mage.sign('done', { mark });
  const groups = new Map<string, Any>();
  const run = async (name: string, group: unknown) => {
    groups.set(name, group as Any);
    outputs.set(name, (await (group as Any).runNoWait({})).output);
  };
  const swarm = await mage.swarm({
    tasks: [await held(0), await held(1), ...range(2, 6).map((n) => ['stamp', { n }] as const)],
    config: { maxConcurrency: 2, stopAfterNFailures: 1 },
    successCallbacks: [await done('swarm')],
    errorCallbacks: [await done('swarm')],
    isSwarmClosed: true,
  });
  await run('swarm', swarm);
  const steps = [await held(100), await mage.sign('stamp', { n: 101 })];
  await run('chain', await mage.chain(steps as never, { successCallbacks: [await done('chain')] }));
  const rootOptions = { successCallbacks: [await done('root')], errorCallbacks: [await done('root')] };
  await run('root', await mage.sign('hard-root', { ...input(200), count: 6 }, rootOptions));
  const callback = await mage.sign('careful', input(301), { successCallbacks: [await done('callback')] });
  await run('single', await mage.sign('stamp', { n: 300 }, { successCallbacks: [callback] }));
  return groups;
}

const heldOnes = [0, 1, 100, 200, 301];
const first = (n: number) => (n === 200 ? 'body' : 'start');
const begun = (faults: Faults, attempt: number) =>
  Promise.all(heldOnes.map((n) => seen(faults, 'held', n, first(n), attempt)));

/** What holds of the batch once it has ended, however often its bodies were begun. */
async function check(faults: Faults, outputs: Outputs, pids: number[]): Promise<void> {
  expect(await outputs.get('swarm')).toEqual(range(0, 8).map((n) => ({ n })));
  expect(await outputs.get('chain')).toEqual({ n: 101 });
  expect(await outputs.get('root')).toEqual({ spawned: 6 });
  const marks = async () =>
    (await faults.recorder.stamps('callback')).map(({ input }) => (input as { mark: string }).mark).sort();
  await eventually('all callbacks ran', async () => (await marks()).length >= 4);
  expect(await marks()).toEqual(['callback', 'chain', 'root', 'swarm']);
  for (const n of heldOnes) {
    const starts = (await stampsOf(faults, n)).filter(({ event }) => event === first(n));
    expect([n, starts.map(({ attempt, pid }) => [attempt, pid])]).toEqual([n, pids.map((pid, i) => [i, pid])]);
  }
  // Those that nothing held ran once; so did all children of the root, whichever attempt has published them.
  const others = [...range(2, 6), 101, ...range(201, 6), 300];
  expect((await faults.recorder.started()).filter((n) => others.includes(n)).sort((a, b) => a - b)).toEqual(others);
}

// The engine takes a worker for dead after 30 s without a heartbeat: once for all of these.
let sleeper: TestProcess;
let heir: TestProcess;
let victim: TestProcess;
let next: TestProcess;
const sleeping: Outputs = new Map();
const killed: Outputs = new Map();

beforeAll(async () => {
  [sleeper, victim] = await Promise.all([frozen.process({ role: 'worker' }), stopping.process({ role: 'worker' })]);
  const both = await Promise.all([batch(frozen, sleeping), batch(stopping, killed)]);
  await Promise.all([begun(frozen, 0), begun(stopping, 0)]);
  const [groups] = both;
  for (const each of both) {
    const root = each.get('root') as unknown as RootSignature<object, unknown>;
    await eventually('what the root has published has ended', async () => {
      return (await (await root.children())?.progress())?.succeeded === 3;
    });
  }
  kill(sleeper.pid, 'SIGSTOP');
  kill(victim.pid, 'SIGTERM');
  const { hatchet } = stopping;
  await eventually('the engine gives it no more runs', async () => {
    const { rows } = await hatchet.workers.list();
    const own = rows?.find(({ name }) => name === `${hatchet.config.namespace}worker-process`);
    return own?.status === 'PAUSED' || own?.status === 'INACTIVE';
  });
  await victim.kill();
  await stopping.recorder.open('later');
  [heir, next] = await Promise.all([frozen.process({ role: 'worker' }), stopping.process({ role: 'worker' })]);
  await begun(frozen, 1);
  kill(sleeper.pid, 'SIGCONT');
  await frozen.recorder.open('first');
  await Promise.all(heldOnes.map((n) => seen(frozen, 'late', n, 'end', 0)));
  // It ends when its last body has reported.
  expect(await sleeper.kill('SIGTERM')).toBe(0);
  before.push(await groups.get('swarm')?.status(), await groups.get('root')?.status());
  await frozen.recorder.open('later');
});

const before: unknown[] = [];

test('what a frozen worker does after its runs were begun elsewhere changes nothing', async () => {
  await check(frozen, sleeping, [sleeper.pid, heir.pid]);
  expect(before).toEqual(['running', 'running']);
});

test('the swarm of a worker that was taken for dead never had more items under way than its limit, with those that ran twice counted once', async () => {
  const own = (await frozen.recorder.stamps()).filter(({ n }) => n >= 0 && n < 8);
  const active = new Set<number>();
  let most = 0;
  // An item goes on as long as its last attempt does.
  for (const { event, n, attempt } of own) {
    if (event === 'start') active.add(n);
    if (event === 'end' && (n > 1 || attempt === 1)) active.delete(n);
    most = Math.max(most, active.size);
  }
  expect(most).toBe(2);
});

test('what was running in a worker that was killed while it stopped ends once elsewhere', async () => {
  await check(stopping, killed, [victim.pid, next.pid]);
});
