import { ConfigurationError, NotFoundError, type RootSignature } from '../../../src';
import { eventually, gate } from '../../helpers/fixture';
import { openRoots } from '../../helpers/roots';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';

const { fixture, mage, taskSet, roots, root, retriedWork, work, callback } = openRoots({ maxConcurrency: 2 });
const { hatchet } = fixture;
const child = async (message: object) => (await mage.sign(retriedWork, message as { value: unknown })).runNoWait({});

describe('the children of a root', () => {
  test('are unknown before it is run', async () => {
    const signature = await roots.sign(root, () => undefined);
    expect(await signature.status()).toBe('pending');
    expect(await rejection(signature.children())).toBeInstanceOf(NotFoundError);
  });

  test('are none while the body has not begun, and their results can be read already', async () => {
    const signature = await roots.sign(root, async () => {
      for (const value of ['a', 'b']) await child({ value });
    });
    const before = await mage.sign(retriedWork, { waitFor: 'not begun' });
    const swarm = await mage.swarm({
      tasks: [before, signature],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    await swarm.runNoWait();
    const children = await signature.children();
    const callbacks = { pending: 0, succeeded: 0, failed: 0 };
    const none = { total: 0, waiting: 0, queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0, callbacks };
    expect(await children.progress()).toMatchObject({ ...none, closed: false, status: 'pending' });
    expect(await children.status()).toBe('pending');
    expect(children.name).toBe('root-swarm:root');
    const reading = (async () => {
      const outputs = [];
      for await (const { output } of children.results()) outputs.push(output);
      return outputs.sort();
    })();
    taskSet.openGate('not begun');
    expect(await reading).toEqual(['a', 'b']);
    await statusOf(swarm, 'succeeded');
  });

  test('show where they are while it runs, and after it has ended', async () => {
    const bodyMayEnd = gate();
    const signature = await roots.sign(root, async () => {
      for (const message of [{ value: 0 }, { value: 1 }, { waitFor: 'a' }, { waitFor: 'b' }, { waitFor: 'c' }])
        await child(message);
      await bodyMayEnd.opened;
    });
    const handle = await signature.runNoWait();
    const children = await signature.children();
    expect(await progressOf(children, { total: 5, succeeded: 2, running: 2, queued: 1 })).toMatchObject({
      closed: false,
      status: 'running',
    });
    bodyMayEnd.open();
    await progressOf(children, { closed: true, running: 2, queued: 1 });
    for (const held of ['a', 'b', 'c']) taskSet.openGate(held);
    await handle.output;
    expect(await children.progress()).toMatchObject({
      total: 5,
      waiting: 0,
      queued: 0,
      running: 0,
      succeeded: 5,
      failed: 0,
      cancelled: 0,
      closed: true,
      status: 'succeeded',
      callbacks: { pending: 0, succeeded: 0, failed: 0 },
    });
    const loaded = (await fixture.another().load(signature.id)) as unknown as RootSignature<object, unknown>;
    expect(loaded.kind).toBe('root');
    expect(await (await loaded.children()).progress()).toMatchObject({ total: 5, status: 'succeeded' });
  });

  test('of a root that was cancelled before its body began are none, and their results end', async () => {
    const signature = await roots.sign(root, () => child({}));
    const swarm = await mage.swarm({
      tasks: [[work, { fail: 'stop' }], signature],
      config: { maxConcurrency: 1, stopAfterNFailures: 1 },
      isSwarmClosed: true,
    });
    await swarm.runNoWait();
    await statusOf(swarm, 'failed');
    expect(await signature.status()).toBe('cancelled');
    const children = await signature.children();
    expect(await children.progress()).toMatchObject({ total: 0, status: 'cancelled' });
    for await (const entry of children.results()) throw new Error(JSON.stringify(entry));
  });

  test('include those that fail, with their errors', async () => {
    const signature = await roots.sign(root, async () => {
      await child({ value: 'good' });
      await (await mage.sign(work, { fail: 'bad' }, { name: 'a bad one' })).runNoWait({});
    });
    await signature.run();
    const entries = [];
    for await (const entry of (await signature.children()).results()) entries.push(entry);
    entries.sort((a, b) => a.index - b.index);
    expect(entries).toMatchObject([
      { index: 0, name: 'retried-work', status: 'succeeded', output: 'good' },
      { index: 1, name: 'a bad one', status: 'failed', error: 'bad' },
    ]);
  });

  test('are a swarm that is not for others to run', async () => {
    const held = gate();
    fixture.onRelease(held.open);
    const signature = await roots.sign(root, () => held.opened);
    await signature.runNoWait();
    const children = await signature.children();
    await progressOf(children, { status: 'running' });
    expect(await rejection(mage.swarm({ tasks: [children] }))).toBeInstanceOf(ConfigurationError);
    held.open();
    await statusOf(signature, 'succeeded');
  });
});

describe('in the engine', () => {
  const runOf = (runId: string) =>
    eventually('the engine shows the run', async () => (await hatchet.runs.get(runId)).run);

  test('each is a run of its own below the run of the root, and its metadata says what it is', async () => {
    const signature = await roots.sign(root, async (_, ctx) => {
      const first = await mage.sign(
        retriedWork,
        { label: 'below' },
        { name: 'first one', additionalMetadata: { team: 'red' } },
      );
      await first.runNoWait({});
      await retriedWork.runNoWait({ label: 'below' });
      await ctx.runNoWaitChild('retried-work', { label: 'below' });
      await (await mage.chain([await mage.sign(retriedWork, { label: 'below' })])).runNoWait({});
      await (await mage.swarm({ tasks: [[retriedWork, { label: 'below' }]], isSwarmClosed: true })).runNoWait();
      return ctx.taskRunExternalId();
    });
    const handle = await signature.runNoWait();
    const taskRunId: unknown = await handle.output;
    const rootRun = await runOf(await handle.runId);
    expect(rootRun.additionalMetadata).toMatchObject({ 'mageflow.signature': signature.id, 'mageflow.root': '' });
    const runs = await Promise.all(taskSet.executions('below').map(({ runId }) => runOf(runId)));
    expect(runs).toHaveLength(5);
    for (const { additionalMetadata } of runs) {
      expect(additionalMetadata).toMatchObject({
        'mageflow.root': signature.id,
        hatchet__parent_step_run_id: taskRunId,
      });
    }
    const list = async () => {
      const { rows } = await hatchet.runs.list({ parentTaskRunExternalId: String(taskRunId), onlyTasks: false });
      return rows.map((row) => row.workflowRunExternalId).sort();
    };
    const ids = taskSet.executions('below').map(({ runId }) => runId);
    await eventually('the engine lists them below it', async () => (await list()).length >= 5);
    expect(await list()).toEqual(ids.sort());
    const first = runs.find(({ additionalMetadata }) => (additionalMetadata as { team?: string }).team === 'red');
    expect(first?.additionalMetadata).toMatchObject({
      'mageflow.swarm': (await signature.children()).id,
      'mageflow.swarm_name': 'root-swarm:root',
      'mageflow.index': '0',
      'mageflow.name': 'first one',
      'mageflow.callback': '',
    });
  });

  test("the body's output is the root run's at once, while run, output and callbacks wait for the children", async () => {
    const attached = await mage.sign(callback, { label: 'at the end' });
    const signature = await roots.sign(
      root,
      async () => {
        await child({ waitFor: 'output at once', value: 1 });
        return { spawned: 1 };
      },
      { successCallbacks: [attached] },
    );
    const handle = await signature.runNoWait();
    let settled = false;
    const output = handle.output.finally(() => (settled = true));
    const runId = await handle.runId;
    const details = await eventually('the run has ended', async () => {
      const found = await hatchet.runs.getDetails(runId);
      return found.done && found;
    });
    expect(Object.values(details.taskRuns).map((task) => task.output)).toEqual([{ spawned: 1 }]);
    expect(await signature.status()).toBe('running');
    expect(settled).toBe(false);
    expect(taskSet.executions('at the end')).toEqual([]);
    taskSet.openGate('output at once');
    expect(await output).toEqual({ spawned: 1 });
    await taskSet.onlyExecution('at the end', signature);
    expect(await signature.status()).toBe('succeeded');
  });

  test('of a root whose body throws, the run has failed at once', async () => {
    const signature = await roots.sign(root, async () => {
      await child({ waitFor: 'failed at once' });
      throw new Error('the body broke');
    });
    const handle = await signature.runNoWait();
    const runId = await handle.runId;
    await eventually('the run has ended', async () => (await hatchet.runs.getDetails(runId)).done);
    expect(await signature.status()).toBe('running');
    taskSet.openGate('failed at once');
    expect((await rejection(handle.output)).message).toContain('the body broke');
    expect(await signature.status()).toBe('failed');
  });
});
