import { mageContext } from '../../../src';
import { eventually, gate } from '../../helpers/fixture';
import { openRoots } from '../../helpers/roots';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';

const { mage, taskSet, roots, root, retriedWork, work, tagged } = openRoots();
const inner = roots.declare('inner', { maxConcurrency: 2, stopAfterNFailures: 2 });

const child = async (message: object) => (await mage.sign(retriedWork, message as { value: unknown })).runNoWait({});
/** A body whose one child is held at this gate. */
const holding = (name: string) =>
  roots.body(() => child({ waitFor: name, value: `${name} child` }).then(() => `${name} body`));

describe('a root in a root', () => {
  test('is one child with the output of its body, and ends with its own children', async () => {
    const signature = await roots.sign(
      root,
      async () => {
        await child({ value: 'sibling' });
        await (await mage.sign(inner, holding('in a root'))).runNoWait({});
        return mageContext()?.rootId;
      },
      { successCallbacks: [await tagged('outer of two')] },
    );
    const handle = await signature.runNoWait();
    const children = await signature.children();
    await progressOf(children, { closed: true, succeeded: 1, running: 1 });
    expect(await signature.status()).toBe('running');
    taskSet.openGate('in a root');
    expect(await handle.output).toBe(signature.id);
    expect((await taskSet.onlyExecution('outer of two', signature)).input['childResults']).toEqual([
      'sibling',
      'in a root body',
    ]);
  });

  test('is awaited in the body, and gives what its body gave, after its children', async () => {
    const signature = await roots.sign(root, async () => {
      const nested = await roots.sign(inner, async () => {
        await child({ label: 'grandchild', value: 'leaf' });
        return mageContext()?.rootId;
      });
      const rootId: unknown = await nested.run();
      const { succeeded } = await (await nested.children()).progress();
      return { nested: nested.id, rootId, succeeded, own: mageContext()?.rootId };
    });
    const output = (await signature.run()) as Record<string, unknown>;
    expect(output).toEqual({ nested: output['nested'], rootId: output['nested'], succeeded: 1, own: signature.id });
    // The nearest root is what a child belongs to.
    expect(taskSet.executions('grandchild')[0]?.context?.rootId).toBe(output['nested']);
  });

  test('is captured as a declaration too', async () => {
    const body = roots.body(async () => {
      await child({ value: 1 });
      return 'inner body';
    });
    const signature = await roots.sign(root, () => inner.run(body));
    expect(await signature.run()).toBe('inner body');
    expect(await (await signature.children()).progress()).toMatchObject({ total: 1, succeeded: 1 });
  });

  test('goes on publishing after the body around it has returned', async () => {
    const outerHasReturned = gate();
    const nested = await roots.sign(inner, async () => {
      const swarm = await mage.swarm();
      await (await swarm.addTask(retriedWork, { value: 'before' })).run({});
      await outerHasReturned.opened;
      await child({ value: 'direct' });
      await (await swarm.addTask(retriedWork, { value: 'after' })).runNoWait({});
      return 'inner body';
    });
    const signature = await roots.sign(root, () => nested.runNoWait().then(() => 'outer body'));
    const handle = await signature.runNoWait();
    await progressOf(await signature.children(), { closed: true, running: 1 });
    outerHasReturned.open();
    expect(await handle.output).toBe('outer body');
    const children: unknown[] = [];
    for await (const { index, output } of (await nested.children()).results()) children[index] = output;
    expect(children).toEqual([['before', 'after'], 'direct']);
  });

  test('that runs when the limit outside is reached goes on to its end, with what it publishes later', async () => {
    const limitReached = gate();
    const nested = await roots.sign(root, async () => {
      await (await mage.sign(retriedWork, { value: 'before' })).run({});
      await limitReached.opened;
      await child({ value: 'after' });
      return 'inner body';
    });
    const signature = await roots.sign(inner, async () => {
      const handle = await nested.runNoWait();
      await eventually('it runs', async () => (await (await nested.children()).progress()).succeeded === 1);
      for (let n = 0; n < 2; n++) await rejection((await mage.sign(work, { fail: `failure ${n}` })).run({}));
      limitReached.open();
      return handle.output;
    });
    expect((await rejection(signature.run())).message).toContain('2 of its 3 children failed');
    expect(await nested.status()).toBe('succeeded');
    expect(await (await nested.children()).progress()).toMatchObject({ total: 2, succeeded: 2 });
  });

  test('that fails by its children is one failure outside', async () => {
    const signature = await roots.sign(root, async () => {
      const nested = await roots.sign(inner, async () => {
        for (let n = 0; n < 2; n++) await (await mage.sign(work, { fail: `leaf ${n}` })).runNoWait({});
      });
      return (await rejection(nested.run())).message;
    });
    expect(await signature.run()).toContain('2 of its 2 children failed');
    expect(await (await signature.children()).progress()).toMatchObject({ total: 1, failed: 1, status: 'succeeded' });
  });

  test('to five levels, each with a limit of one: nothing waits for itself', async () => {
    const deep = (level: number): ReturnType<typeof roots.sign> =>
      roots.sign(inner, async () => {
        if (level === 0) return 'the leaf';
        return { [`level ${level}`]: (await (await deep(level - 1)).run()) as unknown };
      });
    const signature = await deep(4);
    expect(await signature.run()).toEqual({ 'level 4': { 'level 3': { 'level 2': { 'level 1': 'the leaf' } } } });
  });
});

describe('a root as an item of a swarm', () => {
  test('gives the output of its body, holds its slot until its children have ended, and then hands it on', async () => {
    const item = await mage.sign(inner, holding('in a swarm'));
    const swarm = await mage.swarm({
      tasks: [item, [retriedWork, { value: 'after it', label: 'after the item' }]],
      successCallbacks: [await tagged('swarm with a root')],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    const handle = await swarm.runNoWait();
    await eventually('its body has returned', async () => (await (await item.children()).progress()).closed);
    expect(await item.status()).toBe('running');
    expect(await swarm.progress()).toMatchObject({ running: 1, queued: 1, succeeded: 0 });
    expect(taskSet.executions('after the item')).toEqual([]);
    taskSet.openGate('in a swarm');
    expect(await handle.output).toEqual(['in a swarm body', 'after it']);
    expect((await taskSet.onlyExecution('swarm with a root', swarm)).input['returnValue']).toEqual([
      'in a swarm body',
      'after it',
    ]);
    expect(await item.status()).toBe('succeeded');
  });

  test('that fails counts as one failure, and its children are not counted as items', async () => {
    const item = await roots.sign(inner, async () => {
      for (let n = 0; n < 2; n++) await (await mage.sign(work, { fail: `leaf ${n}` })).runNoWait({});
    });
    const swarm = await mage.swarm({
      tasks: [item, await mage.sign(retriedWork, { value: 1 })],
      successCallbacks: [await tagged('swarm with a failing root')],
      isSwarmClosed: true,
    });
    expect(await swarm.run()).toEqual([1]);
    expect(await swarm.progress()).toMatchObject({ total: 2, succeeded: 1, failed: 1 });
    const { context } = await taskSet.onlyExecution('swarm with a failing root', swarm);
    expect(context?.failures).toMatchObject([{ id: item.id, index: 0 }]);
    expect(context?.failures?.[0]?.message).toContain('2 of its 2 children failed');
  });

  test('has the message of the swarm, and says so in its context', async () => {
    const item = await roots.sign(inner, (input) => [input['common'], mageContext()]);
    const swarm = await mage.swarm({ tasks: [item], isSwarmClosed: true });
    expect(await swarm.run({ common: 'for all' })).toEqual([
      [
        'for all',
        {
          attempt: 1,
          signatureId: item.id,
          rootId: item.id,
          swarmId: swarm.id,
          index: 0,
          message: { common: 'for all' },
        },
      ],
    ]);
  });
});

describe('a root as a step of a chain', () => {
  test('gets the output before, and the next step gets that of its body, after its children', async () => {
    const step = await roots.sign(inner, async (input) => {
      await child({ waitFor: 'in a chain', value: 'child' });
      return { received: input['returnValue'] };
    });
    const chain = await mage.chain([
      await mage.sign(retriedWork, { value: 'first' }),
      step,
      await tagged('after the root'),
    ]);
    const handle = await chain.runNoWait({});
    await eventually('its body has returned', async () => {
      const { closed } = await (await step.children()).progress();
      return closed;
    });
    expect(taskSet.executions('after the root')).toEqual([]);
    expect(await chain.status()).toBe('running');
    taskSet.openGate('in a chain');
    await handle.output;
    expect(taskSet.executions('after the root').map(({ input }) => input)).toEqual([
      { label: 'after the root', returnValue: { received: 'first' } },
    ]);
  });

  test('that fails ends the chain', async () => {
    const step = await roots.sign(inner, async () => {
      for (let n = 0; n < 2; n++) await (await mage.sign(work, { fail: `leaf ${n}` })).runNoWait({});
    });
    const chain = await mage.chain([step, await tagged('never after it')], {
      errorCallbacks: [await tagged('chain with a failing root')],
    });
    expect((await rejection(chain.run({}))).message).toContain('2 of its 2 children failed');
    await taskSet.onlyExecution('chain with a failing root', chain);
    expect(taskSet.executions('never after it')).toEqual([]);
  });
});

describe('a root as a callback', () => {
  test('gets the result, captures, and has callbacks of its own', async () => {
    const callback = await roots.sign(
      inner,
      async (input) => {
        for (const value of input['returnValue'] as number[]) await child({ value: value * 10 });
        return 'callback body';
      },
      { successCallbacks: [await tagged('callback of a callback')] },
    );
    const swarm = await mage.swarm({
      tasks: [
        [retriedWork, { value: 1 }],
        [retriedWork, { value: 2 }],
      ],
      successCallbacks: [callback],
      isSwarmClosed: true,
    });
    await swarm.run();
    expect((await taskSet.onlyExecution('callback of a callback', swarm)).input).toEqual({
      label: 'callback of a callback',
      returnValue: 'callback body',
      childResults: [10, 20],
    });
    await statusOf(callback, 'succeeded');
    expect(await (await callback.children()).progress()).toMatchObject({ total: 2, succeeded: 2, status: 'succeeded' });
  });

  test('gets the failure, and captures', async () => {
    const callback = await roots.sign(inner, async (input) => {
      const { message } = input['error'] as Error;
      return (await mage.sign(retriedWork, { value: `handled ${message}`, label: 'handler' })).run({});
    });
    const parent = await mage.sign(work, { fail: 'broken' }, { errorCallbacks: [callback] });
    await rejection(parent.run({}));
    await taskSet.settled(parent);
    expect(await callback.status()).toBe('succeeded');
    expect(taskSet.executions('handler')).toMatchObject([{ input: { value: 'handled broken' } }]);
    expect(await (await callback.children()).progress()).toMatchObject({ total: 1, succeeded: 1 });
  });

  test('of another root gets the output and the children of that one', async () => {
    const callback = await roots.sign(inner, async ({ returnValue, childResults }) => {
      await child({ value: { returnValue, childResults }, label: 'second generation' });
    });
    const signature = await roots.sign(root, () => child({ value: 'c' }).then(() => 'b'), {
      successCallbacks: [callback],
    });
    await signature.run();
    await taskSet.settled(signature);
    expect(taskSet.executions('second generation').map(({ input }) => input['value'])).toEqual([
      { returnValue: 'b', childResults: ['c'] },
    ]);
  });

  test('that fails changes nothing for its parent', async () => {
    const callback = await roots.sign(inner, () => {
      throw new Error('a broken callback');
    });
    const parent = await mage.sign(retriedWork, { value: 'fine' }, { successCallbacks: [callback] });
    expect(await parent.run({})).toBe('fine');
    await taskSet.settled(parent);
    expect(await parent.status()).toBe('succeeded');
    expect(await callback.status()).toBe('failed');
  });
});
