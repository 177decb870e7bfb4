import type { Context } from '@hatchet-dev/typescript-sdk';
import type { EngineClient } from '../../../src/hatchet/client';
import { eventually, Fixture, gate } from '../../helpers/fixture';

// Leases that outlast the test: each end here is the doing of the item's own runs, not of the reconciler.
const fixture = new Fixture({ leaseMs: 3_600_000 });
const { mage } = fixture;

const first = gate();
const second = gate();
const starts: string[] = [];
const alerts: Record<string, unknown>[] = [];
const pendingAtReturn: boolean[] = [];

const short = mage.task({
  name: 'short',
  retries: 1,
  // Counted from the assignment to a worker: a slow machine has to begin, and end, what it should within it.
  executionTimeout: '3s',
  fn: async ({ as, wait }: { as: string; wait?: boolean }, ctx) => {
    starts.push(`${as} ${ctx.retryCount()}`);
    if (ctx.retryCount() === 0) await first.opened;
    else if (wait) await second.opened;
    throw new Error(`attempt ${ctx.retryCount()} of ${as}`);
  },
});
const work = mage.task({ name: 'work', fn: async () => ({}) });
const alert = mage.task({ name: 'alert', fn: async (input: Record<string, unknown>) => void alerts.push(input) });

interface Publications {
  kernel: { runtime: { outbox: { isPending(groupId: string, entry: string): boolean } } };
}
let watchedSwarm = '';

beforeAll(async () => {
  const { definition } = work as unknown as { definition: { _tasks: { fn: (...args: unknown[]) => unknown }[] } };
  const [task] = definition._tasks;
  const wrapped = task?.fn;
  if (!task || !wrapped) throw new Error('It has no task.');
  task.fn = async (...args) => {
    const output = await wrapped(...args);
    const { outbox } = (mage as unknown as Publications).kernel.runtime;
    const { 'mageflow.index': index } = (args[1] as Context<unknown>).additionalMetadata();
    // What it made room for itself: the next one may have ended meanwhile, and be publishing on its own.
    pendingAtReturn.push(outbox.isPending(watchedSwarm, String(Number(index) + 1)));
    return output;
  };
  await fixture.worker([short, work, alert]);
});
afterAll(async () => {
  first.open();
  second.open();
  await fixture.close();
});

/** How many failed attempts the store has counted of a single signature. */
async function counted(id: string): Promise<number> {
  const key = (await fixture.keys()).find((one) => one.endsWith(`{${id}}:a`));
  const packed = key && (await fixture.redis.hget(key, '0'));
  return Number(packed?.split('|')[6] ?? 0);
}

test('a timeout counts as an attempt, so that the throw after it is final at once', async () => {
  const item = await mage.sign(short, { as: 'slow', wait: true }, { errorCallbacks: [alert] });
  const handle = await item.runNoWait();
  await eventually('the second attempt runs', () => starts.includes('slow 1'));
  await eventually('the timeout is counted', async () => (await counted(item.id)) === 1);
  second.open();
  await expect(handle.output).rejects.toThrow('short failed: attempt 1 of slow');
  await eventually('the callback ran', () => alerts.some(({ as }) => as === 'slow'));
  expect(starts.filter((one) => one.startsWith('slow'))).toEqual(['slow 0', 'slow 1']);
});

test('a throw right after a timeout, before that was counted, is final without a reconciler', async () => {
  const item = await mage.sign(short, { as: 'quick' }, { errorCallbacks: [alert] });
  await expect(item.run()).rejects.toThrow('attempt 1 of quick');
  await eventually('the callback ran', () => alerts.some(({ as }) => as === 'quick'));
  expect(starts.filter((one) => one.startsWith('quick'))).toEqual(['quick 0', 'quick 1']);
  expect(alerts.filter(({ as }) => as === 'quick')).toHaveLength(1);
});

test('a throw right after a timeout is final without the reconciler also when the engine reports late that it was', async () => {
  const { engine } = (mage as unknown as { kernel: { runtime: { engine: EngineClient } } }).kernel.runtime;
  const state = engine.state.bind(engine);
  let late = 4;
  engine.state = async (runId) => {
    const real = await state(runId);
    // As long as the timed-out attempt asks, and a little longer.
    if (real.end && late > 0) {
      late -= 1;
      return { known: true, evicted: false, end: undefined };
    }
    return real;
  };
  const item = await mage.sign(short, { as: 'late' }, { errorCallbacks: [alert] });
  await expect(item.run()).rejects.toThrow('attempt 1 of late');
  expect(late).toBe(0);
  await eventually('the callback ran', () => alerts.some(({ as }) => as === 'late'));
  engine.state = state;
});

test('a run returns to the engine only after what it made room for is published', async () => {
  const swarm = await mage.swarm({
    tasks: [work, work, work, work],
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
  });
  watchedSwarm = swarm.id;
  await swarm.run();
  await eventually('all have returned', () => pendingAtReturn.length === 4);
  expect(pendingAtReturn).toEqual([false, false, false, false]);
});
