// Tasks with an idempotency key of their own: the engine takes a call but for the runs whose key another run has.
import type { Swarm } from '../../src';
import { Fixture, newHatchet } from '../helpers/fixture';

const hatchet = newHatchet();
const publish = hatchet.admin.runWorkflows.bind(hatchet.admin);
/** What is done with each call to the engine, after it has been made. */
let afterCall: (() => void) | undefined;
hatchet.admin.runWorkflows = (async (...args: Parameters<typeof publish>) => {
  try {
    return await publish(...args);
  } finally {
    afterCall?.();
  }
}) as typeof publish;

const fixture = new Fixture({ leaseMs: 2_000, reconcileIntervalMs: 500 }, hatchet);
const { mage } = fixture;
/** The runs whose bodies ran. */
const runs = new Map<string, string>();
const bodies: string[] = [];
const idempotency = { strategy: 'ttl', expression: 'input.id', ttlMs: 3_600_000 } as const;
const fn = ({ id }: { id: string }, ctx: { workflowRunId(): string }) => {
  bodies.push(id);
  runs.set(id, ctx.workflowRunId());
  return { id };
};
const once = mage.task({ name: 'once', idempotency, fn });
const onceToo = mage.task({ name: 'once-too', idempotency, fn });
const plain = mage.task({ name: 'plain', fn: ({ n }: { n: number }) => ({ n }) });

beforeAll(() => fixture.worker([once, onceToo, plain]));
beforeEach(() => {
  runs.clear();
  bodies.length = 0;
  afterCall = undefined;
});
afterAll(() => fixture.close());

async function ends(swarm: Pick<Swarm<unknown>, 'results'>) {
  const items: { status: string; error: string | undefined }[] = [];
  for await (const { index, status, error } of swarm.results()) items[index] = { status, error };
  return items;
}

test('of a call in which two items have one key, one of them fails with the id of the run that has it, and all others run', async () => {
  const ids = ['a', 'b', 'c', 'a'];
  const swarm = await mage.swarm({ tasks: ids.map((id) => [once, { id }] as const), isSwarmClosed: true });
  await swarm.run();
  const results = await ends(swarm);
  expect(bodies.sort()).toEqual(['a', 'b', 'c']);
  const failed = results.filter(({ status }) => status === 'failed');
  expect(failed).toEqual([
    {
      status: 'failed',
      error: `the engine refused to run once: run ${runs.get('a')}, which exists, has its idempotency key`,
    },
  ]);
  expect([results[1]?.status, results[2]?.status]).toEqual(['succeeded', 'succeeded']);
});

test('duplicates of two tasks among many plain items fail alone, each with the id of the run that has its key', async () => {
  const tasks = Array.from({ length: 300 }, (_, n) => {
    if (n % 10 === 3) return [once, { id: `one ${n % 4}` }] as const;
    if (n % 10 === 7) return [onceToo, { id: `two ${n % 3}` }] as const;
    return [plain, { n }] as const;
  });
  const swarm = await mage.swarm({ tasks, isSwarmClosed: true });
  await swarm.run();
  const distinct = new Set(tasks.flatMap(([, data]) => ('id' in data ? [data.id] : [])));
  expect(bodies.sort()).toEqual([...distinct].sort());
  const results = await ends(swarm);
  const wrong = results.flatMap(({ status, error }, i) => {
    const [, data] = tasks[i]!;
    if (status === 'succeeded') return [];
    return 'id' in data && error?.includes(` run ${runs.get(data.id)},`) ? [] : [{ i, status, error }];
  });
  expect(wrong).toEqual([]);
  expect(results.filter(({ status }) => status === 'succeeded')).toHaveLength(240 + distinct.size);
});

test('items whose publication the engine took without its answer arriving succeed once, though the second publication collides with the first', async () => {
  let lost = 0;
  afterCall = () => {
    lost += 1;
    if (lost === 1) throw new Error('/WorkflowService/BulkTriggerWorkflow UNAVAILABLE: Connection dropped');
  };
  const ids = ['lost 1', 'lost 2', 'lost 3'];
  const swarm = await mage.swarm({ tasks: ids.map((id) => [once, { id }] as const), isSwarmClosed: true });
  expect(await swarm.run()).toEqual(ids.map((id) => ({ id })));
  expect(bodies.sort()).toEqual(ids);
  expect(lost).toBeGreaterThan(1);
});

test('an item whose run failed is refused with the id of that run when it is tried again while its key is kept', async () => {
  const first = await mage.swarm({ tasks: [[once, { id: 'kept' }]], isSwarmClosed: true });
  await first.run();
  const second = await mage.swarm({ tasks: [[once, { id: 'kept' }]], isSwarmClosed: true });
  await second.run();
  expect(await second.retryFailed()).toBe(1);
  const [end] = await ends(second);
  expect(end).toEqual({ status: 'failed', error: expect.stringContaining(`run ${runs.get('kept')},`) as string });
  expect(bodies).toEqual(['kept']);
});

test('dozens of duplicates hold back no healthy swarm', async () => {
  const healthy = await mage.swarm({
    tasks: Array.from({ length: 200 }, (_, n) => [plain, { n }] as const),
    config: { maxConcurrency: 5 },
    isSwarmClosed: true,
  });
  const duplicates = await mage.swarm({
    tasks: Array.from({ length: 90 }, () => [once, { id: 'same' }] as const),
    isSwarmClosed: true,
  });
  const [outputs] = await Promise.all([healthy.run(), duplicates.run()]);
  expect(outputs).toHaveLength(200);
  expect(await duplicates.progress()).toMatchObject({ succeeded: 1, failed: 89 });
  expect(bodies).toEqual(['same']);
});
