import type { RootSignature } from '../../src';
import { eventually } from '../helpers/fixture';
import { Faults } from '../helpers/faults';
import { scopeOf } from '../helpers/instant';
import { progressOf } from '../helpers/outcomes';
import type { TestProcess } from '../helpers/processes';
import { eventFor, type Stamp, type WaitInput } from '../helpers/recorder';

const count = 4;
const numbers = (from: number) => Array.from({ length: 2 * count }, (_, i) => from + i);

/** Durable roots in processes of their own, that no other worker serves. */
class DurableRoots extends Faults {
  constructor() {
    super({ leaseMs: 1_000, reconcileIntervalMs: 300 });
  }

  async start(name: 'patient' | 'impatient', input: WaitInput) {
    const callback = await this.mage.sign('done', { from: input.from });
    const options = { successCallbacks: [callback], errorCallbacks: [callback] };
    const signature = (await this.mage.sign(name, { ...input }, options)) as unknown as RootSignature<object, unknown>;
    const { runId } = await signature.runNoWait({});
    return { signature, runId: await runId };
  }

  push(from: number) {
    return this.hatchet.events.push(eventFor(from), {});
  }

  /** Waits until the engine has evicted a run. */
  evicted(runId: string) {
    return eventually('it is evicted', async () => (await this.hatchet.runs.getDetails(runId)).isEvicted);
  }

  /** Waits until the engine knows that the body of a run waits. */
  waits(runId: string) {
    return eventually('it waits', async () => {
      const { taskRuns } = await this.hatchet.runs.getDetails(runId);
      const [task] = Object.values(taskRuns);
      if (!task) return false;
      const query = { limit: 10 };
      const { data } = await this.hatchet.api.v1DurableTaskEventLogList(this.hatchet.tenantId, task.externalId, query);
      return data.length > 0;
    });
  }

  /** Waits until the engine knows that one worker serves a task, and no other. */
  servedByOne(task: string) {
    const { engine } = scopeOf(this.mage);
    return eventually('one worker serves it', async () => (await engine.loadOf(task)).active.length === 1);
  }

  /** Waits until so many children of a root have ended. */
  async childrenEnded({ signature }: Started, number: number): Promise<void> {
    // It was signed by its name, so only a body that has begun shows that it is a root.
    const children = await eventually('its body has begun', () => signature.children());
    await progressOf(children, { succeeded: number, running: 0 });
  }

  /** Waits until roots have ended and their callbacks have run. */
  async over(started: ReadonlyMap<number, Started>): Promise<void> {
    for (const { signature } of started.values()) await this.ended(signature);
    await eventually('the callbacks have run', async () => {
      const inputs = (await this.recorder.stamps('callback')).map(({ input }) => (input as { from: number }).from);
      return [...started.keys()].every((from) => inputs.includes(from));
    });
  }

  /** The process, attempt and invocation of each body of a root. */
  async bodies(from: number, ...processes: TestProcess[]) {
    const stamps = (await this.recorder.stamps('body')).filter(({ n }) => n === from);
    return stamps.map(({ pid, attempt, input }) => [processes.findIndex((one) => one.pid === pid), attempt, input]);
  }
}

type Started = Awaited<ReturnType<DurableRoots['start']>>;

/** Checks that each child ran once, and one callback with all of their outputs, because a kill must change neither. */
async function expectWhole(faults: DurableRoots, from: number, { signature }: Started): Promise<void> {
  expect(await signature.status()).toBe('succeeded');
  const stamps = await faults.recorder.stamps();
  const of = (event: Stamp['event']) =>
    stamps
      .filter((stamp) => stamp.event === event && stamp.n >= from && stamp.n < from + 2 * count)
      .map(({ n }) => n)
      .sort((a, b) => a - b);
  expect(of('start')).toEqual(numbers(from));
  expect(of('end')).toEqual(numbers(from));
  const given = stamps.filter(({ event, input }) => event === 'callback' && (input as { from: number }).from === from);
  const childResults = numbers(from).map((n) => ({ n }));
  expect(given.map(({ input }) => input)).toEqual([{ from, returnValue: { spawned: 2 * count }, childResults }]);
}

const faults = new DurableRoots();
afterAll(() => faults.close());

// The engine takes a worker for dead after 30 s without a heartbeat, and starts its runs elsewhere: once for all of these.
describe('the worker of a durable root is killed', () => {
  let victim: TestProcess;
  let heir: TestProcess;
  const [waiting, evicted, woken, publishing] = [1_000, 2_000, 3_000, 4_000];
  const started = new Map<number, Started>();
  const of = (from: number) => started.get(from)!;

  beforeAll(async () => {
    victim = await faults.process({ role: 'worker' });
    started.set(waiting, await faults.start('patient', { from: waiting, count }));
    started.set(evicted, await faults.start('impatient', { from: evicted, count }));
    started.set(woken, await faults.start('impatient', { from: woken, count }));
    started.set(publishing, await faults.start('patient', { from: publishing, count, pause: 'pause' }));
    for (const one of started.values()) await faults.childrenEnded(one, count);
    for (const from of [evicted, woken]) await faults.evicted(of(from).runId);
    for (const from of [waiting, publishing]) await faults.waits(of(from).runId);
    await faults.push(publishing);
    await faults.childrenEnded(of(publishing), count + 2);
    await victim.kill();
    // Nobody is there to receive these events. The engine still takes the dead worker for a living one.
    for (const from of [waiting, woken]) await faults.push(from);
    heir = await faults.process({ role: 'worker' });
    await faults.recorder.open('pause');
    await eventually('the engine knows that the worker is dead', async () => (await faults.bodies(waiting)).length > 1);
    await faults.push(evicted);
    await faults.over(started);
  });

  test.each([
    ['while its body waits in it', waiting],
    ['while its body is evicted', evicted],
    ['while its body is evicted, just before it is to go on', woken],
    ['while its body starts children after a wait', publishing],
  ])('%s: each child runs once, and so does the callback', async (_, from) => {
    await expectWhole(faults, from, of(from));
  });

  test.each([
    ['waited in it', waiting, 1],
    ['started children', publishing, 1],
    ['was evicted: that is no new attempt', evicted, 0],
  ])('its body runs again from the top in another one, when it %s', async (_, from, attempt) => {
    expect(await faults.bodies(from, victim, heir)).toEqual([
      [0, 0, 1],
      [1, attempt, 2],
    ]);
  });
});

test('a worker that is stopped evicts the body that waits in it, which goes on in another one, as no new attempt', async () => {
  const own = new DurableRoots();
  try {
    const from = 5_000;
    const leaving = await own.process({ role: 'worker' });
    const started = new Map([[from, await own.start('patient', { from, count })]]);
    await own.childrenEnded(started.get(from)!, count);
    await own.waits(started.get(from)!.runId);
    await leaving.kill('SIGTERM');
    await own.evicted(started.get(from)!.runId);
    const staying = await own.process({ role: 'worker' });
    // The engine also sends a run to a worker that has gone, or is not listening yet. Each time it counts a further attempt.
    await own.servedByOne('patient');
    await own.push(from);
    await own.over(started);
    await expectWhole(own, from, started.get(from)!);
    expect(await own.bodies(from, leaving, staying)).toEqual([
      [0, 0, 1],
      [1, 0, 2],
    ]);
  } finally {
    await own.close();
  }
});
