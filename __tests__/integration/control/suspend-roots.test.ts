import { CancelledError, type Swarm } from '../../../src';
import { eventually, gate } from '../../helpers/fixture';
import { itemId } from '../../../src/store/ids';
import { openRoots } from '../../helpers/roots';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';

const { fixture, mage, taskSet, roots, root, work, tagged } = openRoots({ maxConcurrency: 1, retries: 1 });
const child = (label: string, n: number, more: object = {}) =>
  mage.sign(work, { label: `${label} ${n}`, value: n, ...more });

/** A root that publishes three children, one at a time, of which the first waits at the gate of this name. */
async function made(label: string, fixed: { body?: ReturnType<typeof gate> } = {}) {
  return roots.sign(
    root,
    async () => {
      for (const n of [1, 2, 3]) await (await child(label, n, n === 1 ? { waitFor: label } : {})).runNoWait({});
      await fixed.body?.opened;
      return label;
    },
    {
      successCallbacks: [await tagged(`${label} done`)],
      errorCallbacks: [await tagged(`${label} told`)],
    },
  );
}

/** A child, as another process has it. */
const itemOf = (children: { id: string }, index: number) => fixture.another().load(itemId(children.id, index));

const ran = (label: string) => [1, 2, 3].flatMap((n) => taskSet.executions(`${label} ${n}`).map(() => n));

test('a root that has returned: its children wait, and so do its callbacks', async () => {
  const signature = await made('returned');
  const handle = await signature.runNoWait();
  const children = await signature.children();
  await eventually('the first child runs', () => ran('returned').length === 1);
  await progressOf(children, { total: 3, closed: true });
  await signature.suspend();
  expect([await signature.status(), await children.status()]).toEqual(['suspended', 'suspended']);
  taskSet.openGate('returned');
  await progressOf(children, { succeeded: 1, queued: 2, running: 0, status: 'suspended' });
  expect([ran('returned'), taskSet.executions('returned done')]).toEqual([[1], []]);
  await (await fixture.another().load(signature.id)).resume();
  expect(await handle.output).toBe('returned');
  expect(ran('returned')).toEqual([1, 2, 3]);
  await taskSet.onlyExecution('returned done', signature);
});

test('a root whose body runs: the body goes on and publishes, nothing that it publishes starts', async () => {
  const body = gate();
  const go = gate();
  const signature = await roots.sign(root, async () => {
    await body.opened;
    for (const n of [1, 2]) await (await child('body', n)).runNoWait({});
    go.open();
    return 'body';
  });
  const handle = await signature.runNoWait();
  await statusOf(signature, 'running');
  await signature.suspend();
  body.open();
  await go.opened;
  const children = await signature.children();
  await progressOf(children, { total: 2, queued: 2, running: 0, closed: true, status: 'suspended' });
  expect(ran('body')).toEqual([]);
  await signature.resume();
  expect(await handle.output).toBe('body');
  expect(ran('body')).toEqual([1, 2]);
});

test('a root that is suspended before it is run', async () => {
  const signature = await made('before');
  taskSet.openGate('before');
  await signature.suspend();
  const handle = await signature.runNoWait();
  expect([await signature.status(), ran('before')]).toEqual(['suspended', []]);
  await signature.resume();
  expect(await handle.output).toBe('before');
  await taskSet.onlyExecution('before done', signature);
  expect(ran('before')).toEqual([1, 2, 3]);
});

test('a root that is suspended during its last child keeps its callbacks', async () => {
  const signature = await roots.sign(
    root,
    async () => void (await (await child('last', 1, { waitFor: 'last' })).runNoWait({})),
    {
      successCallbacks: [await tagged('last done')],
    },
  );
  const handle = await signature.runNoWait();
  await eventually('the child runs', () => ran('last').length === 1);
  const children = await signature.children();
  await progressOf(children, { closed: true });
  await signature.suspend();
  taskSet.openGate('last');
  await progressOf(children, { succeeded: 1, running: 0, status: 'suspended' });
  expect([await signature.status(), taskSet.executions('last done')]).toEqual(['suspended', []]);
  await signature.resume();
  await handle.output;
  await taskSet.onlyExecution('last done', signature);
});

test('a body that is tried again while it is suspended waits, and finds what it had published', async () => {
  const first = gate();
  const attempts: number[] = [];
  const signature = await roots.sign(root, async (_, ctx) => {
    attempts.push(ctx.retryCount());
    for (const n of [1, 2]) await (await child('again', n)).runNoWait({});
    if (ctx.retryCount() === 0) {
      await first.opened;
      throw new Error('once more');
    }
    return 'again';
  });
  const handle = await signature.runNoWait();
  await eventually('both children have run', () => ran('again').length === 2);
  await signature.suspend();
  first.open();
  const runId = await handle.runId;
  await eventually('the engine tries it again', async () => {
    const [task] = (await fixture.hatchet.runs.get(runId)).tasks;
    return task && (task.retryCount ?? 0) > 0 && task.status === 'RUNNING';
  });
  expect([await signature.status(), attempts]).toEqual(['suspended', [0]]);
  await signature.resume();
  expect(await handle.output).toBe('again');
  expect([attempts, ran('again')]).toEqual([
    [0, 1],
    [1, 2],
  ]);
});

describe('a child', () => {
  test('that is suspended by itself: the others go on, the root waits for it', async () => {
    const body = gate();
    const signature = await made('alone', { body });
    const handle = await signature.runNoWait();
    const children = await signature.children();
    await progressOf(children, { total: 3, running: 1 });
    const second = await itemOf(children, 1);
    await second.suspend();
    body.open();
    taskSet.openGate('alone');
    await progressOf(children, { succeeded: 2, queued: 1, running: 0, status: 'running' });
    expect([await second.status(), await signature.status(), ran('alone')]).toEqual(['suspended', 'running', [1, 3]]);
    await second.resume();
    expect(await handle.output).toBe('alone');
    expect(ran('alone')).toEqual([1, 2, 3]);
  });

  test('that is suspended in the body before it is run waits, also when the body is tried again', async () => {
    let id = '';
    const written: string[] = [];
    const signature = await roots.sign(root, async (_, ctx) => {
      const one = await child('ahead', 1);
      await one.suspend();
      written.push(one.id);
      const handle = await one.runNoWait({});
      id = handle.id;
      await (await child('ahead', 2)).runNoWait({});
      if (ctx.retryCount() === 0) throw new Error('once more');
      return 'ahead';
    });
    const handle = await signature.runNoWait();
    const children = await signature.children();
    await progressOf(children, { total: 2, succeeded: 1, queued: 1, running: 0, closed: true });
    expect(ran('ahead')).toEqual([2]);
    const loaded = await fixture.another().load(id);
    expect(await loaded.status()).toBe('suspended');
    await loaded.resume();
    expect(await handle.output).toBe('ahead');
    expect(ran('ahead')).toEqual([1, 2]);
    // What was written of it before it was run is gone.
    const keys = await fixture.keys();
    expect([written.length, keys.filter((key) => written.some((one) => key.includes(`{${one}}`)))]).toEqual([2, []]);
  });

  test('all of them, through children(): the body and its callbacks wait with them', async () => {
    const signature = await made('children');
    const handle = await signature.runNoWait();
    const children = await signature.children();
    await progressOf(children, { total: 3, running: 1, closed: true });
    await children.suspend();
    taskSet.openGate('children');
    await progressOf(children, { succeeded: 1, queued: 2, running: 0, status: 'suspended' });
    expect([await signature.status(), ran('children')]).toEqual(['running', [1]]);
    await children.resume();
    expect(await handle.output).toBe('children');
    await taskSet.onlyExecution('children done', signature);
  });
});

describe('at depth', () => {
  test('a root in a swarm: suspend of the swarm reaches its children', async () => {
    const inner = await made('in swarm');
    const swarm = await mage.swarm({ tasks: [inner], isSwarmClosed: true });
    const handle = await swarm.runNoWait({});
    await eventually('the first child runs', () => ran('in swarm').length === 1);
    const children = await inner.children();
    await progressOf(children, { total: 3, closed: true });
    await swarm.suspend();
    expect(await children.status()).toBe('suspended');
    taskSet.openGate('in swarm');
    await progressOf(children, { succeeded: 1, queued: 2, running: 0 });
    await (await fixture.another().load<Swarm<unknown>>(swarm.id)).resume();
    expect(await handle.output).toEqual(['in swarm']);
    expect(ran('in swarm')).toEqual([1, 2, 3]);
    await taskSet.onlyExecution('in swarm done', swarm);
  });

  test('a root in a swarm, suspended by itself', async () => {
    const inner = await made('root alone');
    const swarm = await mage.swarm({
      tasks: [inner, [work, { label: 'root alone other', value: 4 }]],
      isSwarmClosed: true,
    });
    const handle = await swarm.runNoWait({});
    await eventually('the first child runs', () => ran('root alone').length === 1);
    const children = await inner.children();
    await progressOf(children, { total: 3, closed: true });
    await inner.suspend();
    taskSet.openGate('root alone');
    await progressOf(children, { succeeded: 1, queued: 2, running: 0, status: 'suspended' });
    await progressOf(swarm, { succeeded: 1, running: 1, status: 'running' });
    expect(await inner.status()).toBe('suspended');
    await inner.resume();
    expect(await handle.output).toEqual(['root alone', 4]);
    expect(ran('root alone')).toEqual([1, 2, 3]);
  });

  test('a chain and a swarm in a root, and a root in it', async () => {
    const signature = await roots.sign(root, async () => {
      const chain = await mage.chain([await child('deep', 1, { waitFor: 'deep' }), await child('deep', 2)]);
      const swarm = await mage.swarm({ tasks: [await child('deep', 3)], isSwarmClosed: true });
      const inner = await roots.sign('root', async () => void (await (await child('deep inner', 1)).runNoWait({})));
      for (const one of [chain, swarm, inner]) await one.runNoWait({});
      return 'deep';
    });
    const handle = await signature.runNoWait();
    const children = await signature.children();
    await eventually('the first step runs', () => ran('deep').length === 1);
    await progressOf(children, { total: 3, closed: true });
    await signature.suspend();
    taskSet.openGate('deep');
    const chain = await itemOf(children, 0);
    await eventually('the first step has ended', async () => {
      return (await (await itemOf(chain, 0)).status()) === 'succeeded';
    });
    expect(await children.progress()).toMatchObject({ running: 1, queued: 2, status: 'suspended' });
    expect([await chain.status(), ran('deep'), ran('deep inner')]).toEqual(['suspended', [1], []]);
    await signature.resume();
    expect(await handle.output).toBe('deep');
    expect([ran('deep'), ran('deep inner')]).toEqual([[1, 2, 3], [1]]);
  });
});

test('cancel of a suspended root: what waits never runs, and its error callback runs once', async () => {
  const signature = await made('cancelled');
  const handle = await signature.runNoWait();
  const children = await signature.children();
  await progressOf(children, { total: 3, running: 1, closed: true });
  await signature.suspend();
  taskSet.openGate('cancelled');
  await progressOf(children, { succeeded: 1, running: 0, status: 'suspended' });
  await signature.cancel();
  expect(await rejection(handle.output)).toBeInstanceOf(CancelledError);
  await taskSet.onlyExecution('cancelled told', signature);
  expect([ran('cancelled'), taskSet.executions('cancelled done')]).toEqual([[1], []]);
  await statusOf(children, 'cancelled');
});
