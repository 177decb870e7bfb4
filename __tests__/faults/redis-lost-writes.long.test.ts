import type { Worker } from '@hatchet-dev/typescript-sdk';
import { NotFoundError, type ErrorEvent } from '../../src';
import { faultPoints } from '../../src/utils/fault-points';
import { eventually } from '../helpers/fixture';
import { Faults } from '../helpers/faults';
import { OwnRedis } from '../helpers/own-redis';
import { RedisBatch } from '../helpers/redis-batch';

// A Redis with `appendfsync everysec` may lose its last second when it dies. Here the loss is made sure, and greater: it comes
// back with what it had in the middle of the batch, while the engine and the processes are further.
let server: OwnRedis;
let faults: Faults;
let batch: RedisBatch;
let worker: Worker;
const errors: ErrorEvent[] = [];

beforeEach(async () => {
  server = await OwnRedis.open();
  faults = new Faults({ leaseMs: 1_000, reconcileIntervalMs: 300, commandTimeoutMs: 2_000 }, server.url);
  batch = new RedisBatch(faults, 60, 50);
  errors.length = 0;
  faults.mage.on('error', (event) => void errors.push(event));
  worker = await faults.worker(batch.tasks);
});
afterEach(async () => {
  await faults.close();
  await server.close();
});

test('what ran after the moment to which Redis fell back is taken from the engine, and nothing runs twice', async () => {
  await batch.start();
  await eventually('the root has spawned its children', () => batch.spawned);
  await batch.begun(20);
  await server.remember();
  await batch.begun(60);
  await server.goBack();
  await batch.check({ mayRepeat: true });
});

test('a callback that ran before Redis fell back, and is invoked again afterwards, runs once', async () => {
  await batch.start();
  await eventually('the root has spawned its children', () => batch.spawned);
  await batch.begun(60);
  await server.remember();
  await batch.ended();
  await server.goBack();
  await batch.check({ mayRepeat: true });
});

test.each(['chain', 'swarm'])(
  'what follows an end that Redis forgets at once, in a %s, gets what it is to get',
  async (kind) => {
    const { mage } = faults;
    const last = await mage.sign('work', { n: 1, throws: 0, hold: 'last' });
    const note = await mage.sign('note', { tag: kind });
    const swarm = () =>
      mage.swarm({ tasks: [['work', { n: 2, throws: 0 }], last], successCallbacks: [note], isSwarmClosed: true });
    const group = kind === 'chain' ? await mage.chain([last, note]) : await swarm();
    await group.runNoWait();
    await eventually('the last body has begun', () => batch.executed.some(({ n }) => n === 1));
    if (kind === 'swarm') await eventually('the other one has ended', () => batch.gave.length === 1);
    await server.remember();
    // Redis falls back when the end has been stored, before what follows is put together.
    let back: Promise<void> | undefined;
    faultPoints.hook = async (point) => {
      if (point === 'after redis finish') await (back ??= server.goBack());
    };
    try {
      batch.open('last');
      await eventually('Redis has fallen back', () => back !== undefined);
      await back;
    } finally {
      delete faultPoints.hook;
    }
    await eventually('what follows has run', () => batch.callbacksRun.length > 0);
    expect(batch.callbacksRun.map(({ input }) => input['returnValue'])).toEqual([
      kind === 'chain' ? { n: 1 } : [{ n: 2 }, { n: 1 }],
    ]);
  },
);

test('errors name what was created or run after that moment, and waiting for it rejects because it is gone', async () => {
  const { mage } = faults;
  const unrun = await mage.swarm({ name: 'unrun', tasks: [['work', { n: 1, throws: 0 }]], isSwarmClosed: true });
  await server.remember();
  await unrun.runNoWait();
  const gone = await mage.swarm({
    name: 'gone',
    tasks: [await mage.sign('work', { n: 2, throws: 0, hold: 'gone' })],
    isSwarmClosed: true,
  });
  const output = gone.run().then(
    () => undefined,
    (error: unknown) => error,
  );
  await batch.begun(2);
  await eventually('the first one has ended', async () => (await unrun.status()) === 'succeeded');
  await server.goBack();
  expect(await output).toBeInstanceOf(NotFoundError);
  await eventually('both errors are emitted', () => new Set(errors.map(({ groupId }) => groupId)).size === 2);
  batch.open('gone');
  expect(errors.find(({ groupId }) => groupId === gone.id)?.message).toContain('from before this was created: "work"');
  expect(errors.find(({ groupId }) => groupId === unrun.id)?.message).toContain('from before this was run: "work"');
  expect(
    faults.log.lines.filter((line) => line.includes('Redis was restarted with older data, from before this was')),
  ).toHaveLength(2);
  expect(await unrun.status()).toBe('pending');
});

test('a process that is started after the loss knows of it as well', async () => {
  const { mage, recorder } = faults;
  const victim = await faults.process({ role: 'worker' });
  const quick = 8;
  const swarm = await mage.swarm({
    tasks: Array.from(
      { length: 12 },
      (_, n) => ['stamp', { n, ...(n < quick ? { ms: 200 } : { gate: 'later' }) }] as const,
    ),
    successCallbacks: ['done'],
    config: { maxConcurrency: 4 },
    isSwarmClosed: true,
  });
  await swarm.runNoWait();
  await eventually('one has ended', async () => (await swarm.progress()).succeeded > 0);
  await server.remember();
  await eventually('the last ones are held', async () => (await recorder.started()).length === 12);
  await worker.stop();
  await victim.kill();
  await server.goBack();
  await recorder.open('later');
  await faults.process({ role: 'worker' });

  // The engine starts what the dead worker ran again after 30 s.
  expect(await faults.ended(swarm)).toBe('succeeded');
  const started = (await recorder.started()).filter((n) => n < quick);
  expect(started.sort((a, b) => a - b)).toEqual(Array.from({ length: quick }, (_, n) => n));
  expect(await faults.callbacks()).toBe(1);
});
