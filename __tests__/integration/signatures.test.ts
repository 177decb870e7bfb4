import { spawn } from 'node:child_process';
import { once as event } from 'node:events';
import { join } from 'node:path';
import { AlreadyStartedError, ConfigurationError, NotFoundError, TaskFailedError } from '../../src';
import { eventually, Fixture } from '../helpers/fixture';
import { TaskSet } from '../helpers/task-set';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const { mage } = fixture;
const taskSet = new TaskSet(fixture);
const { retriedWork, work } = taskSet;

beforeAll(() => fixture.worker(taskSet.tasks));
afterAll(() => fixture.close());

describe('a signature', () => {
  test('writes nothing until it is run, is pending until then, and can not be loaded', async () => {
    const before = await fixture.writtenKeys();
    const signature = await mage.sign(retriedWork, { value: 1 }, { name: 'unwritten' });
    await expect(signature.status()).resolves.toBe('pending');
    await expect(mage.load(signature.id)).rejects.toBeInstanceOf(NotFoundError);
    expect(await fixture.writtenKeys()).toEqual(before);
    expect(signature).toMatchObject({ kind: 'task', name: 'unwritten' });
  });

  test('runs once: a second run throws AlreadyStartedError while it runs and after it', async () => {
    const signature = await mage.sign(retriedWork, { label: 'runs once', waitFor: 'runs once', value: 1 });
    const handle = await signature.runNoWait();
    await expect(signature.runNoWait()).rejects.toBeInstanceOf(AlreadyStartedError);
    taskSet.openGate('runs once');
    await expect(handle.output).resolves.toBe(1);
    await expect(signature.run()).rejects.toBeInstanceOf(AlreadyStartedError);
    await expect((await mage.load(signature.id)).run()).rejects.toBeInstanceOf(AlreadyStartedError);
    expect(taskSet.executions('runs once')).toHaveLength(1);
  });

  test('of two runs at once exactly one starts it', async () => {
    const signature = await mage.sign(retriedWork, { label: 'two at once', value: 1 });
    const results = await Promise.allSettled([signature.run(), signature.run(), signature.run()]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(AlreadyStartedError);
    }
    expect(taskSet.executions('two at once')).toHaveLength(1);
  });

  test('loads in another process with its name, kind and status', async () => {
    const signature = await mage.sign(
      retriedWork,
      { label: 'states', waitFor: 'states', value: { n: 1 } },
      { name: 'told' },
    );
    await signature.runNoWait();
    await eventually('it runs', () => taskSet.executions('states').length === 1);
    const other = await fixture.another().load(signature.id);
    await expect(other.status()).resolves.toBe('running');
    expect(other).toMatchObject({ id: signature.id, name: 'told', kind: 'task' });
    taskSet.openGate('states');
    await eventually('it has succeeded', async () => (await other.status()) === 'succeeded');
  });

  test('of a name that no worker serves fails by that name', async () => {
    const error = await (await mage.sign('nobody-serves-me')).run().catch((reason: unknown) => reason as Error);
    expect(error).toBeInstanceOf(TaskFailedError);
    expect((error as Error).message).toContain('no worker has registered a task named nobody-serves-me');
  });

  test('of a name that no worker serves fails alone among good ones', async () => {
    const batch = await mage.swarm({
      tasks: [[work, { value: 1 }], 'nobody-serves-this', [work, { value: 2 }]],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    const settled = await batch.runSettled();
    expect(settled.map(({ status }) => status)).toEqual(['succeeded', 'failed', 'succeeded']);
    expect(settled[1]?.error).toContain('no worker has registered a task named nobody-serves-this');
    await expect(batch.status()).resolves.toBe('succeeded');
  });
});

describe('a key outside of groups', () => {
  test('makes a signature the same thing in every process: only the first run starts it', async () => {
    const first = await mage.sign(work, { label: 'keyed', value: 'first' }, { key: 'one run' });
    const second = await fixture.another().sign('work', { label: 'keyed', value: 'second' }, { key: 'one run' });
    expect(second.id).toBe(first.id);
    await expect(first.run()).resolves.toBe('first');
    await expect(second.run()).resolves.toBe('first');
    await expect(second.status()).resolves.toBe('succeeded');
    expect(taskSet.executions('keyed')).toHaveLength(1);
  });

  test('of two processes that run it at once exactly one does', async () => {
    const signatures = await Promise.all(
      [mage, fixture.another()].map((instance) => instance.sign(work, { label: 'raced' }, { key: 'raced' })),
    );
    await Promise.all(signatures.map((signature) => signature.run()));
    expect(signatures.map(({ created }) => created).sort()).toEqual([false, true]);
    expect(taskSet.executions('raced')).toHaveLength(1);
  });

  test('of one kind is not a key of another, and other keys are other things', async () => {
    const task = await mage.sign(work, {}, { key: 'a key' });
    const swarm = await mage.swarm({ key: 'a key' });
    const other = await mage.sign(work, {}, { key: 'another key' });
    expect(new Set([task.id, swarm.id, other.id]).size).toBe(3);
  });
});

describe('a handle', () => {
  test('gives the output and the run of the engine, each time it is read', async () => {
    const handle = await (await mage.sign(work, { label: 'handle', value: [1] })).runNoWait();
    const runId = await handle.runId;
    await expect(handle.output).resolves.toEqual([1]);
    await expect(handle.output).resolves.toEqual([1]);
    await expect(handle.runId).resolves.toBe(runId);
    expect(taskSet.executions('handle')[0]?.runId).toBe(runId);
  });

  test('of a failed signature rejects where it is read, with the failures', async () => {
    const signature = await mage.sign(work, { fail: 'read me' }, { name: 'failing' });
    const { output } = await signature.runNoWait();
    await expect(output).rejects.toMatchObject({
      code: 'TASK_FAILED',
      failures: [{ id: signature.id, name: 'failing', message: 'read me' }],
    });
  });

  test('of a swarm has no run', async () => {
    const handle = await (await mage.swarm({ isSwarmClosed: true })).runNoWait();
    await expect(handle.runId).rejects.toBeInstanceOf(ConfigurationError);
    await expect(handle.output).resolves.toEqual([]);
  });

  test('waits no longer than timeoutMs, and until the signal aborts, and the work goes on', async () => {
    const signature = await mage.sign(work, { waitFor: 'patience', value: 'done' });
    await expect(signature.run({}, { timeoutMs: 300 })).rejects.toMatchObject({ name: 'WaitTimeoutError' });
    const other = await mage.sign(work, { waitFor: 'patience', value: 'done' });
    const controller = new AbortController();
    const waiting = other.run({}, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    taskSet.openGate('patience');
    for (const { id } of [signature, other]) {
      const loaded = await mage.load(id);
      await eventually('the work went on', async () => (await loaded.status()) === 'succeeded');
    }
  });

  test('that is dropped, printed or copied never ends the process, however its work fails', async () => {
    const script = join(__dirname, '..', 'helpers', 'dropped-handle.ts');
    const child = spawn(process.execPath, ['--import', 'tsx', script], {
      env: process.env,
      cwd: join(__dirname, '../..'),
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const [code] = (await event(child, 'exit')) as [number | null];
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('failed: failed failed') as string });
  });
});
