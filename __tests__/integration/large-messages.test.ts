import { z } from 'zod';
import { mageContext, returnValue, StoreError, type TaskFailedError } from '../../src';
import type { GroupReader } from '../../src/store/group-reader';
import { eventually, Fixture } from '../helpers/fixture';
import { TaskSet } from '../helpers/task-set';

const fixture = new Fixture({
  maxInlineBytes: 1_000,
  maxResultBytes: 100_000,
  leaseMs: 1_000,
  reconcileIntervalMs: 300,
});
const { mage } = fixture;
const taskSet = new TaskSet(fixture);
const { retriedWork, work, callback } = taskSet;
const collecting = mage.task({
  name: 'collecting',
  input: z.object({ label: z.string(), list: returnValue(z.array(z.string())) }),
  fn: async (input) => {
    const lengths: number[] = [];
    for await (const output of mageContext()?.results ?? []) lengths.push((output as string).length);
    taskSet.record({ ...input, lengths });
  },
});

beforeAll(() => fixture.worker([...taskSet.tasks, collecting]));
afterAll(() => fixture.close());

const text = (length: number) => 'ä'.repeat(length / 2);

/** What the engine holds as a run's input. */
async function sentInput(runId: string): Promise<Record<string, unknown>> {
  const details = await eventually('the run is known', () => fixture.hatchet.runs.getDetails(runId));
  return details.input as Record<string, unknown>;
}

test('values up to maxInlineBytes are the input in the engine, as the body sees it', async () => {
  const signature = await mage.sign(retriedWork, { label: 'inline', small: text(900) });
  await signature.run({ sent: 1 });
  const { input, runId } = await taskSet.onlyExecution('inline', signature);
  expect(input).toEqual({ label: 'inline', small: text(900), sent: 1 });
  expect(JSON.stringify(await sentInput(runId))).toContain(text(900));
});

test.each([
  ['its bound data', { big: { inside: text(5_000) } }, {}],
  ['its message', {}, { big: { inside: text(5_000) } }],
])('a larger value of %s stays out of the engine, and the body sees it whole', async (what, bound, message) => {
  const signature = await mage.sign(retriedWork, { ...bound, label: `large: ${what}`, small: 'kept' });
  await signature.run(message);
  const { input, runId } = await taskSet.onlyExecution(`large: ${what}`, signature);
  expect(input).toEqual({ label: `large: ${what}`, small: 'kept', big: { inside: text(5_000) } });
  const sent = JSON.stringify(await sentInput(runId));
  expect(sent).toContain('kept');
  expect(sent.length).toBeLessThan(1_500);
});

test('a body waits for a larger value that can not be read at once, and loses no attempt by it', async () => {
  const { reader } = (mage as unknown as { kernel: { runtime: { reader: GroupReader } } }).kernel.runtime;
  const read = jest.spyOn(reader, 'item').mockRejectedValueOnce(new StoreError('Redis is away for a moment.'));
  const signature = await mage.sign(retriedWork, { big: text(5_000), label: 'late value' });
  await signature.run({});
  expect(read).toHaveBeenCalled();
  read.mockRestore();
  const { input } = await taskSet.onlyExecution('late value', signature);
  expect(input['big']).toBe(text(5_000));
});

test("a larger value of a swarm's message reaches all of its items whole, merged with theirs", async () => {
  const batch = await mage.swarm({
    tasks: [1, 2].map((n) => [work, { label: 'swarm message', big: { n } }] as const),
    isSwarmClosed: true,
  });
  await batch.run({ big: { inside: text(3_000) } });
  await taskSet.settled(batch);
  const seen = taskSet.executions('swarm message').map(({ input }) => input['big']);
  expect(seen).toHaveLength(2);
  expect(seen).toEqual(expect.arrayContaining([1, 2].map((n) => ({ inside: text(3_000), n }))));
});

test('more than the engine takes in one run travels in pieces that each fit a message', async () => {
  const half = text(2.5 * 1024 * 1024);
  const signature = await mage.sign(retriedWork, { label: 'beyond', a: half });
  await signature.run({ b: half });
  const { input } = await taskSet.onlyExecution('beyond', signature);
  expect(input).toEqual({ label: 'beyond', a: half, b: half });
});

test('the output of a task, and the input of a failed one, reach its callbacks whole', async () => {
  const value = { inside: text(50_000) };
  const good = await mage.sign(
    retriedWork,
    { value },
    { successCallbacks: [await mage.sign(callback, { label: 'large output' })] },
  );
  await expect(good.run()).resolves.toEqual(value);
  expect((await taskSet.onlyExecution('large output', good)).input['returnValue']).toEqual(value);
  const bad = await mage.sign(
    work,
    { fail: 'no', big: text(50_000) },
    { errorCallbacks: [await mage.sign(callback, { label: 'large failed input' })] },
  );
  await bad.run().catch((error: TaskFailedError) => expect(error.message).toContain('no'));
  expect((await taskSet.onlyExecution('large failed input', bad)).input).toMatchObject({
    fail: 'no',
    big: text(50_000),
    error: { message: 'no' },
  });
});

test("a swarm's outputs beyond the engine's limit reach its callback whole up to maxResultBytes", async () => {
  const outputs = Array.from({ length: 9 }, () => text(10_000));
  const batch = await mage.swarm({
    tasks: outputs.map((value) => [work, { value }] as const),
    successCallbacks: [await mage.sign(callback, { label: 'large list' })],
    isSwarmClosed: true,
  });
  await batch.run();
  const { input, runId } = await taskSet.onlyExecution('large list', batch);
  expect(input['returnValue']).toEqual(outputs);
  expect(JSON.stringify(await sentInput(runId)).length).toBeLessThan(1_500);
});

test('above maxResultBytes the list is empty, the log says so, and mageContext().results gives all of it', async () => {
  const batch = await mage.swarm({
    tasks: Array.from({ length: 12 }, () => [work, { value: text(10_000) }] as const),
    successCallbacks: [await mage.sign(collecting, { label: 'too large a list' })],
    isSwarmClosed: true,
  });
  await expect(batch.run()).resolves.toHaveLength(12);
  const { input } = await taskSet.onlyExecution('too large a list', batch);
  expect(input['list']).toEqual([]);
  expect(input['lengths']).toEqual(Array.from({ length: 12 }, () => 5_000));
  expect(fixture.log.lines.join()).toMatch(/collecting exceed maxResultBytes/);
});

test('a value that looks like a reference of mageflow stays what it is', async () => {
  const fake = { 'mageflow.ref': 'field' };
  const signature = await mage.sign(retriedWork, { label: 'fake', fake, results: { 'mageflow.ref': 'results' } });
  await signature.run({ big: text(4_000) });
  const { input } = await taskSet.onlyExecution('fake', signature);
  expect(input).toEqual({ label: 'fake', fake, results: { 'mageflow.ref': 'results' }, big: text(4_000) });
});
