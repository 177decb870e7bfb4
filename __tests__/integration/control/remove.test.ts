import type { Swarm } from '../../../src';
import { Faults } from '../../helpers/faults';
import { eventually } from '../../helpers/fixture';
import { Mending } from '../../helpers/mending';
import { Roots } from '../../helpers/roots';
import { rejection, statusOf } from '../../helpers/outcomes';

const fixture = new Faults({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const mending = new Mending(fixture);
const roots = new Roots(fixture);
const { mage } = fixture;
const { mend, callback } = mending;
const root = roots.declare('root');
/** A process that dies after its first call. */
const { store } = fixture.deadProcess();

beforeAll(async () => {
  await fixture.worker([...mending.tasks, ...roots.tasks]);
});
afterAll(() => fixture.close());
afterEach(() => mending.mendAll());

const sign = (label: string) => mage.sign(mend, { label });
const refusal = async (call: Promise<unknown>) => (await rejection(call)).name;

/** What Redis holds of groups; where ids are found, and what processes say of themselves, expires by itself. */
async function left(): Promise<string[]> {
  return (await fixture.keys()).filter((key) => !/:(ids|process|served|reconcilers|server|meta)(:|$)/.test(key));
}

async function nothingLeft(): Promise<void> {
  await eventually('nothing is left in Redis', async () => {
    const keys = await left();
    if (keys.length > 0) throw new Error(keys.join('\n'));
    return true;
  });
}

/** A tree with groups of all kinds in it, that has ended with all its callbacks. */
async function tree(label: string) {
  mending.break(`${label} bad`);
  const inner = await mage.swarm({ tasks: [await sign(`${label} inner`)], isSwarmClosed: true });
  const open = await mage.swarm({ tasks: [await sign(`${label} open`)] });
  const spawning = await roots.sign(root, async () => {
    await (await mage.chain([await sign(`${label} child`), await sign(`${label} child`)])).runNoWait({});
    await (await mage.swarm({ tasks: [await sign(`${label} child`)], isSwarmClosed: true })).runNoWait({});
  });
  const outer = await mage.swarm({
    tasks: [
      await mage.chain([await sign(`${label} step`), inner]),
      await mage.chain([await sign(`${label} bad`), open]),
      spawning,
    ],
    successCallbacks: [
      await mage.chain([await sign(`${label} callback`), await sign(`${label} callback`)]),
      await roots.sign(root, async () => void (await (await sign(`${label} of callback`)).runNoWait({}))),
    ],
    isSwarmClosed: true,
  });
  await outer.run({});
  await mending.settled(outer);
  return { outer, inner, open, spawning };
}

describe('what has ended', () => {
  test('a swarm with many results is gone, and loading it throws NotFoundError; a second time is fine', async () => {
    const swarm = await mage.swarm({ config: { maxConcurrency: 100 }, isSwarmClosed: false });
    await swarm.addTasks(
      Array.from({ length: 300 }, (_, n) => [mend, { label: 'many', n }] as const),
      { run: true },
    );
    const signed = await swarm.addTask(mend, { label: 'many' });
    await swarm.closeSwarm();
    await statusOf(swarm, 'succeeded');
    await mending.settled(swarm);
    expect((await left()).filter((key) => /:r\d+$/.test(key))).toHaveLength(3);
    expect((await mage.list()).items.map(({ id }) => id)).toContain(swarm.id);
    await swarm.remove();
    expect((await left()).filter((key) => key.includes(swarm.id))).toEqual([]);
    expect((await mage.list()).items.map(({ id }) => id)).not.toContain(swarm.id);
    expect(await refusal(mage.load(swarm.id))).toBe('NotFoundError');
    expect(await refusal(mage.load(signed.id))).toBe('NotFoundError');
    expect(await refusal(swarm.status())).toBe('NotFoundError');
    await swarm.remove();
    await nothingLeft();
  });

  test('a task, a chain and a root, from any instance', async () => {
    const task = await mage.sign(mend, { label: 'single' }, { successCallbacks: [callback] });
    const chain = await mage.chain([await sign('single'), await sign('single')], { successCallbacks: [callback] });
    const spawning = await roots.sign(root, async () => void (await (await sign('single')).runNoWait({})));
    for (const one of [task, chain, spawning]) {
      await one.run({} as never);
      await mending.settled(one);
      await (await fixture.another().load(one.id)).remove();
      expect(await refusal(mage.load(one.id))).toBe('NotFoundError');
    }
    await nothingLeft();
  });

  test('a tree of groups goes with everything below it', async () => {
    const { outer, inner, open, spawning } = await tree('whole');
    const children = await spawning.children();
    const before = await left();
    for (const { id } of [inner, open, children])
      expect(before.filter((key) => key.includes(`{${id}}`))).not.toEqual([]);
    await outer.remove();
    expect((await left()).filter((key) => key.includes('{'))).toEqual([]);
    await nothingLeft();
  });

  test('a swarm that failed and one that was cancelled', async () => {
    mending.break('bad');
    const failed = await mage.swarm({
      tasks: [await sign('bad'), await mage.swarm({ tasks: [await sign('never')] })],
      config: { maxConcurrency: 1, stopAfterNFailures: 1 },
    });
    await rejection(failed.run({}));
    mending.halted.add('long');
    const cancelled = await mage.swarm({
      tasks: [await sign('long'), await sign('never')],
      config: { maxConcurrency: 1 },
    });
    await cancelled.runNoWait({});
    await mending.started('long');
    await cancelled.cancel();
    await statusOf(cancelled, 'cancelled');
    for (const swarm of [failed, cancelled]) {
      await mending.settled(swarm);
      await swarm.remove();
    }
    await nothingLeft();
    expect(mending.executions('never')).toEqual([]);
  });

  test('a swarm that was tried again', async () => {
    const { outer } = await tree('again');
    mending.mendAll();
    await outer.retryFailed();
    await eventually('the open swarm of the chain runs', () => mending.executions('again open').length === 1);
    await statusOf(outer, 'succeeded');
    await mending.settled(outer);
    await outer.remove();
    await nothingLeft();
  });
});

describe('what was never run', () => {
  test('a swarm with what is in it, and one that was suspended', async () => {
    const inner = await mage.swarm({ tasks: [await sign('unrun')] });
    const swarm = await mage.swarm({ tasks: [inner, await mage.chain([await sign('unrun'), 'work'])] });
    await swarm.remove();
    expect(await refusal(mage.load(swarm.id))).toBe('NotFoundError');
    expect(await refusal(mage.load(inner.id))).toBe('NotFoundError');
    expect(await refusal(swarm.runNoWait({}))).toBe('NotFoundError');
    const ahead = await sign('unrun');
    await ahead.suspend();
    await ahead.remove();
    expect(await refusal(mage.load(ahead.id))).toBe('NotFoundError');
    await nothingLeft();
  });

  test('of a signature there is nothing to remove; it can be run as before', async () => {
    const signed = await sign('later');
    await signed.remove();
    const chain = await mage.chain([await sign('later'), await sign('later')]);
    await chain.remove();
    expect(await left()).toEqual([]);
    expect(await signed.run({})).toEqual({ label: 'later', received: null });
    expect(await chain.run({})).toMatchObject({ label: 'later' });
    for (const one of [signed, chain]) {
      await mending.settled(one);
      await one.remove();
    }
    await nothingLeft();
  });
});

describe('is refused, and changes nothing', () => {
  test('while it runs, while it is suspended and while it is open', async () => {
    mending.halted.add('busy');
    const swarm = await mage.swarm({ tasks: [await sign('busy')] });
    const task = await sign('busy');
    const chain = await mage.chain([await sign('busy'), await sign('busy')]);
    for (const one of [swarm, task, chain]) await one.runNoWait({} as never);
    await mending.started('busy', 3);
    for (const one of [swarm, task, chain]) expect(await refusal(one.remove())).toBe('AlreadyStartedError');
    await swarm.suspend();
    expect(await refusal(swarm.remove())).toBe('AlreadyStartedError');
    mending.openGate('busy');
    await swarm.resume();
    await eventually('it has ended what it holds', async () => (await swarm.progress()).succeeded === 1);
    expect(await refusal(swarm.remove())).toBe('AlreadyStartedError');
    await swarm.closeSwarm();
    for (const one of [swarm, task, chain]) {
      await statusOf(one as Swarm<unknown>, 'succeeded');
      await mending.settled(one);
      await one.remove();
    }
    await nothingLeft();
  });

  test('before its callbacks have ended', async () => {
    mending.halted.add('slow callback');
    const swarm = await mage.swarm({
      tasks: [await sign('quick')],
      successCallbacks: [await sign('slow callback')],
      isSwarmClosed: true,
    });
    await swarm.run({});
    await mending.started('slow callback');
    expect(await refusal(swarm.remove())).toBe('AlreadyStartedError');
    expect(await swarm.status()).toBe('succeeded');
    mending.openGate('slow callback');
    await mending.settled(swarm);
    await swarm.remove();
    await nothingLeft();
  });

  test('for what belongs to something else: items, steps, nested groups, callbacks, children', async () => {
    const item = await sign('part');
    const step = await sign('part');
    const attached = await mage.sign(callback, { label: 'part callback' });
    const chain = await mage.chain([step, await sign('part')]);
    const inner = await mage.swarm({ tasks: [await sign('part')], isSwarmClosed: true });
    const spawning = await roots.sign(root, async () => void (await (await sign('part')).runNoWait({})));
    const swarm = await mage.swarm({
      tasks: [item, chain, inner, spawning],
      successCallbacks: [attached],
      isSwarmClosed: true,
    });
    const parts = [item, step, chain, inner, attached, spawning];
    for (const part of parts) expect(await refusal(part.remove())).toBe('ConfigurationError');
    await swarm.run({});
    await mending.settled(swarm);
    for (const part of [...parts, await spawning.children()])
      expect(await refusal(part.remove())).toBe('ConfigurationError');
    for (const id of [item.id, inner.id, chain.id, attached.id])
      expect(await refusal((await mage.load(id)).remove())).toBe('ConfigurationError');
    expect(mending.executions('part')).toHaveLength(5);
    await swarm.remove();
    await nothingLeft();
  });
});

test('the key of what was removed can be used again, for another signature that runs', async () => {
  const rounds = [
    async () => mage.swarm({ key: 'once', tasks: [await sign('keyed')], isSwarmClosed: true }),
    async () => mage.sign(mend, { label: 'keyed' }, { key: 'once' }),
    async () => mage.chain([await sign('keyed')], { key: 'once' }),
  ];
  for (const make of rounds) {
    const ids = new Set<string>();
    const before = mending.executions('keyed').length;
    for (let i = 1; i <= 3; i++) {
      const one = await make();
      await one.run({} as never);
      expect(mending.executions('keyed')).toHaveLength(before + i);
      // The claim of its run holds: it isn't one of the group that is gone.
      expect(mending.executions('keyed').at(-1)?.context?.signatureId).toBeDefined();
      await mending.settled(one);
      ids.add(one.id);
      await one.remove();
    }
    expect(ids.size).toBe(1);
  }
  await nothingLeft();
});

test('a removal that its process left half done is completed by the reconciler, wherever it died', async () => {
  const { outer } = await tree('half');
  await store.register(outer.id);
  expect((await store.remove(outer.id, 'user')).code).toBe('removed');
  expect(await refusal(mage.load(outer.id))).toBe('NotFoundError');
  await nothingLeft();

  const later = await tree('later half');
  await store.register(later.outer.id);
  await store.remove(later.outer.id, 'user');
  expect((await store.remove(later.inner.id, 'parent')).code).toBe('removed');
  expect((await store.remove((await later.spawning.children()).id, 'parent')).code).toBe('removed');
  await nothingLeft();
});
