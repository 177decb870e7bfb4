import { CancelledError, TaskFailedError, type Signature } from '../../../src';
import { openTasks, shortLease } from '../../helpers/task-set';
import { cancelByHand } from '../../helpers/runs';
import { rejection } from '../../helpers/outcomes';

const { mage, taskSet, work, retriedWork, callback } = openTasks(shortLease);

/** A chain of three whose second step fails, with every callback there is. */
async function failing(label: string) {
  const step = (name: string, data: object = {}) => mage.sign(work, { label: `${label} ${name}`, ...data }, { name });
  const second = await mage.sign(
    work,
    { label: `${label} second`, fail: 'disk full' },
    {
      name: 'second',
      successCallbacks: [await mage.sign(callback, { label: `${label} step succeeded` })],
      errorCallbacks: [await mage.sign(callback, { label: `${label} step failed` })],
    },
  );
  const steps = [await step('first', { value: { rows: 3 } }), second, await step('third')];
  const chain = await mage.chain(steps, {
    name: label,
    successCallbacks: [await mage.sign(callback, { label: `${label} succeeded` })],
    errorCallbacks: [await mage.sign(callback, { label: `${label} failed`, channel: 'ops' })],
  });
  return { chain, steps };
}

test('the first failing step ends the chain: later ones are cancelled and never run', async () => {
  const { chain, steps } = await failing('ends');
  await chain.runNoWait({});
  await taskSet.settled(chain);
  expect(await chain.status()).toBe('failed');
  expect(await Promise.all(steps.map((step) => step.status()))).toEqual(['succeeded', 'failed', 'cancelled']);
  expect(taskSet.executions('ends third')).toEqual([]);
  expect(taskSet.executions('ends succeeded')).toEqual([]);
  expect(taskSet.executions('ends step succeeded')).toEqual([]);
});

test('run throws TaskFailedError that names the step and its failure', async () => {
  const { chain, steps } = await failing('throws');
  const error = (await rejection(chain.run({}))) as TaskFailedError;
  expect(error).toBeInstanceOf(TaskFailedError);
  expect(error.message).toContain('"throws"');
  expect(error.message).toContain('"second" (step 2 of 3)');
  expect(error.message).toContain('disk full');
  expect(error.failures).toEqual([{ id: steps[1]?.id, name: 'second', index: 1, message: 'disk full' }]);
});

test('the error callbacks of the step and of the chain run once, with the input of the failed step', async () => {
  const { chain, steps } = await failing('told');
  await rejection(chain.run({ ignored: 'by later steps' }));
  const failure = { id: steps[1]?.id, name: 'second', index: 1, message: 'disk full' };
  const input = {
    fail: 'disk full',
    returnValue: { rows: 3 },
    error: { message: 'disk full', failureCount: 1, failures: [failure] },
  };
  expect((await taskSet.onlyExecution('told failed', chain)).input).toEqual({
    ...input,
    label: 'told failed',
    channel: 'ops',
  });
  expect((await taskSet.onlyExecution('told step failed', chain)).input).toEqual({
    ...input,
    label: 'told step failed',
  });
});

test('when the first step fails, the error callbacks get the start message merged with its data', async () => {
  const chain = await mage.chain([await mage.sign(work, { fail: 'at once', bound: 1 }), work], {
    errorCallbacks: [await mage.sign(callback, { label: 'start failed' })],
  });
  await rejection(chain.run({ url: 'x' }));
  expect((await taskSet.onlyExecution('start failed', chain)).input).toMatchObject({
    url: 'x',
    bound: 1,
    fail: 'at once',
  });
});

test('a step that a failed chain did not reach is cancelled', async () => {
  const { chain, steps } = await failing('awaited');
  const handle = await chain.runNoWait({});
  expect(await rejection(handle.output)).toBeInstanceOf(TaskFailedError);
  const third = await mage.load<Signature<object, unknown>>(steps[2]?.id ?? '');
  expect(await third.status()).toBe('cancelled');
});

test('a step is tried again before it fails the chain', async () => {
  const chain = await mage.chain([
    await mage.sign(retriedWork, { label: 'third time lucky', fail: 'not yet', failUntilAttempt: 2, value: 'made it' }),
    await mage.sign(work, { label: 'after three attempts' }),
  ]);
  expect(await chain.run({})).toEqual({ label: 'after three attempts', received: 'made it' });
  expect(taskSet.executions('third time lucky')).toHaveLength(3);
  expect(taskSet.executions('after three attempts')).toHaveLength(1);
});

test('the error callbacks run once, after the last attempt', async () => {
  const chain = await mage.chain([work, await mage.sign(retriedWork, { label: 'hopeless', fail: 'never' })], {
    errorCallbacks: [await mage.sign(callback, { label: 'gave up' })],
  });
  await rejection(chain.run({}));
  await taskSet.onlyExecution('gave up', chain);
  expect(taskSet.executions('hopeless')).toHaveLength(3);
});

test('a step of a name that no worker has registered fails the chain by that name', async () => {
  const chain = await mage.chain([
    await mage.sign(work, { label: 'before the unknown' }),
    'nobody-serves-this',
    await mage.sign(work, { label: 'after the unknown' }),
  ]);
  const error = (await rejection(chain.run({}))) as TaskFailedError;
  expect(error).toBeInstanceOf(TaskFailedError);
  expect(error.failures).toMatchObject([
    { index: 1, message: expect.stringContaining('nobody-serves-this') as string },
  ]);
  expect(taskSet.executions('before the unknown')).toHaveLength(1);
  expect(taskSet.executions('after the unknown')).toEqual([]);
});

test('a step that somebody cancels in the engine fails the chain, as any run that the engine ends', async () => {
  const step = await mage.sign(work, { label: 'cancelled by hand', untilCancelled: true });
  const chain = await mage.chain([step, await mage.sign(work, { label: 'after a hand' })], {
    errorCallbacks: [await mage.sign(callback, { label: 'hand noticed' })],
  });
  const handle = await chain.runNoWait({});
  const [body] = await taskSet.started('cancelled by hand');
  await cancelByHand(mage.hatchet, body?.runId ?? '');
  expect(await rejection(handle.output)).not.toBeInstanceOf(CancelledError);
  await taskSet.onlyExecution('hand noticed', chain);
  expect(await step.status()).toBe('failed');
  expect(taskSet.executions('after a hand')).toEqual([]);
});
