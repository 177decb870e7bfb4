import { eventually, Fixture } from '../../helpers/fixture';
import { TaskSet, shortLease, openTasks } from '../../helpers/task-set';
import { rejection } from '../../helpers/outcomes';

const { fixture, mage, taskSet, work, callback } = openTasks({
  ...shortLease,
  maxInlineBytes: 1_000,
  maxResultBytes: 100_000,
});

const text = (length: number) => 'ä'.repeat(length / 2);

/** How long the input of a run is that the engine holds. */
async function sentBytes(runId: string | undefined): Promise<number> {
  const details = await eventually('the run is known', () => fixture.hatchet.runs.getDetails(runId ?? ''));
  return JSON.stringify(details.input).length;
}

test("a step's large output stays out of the engine's inputs, and the next step and the callback see it whole", async () => {
  const value = { inside: text(50_000) };
  const chain = await mage.chain(
    [await mage.sign(work, { value }), await mage.sign(work, { label: 'large step', small: 1 })],
    { successCallbacks: [await mage.sign(callback, { label: 'large last' })] },
  );
  const last = { label: 'large step', received: value };
  expect(await chain.run({})).toEqual(last);
  const [step] = taskSet.executions('large step');
  expect(step?.input).toEqual({ label: 'large step', small: 1, returnValue: value });
  const execution = await taskSet.onlyExecution('large last', chain);
  expect(execution.input).toEqual({ label: 'large last', returnValue: last });
  for (const run of [step, execution]) expect(await sentBytes(run?.runId)).toBeLessThan(1_500);
});

test('outputs that together are more than the engine takes in one run are handed on', async () => {
  const own = new Fixture();
  const ownPieces = new TaskSet(own);
  try {
    await own.worker(ownPieces.tasks);
    const outputs = [1, 2, 3].map((n) => `${n}${text(2 * 1024 * 1024)}`);
    const swarm = await own.mage.swarm({
      tasks: outputs.map((value) => [ownPieces.work, { value }] as const),
      isSwarmClosed: true,
    });
    const count = await own.mage.sign(ownPieces.work, { label: 'beyond', value: 'counted' });
    expect(await (await own.mage.chain([swarm, count])).run({})).toBe('counted');
    expect(ownPieces.executions('beyond')[0]?.input['returnValue']).toEqual(outputs);
  } finally {
    await own.close();
  }
});

test("a swarm's list above the limit travels by reference to the next step, and to the one after it inside what is given", async () => {
  const outputs = Array.from({ length: 5 }, (_, n) => `${n}${text(2_000)}`);
  const swarm = await mage.swarm({ tasks: outputs.map((value) => [work, { value }] as const), isSwarmClosed: true });
  const chain = await mage.chain([swarm, await mage.sign(work, { label: 'list step' })]);
  expect(await chain.run({})).toEqual({ label: 'list step', received: outputs });
  const [step] = taskSet.executions('list step');
  expect(step?.input).toEqual({ label: 'list step', returnValue: outputs });
  expect(await sentBytes(step?.runId)).toBeLessThan(1_500);
});

test('a failed step with a large input hands it to the error callbacks whole', async () => {
  const value = text(20_000);
  const chain = await mage.chain([await mage.sign(work, { value }), await mage.sign(work, { fail: 'too much' })], {
    errorCallbacks: [await mage.sign(callback, { label: 'large failed' })],
  });
  await rejection(chain.run({}));
  const execution = await taskSet.onlyExecution('large failed', chain);
  expect(execution.input).toMatchObject({ returnValue: value, error: { message: 'too much' } });
  expect(await sentBytes(execution.runId)).toBeLessThan(2_000);
});

test('a large list is handed into a group that is a step, down to its first task', async () => {
  const outputs = Array.from({ length: 5 }, (_, n) => `${n}${text(2_000)}`);
  const swarm = await mage.swarm({ tasks: outputs.map((value) => [work, { value }] as const), isSwarmClosed: true });
  const inner = await mage.chain([await mage.sign(work, { label: 'inner of list' }), work]);
  const chain = await mage.chain([swarm, inner]);
  await chain.run({});
  expect(taskSet.executions('inner of list')[0]?.input).toEqual({ label: 'inner of list', returnValue: outputs });
});

test('an output that looks like a reference of mageflow stays what it is', async () => {
  const fake = { 'mageflow.ref': 'results', of: 'somewhere' };
  for (const value of [fake, { 'mageflow.ref': 'field' }]) {
    const chain = await mage.chain([await mage.sign(work, { value }), work]);
    expect(await chain.run({})).toEqual({ received: value });
  }
});
