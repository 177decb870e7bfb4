import { CancelledError, mageContext, TaskFailedError, withoutRootSwarm, type RootSignature } from '../../../src';
import { eventually, gate } from '../../helpers/fixture';
import { openRoots, type RootBody } from '../../helpers/roots';
import { progressOf, rejection } from '../../helpers/outcomes';

const { mage, taskSet, roots, root, retriedWork, work, tagged } = openRoots({ retries: 2 });
const narrow = roots.declare('narrow', { retries: 1, maxConcurrency: 1 });
const strict = roots.declare('strict', { retries: 1, stopAfterNFailures: 1 });
const hasty = roots.declare('hasty', { retries: 1, executionTimeout: '2s' });

const again = new Error('try again');
const ran = (label: string) => taskSet.executions(label).map(({ input }) => input['value']);
const run = async (label: string, value: unknown) => (await mage.sign(retriedWork, { label, value })).runNoWait({});

/** Runs a root, and gives what its body gave at last and the outputs of all its children, by index. */
async function outcome(body: RootBody) {
  const signature = await roots.sign(root, body);
  const output: unknown = await signature.run();
  const children: unknown[] = [];
  for await (const entry of (await signature.children()).results()) children[entry.index] = entry.error ?? entry.output;
  return { output, children };
}

describe('a body that is tried again after it has thrown', () => {
  test('gets back what it published, equal ones too, and goes on from there', async () => {
    const { output, children } = await outcome(async (_, ctx) => {
      const first = ctx.retryCount() === 0;
      const handles = [await run('back', 'a'), await run('back', 'b')];
      for (let i = 0; i < 2; i++) handles.push(await run('back', 'equal'));
      if (first) throw again;
      for (let i = 0; i < 2; i++) handles.push(await run('back', 'equal'));
      handles.push(await run('back', 'new'));
      return Promise.all(handles.map((handle) => handle.output));
    });
    expect(output).toEqual(['a', 'b', 'equal', 'equal', 'equal', 'equal', 'new']);
    expect(children).toEqual(output);
    expect(ran('back').sort()).toEqual([...(output as string[])].sort());
  });

  test('distinguishes equal tasks by the message they are run with and by the data bound to them', async () => {
    const { output, children } = await outcome(async (_, ctx) => {
      const outputs = [];
      for (const value of ['x', 'y', 'x']) {
        const child = await mage.sign(retriedWork, { label: 'by message' });
        outputs.push(await child.run({ value }));
        if (ctx.retryCount() < 2 && outputs.length === ctx.retryCount() + 1) throw again;
      }
      return outputs;
    });
    expect(output).toEqual(['x', 'y', 'x']);
    expect(children).toEqual(['x', 'y', 'x']);
    expect(ran('by message').sort()).toEqual(['x', 'x', 'y']);
  });

  test('gets back chains and swarms, whether it had run them already or only made them', async () => {
    const { output, children } = await outcome(async (_, ctx) => {
      const task = (value: unknown) => mage.sign(retriedWork, { label: 'groups', value });
      const chain = await mage.chain([await task('chain 1'), await task('chain 2')]);
      const swarm = await mage.swarm({ tasks: [await task('swarm 1'), await task('swarm 2')], isSwarmClosed: true });
      const equal = await mage.swarm({ tasks: [await task('swarm 1'), await task('swarm 2')], isSwarmClosed: true });
      if (ctx.retryCount() === 0) throw again;
      const handles = [await chain.runNoWait({}), await swarm.runNoWait()];
      if (ctx.retryCount() === 1) throw again;
      return [...(await Promise.all(handles.map((handle) => handle.output))), await equal.run()];
    });
    const lists = ['swarm 1', 'swarm 2'];
    expect(output).toEqual(['chain 2', lists, lists]);
    expect(children).toEqual(output);
    expect(ran('groups').sort()).toEqual(['chain 1', 'chain 2', ...lists, ...lists].sort());
  });

  test('goes on filling the open swarm that it was filling', async () => {
    const { output, children } = await outcome(async (_, ctx) => {
      const swarm = await mage.swarm({ name: 'open', config: { maxConcurrency: 2 } });
      const fill = async (value: string) =>
        (await swarm.addTask(retriedWork, { label: 'filled', value })).runNoWait({});
      const handles = [await fill('one'), await fill('two'), await fill('two')];
      await swarm.addTasks(
        ['three', 'four', 'four'].map((value) => [retriedWork, { label: 'filled', value }] as const),
        { run: true },
      );
      if (ctx.retryCount() === 0) throw again;
      handles.push(await fill('five'));
      if (ctx.retryCount() === 1) throw again;
      await swarm.addTasks([[retriedWork, { label: 'filled', value: 'six' }]], { run: true });
      await swarm.closeSwarm();
      const outputs = await Promise.all(handles.map((handle) => handle.output));
      return [outputs, (await swarm.progress()).total];
    });
    expect(output).toEqual([['one', 'two', 'two', 'five'], 8]);
    expect(children).toEqual([['one', 'two', 'two', 'three', 'four', 'four', 'five', 'six']]);
    expect(ran('filled').sort()).toEqual(['five', 'four', 'four', 'one', 'six', 'three', 'two', 'two']);
  });

  test('runs a swarm again that it ran with its message, and adds to it', async () => {
    const { output } = await outcome(async (_, ctx) => {
      const swarm = await mage.swarm({ tasks: [[retriedWork, { label: 'ran again', value: 1 }]] });
      const handle = await swarm.runNoWait({ common: true });
      await swarm.addTask(retriedWork, { label: 'ran again', value: 2 });
      if (ctx.retryCount() === 0) throw again;
      await swarm.addTask(retriedWork, { label: 'ran again', value: 3 });
      await swarm.closeSwarm();
      return handle.output;
    });
    expect(output).toEqual([1, 2, 3]);
    expect(ran('ran again').sort()).toEqual([1, 2, 3]);
    for (const { input } of taskSet.executions('ran again')) expect(input['common']).toBe(true);
  });

  test('loses nothing when its branches come in another order', async () => {
    const { output, children } = await outcome(async (_, ctx) => {
      const attempt = ctx.retryCount();
      const [start, turn] = [gate(), gate()];
      const branch = async (name: string, mine: typeof start, next: typeof start) => {
        await mine.opened;
        const outputs = [];
        for (let i = 0; i < 4; i++) {
          outputs.push((await run('branches', `${name} ${i}`)).output, (await run('branches', 'shared')).output);
          // The first attempt dies in the middle of the second branch.
          if (attempt === 0 && mine === turn && i === 1) throw again;
        }
        next.open();
        return Promise.all(outputs);
      };
      const [a, b] = attempt === 0 ? [start, turn] : [turn, start];
      start.open();
      return Promise.all([branch('a', a, b), branch('b', b, a)]);
    });
    const expected = ['a', 'b'].map((name) => [0, 1, 2, 3].flatMap((i) => [`${name} ${i}`, 'shared']));
    expect(output).toEqual(expected);
    expect([...children].sort()).toEqual(expected.flat().sort());
    expect(ran('branches').sort()).toEqual(expected.flat().sort());
  });

  test('gets back by its key what has other data now', async () => {
    const { output, children } = await outcome(async (_, ctx) => {
      const data = { label: 'keyed', value: `attempt ${ctx.retryCount()}` };
      const child = await mage.sign(retriedWork, data, { key: 'child' });
      const chain = await mage.chain([await mage.sign(retriedWork, data)], { key: 'chain' });
      const swarm = await mage.swarm({ tasks: [[retriedWork, data]], key: 'swarm' });
      const item = await swarm.addTask(retriedWork, data, { key: 'item' });
      const handles = [
        await child.runNoWait({}),
        await chain.runNoWait({}),
        await item.runNoWait({}),
        await swarm.runNoWait(),
        await retriedWork.runNoWait(data, { childKey: 'declaration' }),
      ];
      await swarm.closeSwarm();
      if (ctx.retryCount() === 0) throw again;
      return Promise.all(handles.map((handle) => handle.output as Promise<unknown>));
    });
    const kept = 'attempt 0';
    expect(output).toEqual([kept, kept, kept, [kept, kept], kept]);
    expect(children).toHaveLength(4);
    expect(ran('keyed')).toEqual(Array.from({ length: 5 }, () => kept));
  });

  test('makes new children of data that differ', async () => {
    const { output, children } = await outcome(async (_, ctx) => {
      const value = `attempt ${ctx.retryCount()}`;
      const handles = [
        await run('differ', value),
        await (await mage.chain([await mage.sign(retriedWork, { label: 'differ', value })])).runNoWait({}),
        await (
          await mage.swarm({ tasks: [[retriedWork, { label: 'differ', value }]], isSwarmClosed: true })
        ).runNoWait(),
      ];
      if (ctx.retryCount() === 0) throw again;
      return Promise.all(handles.map((handle) => handle.output as Promise<unknown>));
    });
    expect(output).toEqual(['attempt 1', 'attempt 1', ['attempt 1']]);
    // What the first attempt published is nobody's mistake: it runs and counts like the rest.
    expect(children).toEqual(['attempt 0', 'attempt 0', ['attempt 0'], ...(output as unknown[])]);
    expect(ran('differ').sort()).toEqual([0, 0, 0, 1, 1, 1].map((n) => `attempt ${n}`));
  });

  test('gets back what its declarations and its context ran', async () => {
    const { output, children } = await outcome(async (_, ctx) => {
      const returning = (n: number) => ({ label: 'declared', value: n });
      const outputs: unknown[] = [
        await retriedWork.run(returning(1)),
        await retriedWork.run([returning(1), returning(2)]),
      ];
      outputs.push(
        await retriedWork.runMany([{ input: returning(3) }]),
        await ctx.runChild(retriedWork as never, returning(3)),
      );
      if (ctx.retryCount() === 0) throw again;
      return outputs;
    });
    expect(output).toEqual([1, [1, 2], [3], 3]);
    expect(children).toEqual([1, 1, 2, 3, 3]);
    expect(ran('declared').sort()).toEqual([1, 1, 2, 3, 3]);
  });

  test('gets the failure of a child that failed before, which does not run again', async () => {
    const { output, children } = await outcome(async (_, ctx) => {
      const child = await mage.sign(work, { label: 'failed before', fail: 'no good' });
      const error = await rejection(child.run({}));
      if (ctx.retryCount() === 0) throw again;
      return [error instanceof TaskFailedError, error.message];
    });
    expect(output).toEqual([true, 'work failed: no good']);
    expect(children).toEqual(['no good']);
    expect(taskSet.executions('failed before')).toHaveLength(1);
  });

  test('gets a child that was waiting, or running, when it threw', async () => {
    const signature = await roots.sign(narrow, async (_, ctx) => {
      const running = await (
        await mage.sign(retriedWork, { label: 'waits', value: 'ran', waitFor: 'waits' })
      ).runNoWait({});
      const waiting = await run('waits', 'waited');
      if (ctx.retryCount() === 0) throw again;
      taskSet.openGate('waits');
      return Promise.all([running.output, waiting.output]);
    });
    expect(await signature.run()).toEqual(['ran', 'waited']);
    expect(ran('waits')).toEqual(['ran', 'waited']);
    expect(await (await signature.children()).progress()).toMatchObject({ total: 2, succeeded: 2 });
  });

  test('has its callbacks once, with the children of all attempts in the order of their publication', async () => {
    const options = {
      successCallbacks: [await tagged('after retries')],
      errorCallbacks: [await tagged('retries error')],
    };
    const body: RootBody = async (_, ctx) => {
      await run('in order', ctx.retryCount());
      await run('in order', 'each time');
      if (ctx.retryCount() < 2) throw again;
      return 'the third time';
    };
    const signature = await roots.sign(root, body, options);
    expect(await signature.run()).toBe('the third time');
    expect((await taskSet.onlyExecution('after retries', signature)).input).toMatchObject({
      returnValue: 'the third time',
      childResults: [0, 'each time', 1, 2],
    });
    expect(taskSet.executions('retries error')).toEqual([]);
  });

  test('gets back a root in it, whose own body does not run again', async () => {
    let bodies = 0;
    const inner = roots.body(async () => {
      bodies += 1;
      await run('of the inner root', 'leaf');
      return 'inner';
    });
    const { output, children } = await outcome(async (_, ctx) => {
      const handle = await (await mage.sign(narrow, inner)).runNoWait({});
      if (ctx.retryCount() === 0) throw again;
      return handle.output;
    });
    expect(output).toBe('inner');
    expect(children).toEqual(['inner']);
    expect(bodies).toBe(1);
    expect(ran('of the inner root')).toEqual(['leaf']);
  });

  test('publishes again what runs apart from it', async () => {
    await outcome(async (_, ctx) => {
      await withoutRootSwarm(async () => (await mage.sign(retriedWork, { label: 'apart' })).run({}));
      if (ctx.retryCount() === 0) throw again;
    });
    expect(taskSet.executions('apart')).toHaveLength(2);
  });

  test('finds its limit of failures reached, when it was', async () => {
    const limited = roots.sign(strict, async (_, ctx) => {
      const child = await mage.sign(work, { fail: 'at the limit', label: 'strict' });
      await rejection(child.run({}));
      if (ctx.retryCount() === 0) throw again;
      const late = await rejection((await mage.sign(retriedWork, { label: 'strict, late' })).run({}));
      if (!(late instanceof CancelledError)) throw new Error(`unexpected ${String(late)}`);
      return 'the body is well';
    });
    const error = await rejection((await limited).run());
    expect(error.message).toContain('1 of its 2 children failed');
    expect(taskSet.executions('strict')).toHaveLength(1);
    expect(taskSet.executions('strict, late')).toEqual([]);
  });
});

test('a root that is run without a signature gets back what its earlier attempt made as well', async () => {
  let rootId = '';
  const message = roots.body(async (_, ctx) => {
    rootId = mageContext()?.rootId ?? '';
    const handles = [await run('plain', 1), await run('plain', 1)];
    if (ctx.retryCount() === 0) throw again;
    handles.push(await run('plain', 2));
    return { of: await Promise.all(handles.map((handle) => handle.output)) };
  });
  expect(await root.run(message)).toEqual({ of: [1, 1, 2] });
  expect(ran('plain').sort()).toEqual([1, 1, 2]);
  const signature = (await mage.load(rootId)) as unknown as RootSignature<object, unknown>;
  await eventually('it has ended', async () => (await signature.status()) === 'succeeded');
  expect(await (await signature.children()).progress()).toMatchObject({ total: 3, succeeded: 3 });
});

describe('a body that ran out of time', () => {
  test('is tried again while the old one goes on: each child runs once, and what the old one adds late runs nowhere', async () => {
    const late = gate();
    let refused: unknown;
    const signature = await roots.sign(hasty, async (_, ctx) => {
      const handles = [await run('hasty', 1), await run('hasty', 2)];
      if (ctx.retryCount() === 0) {
        await late.opened;
        refused = await rejection(run('hasty', 'too late'));
        late.open();
        return 'nobody asks for it';
      }
      handles.push(await run('hasty', 3));
      return Promise.all(handles.map((handle) => handle.output));
    });
    expect(await signature.run()).toEqual([1, 2, 3]);
    late.open();
    await eventually('the old attempt has gone on', () => refused !== undefined);
    expect(refused).toBeInstanceOf(CancelledError);
    expect(ran('hasty').sort()).toEqual([1, 2, 3]);
    expect(await progressOf(await signature.children(), { total: 3, succeeded: 3 })).toMatchObject({
      status: 'succeeded',
    });
    expect(await signature.status()).toBe('succeeded');
  });
});
