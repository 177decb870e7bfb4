import { eventually, Fixture } from '../helpers/fixture';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 200 });
const { mage } = fixture;
const work = mage.task({ name: 'work', fn: ({ n }: { n: number }) => ({ n }) });
const { reconciler } = (mage as unknown as { kernel: { reconciler: { users: number } } }).kernel;

afterAll(() => fixture.close());

const made = () => mage.worker('restarted', { workflows: [work], handleKill: false });
const isDone = async (promise: Promise<unknown>) => {
  const waiting = Symbol();
  const first = await Promise.race([promise, new Promise((resolve) => setImmediate(resolve, waiting))]);
  return first !== waiting;
};

async function serves(n: number): Promise<void> {
  const swarm = await mage.swarm({ tasks: [[work, { n }]], isSwarmClosed: true });
  await expect(swarm.run()).resolves.toEqual([{ n }]);
}

test('a worker that is started again after its stop serves, and is stopped again', async () => {
  const worker = await made();
  for (const n of [1, 2]) {
    const running = worker.start();
    await worker.waitUntilReady(120_000);
    await serves(n);
    expect(reconciler.users).toBe(1);
    expect(await isDone(running)).toBe(false);
    await worker.stop();
    await running;
    expect(reconciler.users).toBe(0);
  }
});

test('a worker that is started twice runs once, and one stop ends both', async () => {
  const worker = await made();
  const running = [worker.start(), worker.start()];
  await worker.waitUntilReady(120_000);
  await serves(3);
  await worker.stop();
  await Promise.all(running);
  expect(reconciler.users).toBe(0);
  await worker.stop();
});

test('a worker that is started while it is stopped serves afterwards, unless it is stopped once more', async () => {
  const worker = await made();
  const first = worker.start();
  await worker.waitUntilReady(120_000);
  const stopped = worker.stop();
  const second = worker.start();
  await Promise.all([first, stopped]);
  await eventually('the reconciler runs', () => reconciler.users === 1);
  await serves(4);
  const stoppedAgain = worker.stop();
  const third = worker.start();
  await Promise.all([second, stoppedAgain, worker.stop(), third]);
  expect(reconciler.users).toBe(0);
});
