import { z } from 'zod';
import { childResults, returnValue, TaskFailedError } from '../../../src';
import { openRoots } from '../../helpers/roots';
import { rejection } from '../../helpers/outcomes';

const { mage, taskSet, roots, root, retriedWork, work, callback, tagged, others } = openRoots();
const withDefaults = roots.declare('with-defaults', {
  successCallbacks: [callback, 'marked'],
  errorCallbacks: [callback],
});
const marked = mage.task({
  name: 'marked',
  input: z.object({
    label: z.string().default('marked'),
    total: returnValue(z.unknown()),
    parts: childResults(z.array(z.unknown())).readonly(),
  }),
  fn: (input) => taskSet.record(input),
});
others.push(marked);

const child = async (message: object) => (await mage.sign(retriedWork, message as { value: unknown })).runNoWait({});

describe('success callbacks of a root', () => {
  test('get the output of its body, and those of the children in the order of their publication', async () => {
    const signature = await roots.sign(
      root,
      async () => {
        await child({ waitFor: 'first', value: 'slow' });
        await (await mage.sign(retriedWork, { value: 'quick' })).run({});
        await child({ waitFor: 'first', value: 'slow too' });
        taskSet.openGate('first');
        return { of: 'the body' };
      },
      { successCallbacks: [await tagged('results', { bound: 1 })] },
    );
    await signature.run({ unseen: true });
    expect((await taskSet.onlyExecution('results', signature)).input).toEqual({
      label: 'results',
      bound: 1,
      returnValue: { of: 'the body' },
      childResults: ['slow', 'quick', 'slow too'],
    });
  });

  test('get both in the fields that their schema marks', async () => {
    const attached = await mage.sign(marked, { label: 'in marked fields' });
    const signature = await roots.sign(root, () => child({ value: 7 }).then(() => 'body'), {
      successCallbacks: [attached],
    });
    await signature.run();
    expect((await taskSet.onlyExecution('in marked fields', signature)).input).toEqual({
      label: 'in marked fields',
      total: 'body',
      parts: [7],
    });
  });

  test('get an empty list when there are no children, as soon as the body has ended', async () => {
    const signature = await roots.sign(root, () => undefined, { successCallbacks: [await tagged('no children')] });
    expect(await signature.run()).toBeNull();
    expect((await taskSet.onlyExecution('no children', signature)).input).toEqual({
      label: 'no children',
      returnValue: null,
      childResults: [],
    });
  });

  test('get the outputs without those of the failed, and can ask for the failures', async () => {
    const signature = await roots.sign(
      root,
      async () => {
        await child({ value: 1 });
        await (await mage.sign(work, { fail: 'no' }, { name: 'failing' })).runNoWait({});
        await child({ returnsNothing: true });
      },
      { successCallbacks: [await tagged('partly')], errorCallbacks: [await tagged('partly error')] },
    );
    await signature.run();
    const { input, context } = await taskSet.onlyExecution('partly', signature);
    expect(input['childResults']).toEqual([1, null]);
    expect(context?.failures).toMatchObject([{ name: 'failing', index: 1, message: 'no' }]);
    const outputs = [];
    for await (const output of context?.results ?? []) outputs.push(output);
    expect(outputs).toEqual([1, null]);
    expect(taskSet.executions('partly error')).toEqual([]);
  });

  test('run even when all children failed', async () => {
    const signature = await roots.sign(
      root,
      async () => (await mage.sign(work, { fail: 'all' })).runNoWait({}).then(() => 1),
      {
        successCallbacks: [await tagged('all failed')],
      },
    );
    expect(await signature.run()).toBe(1);
    expect((await taskSet.onlyExecution('all failed', signature)).input).toMatchObject({
      returnValue: 1,
      childResults: [],
    });
  });

  test('may be chains and swarms', async () => {
    const swarm = await mage.swarm({
      tasks: [await tagged('in a swarm'), await tagged('in a swarm')],
      isSwarmClosed: true,
    });
    const chain = await mage.chain([await tagged('in a chain', { value: 'on' }), await tagged('next')]);
    const signature = await roots.sign(root, () => child({ value: 1 }).then(() => 'body'), {
      successCallbacks: [swarm, chain],
    });
    await signature.run();
    await taskSet.settled(signature);
    const given = { returnValue: 'body', childResults: [1] };
    expect(taskSet.executions('in a swarm').map(({ input }) => input)).toMatchObject([given, given]);
    expect(taskSet.executions('in a chain').map(({ input }) => input)).toMatchObject([given]);
    expect(taskSet.executions('next').map(({ input }) => input)).toEqual([{ label: 'next', returnValue: 'on' }]);
  });
});

describe('error callbacks of a root', () => {
  test('get its input and what its body threw, after the children have ended, once', async () => {
    const signature = await roots.sign(
      root,
      async () => {
        await child({ label: 'child of a thrower', waitFor: 'thrown' });
        throw new Error('thrown by the body');
      },
      {
        name: 'the thrower',
        successCallbacks: [await tagged('threw, success')],
        errorCallbacks: [await tagged('threw')],
      },
    );
    const handle = await signature.runNoWait({ asked: 'for' });
    const running = (await signature.children()).progress();
    await running;
    expect(taskSet.executions('threw')).toEqual([]);
    taskSet.openGate('thrown');
    const error = await rejection(handle.output);
    expect(error).toBeInstanceOf(TaskFailedError);
    expect((await taskSet.onlyExecution('threw', signature)).input).toMatchObject({
      label: 'threw',
      asked: 'for',
      error: {
        message: 'thrown by the body',
        failureCount: 1,
        failures: [{ id: signature.id, name: 'the thrower', message: 'thrown by the body' }],
      },
    });
    expect(taskSet.executions('threw, success')).toEqual([]);
    expect(await (await signature.children()).progress()).toMatchObject({ succeeded: 1, status: 'succeeded' });
  });
});

describe('callbacks of the declaration', () => {
  test('are those of each signature that has none of its own', async () => {
    const signature = await mage.sign(
      withDefaults,
      roots.body(() => child({ value: 'd' }).then(() => 'default')),
    );
    await signature.run();
    await taskSet.settled(signature);
    const given = taskSet.allExecutions.filter(
      ({ input }) => input['returnValue'] === 'default' || input['total'] === 'default',
    );
    expect(given.map(({ input }) => input)).toEqual(
      expect.arrayContaining([
        { returnValue: 'default', childResults: ['d'] },
        { label: 'marked', total: 'default', parts: ['d'] },
      ]),
    );
    expect(given).toHaveLength(2);
  });

  test('run for its failures as well', async () => {
    const body = roots.body(() => {
      throw new Error('for the default');
    });
    const signature = await mage.sign(withDefaults, body);
    expect(await rejection(signature.run({}))).toBeInstanceOf(TaskFailedError);
    await taskSet.settled(signature);
    const alerts = taskSet.allExecutions.filter(
      ({ input }) => (input['error'] as Error | undefined)?.message === 'for the default',
    );
    expect(alerts).toHaveLength(1);
  });

  test('give way to those of a signature, each list by itself', async () => {
    const body = roots.body((input) => {
      if (input['fail']) throw new Error('not for the default');
      return 'own';
    });
    const options = { successCallbacks: [await tagged('own success')] };
    const good = await mage.sign(withDefaults, body, options);
    await good.run({});
    expect((await taskSet.onlyExecution('own success', good)).input).toMatchObject({ returnValue: 'own' });
    expect(
      taskSet.allExecutions.filter(({ input }) => input['returnValue'] === 'own' || input['total'] === 'own'),
    ).toHaveLength(1);
    const bad = await mage.sign(withDefaults, { ...body, fail: true }, options);
    expect(await rejection(bad.run({}))).toBeInstanceOf(TaskFailedError);
    await taskSet.settled(bad);
    expect(
      taskSet.allExecutions.filter(
        ({ input }) => (input['error'] as Error | undefined)?.message === 'not for the default',
      ),
    ).toHaveLength(1);
    const none = await mage.sign(withDefaults, body, { successCallbacks: [] });
    await none.run({});
    await taskSet.settled(none);
    expect(taskSet.allExecutions.filter(({ input }) => input['returnValue'] === 'own')).toHaveLength(1);
  });

  test('run when it is signed by its name too', async () => {
    const signature = await mage.sign(
      'with-defaults',
      roots.body(() => 'by name'),
    );
    expect(signature.kind).toBe('root');
    await signature.run({});
    await taskSet.settled(signature);
    expect(taskSet.allExecutions.filter(({ input }) => input['returnValue'] === 'by name')).toHaveLength(1);
  });

  test('run when it is an item of a swarm, and when another root runs it', async () => {
    const swarm = await mage.swarm({ tasks: [[withDefaults, roots.body(() => 'as an item')]], isSwarmClosed: true });
    expect(await swarm.run()).toEqual(['as an item']);
    await taskSet.settled(swarm);
    expect(taskSet.allExecutions.filter(({ input }) => input['returnValue'] === 'as an item')).toHaveLength(1);
    const body = roots.body(() => 'as a child');
    const outer = await roots.sign(root, () => withDefaults.run(body));
    expect(await outer.run()).toBe('as a child');
    await taskSet.settled(outer);
    expect(taskSet.allExecutions.filter(({ input }) => input['returnValue'] === 'as a child')).toHaveLength(1);
  });
});
