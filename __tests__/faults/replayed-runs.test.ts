import { eventually } from '../helpers/fixture';
import { openTasks, shortLease, type WorkInput } from '../helpers/task-set';
import { endOfRun, replayEnded } from '../helpers/runs';
import { progressOf, rejection, statusOf } from '../helpers/outcomes';

// Finished and failed items are in integration/claims/second-runs.test.ts, those that were tried again in control/.
const { fixture, mage, taskSet, work, callback } = openTasks(shortLease);
const { hatchet } = fixture;
const closed = { isSwarmClosed: true } as const;
const callbackNamed = (label: string) => mage.sign(callback, { label });
const begun: unknown[] = [];
/** The run of each body that has begun, by its label. */
const runs = new Map<unknown, string>();
const narrow = mage.task({
  name: 'narrow',
  fn: async ({ label, waitFor }: WorkInput, ctx) => {
    begun.push(label);
    runs.set(label, ctx.workflowRunId());
    if (waitFor) await taskSet.gateOpened(waitFor);
    return { label };
  },
});
const root = mage.rootTask({
  name: 'root',
  fn: async ({ label, waitFor, fail }: WorkInput, ctx) => {
    begun.push(label);
    runs.set(label, ctx.workflowRunId());
    await (await mage.sign(work, { label: `child of ${label}`, ...(waitFor ? { waitFor } : {}) })).runNoWait({});
    if (fail) throw new Error(fail);
    return { of: label };
  },
});

beforeAll(async () => {
  await fixture.worker([root]);
  await fixture.worker([narrow], { slots: 1 });
});

const times = (label: string) => begun.filter((one) => one === label).length;

const ended = (runId: string) => endOfRun(hatchet, runId);
const replay = (runId: string) => replayEnded(fixture, runId);

/** Returns the run of the first item of a group. It is in the active entries until the item has ended. */
const runOf = (group: { id: string }, label: string) =>
  eventually(`the item ${label} of ${group.id} is published`, async () => {
    if (runs.has(label)) return runs.get(label);
    const key = (await fixture.keys()).find((one) => one.endsWith(`{${group.id}}:a`));
    return key && (await fixture.redis.hget(key, '0'))?.split('|')[1];
  });

test('a callback returns what it returned, or throws what it threw, and none of its own runs again', async () => {
  const good = await mage.sign(
    work,
    { label: 'good', value: 1 },
    { successCallbacks: [await callbackNamed('after good')] },
  );
  const bad = await mage.sign(
    work,
    { label: 'bad', fail: 'bad callback' },
    { errorCallbacks: [await callbackNamed('after bad')] },
  );
  const swarm = await mage.swarm({ tasks: [work], successCallbacks: [good, bad], ...closed });
  await swarm.run();
  const [goodRun, badRun] = [await taskSet.onlyExecution('good', swarm), await taskSet.onlyExecution('bad', swarm)];
  expect(await replay(goodRun.runId)).toMatchObject({ status: 'COMPLETED' });
  const again = await replay(badRun.runId);
  expect([again.status, again.error]).toEqual(['FAILED', expect.stringContaining('bad callback')]);
  await taskSet.settled(swarm);
  expect(taskSet.order('good', 'bad', 'after good', 'after bad').sort()).toEqual([
    'after bad',
    'after good',
    'bad',
    'good',
  ]);
  expect(await swarm.status()).toBe('succeeded');
});

test('a step of a chain starts no later step again, neither after its success nor after its failure', async () => {
  const chain = await mage.chain(
    [
      await mage.sign(work, { label: 'step 0', value: { n: 0 } }),
      await mage.sign(work, { label: 'step 1', fail: 'step 1 failed' }),
      await mage.sign(work, { label: 'step 2' }),
    ],
    { errorCallbacks: [await callbackNamed('chain failed')] },
  );
  await rejection(chain.run({}));
  await taskSet.settled(chain);
  const runs = ['step 0', 'step 1'].map((label) => taskSet.executions(label)[0]?.runId ?? '');
  expect(await replay(runs[0] ?? '')).toMatchObject({ status: 'COMPLETED', output: { n: 0 } });
  const again = await replay(runs[1] ?? '');
  expect([again.status, again.error]).toEqual(['FAILED', expect.stringContaining('step 1 failed')]);
  expect(taskSet.order('step 0', 'step 1', 'step 2', 'chain failed')).toEqual(['step 0', 'step 1', 'chain failed']);
  expect(await chain.status()).toBe('failed');
});

test('a root publishes no children again: while they run, and after their end', async () => {
  const signature = await mage.sign(
    root,
    { label: 'root', waitFor: 'child' },
    { successCallbacks: [await callbackNamed('root done')] },
  );
  const { output } = await signature.runNoWait({});
  const runId = await runOf(signature, 'root');
  await taskSet.started('child of root');
  expect(await replay(runId)).toMatchObject({ status: 'COMPLETED', output: { of: 'root' } });
  expect(taskSet.executions('root done')).toEqual([]);
  expect(await signature.status()).toBe('running');
  taskSet.openGate('child');
  expect(await output).toEqual({ of: 'root' });
  await taskSet.settled(signature);
  expect(await replay(runId)).toMatchObject({ status: 'COMPLETED', output: { of: 'root' } });
  await taskSet.settled(signature);
  expect([times('root'), taskSet.executions('child of root').length, taskSet.executions('root done').length]).toEqual([
    1, 1, 1,
  ]);
});

test('a root that has failed throws what its body threw', async () => {
  const signature = await mage.sign(
    root,
    { label: 'bad root', fail: 'no root' },
    { errorCallbacks: [await callbackNamed('root failed')] },
  );
  const { output } = await signature.runNoWait({});
  const runId = await runOf(signature, 'bad root');
  expect((await rejection(output)).message).toContain('no root');
  await taskSet.settled(signature);
  const again = await replay(runId);
  expect([again.status, again.error]).toEqual(['FAILED', expect.stringContaining('no root')]);
  expect([times('bad root'), taskSet.executions('root failed').length]).toEqual([1, 1]);
});

test('an item of a swarm that is suspended, or cancelled, changes nothing of it', async () => {
  const tasks = [
    [work, { label: 'done before', value: 1 }],
    [work, { label: 'stopped', untilCancelled: true }],
    [work, { label: 'waits' }],
  ] as const;
  const swarm = await mage.swarm({
    tasks,
    config: { maxConcurrency: 1 },
    errorCallbacks: [await callbackNamed('stopped all')],
    ...closed,
  });
  const failed = rejection((await swarm.runNoWait()).output);
  const [stopped] = await taskSet.started('stopped');
  const first = taskSet.executions('done before')[0]?.runId ?? '';
  await swarm.suspend();
  expect(await replay(first)).toMatchObject({ status: 'COMPLETED' });
  expect(await swarm.progress()).toMatchObject({ succeeded: 1, running: 1, queued: 1, status: 'suspended' });
  await swarm.cancel();
  await failed;
  await taskSet.settled(swarm);
  const again = await replay(stopped?.runId ?? '');
  expect([again.status, again.error]).toEqual(['FAILED', expect.stringContaining('cancelled')]);
  expect(await swarm.progress()).toMatchObject({ succeeded: 1, failed: 0, cancelled: 2, status: 'cancelled' });
  expect(taskSet.order('done before', 'stopped', 'waits', 'stopped all')).toEqual([
    'done before',
    'stopped',
    'stopped all',
  ]);
});

/**
 * A swarm of one item whose run suspend() took back. Until the engine has counted its slots anew, a full worker may get one
 * run more: between its note of an assignment and the commit of that, it counts the slot as free. Such a run begins at once.
 */
async function takenBack() {
  for (let attempt = 0; attempt < 10; attempt++) {
    const label = `taken back ${attempt}`;
    const swarm = await mage.swarm({ tasks: [[narrow, { label }]], ...closed });
    const { output } = await swarm.runNoWait();
    const runId = await runOf(swarm, label);
    await swarm.suspend();
    if ((await ended(runId)).status === 'CANCELLED') return { label, swarm, output, runId };
    expect(times(label)).toBe(1);
  }
  throw new Error('The engine gave a full worker ten runs more.');
}

test('a run that was taken back by suspend() runs nothing, and the item runs once after resume()', async () => {
  const holder = await mage.sign(narrow, { label: 'holder', waitFor: 'holder' });
  const held = await holder.runNoWait({});
  await eventually('the narrow worker is full', () => times('holder') === 1);
  const { label, swarm, output, runId } = await takenBack();
  await hatchet.runs.replay({ ids: [runId] });
  await eventually('it waits again', async () => !(await hatchet.runs.getDetails(runId)).done);
  taskSet.openGate('holder');
  await held.output;
  expect((await ended(runId)).status).not.toBe('COMPLETED');
  expect(await swarm.progress()).toMatchObject({ queued: 1, status: 'suspended' });
  await swarm.resume();
  expect(await output).toEqual([{ label }]);
  expect(times(label)).toBe(1);
});

test('a failed item while its swarm goes on is counted once', async () => {
  const swarm = await mage.swarm({
    tasks: [
      [work, { label: 'fails', fail: 'once' }],
      [work, { label: 'goes on', waitFor: 'goes on' }],
    ],
    config: { stopAfterNFailures: 2 },
    ...closed,
  });
  const { output } = await swarm.runNoWait();
  await taskSet.started('goes on');
  await progressOf(swarm, { failed: 1 });
  const [fails] = taskSet.executions('fails');
  expect(await replay(fails?.runId ?? '')).toMatchObject({ status: 'FAILED' });
  expect(await swarm.progress()).toMatchObject({ failed: 1, running: 1, status: 'running' });
  taskSet.openGate('goes on');
  expect(await output).toHaveLength(1);
  await statusOf(swarm, 'succeeded');
  expect(taskSet.executions('fails')).toHaveLength(1);
});

test('a plain run runs its body again, as without mageflow', async () => {
  const ref = await hatchet.runNoWait(work, { label: 'plain', value: { plain: true } }, {});
  const runId = await ref.runId;
  await ended(runId);
  await hatchet.runs.replay({ ids: [runId] });
  const [, second] = await taskSet.started('plain', 2);
  expect(second?.runId).toBe(runId);
  expect(await ended(runId)).toMatchObject({ status: 'COMPLETED', output: { plain: true } });
});
