import { eventually, Fixture, gate } from '../helpers/fixture';

// Leases that outlast the test: the process that published watches, and nothing waits for the reconciler.
const fixture = new Fixture({ leaseMs: 3_600_000 });
const { mage, hatchet } = fixture;
const open = gate();
const alerts: Record<string, unknown>[] = [];

const plain = hatchet.task({ name: 'plain', fn: async ({ n }: { n: number }) => ({ twice: n * 2 }) });
const slow = hatchet.task({
  name: 'slow',
  fn: async () => {
    await open.opened;
    return { slow: true };
  },
});
const failing = hatchet.task({
  name: 'failing',
  fn: async (): Promise<{ never: boolean }> => {
    throw new Error('the plain task failed');
  },
});
const hooks = { onSuccess: () => ({ hook: 'success' }), onFailure: () => ({ hook: 'failure' }) };
// The SDK takes these of a task too; its types name them of a workflow only.
const withHooks = (name: string, own: object) => hatchet.task({ name, fn: ({ n }: { n: number }) => ({ n }), ...own });
const hooked = [
  withHooks('with-on-success', { onSuccess: hooks.onSuccess }),
  withHooks('with-on-failure', { onFailure: hooks.onFailure }),
  withHooks('with-both', hooks),
];
const ofTwo = hatchet.workflow<{ n: number }>({ name: 'of-two', ...hooks });
ofTwo.task({ name: 'one', fn: ({ n }) => ({ n }) });
ofTwo.task({ name: 'two', fn: ({ n }) => ({ n: n * 2 }) });
const alert = mage.task({ name: 'alert', fn: async (input: Record<string, unknown>) => void alerts.push(input) });

beforeAll(async () => {
  await fixture.worker([alert]);
  const worker = await hatchet.worker('plain-worker', {
    workflows: [plain, slow, failing, ...hooked, ofTwo],
    handleKill: false,
  });
  const running = worker.start();
  fixture.onClose(async () => {
    await worker.stop();
    await running;
  });
  await worker.waitUntilReady(120_000);
});
afterAll(() => fixture.close());

test('the end of an item that no wrapper serves is noticed, and its output becomes the result', async () => {
  const swarm = await mage.swarm({
    tasks: [1, 2, 3].map((n) => [plain, { n }] as const),
    config: { maxConcurrency: 2 },
    isSwarmClosed: true,
  });
  expect(await swarm.run()).toEqual([{ twice: 2 }, { twice: 4 }, { twice: 6 }]);
});

test("the output of an unwrapped task with onSuccess or onFailure is what the SDK's own run gives", async () => {
  const declared = [...hooked, ofTwo] as unknown as (typeof plain)[];
  const swarm = await mage.swarm({ tasks: declared.map((task) => [task, { n: 7 }] as const), isSwarmClosed: true });
  const outputs: unknown[] = await swarm.run();
  expect(outputs.slice(0, hooked.length)).toEqual(hooked.map(() => ({ n: 7 })));
  expect(outputs).toEqual(await Promise.all(declared.map((task) => task.run({ n: 7 }))));
});

test('an unwrapped item holds its slot until its end', async () => {
  const swarm = await mage.swarm({
    tasks: [slow, [plain, { n: 4 }]],
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
  });
  const handle = await swarm.runNoWait();
  const runId = await eventually('it is published', async () => {
    const key = (await fixture.keys()).find((one) => one.endsWith(`{${swarm.id}}:a`));
    return key && (await fixture.redis.hget(key, '0'))?.split('|')[1];
  });
  await eventually('the engine runs it', async () => (await hatchet.runs.getDetails(runId)).status === 'RUNNING');
  expect(await swarm.progress()).toMatchObject({ running: 1, queued: 1 });
  open.open();
  expect(await handle.output).toEqual([{ slow: true }, { twice: 8 }]);
});

test('the failure of an unwrapped task is the failure of the item, and fires its error callbacks', async () => {
  const item = await mage.sign(failing, undefined, { errorCallbacks: [alert] });
  await expect(item.run()).rejects.toThrow('the plain task failed');
  await eventually('the callback ran', () => alerts.length > 0);
  expect(alerts).toMatchObject([
    { error: { failureCount: 1, message: expect.stringContaining('plain task failed') as string } },
  ]);
});
