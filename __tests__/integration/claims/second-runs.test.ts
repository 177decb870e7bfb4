import { messageOf } from '../../../src/utils/error-message';
import { eventually, Fixture, gate } from '../../helpers/fixture';
import { endOfRun, replayEnded } from '../../helpers/runs';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const { mage, hatchet } = fixture;

interface Execution {
  n: number;
  runId: string;
  metadata: Record<string, string>;
}
const executions: Execution[] = [];
const callbacks: unknown[] = [];
const gates = new Map<number, ReturnType<typeof gate>>();

const work = mage.task({
  name: 'work',
  fn: async ({ n, fails }: { n: number; fails?: boolean }, ctx) => {
    executions.push({ n, runId: ctx.workflowRunId(), metadata: ctx.additionalMetadata() });
    await gates.get(n)?.opened;
    if (fails) throw new Error(`item ${n} failed`);
    return { n, squared: n * n };
  },
});
const callback = mage.task({
  name: 'callback',
  fn: async (input: object) => {
    callbacks.push(input);
    return {};
  },
});
const of = (n: number) => executions.filter((one) => one.n === n);

/** Publishes an item again by hand, with the metadata that it was published with. */
async function publishAgain(n: number, input: object) {
  const { metadata } = (await eventually(`item ${n} runs`, () => of(n)[0])) satisfies Execution;
  const own = Object.entries(metadata).filter(([key]) => key.startsWith('mageflow.'));
  const [ref] = await hatchet.admin.runWorkflows([
    { workflowName: 'work', input, options: { additionalMetadata: Object.fromEntries(own) } },
  ]);
  if (!ref) throw new Error('Nothing was published.');
  const runId = await ref.runId;
  return { runId, ended: () => ended(runId) };
}

const ended = (runId: string) => endOfRun(hatchet, runId);

beforeAll(() => fixture.worker([work, callback]));
afterAll(() => fixture.close());

test('a second publication of a running item ends at once as a duplicate that names the owner', async () => {
  const first = gate();
  gates.set(3, first);
  const before = callbacks.length;
  const swarm = await mage.swarm({ tasks: [[work, { n: 3 }]], successCallbacks: [callback], isSwarmClosed: true });
  await swarm.runNoWait();
  const second = await publishAgain(3, { n: 3 });
  const end = await second.ended();
  expect(end.status).toBe('FAILED');
  expect(end.error).toContain(of(3)[0]?.runId);
  expect(await swarm.progress()).toMatchObject({ running: 1, succeeded: 0, failed: 0 });
  first.open();
  await eventually('the swarm ends', async () => (await swarm.status()) === 'succeeded');
  const items = [];
  for await (const one of swarm.results()) items.push(one.output);
  await eventually('the callback ran', () => callbacks.length > before);
  expect(items).toEqual([{ n: 3, squared: 9 }]);
  expect(of(3)).toHaveLength(1);
});

test('a second publication of a finished item returns what is stored, without running the body', async () => {
  const swarm = await mage.swarm({
    tasks: [
      [work, { n: 4 }],
      [work, { n: 5, fails: true }],
    ],
    successCallbacks: [callback],
    isSwarmClosed: true,
  });
  const before = callbacks.length;
  expect(await swarm.run()).toEqual([{ n: 4, squared: 16 }]);
  const again = await publishAgain(4, { n: 1000 });
  expect(await again.ended()).toMatchObject({ status: 'COMPLETED', output: { n: 4, squared: 16 } });
  const failedAgain = await publishAgain(5, { n: 1000 });
  const end = await failedAgain.ended();
  expect([end.status, end.error]).toEqual(['FAILED', expect.stringContaining('item 5 failed')]);
  expect([of(4).length, of(5).length, of(1000).length]).toEqual([1, 1, 0]);
  expect(await swarm.progress()).toMatchObject({ total: 2, succeeded: 1, failed: 1 });
  await eventually('the callback ran', () => callbacks.length > before);
  expect(callbacks.length).toBe(before + 1);
});

test('many publications of one item at once run its body once', async () => {
  const first = gate();
  gates.set(6, first);
  const swarm = await mage.swarm({ tasks: [[work, { n: 6 }]], isSwarmClosed: true });
  await swarm.runNoWait();
  const duplicates = [];
  for (let i = 0; i < 10; i++) duplicates.push(await publishAgain(6, { n: 6 }));
  first.open();
  for (const duplicate of duplicates) {
    const { status, output } = await duplicate.ended();
    if (status === 'COMPLETED') expect(output).toEqual({ n: 6, squared: 36 });
  }
  await eventually('the swarm ends', async () => (await swarm.status()) === 'succeeded');
  expect(of(6)).toHaveLength(1);
});

describe('a replay of a finished run', () => {
  test('returns what is stored', async () => {
    const swarm = await mage.swarm({ tasks: [[work, { n: 7 }]], successCallbacks: [callback], isSwarmClosed: true });
    const before = callbacks.length;
    await swarm.run();
    await eventually('the callback ran', () => callbacks.length === before + 1);
    const runId = of(7)[0]?.runId ?? '';
    expect(await replayEnded(fixture, runId)).toMatchObject({ status: 'COMPLETED', output: { n: 7, squared: 49 } });
    expect(of(7)).toHaveLength(1);
    expect(await swarm.progress()).toMatchObject({ total: 1, succeeded: 1, status: 'succeeded' });
    expect(callbacks.length).toBe(before + 1);
  });

  test('throws the stored failure', async () => {
    const signature = await mage.sign(work, { n: 8, fails: true }, { errorCallbacks: [callback] });
    const before = callbacks.length;
    await expect(signature.run()).rejects.toThrow('item 8 failed');
    await eventually('the callback ran', () => callbacks.length === before + 1);
    const runId = of(8)[0]?.runId ?? '';
    const end = await replayEnded(fixture, runId);
    expect([end.status, messageOf(end.error)]).toEqual(['FAILED', expect.stringContaining('item 8 failed')]);
    expect(of(8)).toHaveLength(1);
    expect(callbacks.length).toBe(before + 1);
  });
});
