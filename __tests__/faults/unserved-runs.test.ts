import { eventually } from '../helpers/fixture';
import { openTasks, shortLease, type WorkInput } from '../helpers/task-set';
import { rejection, statusOf } from '../helpers/outcomes';

// One that finds no free slot of a worker that lives is in integration/claims/attempts.test.ts.
const { fixture, mage, taskSet, work, callback } = openTasks(shortLease);
const { hatchet } = fixture;
const closed = { isSwarmClosed: true } as const;
const callbackNamed = (label: string) => mage.sign(callback, { label });
const ran: unknown[] = [];
const fn = async ({ label }: WorkInput) => ({ ran: ran.push(label) });
const left = mage.task({ name: 'left', scheduleTimeout: '2s', fn });
const plain = hatchet.task({ name: 'left-plain', scheduleTimeout: '2s', fn });
const pair = mage.workflow({ name: 'left-pair' });
pair.task({ name: 'one', scheduleTimeout: '2s', fn: () => ({ ran: ran.push('pair') }) });
pair.task({ name: 'two', scheduleTimeout: '2s', fn: () => ({ ran: ran.push('pair') }) });
const root = mage.rootTask({
  name: 'root',
  fn: async () => {
    await (await mage.sign(left, { label: 'child' })).runNoWait({});
    await (await mage.sign(work, { value: 'served child' })).runNoWait({});
    return {};
  },
});
const words = expect.stringMatching(/cancelled in the engine|timed out/i) as string;

beforeAll(async () => {
  await fixture.worker([root]);
  // The engine knows its tasks from then on, and nobody serves them.
  const worker = await mage.worker('leaves', { workflows: [left, plain, pair], handleKill: false });
  const running = worker.start();
  await worker.waitUntilReady(120_000);
  await worker.stop();
  await running;
});
afterAll(() => expect(ran).toEqual([]));

test.each([
  ['a wrapped task', left],
  ['a task that nobody wrapped', plain],
  ['a workflow of two tasks', pair],
])('%s that no worker serves in time fails, runs its error callbacks, and frees its slot', async (what, task) => {
  const swarm = await mage.swarm({
    tasks: [
      [task, { label: what }, { errorCallbacks: [await callbackNamed(what)] }],
      [work, { value: 'next' }],
    ],
    config: { maxConcurrency: 1 },
    ...closed,
  });
  expect(await swarm.run()).toEqual(['next']);
  expect(await swarm.progress()).toMatchObject({ succeeded: 1, failed: 1, cancelled: 0 });
  expect((await taskSet.onlyExecution(what, swarm)).input).toMatchObject({
    error: { message: words, failureCount: 1 },
  });
});

test('a task that no worker serves fails its chain, and later steps never run', async () => {
  const later = await mage.sign(work, { label: 'later' });
  const chain = await mage.chain([work, left, later], { errorCallbacks: [await callbackNamed('chain')] });
  await rejection(chain.run({}));
  expect(await chain.status()).toBe('failed');
  expect(await later.status()).toBe('cancelled');
  await taskSet.onlyExecution('chain', chain);
  expect(taskSet.executions('later')).toEqual([]);
});

test('a callback that no worker serves changes nothing, and its own error callbacks run', async () => {
  const attached = await mage.sign(left, {}, { errorCallbacks: [await callbackNamed('callback')] });
  const swarm = await mage.swarm({ tasks: [work], successCallbacks: [attached], ...closed });
  await swarm.run();
  expect((await taskSet.onlyExecution('callback', swarm)).input).toMatchObject({ error: { message: words } });
  expect(await swarm.status()).toBe('succeeded');
});

test('a child that no worker serves is one failure, and the root ends with its other children', async () => {
  const signature = await mage.sign(root, {}, { successCallbacks: [await callbackNamed('root')] });
  await signature.run({});
  expect((await taskSet.onlyExecution('root', signature)).input).toMatchObject({ childResults: ['served child'] });
  expect(await (await signature.children()).progress()).toMatchObject({ succeeded: 1, failed: 1 });
});

test('an item whose worker comes later than its lease waits for it, and runs once', async () => {
  const labels: unknown[] = [];
  const late = mage.task({ name: 'late', fn: async ({ label }: WorkInput) => ({ ran: labels.push(label) }) });
  const early = await mage.worker('registers', { workflows: [late], handleKill: false });
  const running = early.start();
  await early.waitUntilReady(120_000);
  await early.stop();
  await running;
  const item = await mage.sign(late, { label: 'patient' });
  const { output } = await item.runNoWait({});
  const lease = async () => {
    const key = (await fixture.keys()).find((one) => one.endsWith(`{${item.id}}:l`));
    return Number(key && (await fixture.redis.zscore(key, '0')));
  };
  const first = await lease();
  await eventually('its lease was over, and renewed', async () => (await lease()) > first + 1_000);
  await statusOf(item, 'queued');
  await fixture.worker([late]);
  expect(await output).toEqual({ ran: 1 });
  expect(labels).toEqual(['patient']);
});
