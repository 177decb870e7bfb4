import type { Chain, Swarm } from '../../../src';
import { openMending } from '../../helpers/mending';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';

const { fixture, mending, mage, mend, callbackNamed } = openMending();

beforeAll(async () => {
  await fixture.worker(mending.tasks);
});
afterAll(() => fixture.close());
afterEach(() => mending.mendAll());

const sign = (label: string) => mage.sign(mend, { label });
const chainOf = async (...labels: string[]) => mage.chain((await Promise.all(labels.map(sign))) as never);
const outputs = async (swarm: Swarm<unknown>) => {
  const read = [];
  for await (const { index, output } of swarm.results()) read[index] = output;
  return read;
};

describe('a chain', () => {
  const etl = async (name: string) =>
    (await mage.chain([await sign(`${name} 0`), await sign(`${name} 1`), await sign(`${name} 2`)], {
      name,
      successCallbacks: [await callbackNamed(`${name} done`)],
      errorCallbacks: [await callbackNamed(`${name} alert`)],
    })) as Chain<any, unknown>;

  test('goes on at the step that failed, with what the step before gave', async () => {
    mending.break('etl 1');
    const chain = await etl('etl');
    await rejection(chain.run({ start: true }));
    await mending.settled(chain);
    mending.mendAll();
    expect(await chain.retryFailed()).toBe(2);
    await statusOf(chain, 'succeeded');
    await mending.settled(chain);
    expect(mending.order('etl 0', 'etl 1', 'etl 2')).toEqual(['etl 0', 'etl 1', 'etl 1', 'etl 2']);
    const [first, second] = mending.executions('etl 1');
    expect(second?.input).toEqual(first?.input);
    expect(second?.input['returnValue']).toEqual({ label: 'etl 0', received: null });
    expect(mending.counts('etl done', 'etl alert')).toEqual({ 'etl done': 1, 'etl alert': 1 });
    expect(mending.executions('etl done')[0]?.input['returnValue']).toMatchObject({ label: 'etl 2' });
    expect(await chain.retryFailed()).toBe(0);
  });

  test('that failed at its first step begins with the message of its start, from any instance', async () => {
    mending.break('head 0');
    const chain = await etl('head');
    await rejection(chain.run({ start: 1 }));
    mending.mendAll();
    const loaded = (await fixture.another().load(chain.id)) as Chain<any, unknown>;
    expect(await loaded.retryFailed()).toBe(3);
    await statusOf(loaded, 'succeeded');
    expect(mending.executions('head 0').map(({ input }) => input['start'])).toEqual([1, 1]);
    expect(mending.counts('head 1', 'head 2')).toEqual({ 'head 1': 1, 'head 2': 1 });
  });

  test('that was cancelled goes on at the step that was cancelled', async () => {
    mending.halted.add('gone 1');
    const chain = await etl('gone');
    const handle = await chain.runNoWait({});
    await mending.started('gone 1');
    await chain.cancel();
    expect((await rejection(handle.output)).name).toBe('CancelledError');
    await mending.settled(chain);
    mending.mendAll();
    expect(await chain.retryFailed()).toBe(2);
    expect(await handle.output).toMatchObject({ label: 'gone 2' });
    await mending.settled(chain);
    expect(mending.counts('gone 0', 'gone 1', 'gone 2', 'gone done', 'gone alert')).toEqual({
      'gone 0': 1,
      'gone 1': 2,
      'gone 2': 1,
      'gone done': 1,
      'gone alert': 1,
    });
  });

  test('fails again at the step that is still broken, and its error callbacks receive that failure', async () => {
    mending.break('still 1', 'still 2');
    const chain = await etl('still');
    await rejection(chain.run({}));
    await mending.settled(chain);
    mending.broken.delete('still 1');
    await chain.retryFailed();
    await statusOf(chain, 'failed');
    await mending.settled(chain);
    const alerts = mending.executions('still alert').map(({ input }) => input['error'] as { message: string });
    expect(alerts.map(({ message }) => message)).toEqual(['still 1 is broken', 'still 2 is broken']);
    expect(mending.executions('still alert')[1]?.input['returnValue']).toMatchObject({ label: 'still 1' });
  });

  test('that was never run has nothing to try again, and a swarm that is its step is tried through it', async () => {
    expect((await rejection((await etl('unrun')).retryFailed())).name).toBe('NotFoundError');
    mending.break('part 1');
    const part = await mage.swarm({
      tasks: [await sign('part 0'), await sign('part 1')],
      config: { stopAfterNFailures: 1 },
      isSwarmClosed: true,
    });
    const chain = await mage.chain([await sign('before'), part, await sign('after')]);
    await rejection(chain.run({}));
    await mending.settled(chain);
    mending.mendAll();
    expect((await rejection(part.retryFailed())).name).toBe('ConfigurationError');
    expect(await chain.retryFailed()).toBe(2);
    await statusOf(chain, 'succeeded');
    expect(mending.counts('before', 'part 0', 'part 1', 'after')).toMatchObject({ before: 1, 'part 1': 2, after: 1 });
    expect(mending.executions('after')[0]?.input['returnValue']).toEqual([
      { label: 'part 0', received: { label: 'before', received: null } },
      { label: 'part 1', received: { label: 'before', received: null } },
    ]);
  });
});

describe('groups in a swarm', () => {
  test('a chain goes on at its failed step, a swarm with its failed items, once each, with their own callbacks', async () => {
    mending.break('in chain 1', 'in swarm 0');
    const chain = await mage.chain([await sign('in chain 0'), await sign('in chain 1'), await sign('in chain 2')], {
      successCallbacks: [await callbackNamed('in chain done')],
      errorCallbacks: [await callbackNamed('in chain alert')],
    });
    const inner = await mage.swarm({
      tasks: [await sign('in swarm 0'), await sign('in swarm 1')],
      config: { stopAfterNFailures: 1 },
      successCallbacks: [await callbackNamed('in swarm done')],
      errorCallbacks: [await callbackNamed('in swarm alert')],
      isSwarmClosed: true,
    });
    const outer = await mage.swarm({
      tasks: [await sign('in task'), chain, inner],
      successCallbacks: [await callbackNamed('outer done')],
      isSwarmClosed: true,
    });
    expect(await outer.run({})).toEqual([{ label: 'in task', received: null }]);
    await mending.settled(outer);
    mending.mendAll();
    expect(await outer.retryFailed()).toBe(2);
    await progressOf(outer, { succeeded: 3, status: 'succeeded' });
    await mending.settled(outer);
    expect(mending.counts('in task', 'in chain 0', 'in chain 1', 'in chain 2', 'in swarm 0')).toEqual({
      'in task': 1,
      'in chain 0': 1,
      'in chain 1': 2,
      'in chain 2': 1,
      'in swarm 0': 2,
    });
    expect(mending.executions('in swarm 1')).toHaveLength(1);
    const callbacks = ['in chain done', 'in chain alert', 'in swarm done', 'in swarm alert', 'outer done'];
    expect(Object.values(mending.counts(...callbacks))).toEqual([1, 1, 1, 1, 2]);
    const inSwarm = [0, 1].map((n) => ({ label: `in swarm ${n}`, received: null }));
    expect((await outputs(outer))[2]).toEqual(inSwarm);
    expect(mending.executions('outer done')[1]?.input['returnValue']).toEqual([
      { label: 'in task', received: null },
      expect.objectContaining({ label: 'in chain 2' }),
      inSwarm,
    ]);
  });

  test('a chain in a swarm in a swarm, in two rounds; what has succeeded below is left alone', async () => {
    mending.break('deep a1', 'deep b0');
    const middle = await mage.swarm({
      tasks: [await chainOf('deep a0', 'deep a1'), await chainOf('deep b0', 'deep b1'), await sign('deep c')],
      config: { stopAfterNFailures: 2 },
      isSwarmClosed: true,
    });
    const outer = await mage.swarm({ tasks: [middle, await sign('deep d')], isSwarmClosed: true });
    await outer.run({});
    await mending.settled(outer);
    mending.broken.delete('deep a1');
    expect(await outer.retryFailed()).toBe(1);
    // One failure is fewer than stop the middle one.
    await progressOf(outer, { succeeded: 2, status: 'succeeded' });
    await mending.settled(outer);
    expect(mending.counts('deep a0', 'deep a1', 'deep b0', 'deep b1', 'deep c', 'deep d')).toEqual({
      'deep a0': 1,
      'deep a1': 2,
      'deep b0': 2,
      'deep b1': 0,
      'deep c': 1,
      'deep d': 1,
    });
    expect(await middle.progress()).toMatchObject({ succeeded: 2, failed: 1, status: 'succeeded' });
    expect(await outer.retryFailed()).toBe(0);
  });

  test('a made swarm that its parent never got to starts with the message that it would have got', async () => {
    mending.break('first');
    const later = await mage.swarm({ tasks: [await sign('later')], name: 'later', isSwarmClosed: true });
    const outer = await mage.swarm({
      tasks: [await sign('first'), later],
      config: { maxConcurrency: 1, stopAfterNFailures: 1 },
      name: 'outer',
      isSwarmClosed: true,
    });
    await rejection(outer.run({ day: 'monday' }));
    await statusOf(later, 'cancelled');
    await mending.settled(outer);
    mending.mendAll();
    expect(await outer.retryFailed()).toBe(2);
    await statusOf(outer, 'succeeded');
    await mending.settled(outer);
    expect(mending.executions('later').map(({ input }) => input['day'])).toEqual(['monday']);
    expect(mending.executions('later')[0]?.context).toMatchObject({ swarmId: later.id });
    expect(await later.status()).toBe('succeeded');
    expect((await outputs(outer))[1]).toEqual([{ label: 'later', received: null }]);
  });

  test('a nested swarm that first runs in a later round, and fails there, fails its item and is not run twice', async () => {
    mending.break('gate step', 'late item');
    const late = await mage.swarm({
      tasks: [await sign('late item')],
      config: { stopAfterNFailures: 1 },
      isSwarmClosed: true,
    });
    const chain = await mage.chain([await sign('gate step'), late]);
    const outer = await mage.swarm({ tasks: [chain], isSwarmClosed: true });
    await outer.run({});
    await mending.settled(outer);
    mending.broken.delete('gate step');
    await outer.retryFailed();
    await progressOf(outer, { failed: 1, status: 'succeeded' });
    await mending.settled(outer);
    expect(mending.counts('gate step', 'late item')).toEqual({ 'gate step': 2, 'late item': 1 });
    mending.mendAll();
    await outer.retryFailed();
    await progressOf(outer, { succeeded: 1, status: 'succeeded' });
    expect(mending.counts('gate step', 'late item')).toEqual({ 'gate step': 2, 'late item': 2 });
  });

  test('of a cancelled tree, all goes on where it was', async () => {
    mending.halted.add('tree 1');
    const outer = await mage.swarm({
      tasks: [await chainOf('tree 0', 'tree 1', 'tree 2'), await chainOf('tree 3')],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    await outer.runNoWait({});
    await mending.started('tree 1');
    await outer.cancel();
    await statusOf(outer, 'cancelled');
    await mending.settled(outer);
    mending.mendAll();
    expect(await outer.retryFailed()).toBe(2);
    await progressOf(outer, { succeeded: 2, status: 'succeeded' });
    expect(mending.counts('tree 0', 'tree 1', 'tree 2', 'tree 3')).toEqual({
      'tree 0': 1,
      'tree 1': 2,
      'tree 2': 1,
      'tree 3': 1,
    });
  });

  test('only the outermost one can be asked', async () => {
    mending.break('asked');
    const chain = await chainOf('asked');
    const inner = await mage.swarm({ tasks: [chain], isSwarmClosed: true });
    const outer = await mage.swarm({ tasks: [inner], isSwarmClosed: true });
    await outer.run({});
    await mending.settled(outer);
    for (const nested of [inner, chain as Chain<any, unknown>]) {
      const error = await rejection(nested.retryFailed());
      expect([error.name, error.message]).toEqual(['ConfigurationError', expect.stringContaining('outermost')]);
    }
    expect(mending.executions('asked')).toHaveLength(1);
  });
});
