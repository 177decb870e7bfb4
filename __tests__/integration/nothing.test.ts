import { z } from 'zod';
import { childResults, returnValue } from '../../src';
import { Fixture } from '../helpers/fixture';
import { TaskSet } from '../helpers/task-set';

const fixture = new Fixture();
const { mage } = fixture;
const taskSet = new TaskSet(fixture);

const nothing = mage.task({ name: 'nothing', fn: () => {} });
const perhaps = mage.task({ name: 'perhaps', fn: (input: { text?: string | undefined }) => input.text });
const label = z.string().optional();
const optional = mage.task({
  name: 'optional',
  input: z.object({ label, text: returnValue(z.string().optional()) }),
  fn: (input) => taskSet.record(input),
});
const byDefault = mage.task({
  name: 'by-default',
  input: z.object({ label, returnValue: z.string().default('none') }),
  fn: (input) => taskSet.record(input),
});
const nullable = mage.task({
  name: 'nullable',
  input: z.object({ label, returnValue: z.string().nullable() }),
  fn: (input) => taskSet.record(input),
});
const optionals = mage.task({
  name: 'optionals',
  input: z.object({ label, texts: returnValue(z.array(z.string().optional())) }),
  fn: (input) => taskSet.record(input),
});
const required = mage.task({
  name: 'required',
  input: z.object({ label, returnValue: z.string() }),
  fn: (input) => taskSet.record(input),
});
const root = mage.rootTask({
  name: 'root',
  fn: async () => {
    for (const message of [{ text: 'a' }, {}]) await (await mage.sign(perhaps)).runNoWait(message);
  },
});
const ofRoot = mage.task({
  name: 'of-root',
  input: z.object({ label, returnValue: z.string().optional(), texts: childResults(z.array(z.string().optional())) }),
  fn: (input) => taskSet.record(input),
});

beforeAll(() => fixture.worker([nothing, perhaps, optional, byDefault, nullable, optionals, required, root, ofRoot]));
afterAll(() => fixture.close());

test('the step after one that returns nothing gets nothing in an optional field, its default, or null', async () => {
  for (const [step, expected] of [
    [optional, { label: 'step optional', text: undefined }],
    [byDefault, { label: 'step by-default', returnValue: 'none' }],
    [nullable, { label: 'step nullable', returnValue: null }],
  ] as const) {
    const chain = await mage.chain([nothing, await mage.sign(step, { label: expected.label })]);
    await chain.run();
    expect((await taskSet.onlyExecution(expected.label, chain)).input).toStrictEqual(expected);
  }
});

test('the step after one that returns nothing fails when its field takes no nothing', async () => {
  const chain = await mage.chain([nothing, required]);
  await expect(chain.run()).rejects.toThrow('returnValue: Invalid input: expected string, received null');
});

test('a success callback of a task that returns nothing gets nothing in an optional field', async () => {
  const callback = await mage.sign(optional, { label: 'callback' });
  const signature = await mage.sign(nothing, undefined, { successCallbacks: [callback] });
  await expect(signature.run()).resolves.toBeNull();
  expect((await taskSet.onlyExecution('callback', signature)).input).toStrictEqual({
    label: 'callback',
    text: undefined,
  });
});

test('a swarm whose items return nothing calls back with a list of optional items, and gives null for them', async () => {
  const swarm = await mage.swarm({
    tasks: [[perhaps, { text: 'a' }], perhaps, [perhaps, { text: 'b' }]],
    successCallbacks: [await mage.sign(optionals, { label: 'swarm' })],
    isSwarmClosed: true,
  });
  await expect(swarm.run()).resolves.toEqual(['a', null, 'b']);
  expect((await taskSet.onlyExecution('swarm', swarm)).input).toStrictEqual({
    label: 'swarm',
    texts: ['a', undefined, 'b'],
  });
});

test('a list that travels by reference arrives so as well', async () => {
  const large = fixture.another({ maxInlineBytes: 20 });
  const swarm = await large.swarm({
    tasks: [[perhaps, { text: 'a'.repeat(100) }], perhaps],
    successCallbacks: [await large.sign(optionals, { label: 'large' })],
    isSwarmClosed: true,
  });
  await swarm.run();
  expect((await taskSet.onlyExecution('large', swarm)).input['texts']).toStrictEqual(['a'.repeat(100), undefined]);
});

test('a root whose body and children return nothing calls back with neither', async () => {
  const signature = await mage.sign(root, undefined, {
    successCallbacks: [await mage.sign(ofRoot, { label: 'root' })],
  });
  await signature.run();
  expect((await taskSet.onlyExecution('root', signature)).input).toStrictEqual({
    label: 'root',
    returnValue: undefined,
    texts: ['a', undefined],
  });
});
