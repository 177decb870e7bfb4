import { z } from 'zod';
import { TaskFailedError } from '../../src';
import { eventually, Fixture } from '../helpers/fixture';
import { TaskSet } from '../helpers/task-set';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const { mage } = fixture;
const taskSet = new TaskSet(fixture);
const { retriedWork, work, callback } = taskSet;
const strictDate = mage.task({
  name: 'wants-a-number',
  input: z.object({ count: z.number(), label: z.string() }),
  fn: (input) => taskSet.record(input),
});

const tagged = (label: string, more: object = {}) => mage.sign(callback, { label, ...more });

beforeAll(() => fixture.worker([...taskSet.tasks, strictDate]));
afterAll(() => fixture.close());

describe('a callback is stored by value', () => {
  test('one signature attached to two parents runs for both, each time as a run of its own', async () => {
    const attached = await tagged('shared');
    const one = await mage.sign(retriedWork, { value: 1 }, { successCallbacks: [attached] });
    const two = await mage.sign(retriedWork, { value: 2 }, { successCallbacks: [attached] });
    await Promise.all([one.run(), two.run()]);
    await taskSet.settled(one);
    await taskSet.settled(two);
    const seen = taskSet.executions('shared');
    expect(seen.map(({ input }) => input['returnValue']).sort()).toEqual([1, 2]);
    expect(new Set(seen.map(({ runId }) => runId)).size).toBe(2);
    await expect(attached.status()).resolves.toBe('succeeded');
  });

  test('one signature attached twice to one parent runs twice', async () => {
    const attached = await tagged('twice');
    const parent = await mage.sign(retriedWork, { value: 1 }, { successCallbacks: [attached, attached] });
    await parent.run();
    await taskSet.settled(parent);
    expect(taskSet.executions('twice')).toHaveLength(2);
  });

  test('an attached signature is pending until it is fired, and can be loaded by its id before and after', async () => {
    const attached = await tagged('loaded');
    const parent = await mage.sign(retriedWork, { waitFor: 'loaded', value: 1 }, { successCallbacks: [attached] });
    await parent.runNoWait();
    await expect(attached.status()).resolves.toBe('pending');
    await expect((await mage.load(attached.id)).status()).resolves.toBe('pending');
    taskSet.openGate('loaded');
    await taskSet.onlyExecution('loaded', parent);
    await expect(attached.status()).resolves.toBe('succeeded');
    const loaded = await fixture.another().load(attached.id);
    expect(loaded).toMatchObject({ id: attached.id, kind: 'task', name: 'callback' });
    await expect(loaded.status()).resolves.toBe('succeeded');
  });

  test('a declaration and a name work as callbacks too', async () => {
    const parent = await mage.sign(
      retriedWork,
      { label: 'the parent itself', value: 5 },
      { successCallbacks: [callback, 'callback'] },
    );
    await parent.run();
    await taskSet.settled(parent);
    const unlabelled = taskSet.allExecutions.filter(({ label, input }) => label === '' && input['returnValue'] === 5);
    expect(unlabelled.map(({ input }) => input)).toEqual([{ returnValue: 5 }, { returnValue: 5 }]);
  });

  test('a callback has callbacks of its own, which get its output, or its failure', async () => {
    const last = await tagged('grandchild');
    const alarm = await tagged('grandchild alarm');
    const middle = await mage.sign(
      retriedWork,
      { label: 'child', value: 'from the child' },
      { successCallbacks: [last] },
    );
    const failing = await mage.sign(work, { fail: 'child broke' }, { name: 'failing child', errorCallbacks: [alarm] });
    const parent = await mage.sign(retriedWork, { value: 'from the parent' }, { successCallbacks: [middle, failing] });
    await parent.run();
    expect((await taskSet.onlyExecution('child', parent)).input).toMatchObject({ returnValue: 'from the parent' });
    expect((await taskSet.onlyExecution('grandchild', parent)).input).toEqual({
      returnValue: 'from the child',
      label: 'grandchild',
    });
    const { input } = await taskSet.onlyExecution('grandchild alarm', parent);
    expect(input).toMatchObject({
      returnValue: 'from the parent',
      fail: 'child broke',
      error: {
        message: 'child broke',
        failureCount: 1,
        failures: [{ id: failing.id, name: 'failing child', message: 'child broke' }],
      },
    });
    await expect(parent.status()).resolves.toBe('succeeded');
    await expect(failing.status()).resolves.toBe('failed');
  });
});

describe('which callbacks run', () => {
  test('a success runs the success callbacks only', async () => {
    const parent = await mage.sign(
      retriedWork,
      { value: { n: 1 } },
      { successCallbacks: [await tagged('s1')], errorCallbacks: [await tagged('s1 error')] },
    );
    await expect(parent.run()).resolves.toEqual({ n: 1 });
    const { input, context } = await taskSet.onlyExecution('s1', parent);
    expect(input).toEqual({ label: 's1', returnValue: { n: 1 } });
    expect(context).toMatchObject({ signatureId: expect.any(String) as string });
    expect(taskSet.executions('s1 error')).toEqual([]);
  });

  test('one callback in both lists means always: it runs once, whatever happens', async () => {
    const good = await tagged('always, good');
    const bad = await tagged('always, bad');
    const succeeding = await mage.sign(work, { value: 1 }, { successCallbacks: [good], errorCallbacks: [good] });
    const failing = await mage.sign(work, { fail: 'no' }, { successCallbacks: [bad], errorCallbacks: [bad] });
    await succeeding.run();
    await expect(failing.run()).rejects.toBeInstanceOf(TaskFailedError);
    expect((await taskSet.onlyExecution('always, good', succeeding)).input).not.toHaveProperty('error');
    expect((await taskSet.onlyExecution('always, bad', failing)).input).toHaveProperty('error.message', 'no');
  });

  test('an invalid callback fails alone: the others run, and the parent is what it was', async () => {
    // Where its schema is known, it would be refused here.
    const elsewhere = new Fixture({ keyPrefix: fixture.keyPrefix }, fixture.hatchet);
    fixture.onClose(() => elsewhere.mage.close());
    const invalid = await elsewhere.mage.sign(
      'wants-a-number',
      { count: 'many', label: 'invalid' },
      { name: 'does not fit' },
    );
    const unknown = await mage.sign('nobody-serves-this', {}, { name: 'unknown' });
    const parent = await mage.sign(
      retriedWork,
      { value: 1 },
      { successCallbacks: [unknown, invalid, await tagged('beside invalid')] },
    );
    await expect(parent.run()).resolves.toBe(1);
    await taskSet.onlyExecution('beside invalid', parent);
    await expect(parent.status()).resolves.toBe('succeeded');
    await expect(invalid.status()).resolves.toBe('failed');
    await expect(unknown.status()).resolves.toBe('failed');
    expect(taskSet.executions('invalid')).toEqual([]);
    const logged = fixture.log.lines.filter((line) => line.startsWith('error ') && line.includes(parent.id));
    expect(logged).toHaveLength(2);
    expect(logged.join()).toContain('The message does not fit the input of wants-a-number: count: ');
    expect(logged.join()).toContain('no worker has registered a task named nobody-serves-this');
  });

  test("an item's own callbacks run, and so do its swarm's", async () => {
    const batch = await mage.swarm({
      tasks: [
        await mage.sign(retriedWork, { value: 'a' }, { successCallbacks: [await tagged('item success')] }),
        await mage.sign(work, { fail: 'b' }, { name: 'bad item', errorCallbacks: [await tagged('item error')] }),
      ],
      successCallbacks: [await tagged('swarm success')],
      isSwarmClosed: true,
    });
    await batch.run({ shared: 1 });
    expect((await taskSet.onlyExecution('item success', batch)).input).toEqual({
      label: 'item success',
      returnValue: 'a',
    });
    expect((await taskSet.onlyExecution('item error', batch)).input).toMatchObject({
      shared: 1,
      fail: 'b',
      error: { message: 'b', failureCount: 1, failures: [{ name: 'bad item', index: 1, message: 'b' }] },
    });
    expect((await taskSet.onlyExecution('swarm success', batch)).input).toEqual({
      label: 'swarm success',
      returnValue: ['a'],
    });
  });

  test('callbacks of what was started by runNoWait and forgotten run as well', async () => {
    const parent = await mage.sign(retriedWork, { value: 1 }, { successCallbacks: [await tagged('forgotten')] });
    await parent.runNoWait();
    await taskSet.onlyExecution('forgotten', parent);
  });

  test('callbacks are stored by the process that attached them and fired by another', async () => {
    const parent = await mage.sign(
      retriedWork,
      { value: 1 },
      { key: 'elsewhere', successCallbacks: [await tagged('elsewhere')] },
    );
    const swarm = await mage.swarm({ tasks: [parent], isSwarmClosed: true });
    await (await fixture.another().load(swarm.id)).run();
    await taskSet.onlyExecution('elsewhere', swarm);
  });
});

test("a callback's run carries metadata that distinguishes it from an item's", async () => {
  const attached = await mage.sign(
    callback,
    { label: 'meta' },
    { name: 'a name', additionalMetadata: { team: 'blue' } },
  );
  const batch = await mage.swarm({ name: 'with metadata', successCallbacks: [attached], isSwarmClosed: true });
  await batch.run();
  const { runId } = await taskSet.onlyExecution('meta', batch);
  const run = await eventually('the run can be listed', () => fixture.hatchet.runs.get(runId));
  expect(run.run.additionalMetadata).toMatchObject({
    team: 'blue',
    'mageflow.signature': attached.id,
    'mageflow.swarm': batch.id,
    'mageflow.swarm_name': 'with metadata',
    'mageflow.callback': 'success',
    'mageflow.name': 'a name',
    'mageflow.index': '',
  });
});
