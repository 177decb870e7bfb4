import { z } from 'zod';
import { returnValue } from '../../../src';
import { Fixture } from '../../helpers/fixture';
import { TaskSet } from '../../helpers/task-set';

const fixture = new Fixture();
const { mage } = fixture;
const taskSet = new TaskSet(fixture);
const { work, callback } = taskSet;
const rows = z.array(z.object({ size: z.number() }));
const extract = mage.task({
  name: 'extract',
  input: z.object({ sizes: z.array(z.number()) }),
  fn: ({ sizes }) => sizes.map((size) => ({ size })),
});
const sum = mage.task({
  name: 'sum',
  input: z.object({ rows: returnValue(rows), factor: z.number().default(1) }),
  fn: (input) => ({ total: input.factor * input.rows.reduce((all, { size }) => all + size, 0) }),
});

beforeAll(async () => {
  await fixture.worker([...taskSet.tasks, extract, sum]);
});
afterAll(() => fixture.close());

test('each step gets the output of the one before as returnValue, and run gives the last output', async () => {
  const chain = await mage.chain([
    await mage.sign(work, { label: 'first', value: { rows: [1, 2] } }),
    await mage.sign(work, { label: 'second', value: 'text' }),
    await mage.sign(work, { label: 'third', value: { done: true } }),
  ]);
  expect(await chain.run({})).toEqual({ done: true });
  expect(taskSet.order('first', 'second', 'third')).toEqual(['first', 'second', 'third']);
  expect(taskSet.executions('second')[0]?.input['returnValue']).toEqual({ rows: [1, 2] });
  expect(taskSet.executions('third')[0]?.input['returnValue']).toBe('text');
});

test('a step with a marked field gets the output there, parsed by its schema', async () => {
  const chain = await mage.chain([extract, sum]);
  expect(await chain.run({ sizes: [1, 2, 3] })).toEqual({ total: 6 });
});

test('a later step gets its bound data together with the output', async () => {
  const chain = await mage.chain([extract, await mage.sign(sum, { factor: 10 })]);
  expect(await chain.run({ sizes: [4] })).toEqual({ total: 40 });
});

test('the start message goes to the first step only, merged with its bound data', async () => {
  const chain = await mage.chain([
    await mage.sign(work, { label: 'start', value: 1, options: { bound: true } }),
    await mage.sign(work, { label: 'later' }),
  ]);
  expect(await chain.run({ url: 'x', value: 0, options: { sent: true } })).toEqual({ label: 'later', received: 1 });
  expect(taskSet.executions('start')[0]?.input).toEqual({
    label: 'start',
    url: 'x',
    value: 1,
    options: { bound: true, sent: true },
  });
  expect(taskSet.executions('later')[0]?.input).toEqual({ label: 'later', returnValue: 1 });
});

test.each([[null], [0], [false], [''], [[]], [{}]])('the output %j is handed on as it is', async (value) => {
  const chain = await mage.chain([await mage.sign(work, { value }), work]);
  expect(await chain.run({})).toEqual({ received: value });
});

test('a step that gives nothing hands on null', async () => {
  const chain = await mage.chain([callback, await mage.sign(work, { label: 'after nothing' })]);
  expect(await chain.run({})).toEqual({ label: 'after nothing', received: null });
  expect(taskSet.executions('after nothing')[0]?.input).toEqual({ label: 'after nothing', returnValue: null });
});

test('a chain of one gives the output of its only step', async () => {
  const chain = await mage.chain([work], { successCallbacks: [await mage.sign(callback, { label: 'of one' })] });
  expect(await chain.run({ value: 7 })).toBe(7);
  expect((await taskSet.onlyExecution('of one', chain)).input).toEqual({ label: 'of one', returnValue: 7 });
});

test('a success callback gets the last output in its result field with its bound data, and nothing else', async () => {
  const chain = await mage.chain([extract, await mage.sign(work, { value: [{ size: 5 }] })], {
    successCallbacks: [
      await mage.sign(sum, { factor: 2 }, { successCallbacks: [await mage.sign(callback, { label: 'summed' })] }),
      await mage.sign(callback, { label: 'last' }),
    ],
    errorCallbacks: [await mage.sign(callback, { label: 'never' })],
  });
  await chain.run({ sizes: [1] });
  expect((await taskSet.onlyExecution('last', chain)).input).toEqual({ label: 'last', returnValue: [{ size: 5 }] });
  expect((await taskSet.onlyExecution('summed', chain)).input).toEqual({ label: 'summed', returnValue: { total: 10 } });
  expect(taskSet.executions('never')).toEqual([]);
});

test('the callbacks of a step run with its own output, while the chain goes on', async () => {
  const chain = await mage.chain([
    await mage.sign(work, { value: 'one' }, { successCallbacks: [await mage.sign(callback, { label: 'step one' })] }),
    await mage.sign(work, { value: 'two' }, { successCallbacks: [await mage.sign(callback, { label: 'step two' })] }),
  ]);
  expect(await chain.run({})).toBe('two');
  expect((await taskSet.onlyExecution('step one', chain)).input).toEqual({ label: 'step one', returnValue: 'one' });
  expect((await taskSet.onlyExecution('step two', chain)).input).toEqual({ label: 'step two', returnValue: 'two' });
});

test('tasks are taken as declarations, by name and signed, in any mixture', async () => {
  const chain = await mage.chain(['extract', sum, await mage.sign('work')]);
  expect(await chain.run({ sizes: [1, 1] })).toEqual({ received: { total: 2 } });
});

test('a step whose input does not fit what came before fails at once, by the path', async () => {
  const chain = await mage.chain([await mage.sign(work, { value: 'no rows' }), 'sum'], { name: 'misfit' });
  await expect(chain.run({})).rejects.toThrow(/misfit.*"sum" \(step 2 of 2\).*rows/);
});
