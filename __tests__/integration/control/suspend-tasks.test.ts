import type { Context } from '@hatchet-dev/typescript-sdk';
import { AlreadyStartedError, ConfigurationError } from '../../../src';
import { eventually, gate } from '../../helpers/fixture';
import { openTasks, shortLease } from '../../helpers/task-set';
import { rejection, statusOf } from '../../helpers/outcomes';

const { fixture, mage, taskSet, work, callback } = openTasks(shortLease);

interface Attempts {
  label: string;
  /** Throws at attempts before this one. */
  failUntilAttempt: number;
}

const gates = new Map<string, ReturnType<typeof gate>>();
const gateOf = (label: string) => gates.get(label) ?? gates.set(label, gate()).get(label)!;
const open = (label: string) => gateOf(label).open();
fixture.onRelease(() => gates.forEach((one) => one.open()));

const seen: { label: string; retryCount: number; runId: string }[] = [];
const attemptsOf = (label: string) => seen.filter((one) => one.label === label).map(({ retryCount }) => retryCount);
const runsOf = (label: string) => new Set(seen.filter((one) => one.label === label).map(({ runId }) => runId)).size;

/** Waits at a gate at its first attempt, and throws. */
const fn = async ({ label, failUntilAttempt }: Attempts, ctx: Context<unknown>) => {
  seen.push({ label, retryCount: ctx.retryCount(), runId: ctx.workflowRunId() });
  if (ctx.retryCount() === 0) await gateOf(label).opened;
  if (ctx.retryCount() < failUntilAttempt) throw new Error(`attempt ${ctx.retryCount()}`);
  return { attempt: ctx.retryCount() };
};
const stubborn = mage.task<Attempts, { attempt: number }>({ name: 'own-stubborn', retries: 2, fn });
const hasty = mage.task<Attempts, { attempt: number }>({
  name: 'own-hasty',
  retries: 1,
  executionTimeout: '3s',
  fn,
});

beforeAll(async () => {
  await fixture.worker([stubborn, hasty]);
});

/** The engine has begun another attempt of a run. */
async function triedAgain(signature: { runId: Promise<string> }): Promise<void> {
  const runId = await signature.runId;
  await eventually('the engine tries it again', async () => {
    const [task] = (await fixture.hatchet.runs.get(runId)).tasks;
    return task && (task.retryCount ?? 0) > 0 && task.status === 'RUNNING';
  });
}

describe('a task by itself', () => {
  test('that is suspended before it is run is kept, and published by resume', async () => {
    const done = await mage.sign(callback, { label: 'kept done' });
    const task = await mage.sign(work, { label: 'kept' }, { successCallbacks: [done] });
    await task.suspend();
    expect(await task.status()).toBe('suspended');
    const handle = await task.runNoWait({ value: 'late' });
    expect([await task.status(), taskSet.executions('kept')]).toEqual(['suspended', []]);
    await (await fixture.another().load(task.id)).resume();
    expect(await handle.output).toBe('late');
    await taskSet.onlyExecution('kept', task);
    await taskSet.onlyExecution('kept done', task);
    expect(await task.status()).toBe('succeeded');
  });

  test('that was suspended is run by another instance that loads it', async () => {
    const task = await mage.sign(work, { label: 'loaded', value: 1 });
    await task.suspend();
    const loaded = await fixture.another().load(task.id);
    expect(await loaded.status()).toBe('suspended');
    const handle = await loaded.runNoWait({});
    expect(await rejection(task.run({}))).toBeInstanceOf(AlreadyStartedError);
    await task.resume();
    expect(await handle.output).toBe(1);
    await taskSet.onlyExecution('loaded', task);
  });

  test('that is resumed before it is run starts with its run', async () => {
    const task = await mage.sign(work, { label: 'resumed', value: 1 });
    await task.suspend();
    await task.resume();
    expect(await task.status()).toBe('pending');
    expect(await task.run({})).toBe(1);
    await taskSet.onlyExecution('resumed', task);
  });

  test('gets the run options of its run all the same', async () => {
    const task = await mage.sign(work, { label: 'options' }, { additionalMetadata: { from: 'sign', who: 'sign' } });
    await task.suspend();
    const handle = await task.runNoWait({}, { additionalMetadata: { from: 'run' } });
    await task.resume();
    await handle.output;
    const runId = await handle.runId;
    const metadata = await eventually('the engine shows it', async () => {
      const { run } = await fixture.hatchet.runs.get(runId);
      return run.additionalMetadata as Record<string, string>;
    });
    expect(metadata).toMatchObject({ from: 'run', who: 'sign' });
  });

  test('that runs finishes; its callbacks and those who wait go on after resume', async () => {
    const done = await mage.sign(callback, { label: 'running done' });
    const task = await mage.sign(
      work,
      { label: 'running', waitFor: 'running', value: 1 },
      { successCallbacks: [done] },
    );
    const handle = await task.runNoWait({});
    const [body] = await taskSet.started('running');
    await task.suspend();
    expect(await task.status()).toBe('suspended');
    taskSet.openGate('running');
    await statusOf(task, 'succeeded');
    expect([body?.aborted, await done.status(), taskSet.executions('running done')]).toEqual([false, 'suspended', []]);
    await task.resume();
    expect(await handle.output).toBe(1);
    await taskSet.onlyExecution('running done', task);
    await taskSet.onlyExecution('running', task);
  });

  test('suspended twice is resumed once, and resumed without a suspend goes on as it does', async () => {
    const task = await mage.sign(work, { label: 'twice', waitFor: 'twice', value: 1 });
    await task.resume();
    expect(await task.status()).toBe('pending');
    for (let i = 0; i < 2; i++) await task.suspend();
    const handle = await task.runNoWait({});
    await task.resume();
    await taskSet.started('twice');
    await task.resume();
    expect(await task.status()).toBe('running');
    taskSet.openGate('twice');
    expect(await handle.output).toBe(1);
    await taskSet.onlyExecution('twice', task);
  });

  test('that is a callback waits with what it belongs to, not by itself', async () => {
    const attached = await mage.sign(callback, { label: 'of another' });
    const task = await mage.sign(
      work,
      { waitFor: 'has a callback', label: 'has a callback' },
      { successCallbacks: [attached] },
    );
    await task.runNoWait({});
    await taskSet.started('has a callback');
    const error = await rejection(attached.suspend());
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toContain(task.id);
    taskSet.openGate('has a callback');
    await taskSet.onlyExecution('of another', task);
    expect(await attached.status()).toBe('succeeded');
  });

  test('that has ended is neither suspended nor resumed', async () => {
    const task = await mage.sign(work, { label: 'ended', value: 1 });
    await task.run({});
    await task.suspend();
    expect(await task.status()).toBe('succeeded');
    await task.resume();
    expect(await task.status()).toBe('succeeded');
    await taskSet.onlyExecution('ended', task);
  });
});

describe('a body that throws while it is suspended', () => {
  test('waits for resume with its next attempt, and does not lose count', async () => {
    const task = await mage.sign(stubborn, { label: 'count', failUntilAttempt: 2 });
    const handle = await task.runNoWait({});
    await eventually('it has begun', () => attemptsOf('count').length === 1);
    await task.suspend();
    open('count');
    await triedAgain(handle);
    expect([await task.status(), attemptsOf('count')]).toEqual(['suspended', [0]]);
    await task.resume();
    expect(await handle.output).toEqual({ attempt: 2 });
    expect([attemptsOf('count'), runsOf('count')]).toEqual([[0, 1, 2], 1]);
  });

  test('fails after its last attempt as ever, and its error callbacks run once', async () => {
    const alert = await mage.sign(callback, { label: 'last attempt told' });
    const task = await mage.sign(stubborn, { label: 'last attempt', failUntilAttempt: 9 }, { errorCallbacks: [alert] });
    const handle = await task.runNoWait({});
    await eventually('it has begun', () => attemptsOf('last attempt').length === 1);
    await task.suspend();
    open('last attempt');
    await triedAgain(handle);
    await task.resume();
    expect((await rejection(handle.output)).message).toContain('attempt 2');
    expect(attemptsOf('last attempt')).toEqual([0, 1, 2]);
    await taskSet.onlyExecution('last attempt told', task);
  });

  test('waits longer than its own timeout, which starts over', async () => {
    const task = await mage.sign(hasty, { label: 'time', failUntilAttempt: 1 });
    const handle = await task.runNoWait({});
    await eventually('it has begun', () => attemptsOf('time').length === 1);
    await task.suspend();
    open('time');
    await triedAgain(handle);
    const later = Date.now() + 6_000;
    await eventually('twice its time is over', () => Date.now() > later);
    expect([await task.status(), attemptsOf('time')]).toEqual(['suspended', [0]]);
    await task.resume();
    expect(await handle.output).toEqual({ attempt: 1 });
    expect([attemptsOf('time'), runsOf('time')]).toEqual([[0, 1], 1]);
  });

  test('is waited for by its swarm, and keeps its slot', async () => {
    const swarm = await mage.swarm({
      tasks: [
        [stubborn, { label: 'slot', failUntilAttempt: 1 }],
        [work, { label: 'after slot', value: 1 }],
      ],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    const handle = await swarm.runNoWait({});
    await eventually('it has begun', () => attemptsOf('slot').length === 1);
    await swarm.suspend();
    open('slot');
    await triedAgain({ runId: Promise.resolve(seen.find(({ label }) => label === 'slot')?.runId ?? '') });
    expect(await swarm.progress()).toMatchObject({ running: 1, queued: 1, status: 'suspended' });
    await swarm.resume();
    expect(await handle.output).toEqual([{ attempt: 1 }, 1]);
    expect(attemptsOf('slot')).toEqual([0, 1]);
  });

  test('is cancelled while it waits', async () => {
    const alert = await mage.sign(callback, { label: 'cancelled wait told' });
    const task = await mage.sign(
      stubborn,
      { label: 'cancelled wait', failUntilAttempt: 1 },
      { errorCallbacks: [alert] },
    );
    const handle = await task.runNoWait({});
    await eventually('it has begun', () => attemptsOf('cancelled wait').length === 1);
    await task.suspend();
    open('cancelled wait');
    await triedAgain(handle);
    await task.cancel();
    expect((await rejection(handle.output)).name).toBe('CancelledError');
    await taskSet.onlyExecution('cancelled wait told', task);
    expect(attemptsOf('cancelled wait')).toEqual([0]);
  });
});

describe('cancel of a suspended task', () => {
  test('that nobody has run', async () => {
    const alert = await mage.sign(callback, { label: 'cancel pending told' });
    const task = await mage.sign(work, { label: 'cancel pending' }, { errorCallbacks: [alert] });
    await task.suspend();
    await task.cancel();
    expect(await task.status()).toBe('cancelled');
    await taskSet.onlyExecution('cancel pending told', task);
    expect(await rejection(task.run({}))).toBeInstanceOf(AlreadyStartedError);
    expect(taskSet.executions('cancel pending')).toEqual([]);
  });

  test('that was run while it was suspended', async () => {
    const task = await mage.sign(work, { label: 'cancel kept' });
    await task.suspend();
    const handle = await task.runNoWait({});
    await task.cancel();
    expect((await rejection(handle.output)).name).toBe('CancelledError');
    await taskSet.settled(task);
    expect(taskSet.executions('cancel kept')).toEqual([]);
  });

  test('that runs', async () => {
    const alert = await mage.sign(callback, { label: 'cancel running told' });
    const task = await mage.sign(work, { label: 'cancel running', untilCancelled: true }, { errorCallbacks: [alert] });
    const handle = await task.runNoWait({});
    const [body] = await taskSet.started('cancel running');
    await task.suspend();
    await task.cancel();
    expect((await rejection(handle.output)).name).toBe('CancelledError');
    await taskSet.onlyExecution('cancel running told', task);
    expect([body?.aborted, await task.status()]).toEqual([true, 'cancelled']);
  });

  test('that has ended lets its callbacks go', async () => {
    const done = await mage.sign(callback, { label: 'cancel ended done' });
    const task = await mage.sign(
      work,
      { label: 'cancel ended', waitFor: 'cancel ended', value: 1 },
      { successCallbacks: [done] },
    );
    const handle = await task.runNoWait({});
    await taskSet.started('cancel ended');
    await task.suspend();
    taskSet.openGate('cancel ended');
    await statusOf(done, 'suspended');
    await task.cancel();
    expect(await handle.output).toBe(1);
    await taskSet.onlyExecution('cancel ended done', task);
  });
});
