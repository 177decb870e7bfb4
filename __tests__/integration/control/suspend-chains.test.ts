import { CancelledError, ConfigurationError } from '../../../src';
import { openTasks, shortLease } from '../../helpers/task-set';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';

const { fixture, mage, taskSet, work, callback } = openTasks(shortLease);

/** A chain of three pieces: the first waits at the gate of this name, each returns what it got. */
async function made(label: string, first: object = {}) {
  const steps = [
    await mage.sign(work, { label: `${label} 1`, waitFor: label, ...first }),
    await mage.sign(work, { label: `${label} 2` }),
    await mage.sign(work, { label: `${label} 3` }),
  ] as const;
  const chain = await mage.chain(steps, {
    name: label,
    successCallbacks: [await mage.sign(callback, { label: `${label} done` })],
    errorCallbacks: [await mage.sign(callback, { label: `${label} told` })],
  });
  return { chain, steps };
}

/** What a whole chain gives at last: each step's output travelled to the next. */
const whole = (label: string) => ({
  label: `${label} 3`,
  received: { label: `${label} 2`, received: { label: `${label} 1`, received: null } },
});

test("between two steps it stops, keeps the next step's message and goes on from there", async () => {
  const { chain, steps } = await made('between');
  const handle = await chain.runNoWait({});
  await taskSet.started('between 1');
  await chain.suspend();
  expect([await chain.status(), await steps[0].status(), await steps[1].status()]).toEqual([
    'suspended',
    'running',
    'suspended',
  ]);
  taskSet.openGate('between');
  await statusOf(steps[0], 'succeeded');
  expect([await steps[1].status(), taskSet.executions('between 2')]).toEqual(['suspended', []]);
  await (await fixture.another().load(chain.id)).resume();
  expect(await handle.output).toEqual(whole('between'));
  for (const step of ['1', '2', '3', 'done']) await taskSet.onlyExecution(`between ${step}`, chain);
});

test('a chain that is suspended during its last step keeps its callbacks', async () => {
  const last = await mage.sign(work, { label: 'last', waitFor: 'last', value: 'end' });
  const chain = await mage.chain([work, last], {
    successCallbacks: [await mage.sign(callback, { label: 'last done' })],
  });
  const handle = await chain.runNoWait({});
  await taskSet.started('last');
  await chain.suspend();
  taskSet.openGate('last');
  await statusOf(last, 'succeeded');
  expect([await chain.status(), taskSet.executions('last done')]).toEqual(['suspended', []]);
  await chain.resume();
  expect(await handle.output).toBe('end');
  expect((await taskSet.onlyExecution('last done', chain)).input['returnValue']).toBe('end');
});

test('a chain that is suspended before it is run is kept, with its message', async () => {
  const { chain } = await made('before');
  await chain.suspend();
  expect(await chain.status()).toBe('suspended');
  const handle = await chain.runNoWait({ given: 'by run' });
  expect([await chain.status(), taskSet.executions('before 1')]).toEqual(['suspended', []]);
  taskSet.openGate('before');
  await (await fixture.another().load(chain.id)).resume();
  expect(await handle.output).toEqual(whole('before'));
  expect((await taskSet.onlyExecution('before 1', chain)).input['given']).toBe('by run');
  await taskSet.onlyExecution('before done', chain);
});

test('a step that fails while it is suspended: the callbacks wait, the later steps never run', async () => {
  const { chain, steps } = await made('failing', { fail: 'no' });
  const handle = await chain.runNoWait({});
  await taskSet.started('failing 1');
  await chain.suspend();
  taskSet.openGate('failing');
  await statusOf(steps[0], 'failed');
  expect([await chain.status(), await steps[1].status(), taskSet.executions('failing told')]).toEqual([
    'suspended',
    'cancelled',
    [],
  ]);
  await chain.resume();
  expect((await rejection(handle.output)).message).toContain('failed at "work" (step 1 of 3): no');
  await taskSet.onlyExecution('failing told', chain);
  expect(taskSet.order('failing 2', 'failing done')).toEqual([]);
});

test('cancel of a suspended one: what waits never runs, its error callbacks do', async () => {
  const { chain, steps } = await made('cancelled');
  const handle = await chain.runNoWait({});
  await taskSet.started('cancelled 1');
  await chain.suspend();
  taskSet.openGate('cancelled');
  await statusOf(steps[0], 'succeeded');
  await chain.cancel();
  expect(await rejection(handle.output)).toBeInstanceOf(CancelledError);
  await taskSet.onlyExecution('cancelled told', chain);
  expect(await steps[1].status()).toBe('cancelled');
  expect(taskSet.order('cancelled 2', 'cancelled 3', 'cancelled done')).toEqual([]);
});

test('cancel of a suspended one that nobody has run', async () => {
  const { chain } = await made('never run');
  await chain.suspend();
  await chain.cancel();
  expect(await chain.status()).toBe('cancelled');
  await taskSet.onlyExecution('never run told', chain);
  expect(taskSet.executions('never run 1')).toEqual([]);
});

describe('a step by itself', () => {
  test('is where a running chain stops until it is resumed', async () => {
    const { chain, steps } = await made('step');
    const handle = await chain.runNoWait({});
    await taskSet.started('step 1');
    await (await fixture.another().load(steps[1].id)).suspend();
    taskSet.openGate('step');
    await statusOf(steps[0], 'succeeded');
    expect([await chain.status(), await steps[1].status(), taskSet.executions('step 2')]).toEqual([
      'running',
      'suspended',
      [],
    ]);
    await steps[1].resume();
    expect(await handle.output).toEqual(whole('step'));
    for (const step of ['1', '2', '3', 'done']) await taskSet.onlyExecution(`step ${step}`, chain);
  });

  test('goes on with resume of the whole chain', async () => {
    const { chain, steps } = await made('whole');
    const handle = await chain.runNoWait({});
    await taskSet.started('whole 1');
    await steps[2].suspend();
    await chain.suspend();
    taskSet.openGate('whole');
    await statusOf(steps[0], 'succeeded');
    await chain.resume();
    expect(await handle.output).toEqual(whole('whole'));
  });

  test('that runs finishes, its own callbacks wait, and the chain goes on', async () => {
    const own = await mage.sign(callback, { label: 'own done' });
    const step = await mage.sign(work, { label: 'own', waitFor: 'own', value: 1 }, { successCallbacks: [own] });
    const chain = await mage.chain([step, work]);
    const handle = await chain.runNoWait({});
    await taskSet.started('own');
    await step.suspend();
    taskSet.openGate('own');
    expect(await handle.output).toMatchObject({ received: 1 });
    expect([await own.status(), taskSet.executions('own done')]).toEqual(['suspended', []]);
    await step.resume();
    await taskSet.onlyExecution('own done', chain);
  });

  test('can be suspended only once its chain has been written', async () => {
    const { chain, steps } = await made('unwritten');
    const error = await rejection(steps[1].suspend());
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toContain('"unwritten"');
    const alone = await mage.sign(work, { label: 'into a chain' });
    await alone.suspend();
    expect(await rejection(mage.chain([alone]))).toBeInstanceOf(ConfigurationError);
    await alone.resume();
    taskSet.openGate('unwritten');
    expect(await (await mage.chain([alone])).run({})).toEqual({ label: 'into a chain', received: null });
    expect(await chain.run({})).toEqual(whole('unwritten'));
  });

  test('that is a swarm: the chain waits for it', async () => {
    const step = await mage.swarm({
      tasks: [1, 2].map((n) => [work, { label: 'swarm step', waitFor: 'swarm step', value: n }] as const),
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    const chain = await mage.chain([step, work]);
    const handle = await chain.runNoWait({});
    await taskSet.started('swarm step');
    await step.suspend();
    expect([await step.status(), await chain.status()]).toEqual(['suspended', 'running']);
    taskSet.openGate('swarm step');
    await progressOf(step, { succeeded: 1, queued: 1, running: 0 });
    await step.resume();
    expect(await handle.output).toMatchObject({ received: [1, 2] });
  });

  test('that is a swarm, suspended before the chain is run', async () => {
    const step = await mage.swarm({ tasks: [[work, { label: 'early swarm', value: 1 }]], isSwarmClosed: true });
    const first = await mage.sign(work, { label: 'before early swarm' });
    const chain = await mage.chain([first, step]);
    await step.suspend();
    const handle = await chain.runNoWait({});
    await statusOf(first, 'succeeded');
    expect([await step.status(), await chain.status(), taskSet.executions('early swarm')]).toEqual([
      'suspended',
      'running',
      [],
    ]);
    await step.resume();
    expect(await handle.output).toEqual([1]);
  });
});
