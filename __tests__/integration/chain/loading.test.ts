import { ConfigurationError, TaskFailedError, type Signature } from '../../../src';
import { openTasks, shortLease } from '../../helpers/task-set';
import { rejection, statusOf } from '../../helpers/outcomes';
import { eventually } from '../../helpers/fixture';

const { fixture, mage, taskSet, work, callback } = openTasks(shortLease);
const elsewhere = fixture.another();
const loaded = (id: string) => elsewhere.load<Signature<object, unknown>>(id);

test('a chain that runs is loaded in another process, with its kind, name and status', async () => {
  const chain = await mage.chain([await mage.sign(work, { waitFor: 'loaded', value: 1 }), work], { name: 'etl' });
  const handle = await chain.runNoWait({});
  const found = await loaded(chain.id);
  expect(found).toMatchObject({ id: chain.id, kind: 'chain', name: 'etl' });
  expect(await found.status()).toBe('running');
  taskSet.openGate('loaded');
  expect(await handle.output).toEqual({ received: 1 });
  expect(await found.status()).toBe('succeeded');
});

test('a step is loaded by its id, before its turn, while it runs and after', async () => {
  const step = await mage.sign(work, { waitFor: 'second', value: 2 }, { name: 'second step' });
  const chain = await mage.chain([await mage.sign(work, { waitFor: 'first' }), step]);
  const handle = await chain.runNoWait({});
  const found = await loaded(step.id);
  expect(found).toMatchObject({ id: step.id, kind: 'task', name: 'second step' });
  taskSet.openGate('first');
  await statusOf(found, 'running');
  taskSet.openGate('second');
  await handle.output;
  expect(await found.status()).toBe('succeeded');
});

test('a step without a signature of its own is loaded by the id that mageContext gives', async () => {
  const chain = await mage.chain(['work', 'work']);
  await chain.run({ label: 'unsigned' });
  const id = taskSet.executions('unsigned')[0]?.context?.signatureId ?? '';
  expect(await (await loaded(id)).status()).toBe('succeeded');
});

describe('a chain in a swarm', () => {
  test('is loaded by its id, and says how it is: pending, queued, running, succeeded', async () => {
    const chain = await mage.chain([await mage.sign(work, { waitFor: 'inner', label: 'inner runs' }), work], {
      name: 'etl',
    });
    const swarm = await mage.swarm({
      tasks: [await mage.sign(work, { waitFor: 'before it' }), chain],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    const found = await loaded(chain.id);
    expect(found).toMatchObject({ id: chain.id, kind: 'chain', name: 'etl' });
    const both = async () => [await chain.status(), await found.status()];
    expect(await both()).toEqual(['pending', 'pending']);
    await swarm.runNoWait({});
    expect(await both()).toEqual(['queued', 'queued']);
    taskSet.openGate('before it');
    await taskSet.started('inner runs');
    for (const one of [chain, found]) await statusOf(one, 'running');
    taskSet.openGate('inner');
    await statusOf(swarm, 'succeeded');
    expect(await both()).toEqual(['succeeded', 'succeeded']);
  });

  test('knows its steps from when it was made', async () => {
    const steps = [await mage.sign(work, { value: 1 }), await mage.sign(work, { value: 2 })];
    const chain = await mage.chain(steps);
    const states = () => Promise.all(steps.map((step) => step.status()));
    const swarm = await mage.swarm({ tasks: [chain], isSwarmClosed: true });
    expect(await states()).toEqual(['pending', 'pending']);
    await swarm.run({});
    expect(await states()).toEqual(['succeeded', 'succeeded']);
    expect(await (await loaded(steps[1]?.id ?? '')).status()).toBe('succeeded');
  });

  test('says that it failed, with its steps', async () => {
    const steps = [await mage.sign(work, { fail: 'no' }), await mage.sign(work)];
    const chain = await mage.chain(steps);
    const swarm = await mage.swarm({ tasks: [chain], isSwarmClosed: true });
    await swarm.run({});
    expect(await chain.status()).toBe('failed');
    expect(await (await loaded(chain.id)).status()).toBe('failed');
    expect(await Promise.all(steps.map((step) => step.status()))).toEqual(['failed', 'cancelled']);
  });

  test('run by itself in the swarm gives its last output, and has no run id', async () => {
    const swarm = await mage.swarm();
    const chain = await mage.chain([
      await mage.sign(work, { waitFor: 'own run' }),
      await mage.sign(work, { value: 'last' }),
    ]);
    const item = await swarm.addTask(chain);
    expect(item).toBe(chain);
    const handle = await chain.runNoWait({});
    expect(await rejection(handle.runId)).toBeInstanceOf(ConfigurationError);
    taskSet.openGate('own run');
    expect(await handle.output).toBe('last');
    expect(await rejection(handle.runId)).toBeInstanceOf(ConfigurationError);
    const bad = await swarm.addTask(
      await mage.chain([await mage.sign(work, { fail: 'broken' })], { name: 'bad chain' }),
    );
    const error = await rejection(bad.run({}));
    expect(error).toBeInstanceOf(TaskFailedError);
    expect(error.message).toContain('broken');
  });
});

describe('a chain as a callback', () => {
  test('is loaded by its id: pending before it is fired, then as its latest firing is', async () => {
    const chain = await mage.chain([await mage.sign(work, { label: 'fired', waitFor: 'fired' }), work], {
      name: 'after',
    });
    const task = await mage.sign(work, { waitFor: 'parent' }, { successCallbacks: [chain] });
    const handle = await task.runNoWait({});
    const found = await eventually('it is known', () => loaded(chain.id));
    expect(found).toMatchObject({ id: chain.id, kind: 'chain', name: 'after' });
    expect([await chain.status(), await found.status()]).toEqual(['pending', 'pending']);
    taskSet.openGate('parent');
    await handle.output;
    await taskSet.started('fired');
    for (const one of [chain, found]) await statusOf(one, 'running');
    taskSet.openGate('fired');
    await statusOf(chain, 'succeeded');
    await statusOf(await loaded(chain.id), 'succeeded');
  });

  test('has callbacks of its own that are loaded before and after they are fired', async () => {
    const done = await mage.sign(callback, { label: 'done of after' });
    const chain = await mage.chain([work], { successCallbacks: [done] });
    const task = await mage.sign(work, { waitFor: 'parent of a parent' }, { successCallbacks: [chain] });
    await task.runNoWait({});
    const found = await loaded(done.id);
    expect(await found.status()).toBe('pending');
    taskSet.openGate('parent of a parent');
    await taskSet.onlyExecution('done of after', task);
  });
});
