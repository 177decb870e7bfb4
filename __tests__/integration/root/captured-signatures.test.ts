import { AlreadyStartedError, ConfigurationError, TaskFailedError } from '../../../src';
import { Fixture } from '../../helpers/fixture';
import { openRoots } from '../../helpers/roots';
import { rejection } from '../../helpers/outcomes';

const { fixture, mage, taskSet, roots, root, retriedWork, work, others } = openRoots();
const elsewhere = new Fixture({}, fixture.hatchet);
afterAll(() => elsewhere.close());

const unwrapped = fixture.hatchet.task({ name: 'unwrapped', fn: ({ n }: { n: number }) => ({ n: n * 10 }) });
const pipeline = mage.workflow<{ n: number }>({ name: 'pipeline' });
pipeline.task({ name: 'first', fn: ({ n }: { n: number }) => ({ n: n + 1 }) });
pipeline.task({ name: 'second', fn: ({ n }: { n: number }) => ({ n: n + 2 }) });
others.push(unwrapped, pipeline);

/** The outputs of a root's children in the order of their publication, after it has ended. */
const outputs = async (signature: Awaited<ReturnType<typeof roots.sign>>) => {
  const entries: unknown[] = [];
  for await (const { index, output, error } of (await signature.children()).results()) entries[index] = error ?? output;
  return entries;
};

describe('in the body of a root', () => {
  test('a signature is captured by run, which gives its output, and by runNoWait, which gives a handle', async () => {
    const signature = await roots.sign(root, async () => {
      const waited = await mage.sign(retriedWork, { value: 1 });
      const forgotten = await mage.sign('retried-work', { value: 2 }, { name: 'by name' });
      const output = await waited.run({});
      const handle = await forgotten.runNoWait({});
      const runId = await handle.runId;
      return [output, await handle.output, handle.id === forgotten.id, typeof runId, await forgotten.status()];
    });
    expect(await signature.run()).toEqual([1, 2, true, 'string', 'succeeded']);
    expect(await outputs(signature)).toEqual([1, 2]);
  });

  test('a task that nobody wrapped, and a workflow of several tasks, are children with their outputs too', async () => {
    const signature = await roots.sign(root, async () => {
      await (await mage.sign(unwrapped, { n: 1 })).runNoWait({});
      await (await mage.sign('pipeline', { n: 2 })).runNoWait({});
    });
    await signature.run();
    expect(await outputs(signature)).toEqual([{ n: 10 }, { first: { n: 3 }, second: { n: 4 } }]);
  });

  test('a child gets its message and its bound data, which wins, and says what it is a child of', async () => {
    const signature = await roots.sign(root, async () => {
      const child = await mage.sign(retriedWork, { label: 'merged', a: { x: 1 } });
      await child.runNoWait({ a: { x: 2, y: 3 }, b: [4] });
      return child.id;
    });
    const childId: unknown = await signature.run();
    expect(taskSet.executions('merged')).toMatchObject([
      {
        input: { label: 'merged', a: { x: 1, y: 3 }, b: [4] },
        context: {
          attempt: 1,
          signatureId: childId,
          rootId: signature.id,
          swarmId: (await signature.children()).id,
          index: 0,
        },
      },
    ]);
  });

  test('a signature that was made before the body began is captured as well', async () => {
    const early = await mage.sign(retriedWork, { value: 'early' });
    const signature = await roots.sign(root, () => early.run({}));
    expect(await signature.run()).toBe('early');
    expect(await outputs(signature)).toEqual(['early']);
    expect(await early.status()).toBe('succeeded');
  });

  test('run throws the failure of a child, which the body may catch', async () => {
    const signature = await roots.sign(root, async () => {
      const child = await mage.sign(work, { fail: 'broken' }, { name: 'the child' });
      const error = await rejection(child.run({}));
      return [error instanceof TaskFailedError, error.message];
    });
    expect(await signature.run()).toEqual([true, 'the child failed: broken']);
    expect(await signature.status()).toBe('succeeded');
    expect(await outputs(signature)).toEqual(['broken']);
  });

  test('a chain is one child, with its last output', async () => {
    const signature = await roots.sign(root, async () => {
      const chain = await mage.chain([
        await mage.sign(retriedWork, { value: 1 }),
        await mage.sign(retriedWork, { value: 2 }),
      ]);
      const other = await mage.chain([
        await mage.sign(retriedWork, { value: 3 }),
        await mage.sign(retriedWork, { value: 4 }),
      ]);
      const output = await chain.run({});
      const handle = await other.runNoWait({});
      const error = await rejection(handle.runId);
      return [output, await handle.output, error instanceof ConfigurationError, await other.status()];
    });
    expect(await signature.run()).toEqual([2, 4, true, 'succeeded']);
    expect(await outputs(signature)).toEqual([2, 4]);
  });

  test('a swarm is one child, with its list, however it is run', async () => {
    const signature = await roots.sign(root, async () => {
      const make = (value: number) =>
        mage.swarm({
          tasks: [
            [retriedWork, { value }],
            [retriedWork, { returnsNothing: true }],
          ],
          config: { maxConcurrency: 1 },
          isSwarmClosed: true,
        });
      const [waited, forgotten, settled] = [await make(1), await make(2), await make(3)];
      const output = await waited.run({ common: true });
      const handle = await forgotten.runNoWait();
      const entries = await settled.runSettled();
      return [output, await handle.output, entries.map((entry) => entry.output), await forgotten.status()];
    });
    expect(await signature.run()).toEqual([[1, null], [2, null], [3, null], 'succeeded']);
    expect(await outputs(signature)).toEqual([
      [1, null],
      [2, null],
      [3, null],
    ]);
  });

  test('an item of a swarm is a child of the root as part of its swarm only, which it starts', async () => {
    const signature = await roots.sign(root, async () => {
      const swarm = await mage.swarm({ name: 'filled by hand' });
      const item = await swarm.addTask(retriedWork, { value: 'item' });
      const output = await item.run({});
      await swarm.addTasks([[retriedWork, { value: 'added' }]], { run: true });
      return [output, swarm.id];
    });
    const [output, swarmId] = (await signature.run()) as [unknown, string];
    expect(output).toBe('item');
    expect(await outputs(signature)).toEqual([['item', 'added']]);
    expect(await (await signature.children()).progress()).toMatchObject({ total: 1, succeeded: 1 });
    // Nobody closed it: it was closed when the body had returned.
    expect(await (await mage.load(swarmId)).status()).toBe('succeeded');
  });

  test('a swarm that was made outside and not run is captured when the body runs it', async () => {
    const outside = await mage.swarm({ tasks: [[retriedWork, { value: 'outside' }]], isSwarmClosed: true });
    const signature = await roots.sign(root, () => outside.run());
    expect(await signature.run()).toEqual(['outside']);
    expect(await outputs(signature)).toEqual([['outside']]);
  });

  test('a swarm that was made and not run does not hold the root up', async () => {
    const signature = await roots.sign(root, async () => {
      await mage.swarm({ tasks: [retriedWork], isSwarmClosed: true });
      return 'done';
    });
    expect(await signature.run()).toBe('done');
    expect(await outputs(signature)).toEqual([]);
  });

  test('an item that is run of a swarm which runs outside is no child', async () => {
    const outside = await mage.swarm();
    const item = await outside.addTask(retriedWork, { value: 'of the other swarm' });
    await outside.runNoWait();
    const later = await outside.addTask(retriedWork, { value: 'later' });
    const signature = await roots.sign(root, () => later.run({}));
    expect(await signature.run()).toBe('later');
    expect(await outputs(signature)).toEqual([]);
    await outside.closeSwarm();
    expect(await item.status()).not.toBe('pending');
  });

  test('running a child twice throws', async () => {
    const signature = await roots.sign(root, async () => {
      const child = await mage.sign(retriedWork, { value: 1 });
      await child.run({});
      const chain = await mage.chain([retriedWork]);
      await chain.runNoWait({});
      const swarm = await mage.swarm({ tasks: [retriedWork], isSwarmClosed: true });
      await swarm.runNoWait();
      const errors = [];
      for (const again of [child, chain, swarm]) errors.push(await rejection(again.run({})));
      return errors.map((error) => error instanceof AlreadyStartedError);
    });
    expect(await signature.run()).toEqual([true, true, true]);
    expect(await outputs(signature)).toHaveLength(3);
  });

  test('equal signatures are different children, and those of one key are one', async () => {
    const signature = await roots.sign(root, async () => {
      for (let i = 0; i < 3; i++) await (await mage.sign(retriedWork, { value: 'equal' })).runNoWait({});
      const outputs = [];
      for (const value of ['first', 'second'])
        outputs.push(await (await mage.sign(retriedWork, { value }, { key: 'the same' })).run({}));
      return outputs;
    });
    expect(await signature.run()).toEqual(['first', 'first']);
    expect(await outputs(signature)).toEqual(['equal', 'equal', 'equal', 'first']);
  });

  test('a child has callbacks of its own, which are no children', async () => {
    const signature = await roots.sign(root, async () => {
      const callback = await mage.sign(retriedWork, { label: 'of a child' });
      await (await mage.sign(retriedWork, { value: 'x' }, { successCallbacks: [callback] })).runNoWait({});
    });
    await signature.run();
    expect((await taskSet.onlyExecution('of a child', signature)).input).toEqual({
      label: 'of a child',
      returnValue: 'x',
    });
    expect(await outputs(signature)).toEqual(['x']);
  });

  test('what another store keeps is not captured', async () => {
    const signature = await roots.sign(root, async () => {
      const child = await elsewhere.mage.sign('retried-work', { value: 'elsewhere', label: 'elsewhere' });
      await child.runNoWait({});
      return child.id;
    });
    const id = (await signature.run()) as string;
    expect(await outputs(signature)).toEqual([]);
    // Its run can end without a report only: no worker of this suite works for that store.
    expect(['queued', 'running', 'succeeded']).toContain(await (await elsewhere.mage.load(id)).status());
  });
});
