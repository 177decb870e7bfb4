// What `mage.explain` says of work in a real engine: each reason is brought about, and says what to do.
import {
  BackOffError,
  mageContext,
  NotFoundError,
  type AnyDeclaration,
  type Explanation,
  type ExplanationReason,
  type ReasonCode,
} from '../../src';
import { childrenId, itemId } from '../../src/store/ids';
import { eventually, Fixture, gate } from '../helpers/fixture';
import { scopeOf } from '../helpers/instant';
import { statusOf } from '../helpers/outcomes';
import { openTasks, type WorkInput } from '../helpers/task-set';

// What is published and never begins must not be repaired while it is looked at.
const { fixture, mage, taskSet, work, callback } = openTasks({ leaseMs: 60_000 });
const { hatchet } = fixture;

const held = gate();
fixture.onRelease(() => held.open());
/** A worker with one slot serves it. */
const narrow = mage.task({
  name: 'narrow',
  fn: async ({ label = '' }: WorkInput) => {
    taskSet.record({ label });
    await held.opened;
    return {};
  },
});
/** A worker has registered it and is gone. */
const absent = mage.task({ name: 'absent', fn: () => ({}) });
/** Its second attempt comes after a minute. */
const patient = mage.task({
  name: 'patient',
  retries: 1,
  backoff: { factor: 60, maxSeconds: 120 },
  fn: async () => {
    throw new Error('the first attempt fails');
  },
});
/** Asks to run again after an hour. */
const busy = mage.task({
  name: 'busy',
  fn: async () => {
    throw new BackOffError({ ms: 3_600_000 });
  },
});
const pair = mage.workflow({ name: 'pair' });
pair.task({ name: 'one', fn: () => held.opened.then(() => ({})) });
pair.task({ name: 'two', fn: () => held.opened.then(() => ({})) });
const root = mage.rootTask({
  name: 'root',
  fn: async ({ label = '' }: WorkInput) => {
    await (await mage.sign(work, { label: `${label} child`, waitFor: 'children' })).runNoWait({});
    taskSet.record({ label });
    if (label === 'body goes on') await taskSet.gateOpened('body');
    return { id: mageContext()?.signatureId };
  },
});

beforeAll(async () => {
  await fixture.worker([patient, root, pair, busy]);
  await fixture.worker([narrow], { slots: 1 });
  await register(hatchet, absent);
});

/** Registers what no worker serves from then on. */
async function register(client: typeof hatchet, task: AnyDeclaration): Promise<void> {
  const worker = await client.worker('registers', { workflows: [task], handleKill: false });
  const running = worker.start();
  await worker.waitUntilReady(120_000);
  await worker.stop();
  await running;
}

const codes = ({ reasons }: { reasons?: ExplanationReason[] }) => reasons?.map(({ code }) => code);

/** Waits until an explanation has a reason with this code, and returns both. The engine's lists are up to 5 s old. */
async function explained(
  id: string,
  code: ReasonCode,
  fits: (reason: ExplanationReason) => unknown = () => true,
  by = mage,
): Promise<Explanation & { reason: ExplanationReason }> {
  return eventually(`${id} is explained by ${code}`, async () => {
    const explanation = await by.explain(id);
    const reason = explanation.reasons.find((one) => one.code === code && fits(one));
    if (!reason) throw new Error(JSON.stringify(explanation));
    return { ...explanation, reason };
  });
}

test('a swarm that nobody has started is to be run', async () => {
  const swarm = await mage.swarm({ name: 'import', tasks: [work] });
  const { summary, reason, status, kind } = await explained(swarm.id, 'not-started');
  expect({ status, kind }).toEqual({ status: 'pending', kind: 'swarm' });
  expect(summary).toBe(`The swarm "import" has not started: nobody has run the swarm "import" (${swarm.id}).`);
  expect(reason.hint).toContain('run()');
});

test('an open swarm is to be closed once its items have ended, and an item that was added is to be run', async () => {
  const swarm = await mage.swarm({ tasks: [[work, { label: 'first' }]] });
  await swarm.runNoWait();
  expect((await explained(swarm.id, 'open')).reason.hint).toContain('closeSwarm()');
  const item = await swarm.addTask(work, { label: 'second' });
  const { reason } = await explained(swarm.id, 'item-not-run');
  expect(reason).toMatchObject({ entry: itemId(swarm.id, 1), hint: expect.stringContaining('closeSwarm()') as string });
  expect((await explained(item.id, 'item-not-run')).reason.hint).toContain('run()');
  await swarm.closeSwarm();
  await statusOf(swarm, 'succeeded');
  expect((await explained(swarm.id, 'ended')).reason.hint).toContain('There is nothing to do.');
});

test('items that wait for the rate limit of their swarm say when the next one starts', async () => {
  const swarm = await mage.swarm({
    tasks: [
      [work, { label: 'token 1' }],
      [work, { label: 'token 2' }],
      [work, { label: 'token 3' }],
    ],
    config: { rateLimit: { limit: 1, perMs: 3_600_000 } },
    isSwarmClosed: true,
  });
  await swarm.runNoWait();
  const { reason, summary } = await explained(swarm.id, 'rate-limited', ({ text }) => text.includes('next start in'));
  expect(reason).toMatchObject({ entry: swarm.id, hint: expect.stringContaining('update({ rateLimit })') as string });
  expect(reason.text).toMatch(/^2 items wait for the rate limit, which allows the next start in (59|60) min\.$/);
  expect(summary).toContain('2 items wait for the rate limit');
  expect((await explained(itemId(swarm.id, 2), 'rate-limited')).reason.text).toContain('Item 2 of the swarm');
  await swarm.cancel();
});

test('items that wait for the end of a pause say that a body asked for it', async () => {
  const swarm = await mage.swarm({ tasks: [[busy, {}]], isSwarmClosed: true });
  await swarm.runNoWait();
  const { reason } = await explained(swarm.id, 'backing-off');
  expect(reason.text).toMatch(/^1 item waits for the end of a pause that a body asked for, in (59|60) min\.$/);
  expect(reason.hint).toContain('Wait for the end of the pause.');
  await swarm.cancel();
});

test('what is suspended is to be resumed', async () => {
  const swarm = await mage.swarm({ tasks: [work], isSwarmClosed: true });
  await swarm.suspend();
  await swarm.runNoWait();
  expect((await explained(swarm.id, 'suspended')).reason).toMatchObject({
    hint: `Resume it: await (await mage.load("${swarm.id}")).resume().`,
    since: expect.any(Date) as Date,
  });
  await swarm.resume();
  await statusOf(swarm, 'succeeded');
});

test('items wait for slots that others hold, which run on a named worker since a known time', async () => {
  const swarm = await mage.swarm({
    tasks: [0, 1, 2, 3, 4].map((n) => [work, { label: 'holder', waitFor: 'slots', n }] as const),
    config: { maxConcurrency: 2 },
    isSwarmClosed: true,
  });
  await swarm.runNoWait();
  await taskSet.started('holder', 2);
  const runs = (await mage.describe(swarm.id)).children.flatMap(({ runId = [] }) => runId);
  const { reason, summary } = await explained(swarm.id, 'at-its-limit', ({ since }) => since);
  expect(reason.text).toMatch(
    /^All its 2 slots are taken \(by item [01] \("work"\) for .* and item [01] .*\), and 3 items wait for one\.$/,
  );
  expect(reason).toMatchObject({
    since: expect.any(Date) as Date,
    hint: expect.stringContaining('maxConcurrency') as string,
  });
  expect(summary).toMatch(/^The swarm ".*" goes on: all its 2 slots are taken .* \(and 1 more reason\)\.$/);
  const running = (await explained(swarm.id, 'running', ({ text }) => text.includes(' on the worker "'))).reason;
  expect(running.text).toMatch(
    /^2 items \("work"\) are running, the longest of those looked at, item [01] \("work"\), for .* on the worker ".*w-[0-9a-f]{8}"\.$/,
  );
  expect(runs.some((run) => running.hint?.includes(`the run ${run} in Hatchet`))).toBe(true);
  expect((await explained(itemId(swarm.id, 4), 'at-its-limit')).reason.text).toContain(
    'waits for one of the 2 slots, which are taken by item ',
  );
  taskSet.openGate('slots');
  await statusOf(swarm, 'succeeded');
});

test('a task without any active worker waits for one to be started', async () => {
  const task = await mage.sign(absent);
  await task.runNoWait();
  const { reason, summary } = await explained(task.id, 'no-worker', ({ since }) => since);
  expect(reason.text).toMatch(
    /^The task "absent" has waited .* for a worker, and no active worker serves the task "absent"\.$/,
  );
  expect(reason.hint).toContain('Start a worker that has "absent" among its workflows');
  expect(summary).toContain('no active worker serves the task "absent"');
  await task.cancel();
});

test('a task whose name no worker ever registered is to be renamed', async () => {
  const swarm = await mage.swarm({ tasks: ['resise', [work, { label: 'beside' }]], isSwarmClosed: true });
  await swarm.runNoWait();
  const { reason, reasons } = await explained(swarm.id, 'task-unknown');
  expect(reason.text).toContain('no worker has ever registered a task named "resise"');
  expect(reason).toMatchObject({
    entry: itemId(swarm.id, 0),
    hint: expect.stringContaining('Correct the name') as string,
  });
  expect(reasons.map(({ code }) => code)).not.toContain('no-worker');
  await swarm.cancel();
});

test('runs that find no free slot wait for more workers or slots, and for no worker when all others serve something else', async () => {
  const swarm = await mage.swarm({
    tasks: [0, 1, 2].map((n) => [narrow, { label: 'narrow', n }] as const),
    isSwarmClosed: true,
  });
  await swarm.runNoWait();
  await taskSet.started('narrow');
  const { reason, reasons } = await explained(swarm.id, 'workers-busy');
  expect(reason.text).toMatch(
    /wait(ed)? .*for a free slot of a worker: the worker ".*" serves "narrow" and has no free slot of 1/,
  );
  expect(reason.hint).toContain('Start more workers that serve "narrow", or give them more slots.');
  expect(reasons.map(({ code }) => code)).not.toContain('no-worker');
});

test('a task that has failed once waits for its next attempt, with the reason of the failure', async () => {
  const task = await mage.sign(patient);
  await task.runNoWait();
  const { reason } = await explained(task.id, 'retrying', ({ text }) => text.includes('the first attempt'));
  expect(reason.text).toMatch(
    /^The task "patient" has waited .* for the next attempt, because attempt 1 has failed: the first attempt fails\.$/,
  );
  expect(reason.hint).toContain('correct the task, or cancel the item');
  await task.cancel();
});

test('a workflow of several tasks that the engine has begun is running', async () => {
  const signature = await mage.sign(pair);
  await signature.runNoWait({});
  const { reason } = await explained(signature.id, 'running', ({ since }) => since);
  expect(reason.text).toMatch(/^The task "pair" has been running for .* on the worker /);
  await signature.cancel();
});

test('groups that wait for nested ones say why these wait, down to five levels', async () => {
  const nest = async (levels: number): Promise<Awaited<ReturnType<typeof mage.swarm>>> =>
    mage.swarm({
      name: `level ${levels}`,
      tasks: [levels === 1 ? [work, { label: 'deep', waitFor: 'deep' }] : await nest(levels - 1)] as never,
      isSwarmClosed: true,
    });
  const swarm = await nest(7);
  await swarm.runNoWait();
  await taskSet.started('deep');
  const { reason } = await explained(swarm.id, 'waiting-for-child');
  const depth = ({ reasons = [] }: { reasons?: ExplanationReason[] }): number =>
    1 + Math.max(0, ...reasons.map((one) => depth(one)));
  expect(depth({ reasons: [reason] })).toBeLessThanOrEqual(6);
  expect(reason.hint).toContain('mage.explain(');
  const near = await explained(reason.reasons![0]!.reasons![0]!.entry!, 'waiting-for-child');
  expect(near.reason.text).toContain('item 0 ("work") ');
  expect(near.reason.hint).toMatch(/^Wait for its end\. If it takes too long, look at the run /);
  taskSet.openGate('deep');
  await statusOf(swarm, 'succeeded');
});

test('a root task waits for its body, and afterwards for its children', async () => {
  const signature = await mage.sign(root, { label: 'body goes on' });
  await signature.runNoWait({});
  await taskSet.started('body goes on child');
  const children = childrenId(signature.id, '0');
  for (const id of [signature.id, children]) {
    const { reason } = await explained(id, 'waiting-for-body', ({ since }) => since);
    expect(reason.text).toMatch(/^Its body goes on: the task "root" has been running for .* on the worker /);
    expect(reason.hint).toContain('Wait for its end.');
  }
  expect(codes(await mage.explain(children))).toContain('running');
  taskSet.openGate('body');
  const { reason, reasons } = await explained(signature.id, 'waiting-for-child', ({ reasons }) => reasons);
  expect(reason).toMatchObject({ entry: children, hint: expect.stringContaining('Wait for its end.') as string });
  await eventually(
    'the body has returned',
    async () => !codes(await mage.explain(signature.id))?.includes('waiting-for-body'),
  );
  expect(reasons.length).toBeGreaterThan(0);
  taskSet.openGate('children');
  await statusOf(signature, 'succeeded');
});

test('a callback that has not ended, has failed, or was not invoked yet says what to do', async () => {
  const late = await mage.sign(absent);
  const source = await mage.sign(work, { label: 'source', waitFor: 'source' }, { successCallbacks: [late] });
  await source.runNoWait();
  const before = await explained(late.id, 'callback-pending');
  expect(before.reason.text).toContain('It runs as a callback when the task "work"');
  taskSet.openGate('source');
  await statusOf(source, 'succeeded');
  const pending = await explained(source.id, 'callback-pending', ({ reasons }) => reasons?.[0]?.code === 'no-worker');
  expect(codes(pending)).toEqual(['ended', 'callback-pending']);
  expect(pending.reason.hint).toContain('Start a worker that has "absent"');
  expect((await explained(late.id, 'no-worker')).reason.hint).toContain('Start a worker');
  await (await mage.load(late.id)).cancel();
  const broken = await mage.swarm({
    tasks: [[work, { label: 'swarm' }]],
    successCallbacks: [await mage.sign(callback, { nonRetryable: 'no such table' })],
    isSwarmClosed: true,
  });
  await broken.runNoWait();
  const { reason } = await explained(broken.id, 'callback-failed');
  expect(reason.text).toBe('1 callback has failed: the success callback "callback" failed with: no such table.');
  expect(reason.hint).toContain('retryCallbacks()');
});

test('without any worker and reconciler, a run waits for a worker, and what was never published for a reconciler', async () => {
  // Counts what nobody has looked after for 100 ms as left alone.
  const alone = new Fixture({ leaseMs: 20, reconcileIntervalMs: 20 });
  try {
    await register(alone.hatchet, alone.mage.task({ name: 'resize', fn: () => ({}) }));
    const swarm = await alone.mage.swarm({ tasks: ['resize'], isSwarmClosed: true });
    await swarm.runNoWait();
    // Either may be there before the other: publishing takes a while, and so does the end of the lease.
    const { reasons } = await eventually('both reasons are there', async () => {
      const explanation = await alone.mage.explain(swarm.id);
      expect(codes(explanation)).toEqual(['no-worker', 'no-reconciler']);
      return explanation;
    });
    expect(reasons[1]?.hint).toContain('mage.startReconciler()');
    const unpublished = await alone.mage.swarm({ tasks: ['resize'], isSwarmClosed: true });
    await scopeOf(alone.mage).store.run(unpublished.id, '{}');
    const left = await explained(unpublished.id, 'lease-expired', undefined, alone.mage);
    expect(left.reason.text).toMatch(
      /^Item 0 \("resize"\) was never published by the process .*, and for .* no process has continued it\.$/,
    );
    expect(left.reason.hint).toContain('Start a process with mage.worker');
  } finally {
    await alone.close();
  }
});

test('many explanations at once take one list of workers, one statistic, and the events of five runs each', async () => {
  const swarm = await mage.swarm({
    tasks: Array.from({ length: 12 }, () => [work, { label: 'costs', waitFor: 'costs' }] as const),
    isSwarmClosed: true,
  });
  await swarm.runNoWait();
  await taskSet.started('costs', 12);
  const other = fixture.another();
  const spies = [
    jest.spyOn(hatchet.api, 'workerList'),
    jest.spyOn(hatchet.metrics, 'getTaskStats'),
    jest.spyOn(hatchet.api, 'v1TaskEventList'),
  ] as const;
  await Promise.all([other.explain(swarm.id), other.explain(swarm.id)]);
  await other.explain(swarm.id);
  expect(spies.map(({ mock }) => mock.calls.length)).toEqual([1, 1, 15]);
  for (const spy of spies) spy.mockRestore();
  taskSet.openGate('costs');
  await statusOf(swarm, 'succeeded');
});

test('an engine that gives no answer is named in the hints, and what the store holds is explained all the same', async () => {
  const task = await mage.sign(work, { label: 'away', waitFor: 'away' });
  await task.runNoWait();
  await taskSet.started('away');
  const other = fixture.another();
  const away = () => Promise.reject(new Error('connect ECONNREFUSED'));
  const spies = [
    jest.spyOn(hatchet.api, 'workerList').mockImplementation(away),
    jest.spyOn(hatchet.api, 'v1TaskEventList').mockImplementation(away),
  ];
  const explanation = await other.explain(task.id);
  for (const spy of spies) spy.mockRestore();
  expect(explanation.reasons).toMatchObject([
    {
      code: 'running',
      text: 'The task "work" is running.',
      hint: expect.stringContaining("was not checked: the engine can't be asked (connect ECONNREFUSED)") as string,
    },
  ]);
  taskSet.openGate('away');
  await statusOf(task, 'succeeded');
});

test('an unknown id is refused', async () => {
  await expect(mage.explain('no such id')).rejects.toThrow(NotFoundError);
});
