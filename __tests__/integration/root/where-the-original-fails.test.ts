import * as mageflow from 'mageflow';
import { eventually, Fixture, gate, newHatchet } from '../../helpers/fixture';
import { openRoots } from '../../helpers/roots';
import { progressOf, rejection } from '../../helpers/outcomes';

// What the Python MageFlow does in each case, probed on the same engine, stands in the name of the test.

const { taskSet, roots, root, retriedWork, work, step, gauge, tagged } = openRoots({
  maxConcurrency: 4,
  stopAfterNFailures: 3,
});
const child = async (message: object) =>
  (await mageflow.sign(retriedWork, message as { value: unknown })).runNoWait({});
const both = async (label: string) => ({
  successCallbacks: [await tagged(`${label} success`)],
  errorCallbacks: [await tagged(`${label} error`)],
});

test('200 children at maxConcurrency 4 (there: a deadlock)', async () => {
  const signature = await roots.sign(
    root,
    async () => {
      for (let n = 0; n < 200; n++) await (await mageflow.sign(step)).runNoWait({ n });
      return { spawned: 200 };
    },
    await both('200'),
  );
  gauge.fill(4);
  expect(await signature.run()).toEqual({ spawned: 200 });
  expect(gauge).toMatchObject({ total: 200, max: 4 });
  const { input } = await taskSet.onlyExecution('200 success', signature);
  expect(input['childResults']).toEqual(Array.from({ length: 200 }, (_, n) => ({ n })));
});

test('await child.run() in the body (there: a TypeError)', async () => {
  const signature = await roots.sign(root, async () => {
    let total = 0;
    for (let n = 0; n < 10; n++) {
      const part = (await (await mageflow.sign(retriedWork)).run({ value: n })) as number;
      total += part;
    }
    return { total };
  });
  expect(await signature.run()).toEqual({ total: 45 });
});

test('a root task in a root task (there: a TypeError)', async () => {
  const signature = await roots.sign(
    root,
    async () => {
      for (const name of ['a', 'b']) {
        const inner = await roots.sign(root, async () => {
          for (let n = 0; n < 3; n++) await child({ value: `${name} ${n}`, label: 'inner child' });
          return name;
        });
        await inner.runNoWait();
      }
    },
    await both('nested'),
  );
  await signature.run();
  const entries = [];
  for await (const entry of (await signature.children()).results()) entries.push(entry);
  expect(entries.map(({ error }) => error)).toEqual([undefined, undefined]);
  expect((await taskSet.onlyExecution('nested success', signature)).input['childResults']).toEqual(['a', 'b']);
  expect(taskSet.executions('inner child')).toHaveLength(6);
});

test('a client with a namespace (there: no root at all, silently)', async () => {
  const other = new Fixture({}, newHatchet('MySpace'));
  try {
    const leaf = other.mage.task({ name: 'Leaf', fn: ({ n }: { n: number }) => ({ n }) });
    const spawner = other.mage.rootTask({
      name: 'Spawner',
      fn: async () => {
        for (let n = 0; n < 3; n++) await (await mageflow.sign(leaf)).runNoWait({ n });
        await leaf.runNoWait({ n: 3 });
        await (await mageflow.sign('Leaf', { n: 4 })).runNoWait();
        return 'spawned';
      },
    });
    await other.worker([leaf, spawner]);
    for (const task of [spawner, 'spawner'] as (typeof spawner)[]) {
      const signature = await other.mage.sign(task);
      expect(signature.kind).toBe('root');
      expect(await signature.run({})).toBe('spawned');
      const children = await signature.children();
      expect(await children.progress()).toMatchObject({ total: 5, succeeded: 5, status: 'succeeded' });
      expect(children.name.toLowerCase()).toBe('root-swarm:spawner');
    }
  } finally {
    await other.close();
  }
});

test('the body throws after 10 of 20 children (there: both lists of callbacks run)', async () => {
  const signature = await roots.sign(
    root,
    async () => {
      for (let n = 0; n < 20; n++) {
        await child({ value: n, label: 'one of ten', waitFor: 'ten' });
        if (n === 9) throw new Error('after ten');
      }
    },
    await both('ten'),
  );
  const handle = await signature.runNoWait();
  const children = await signature.children();
  await progressOf(children, { closed: true, total: 10, running: 4, queued: 6 });
  expect([...taskSet.executions('ten success'), ...taskSet.executions('ten error')]).toEqual([]);
  taskSet.openGate('ten');
  expect((await rejection(handle.output)).message).toContain('after ten');
  const { input } = await taskSet.onlyExecution('ten error', signature);
  expect(input['error']).toMatchObject({ message: 'after ten', failureCount: 1 });
  expect(taskSet.executions('ten success')).toEqual([]);
  expect(await children.progress()).toMatchObject({ total: 10, succeeded: 10, status: 'succeeded' });
  expect(taskSet.executions('one of ten')).toHaveLength(10);
});

test('the limit of failures is reached while the body is publishing', async () => {
  const goOn = gate();
  const signature = await roots.sign(
    root,
    async () => {
      for (let n = 0; n < 3; n++) {
        const failing = await mageflow.sign(work, { fail: `failure ${n}` });
        await rejection(failing.run({}));
      }
      for (let n = 0; n < 20; n++) await child({ label: 'after the limit' });
      await goOn.opened;
      return 'undisturbed';
    },
    await both('limit'),
  );
  const handle = await signature.runNoWait();
  await progressOf(await signature.children(), { total: 23, failed: 3, cancelled: 20 });
  expect(taskSet.executions('limit error')).toEqual([]);
  goOn.open();
  await rejection(handle.output);
  const { input } = await taskSet.onlyExecution('limit error', signature);
  expect(input['error']).toMatchObject({ failureCount: 3 });
  expect(taskSet.executions('limit success')).toEqual([]);
  expect(taskSet.executions('after the limit')).toEqual([]);
});

test('the task of a root is run without a signature (there: nothing is captured)', async () => {
  let context: mageflow.MageContext | undefined;
  const message = roots.body(async () => {
    context = mageflow.mageContext();
    for (let value = 0; value < 3; value++) await child({ value, label: 'of a plain run' });
    return { plain: true };
  });
  expect(await root.run(message)).toEqual({ plain: true });
  const loaded = (await mageflow.load(context?.rootId ?? '')) as unknown as mageflow.RootSignature<object, unknown>;
  await eventually('the children have ended', async () => (await loaded.status()) === 'succeeded');
  expect(await (await loaded.children()).progress()).toMatchObject({ total: 3, succeeded: 3, closed: true });
  expect(taskSet.executions('of a plain run').map((note) => note.context?.rootId)).toEqual(
    Array(3).fill(context?.rootId),
  );
});
