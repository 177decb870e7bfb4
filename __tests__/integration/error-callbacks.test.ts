import { TaskFailedError, type Failure } from '../../src';
import { eventually, Fixture } from '../helpers/fixture';
import { TaskSet } from '../helpers/task-set';
import { cancelByHand } from '../helpers/runs';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const { mage } = fixture;
const taskSet = new TaskSet(fixture);
const { retriedWork, work, callback } = taskSet;

const cycle: Record<string, unknown> = {};
cycle['self'] = cycle;
/** What a body can return and no engine can keep. */
const outputs: Record<string, () => unknown> = {
  bigint: () => ({ n: 1n }),
  'bare bigint': () => 1n,
  cycle: () => cycle,
  function: () => () => 1,
  symbol: () => Symbol('s'),
  large: () => ({ text: 'x'.repeat(5 * 1024 * 1024) }),
  nul: () => ({ text: 'a\0b' }),
  'nul in a key': () => ({ 'a\0b': 1 }),
  'throwing toJSON': () => ({
    toJSON: () => {
      throw new Error('no JSON today');
    },
  }),
};
const odd = mage.task({ name: 'odd', fn: (input: { kind: string }) => outputs[input.kind]?.() });
const thrown: Record<string, unknown> = { text: 'just a text', nothing: undefined, object: { code: 5 }, nil: null };
const thrower = mage.task({
  name: 'thrower',
  fn: (input: { kind: string }) => {
    throw thrown[input.kind];
  },
});
const slow = mage.task({
  name: 'slow',
  // Counted from the assignment to a worker: a slow machine has to reach the body within it.
  executionTimeout: '5s',
  fn: async (input: { label: string }, ctx) => {
    taskSet.record(input, ctx);
    await new Promise<void>((resolve) => ctx.abortController.signal.addEventListener('abort', () => resolve()));
    return {};
  },
});
const endless = mage.task({
  name: 'endless',
  fn: async (input: { label: string }, ctx) => {
    taskSet.record(input, ctx);
    await new Promise<void>((resolve) => ctx.abortController.signal.addEventListener('abort', () => resolve()));
    return {};
  },
});
const unserved = mage.task({ name: 'unserved', scheduleTimeout: '1s', fn: () => ({}) });

const tagged = (label: string) => mage.sign(callback, { label });
const errorOf = (note: { input: Record<string, unknown> }) =>
  note.input['error'] as { message: string; failureCount: number; failures: Failure[] };

beforeAll(async () => {
  const other = await fixture.worker([unserved]);
  await other.stop();
  await fixture.worker([...taskSet.tasks, odd, thrower, slow, endless]);
});
afterAll(() => fixture.close());

describe('the error callbacks of a task', () => {
  test('run once, after the last attempt, with the failing input and the reason', async () => {
    const parent = await mage.sign(
      retriedWork,
      { label: 'attempts', fail: 'out of luck', nested: { bound: 1 } },
      { name: 'unlucky', errorCallbacks: [await tagged('after attempts')], successCallbacks: [await tagged('never')] },
    );
    const error = await parent.run({ nested: { sent: 2 } }).catch((reason: unknown) => reason as TaskFailedError);
    expect(error).toBeInstanceOf(TaskFailedError);
    expect(error).toMatchObject({ failures: [{ id: parent.id, name: 'unlucky', message: 'out of luck' }] });
    expect((error as Error).message).toContain('out of luck');
    const { input } = await taskSet.onlyExecution('after attempts', parent);
    expect(input).toEqual({
      label: 'after attempts',
      fail: 'out of luck',
      nested: { sent: 2, bound: 1 },
      error: {
        message: 'out of luck',
        failureCount: 1,
        failures: [{ id: parent.id, name: 'unlucky', message: 'out of luck' }],
      },
    });
    expect(taskSet.executions('attempts')).toHaveLength(3);
    expect(taskSet.executions('never')).toEqual([]);
    await expect(parent.status()).resolves.toBe('failed');
  });

  test('do not run when a later attempt succeeds', async () => {
    const parent = await mage.sign(
      retriedWork,
      { label: 'second try', fail: 'once', failUntilAttempt: 1, value: 'made it' },
      { errorCallbacks: [await tagged('no error')], successCallbacks: [await tagged('made it')] },
    );
    await expect(parent.run()).resolves.toBe('made it');
    expect((await taskSet.onlyExecution('made it', parent)).input['returnValue']).toBe('made it');
    expect(taskSet.executions('second try')).toHaveLength(2);
    expect(taskSet.executions('no error')).toEqual([]);
  });

  test('run after the first attempt that throws a NonRetryableError', async () => {
    const parent = await mage.sign(
      retriedWork,
      { label: 'final', nonRetryable: 'never again' },
      { errorCallbacks: [await tagged('after final')] },
    );
    await expect(parent.run()).rejects.toThrow('never again');
    expect(errorOf(await taskSet.onlyExecution('after final', parent)).message).toBe('never again');
    expect(taskSet.executions('final')).toHaveLength(1);
  });

  test('run for a timeout of the engine', async () => {
    const parent = await mage.sign(slow, { label: 'slow' }, { errorCallbacks: [await tagged('after timeout')] });
    await expect(parent.run()).rejects.toThrow(/timed out|timeout/i);
    expect(errorOf(await taskSet.onlyExecution('after timeout', parent)).message).toMatch(/timed out|timeout/i);
    // One run, in one attempt or more: what the engine can't deliver or reassigns it starts again by itself.
    expect(new Set(taskSet.executions('slow').map((attempt) => attempt.runId)).size).toBe(1);
  });

  test('run for a run that a person cancelled in the engine', async () => {
    const parent = await mage.sign(endless, { label: 'endless' }, { errorCallbacks: [await tagged('after cancel')] });
    const handle = await parent.runNoWait();
    await eventually('it runs', () => taskSet.executions('endless').length > 0);
    await cancelByHand(fixture.hatchet, await handle.runId);
    await expect(handle.output).rejects.toThrow('cancelled in the engine');
    expect(errorOf(await taskSet.onlyExecution('after cancel', parent)).message).toContain('cancelled in the engine');
  });

  test('run for a run that no worker took in time', async () => {
    const parent = await mage.sign(unserved, {}, { errorCallbacks: [await tagged('after no worker')] });
    await expect(parent.run()).rejects.toBeInstanceOf(TaskFailedError);
    expect(errorOf(await taskSet.onlyExecution('after no worker', parent)).message).toBeTruthy();
  });

  test.each(Object.keys(thrown))('run for what is thrown and is no error: %s', async (kind) => {
    const parent = await mage.sign(thrower, { kind }, { errorCallbacks: [await tagged(`after ${kind}`)] });
    await expect(parent.run()).rejects.toBeInstanceOf(TaskFailedError);
    expect(typeof errorOf(await taskSet.onlyExecution(`after ${kind}`, parent)).message).toBe('string');
  });

  test.each([
    ['bigint', /can't be turned into JSON: .*BigInt/],
    ['bare bigint', /can't be turned into JSON: .*BigInt/],
    ['cycle', /can't be turned into JSON: .*circular/],
    ['function', /expected plain JSON, got a function/],
    ['symbol', /expected plain JSON, got Symbol\(s\)/],
    ['large', /5242891 bytes, more than the engine's limit of 4128768 bytes/],
    ['nul', /contains a NUL character/],
    ['nul in a key', /contains a NUL character/],
    ['throwing toJSON', /no JSON today/],
  ])('run for an output that the engine can not keep: %s', async (kind, message) => {
    const parent = await mage.sign(odd, { kind }, { errorCallbacks: [await tagged(`after output ${kind}`)] });
    await expect(parent.run()).rejects.toThrow(message);
    expect(errorOf(await taskSet.onlyExecution(`after output ${kind}`, parent)).message).toMatch(message);
    await expect(parent.status()).resolves.toBe('failed');
  });
});

describe('the error callbacks of a swarm', () => {
  test("get the swarm's own message and the failures, and not an item's message", async () => {
    const batch = await mage.swarm({
      tasks: [
        [work, { value: 'fine', own: 1 }],
        [work, { fail: 'first', own: 2 }, { name: 'the first' }],
      ],
      config: { maxConcurrency: 1, stopAfterNFailures: 1 },
      errorCallbacks: [await tagged('swarm failed')],
      successCallbacks: [await tagged('swarm succeeded')],
      isSwarmClosed: true,
    });
    const error = await batch.run({ day: 'monday' }).catch((reason: unknown) => reason as TaskFailedError);
    const failures = [{ id: expect.any(String) as string, name: 'the first', index: 1, message: 'first' }];
    expect(error).toBeInstanceOf(TaskFailedError);
    expect(error).toMatchObject({ failures });
    const { input } = await taskSet.onlyExecution('swarm failed', batch);
    expect(input).toEqual({
      day: 'monday',
      label: 'swarm failed',
      error: { message: expect.stringContaining('1') as string, failureCount: 1, failures },
    });
    expect(taskSet.executions('swarm succeeded')).toEqual([]);
  });

  test('name the first hundred failures and count all of them', async () => {
    const batch = await mage.swarm({
      config: { maxConcurrency: 50, stopAfterNFailures: 110 },
      errorCallbacks: [await tagged('many failed')],
    });
    await batch.addTasks(Array.from({ length: 110 }, (_, i) => [work, { fail: `no ${i}` }] as const));
    await batch.closeSwarm();
    await expect(batch.run()).rejects.toMatchObject({ failures: { length: 100 } });
    const { failureCount, failures } = errorOf(await taskSet.onlyExecution('many failed', batch));
    expect(failureCount).toBe(110);
    expect(failures).toHaveLength(100);
    expect(failures.every(({ index, message }) => message === `no ${index}`)).toBe(true);
  });
});

test('a success callback of a swarm whose items partly failed can ask for the failures, and others get none', async () => {
  const batch = await mage.swarm({
    tasks: [
      [work, { value: 'a' }],
      [work, { fail: 'broke' }, { name: 'bad' }],
      [work, { value: 'c' }],
    ],
    successCallbacks: [await tagged('partly')],
    isSwarmClosed: true,
  });
  await expect(batch.run()).resolves.toEqual(['a', 'c']);
  const { input, context } = await taskSet.onlyExecution('partly', batch);
  expect(input).toEqual({ label: 'partly', returnValue: ['a', 'c'] });
  expect(context?.swarmId).toBe(batch.id);
  expect(context?.failures).toEqual([{ id: `${batch.id}~1`, name: 'bad', index: 1, message: 'broke' }]);

  const whole = await mage.swarm({ tasks: [work], successCallbacks: [await tagged('whole')], isSwarmClosed: true });
  await whole.run({ value: 1 });
  expect((await taskSet.onlyExecution('whole', whole)).context).not.toHaveProperty('failures');
});
