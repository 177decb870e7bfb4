import { mageContext, type RootSignature, type Swarm } from '../../../src';
import { eventually, Fixture } from '../../helpers/fixture';
import { Mending } from '../../helpers/mending';
import { Roots, type Any } from '../../helpers/roots';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';

jest.setTimeout(180_000);
const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const mending = new Mending(fixture);
const roots = new Roots(fixture);
const { mage } = fixture;
const { mend, callback } = mending;
const root = roots.declare('root');
const strict = roots.declare('strict', { stopAfterNFailures: 1 });
const patient = roots.declare('patient', { retries: 1 });

beforeAll(async () => {
  await fixture.worker([...mending.tasks, ...roots.tasks]);
});
afterAll(() => fixture.close());
afterEach(() => mending.mendAll());

const callbackNamed = (label: string) => mage.sign(callback, { label });
const sign = (label: string) => mage.sign(mend, { label });
const callbacks = async (label: string) => ({
  successCallbacks: [await callbackNamed(`${label} done`)],
  errorCallbacks: [await callbackNamed(`${label} alert`)],
});

/** A body that publishes these, and counts how often it was run. */
function publishing(bodies: string[], ...labels: string[]) {
  return async () => {
    bodies.push('body');
    for (const label of labels) await (await sign(label)).runNoWait({});
    return { bodies: bodies.length };
  };
}

describe('a root in a swarm', () => {
  test('runs its body again, whose children that succeeded are found and not run again', async () => {
    mending.break('found 1');
    const bodies: string[] = [];
    const signed = await roots.sign(
      strict,
      publishing(bodies, 'found 0', 'found 1', 'found 2'),
      await callbacks('found'),
    );
    const swarm = await mage.swarm({ tasks: [signed, await sign('beside')], isSwarmClosed: true });
    await swarm.run({});
    await mending.settled(swarm);
    expect(await swarm.progress()).toMatchObject({ succeeded: 1, failed: 1 });
    mending.mendAll();
    expect(await swarm.retryFailed()).toBe(1);
    await progressOf(swarm, { succeeded: 2, status: 'succeeded' });
    await mending.settled(swarm);
    expect(bodies).toHaveLength(2);
    expect(mending.counts('found 0', 'found 1', 'beside')).toEqual({ 'found 0': 1, 'found 1': 2, beside: 1 });
    const children = await signed.children();
    expect(await children.progress()).toMatchObject({ total: 3, succeeded: 3, failed: 0, status: 'succeeded' });
    expect(mending.counts('found done', 'found alert')).toEqual({ 'found done': 1, 'found alert': 1 });
    expect(mending.executions('found done')[0]?.input['returnValue']).toEqual({ bodies: 2 });
    expect(await signed.status()).toBe('succeeded');
  });

  test('whose body threw runs it again; all that it published stays', async () => {
    const bodies: string[] = [];
    const signed = await roots.sign(
      root,
      async () => {
        await publishing(bodies, 'thrown 0')();
        if (mending.broken.has('body')) throw new Error('the body is broken');
        await (await sign('thrown 1')).run({});
        return 'well';
      },
      await callbacks('thrown'),
    );
    mending.break('body');
    const swarm = await mage.swarm({ tasks: [signed], isSwarmClosed: true });
    expect(await swarm.run({})).toEqual([]);
    await mending.settled(swarm);
    mending.mendAll();
    await swarm.retryFailed();
    await statusOf(swarm, 'succeeded');
    await progressOf(swarm, { succeeded: 1 });
    await mending.settled(swarm);
    expect(mending.counts('thrown 0', 'thrown 1', 'thrown done', 'thrown alert')).toEqual({
      'thrown 0': 1,
      'thrown 1': 1,
      'thrown done': 1,
      'thrown alert': 1,
    });
    expect(bodies).toHaveLength(2);
  });

  test('finds chains and swarms that it made, which go on where they failed, and may wait for them', async () => {
    mending.break('made 1', 'made 3');
    let bodies = 0;
    const signed = await roots.sign(root, async () => {
      bodies += 1;
      const chain = await mage.chain([await sign('made 0'), await sign('made 1')]);
      const swarm = await mage.swarm({ config: { stopAfterNFailures: 1 } });
      for (const label of ['made 2', 'made 3']) await swarm.addTask(mend, { label });
      await swarm.closeSwarm();
      const outcomes = await Promise.allSettled([chain.run({}), swarm.run({})]);
      const bad = outcomes.filter(({ status }) => status === 'rejected');
      if (bad.length > 0) throw new Error(`${bad.length} failed`);
      return outcomes.length;
    });
    const swarm = await mage.swarm({ tasks: [signed], isSwarmClosed: true });
    expect(await swarm.run({})).toEqual([]);
    await mending.settled(swarm);
    mending.mendAll();
    await swarm.retryFailed();
    await progressOf(swarm, { succeeded: 1, status: 'succeeded' });
    expect(bodies).toBe(2);
    const counts = mending.counts('made 0', 'made 1', 'made 3');
    expect(counts).toEqual({ 'made 0': 1, 'made 1': 2, 'made 3': 2 });
    expect(await (await signed.children()).progress()).toMatchObject({ total: 2, succeeded: 2 });
  });

  test('publishes its children as those of its new run', async () => {
    mending.break('under');
    const taskRuns: string[] = [];
    const signed = await roots.sign(strict, async (_, ctx) => {
      taskRuns.push(ctx.taskRunExternalId());
      await (await sign('under')).runNoWait({});
    });
    const swarm = await mage.swarm({ tasks: [signed], isSwarmClosed: true });
    await swarm.run({});
    await mending.settled(swarm);
    mending.mendAll();
    await swarm.retryFailed();
    await progressOf(swarm, { succeeded: 1, status: 'succeeded' });
    expect(mending.metadata.get('under')?.map((metadata) => metadata['mageflow.parent'])).toEqual(taskRuns);
    expect(new Set(taskRuns).size).toBe(2);
  });

  test('runs its second attempt of the new round with what the first one made', async () => {
    mending.break('attempt child');
    let bodies = 0;
    const signed = await roots.sign(patient, async (_, ctx) => {
      bodies += 1;
      await (await sign('attempt fine')).runNoWait({});
      const child = await sign('attempt child');
      await child.runNoWait({});
      if (bodies === 1) throw new Error('once');
      if (bodies === 3 && ctx.retryCount() === 0) throw new Error('once more');
      if (bodies === 2) throw new Error('for good');
      return bodies;
    });
    const swarm = await mage.swarm({ tasks: [signed], isSwarmClosed: true });
    await swarm.run({});
    await mending.settled(swarm);
    expect(bodies).toBe(2);
    mending.mendAll();
    await swarm.retryFailed();
    await progressOf(swarm, { succeeded: 1, status: 'succeeded' });
    expect(bodies).toBe(4);
    expect(mending.counts('attempt fine', 'attempt child')).toEqual({ 'attempt fine': 1, 'attempt child': 2 });
  });

  test('a root in a root is tried again with it', async () => {
    mending.break('inner 1');
    const bodies: string[] = [];
    const innerBodies: string[] = [];
    const inner = roots.body(publishing(innerBodies, 'inner 0', 'inner 1'));
    const signed = await roots.sign(strict, async () => {
      await publishing(bodies, 'outer 0')();
      await (await mage.sign('strict', inner)).runNoWait({});
    });
    const swarm = await mage.swarm({ tasks: [signed], isSwarmClosed: true });
    await swarm.run({});
    await mending.settled(swarm);
    mending.mendAll();
    await swarm.retryFailed();
    await progressOf(swarm, { succeeded: 1, status: 'succeeded' });
    expect(mending.counts('outer 0', 'inner 0', 'inner 1')).toEqual({ 'outer 0': 1, 'inner 0': 1, 'inner 1': 2 });
    expect([bodies.length, innerBodies.length]).toEqual([2, 2]);
    await mending.settled(swarm);
    const children = await signed.children();
    expect((await rejection(children.retryFailed())).name).toBe('ConfigurationError');
  });
});

describe('the children of an outermost root', () => {
  async function failed(label: string, task = strict, ...children: string[]) {
    mending.break(`${label} 1`);
    const bodies: string[] = [];
    const body = publishing(bodies, `${label} 0`, `${label} 1`, ...children);
    const signed = await roots.sign(task, body, await callbacks(label));
    const handle = await signed.runNoWait();
    await handle.output.catch(() => undefined);
    await mending.settled(signed);
    return { signed, handle, bodies, children: (await signed.children()) as Swarm<unknown> };
  }

  test('are tried again without its body; it is unfinished again, and succeeds with what its body gave', async () => {
    const { signed, handle, bodies, children } = await failed('kids');
    expect(await signed.status()).toBe('failed');
    mending.mendAll();
    mending.halted.add('kids 1');
    expect(await children.retryFailed()).toBe(1);
    expect(await signed.status()).toBe('running');
    expect(await children.status()).toBe('running');
    mending.openGate('kids 1');
    expect(await handle.output).toEqual({ bodies: 1 });
    await mending.settled(signed);
    expect(bodies).toHaveLength(1);
    expect(mending.counts('kids 0', 'kids 1', 'kids done', 'kids alert')).toEqual({
      'kids 0': 1,
      'kids 1': 2,
      'kids done': 1,
      'kids alert': 1,
    });
    expect(mending.executions('kids done')[0]?.input).toMatchObject({
      returnValue: { bodies: 1 },
      childResults: [
        { label: 'kids 0', received: null },
        { label: 'kids 1', received: null },
      ],
    });
    expect(await children.retryFailed()).toBe(0);
  });

  test('that fail once more fail it once more, and its error callback runs once more; the next round is a new one', async () => {
    const { signed, children } = await failed('more');
    await children.retryFailed();
    await eventually('alerted again', () => mending.executions('more alert').length === 2);
    await statusOf(signed, 'failed');
    await mending.settled(signed);
    mending.mendAll();
    const elsewhere = (await fixture.another().load(children.id)) as Swarm<unknown>;
    expect(await elsewhere.retryFailed()).toBe(1);
    await statusOf(signed, 'succeeded');
    await mending.settled(signed);
    expect(mending.counts('more 0', 'more 1', 'more done', 'more alert')).toEqual({
      'more 0': 1,
      'more 1': 3,
      'more done': 1,
      'more alert': 2,
    });
  });

  test('of a root that has succeeded all the same: its success callbacks get the new list', async () => {
    const { signed, children } = await failed('partly', root);
    expect(await signed.status()).toBe('succeeded');
    mending.mendAll();
    expect(await children.retryFailed()).toBe(1);
    await eventually('called back again', () => mending.executions('partly done').length === 2);
    await mending.settled(signed);
    const lists = mending.executions('partly done').map(({ input }) => (input['childResults'] as unknown[]).length);
    expect(lists).toEqual([1, 2]);
  });

  test('of a root whose body threw: they may succeed, it has failed', async () => {
    mending.break('threw child');
    const signed = await roots.sign(root, async () => {
      await (await sign('threw child')).runNoWait({});
      throw new Error('thrown by the body');
    });
    const handle = await signed.runNoWait();
    await rejection(handle.output);
    await mending.settled(signed);
    mending.mendAll();
    const children = await signed.children();
    expect(await children.retryFailed()).toBe(1);
    await progressOf(children, { succeeded: 1, status: 'succeeded' });
    expect((await rejection(handle.output)).message).toContain('thrown by the body');
    await mending.settled(signed);
    expect(await signed.status()).toBe('failed');
  });

  test('of a root that was run by its plain declaration', async () => {
    mending.break('plain 1');
    const bodies: string[] = [];
    let id = '';
    const body = roots.body(async () => {
      id = mageContext()?.rootId ?? '';
      return publishing(bodies, 'plain 0', 'plain 1')();
    });
    await (strict as Any).run(body);
    const signed = (await mage.load(id)) as RootSignature<Any, unknown>;
    await statusOf(signed, 'failed');
    await mending.settled(signed);
    mending.mendAll();
    const children = await signed.children();
    expect(await children.retryFailed()).toBe(1);
    await statusOf(signed, 'succeeded');
    expect(mending.counts('plain 0', 'plain 1')).toEqual({ 'plain 0': 1, 'plain 1': 2 });
    expect(bodies).toHaveLength(1);
  });

  test('while the root has not ended, and when it sits in a group, they are refused', async () => {
    mending.halted.add('busy child');
    const signed = await roots.sign(root, publishing([], 'busy child'));
    await signed.runNoWait();
    await mending.started('busy child');
    const busy = await rejection((await signed.children()).retryFailed());
    expect([busy.name, busy.message]).toEqual(['ConfigurationError', expect.stringContaining('has not ended')]);
    mending.openGate('busy child');
    await statusOf(signed, 'succeeded');

    const nested = await roots.sign(root, publishing([], 'nested child'));
    mending.break('nested child');
    const swarm = await mage.swarm({ tasks: [nested], isSwarmClosed: true });
    await swarm.run({});
    await mending.settled(swarm);
    const refused = await rejection((await nested.children()).retryFailed());
    expect([refused.name, refused.message]).toEqual(['ConfigurationError', expect.stringContaining('outermost')]);
    expect(mending.executions('nested child')).toHaveLength(1);
  });
});
