import { eventually } from '../helpers/fixture';
import { Faults } from '../helpers/faults';
import { OwnRedis } from '../helpers/own-redis';

let server: OwnRedis;
let faults: Faults;

beforeAll(async () => {
  server = await OwnRedis.open();
  faults = new Faults({ leaseMs: 1_000, reconcileIntervalMs: 300, commandTimeoutMs: 1_000 }, server.url);
  // One slot, so that what is published waits in the engine while something else runs.
  await faults.worker(faults.recorder.tasks(faults.mage), { slots: 1 });
});
afterAll(async () => {
  await faults.close();
  await server.close();
});

const linesWith = (text: string) => faults.log.lines.filter((line) => line.includes(text)).length;
const startsOf = async (n: number) => (await faults.recorder.started()).filter((one) => one === n).length;

test('an item that starts while Redis is away runs its body only once it is claimed', async () => {
  // A plain run: it needs no Redis, and holds the worker's only slot.
  const plain = await faults.hatchet.runNoWait('stamp', { n: 0, gate: 'plain' } as never, {});
  await eventually('the worker is full', async () => (await startsOf(0)) === 1);
  const swarm = await faults.mage.swarm({ tasks: [['stamp', { n: 1 }]], isSwarmClosed: true });
  await swarm.runNoWait();
  const waited = linesWith('waits to be claimed');
  await server.stop();
  await faults.recorder.open('plain');
  await eventually('the item waits for its claim', () => linesWith('waits to be claimed') > waited);
  expect((await faults.hatchet.runs.getDetails(await plain.runId)).done).toBe(true);
  expect(await startsOf(1)).toBe(0);
  await server.start();
  expect(await faults.ended(swarm)).toBe('succeeded');
  expect(await startsOf(1)).toBe(1);
});

test('an item that ends while Redis is away for long gives its output to the engine, and the reconciler settles it', async () => {
  const swarm = await faults.mage.swarm({
    tasks: [
      ['stamp', { n: 2, gate: 'long' }],
      ['stamp', { n: 3 }],
    ],
    successCallbacks: ['done'],
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
  });
  await swarm.runNoWait();
  await eventually('it runs', async () => (await startsOf(2)) === 1);
  const runId = await eventually('its run is known', async () => {
    const key = (await faults.keys()).find((one) => one.endsWith(`{${swarm.id}}:a`));
    return key && (await faults.redis.hget(key, '0'))?.split('|')[1];
  });
  await server.stop();
  await faults.recorder.open('long');
  await eventually('the engine has its output', async () => (await faults.hatchet.runs.getDetails(runId)).done);
  const [task] = Object.values((await faults.hatchet.runs.getDetails(runId)).taskRuns);
  expect(task).toMatchObject({ status: 'COMPLETED', output: { n: 2 } });
  expect(linesWith('could not store the end of run')).toBe(1);
  await server.start();
  const items = [];
  for await (const item of swarm.results()) items.push(item);
  expect(items).toMatchObject([
    { index: 0, status: 'succeeded', output: { n: 2 } },
    { index: 1, status: 'succeeded', output: { n: 3 } },
  ]);
  expect([await startsOf(2), await startsOf(3)]).toEqual([1, 1]);
  expect(await faults.callbacks()).toBe(1);
});

test('an item that ends while Redis is away for a moment stores its end itself', async () => {
  const swarm = await faults.mage.swarm({ tasks: [['stamp', { n: 4, gate: 'moment' }]], isSwarmClosed: true });
  await swarm.runNoWait();
  await eventually('it runs', async () => (await startsOf(4)) === 1);
  const unstored = linesWith('could not store the end of run');
  await server.stop();
  await faults.recorder.open('moment');
  await eventually('its body has returned', async () => (await faults.recorder.stamps('end')).some(({ n }) => n === 4));
  await server.start();
  expect(await faults.ended(swarm)).toBe('succeeded');
  expect(linesWith('could not store the end of run')).toBe(unstored);
  expect(await startsOf(4)).toBe(1);
});

test('a call of the user while Redis is away throws a StoreError within the time limit', async () => {
  const swarm = await faults.mage.swarm({ tasks: [['stamp', { n: 5 }]] });
  await server.stop();
  const from = Date.now();
  await expect(swarm.runNoWait()).rejects.toMatchObject({ code: 'STORE' });
  expect(Date.now() - from).toBeLessThan(5_000);
  await server.start();
  await eventually('it is back', () => swarm.progress().catch(() => undefined));
  expect(await swarm.progress()).toMatchObject({ status: 'pending', waiting: 1 });
});
