import { mageContext } from '../../../src';
import { eventually } from '../../helpers/fixture';
import { openRoots, type DurableBody } from '../../helpers/roots';

const { fixture, mage, taskSet, roots, root: ordinary, retriedWork, work, callback } = openRoots();
const { hatchet } = mage;
const declared = roots.declareDurable('declared', {
  retries: 1,
  successCallbacks: [callback],
  errorCallbacks: [callback],
  onEvents: ['declared:new'],
});

const ended = (label: string) =>
  taskSet.allExecutions.filter(({ input }) =>
    [input['returnValue'], (input['error'] as Error | undefined)?.message].includes(label),
  );

/** A body that starts a child, waits in the engine, starts another one, and gives the label. */
const waiting =
  (label: string): DurableBody =>
  async (_, ctx) => {
    const child = (value: string) =>
      mage.sign(work, { label, value: `${value}, ${mageContext()?.rootId ? '' : 'un'}captured` });
    await (await child('before')).runNoWait();
    await ctx.sleepFor('2s');
    await (await child('after')).runNoWait();
    return label;
  };
const children = ['before, captured', 'after, captured'];

/** Each way to run a durable root, with its message. */
const runs: [how: string, run: (message: { body: string }) => Promise<unknown>][] = [
  ['signed', async (message) => (await mage.sign(declared, message)).runNoWait()],
  ['run by its declaration', (message) => declared.runNoWait(message)],
  ['run by its name, through the client', (message) => hatchet.runNoWait('declared', message, {})],
  ['started by an event', (message) => hatchet.events.push('declared:new', message)],
];

describe.each(runs)('a durable root that is %s', (how, run) => {
  test('has its children and the callbacks of its declaration once, across its waits', async () => {
    const label = `well, ${how}`;
    await run(roots.body(waiting(label)));
    await eventually('the callback has run', () => ended(label).length > 0);
    expect(ended(label).map(({ input }) => input)).toEqual([{ returnValue: label, childResults: children }]);
    expect(taskSet.executions(label)).toHaveLength(2);
  });

  test('has the error callbacks of its declaration once after its last attempt', async () => {
    const reason = `badly, ${how}`;
    const attempts: number[] = [];
    const message = roots.body(async (_, ctx) => {
      await ctx.sleepFor('2s');
      attempts.push(ctx.retryCount());
      throw new Error(reason);
    });
    await run(message);
    await eventually('the callback has run', () => ended(reason).length > 0);
    const failures = [expect.objectContaining({ name: 'declared' })];
    expect(ended(reason).map(({ input }) => input)).toEqual([
      { ...message, error: { message: reason, failureCount: 1, failures } },
    ]);
    expect(attempts).toEqual([0, 1]);
  });
});

describe('a durable root', () => {
  const sign = (label: string, options = {}) => roots.signDurable(declared, waiting(label), options);

  test('has the callbacks of its signature in the place of those of its declaration', async () => {
    const own = await mage.sign(callback, { label: 'own' });
    const signature = await sign('with its own', { successCallbacks: [own] });
    expect(await signature.run()).toBe('with its own');
    const { input } = await taskSet.onlyExecution('own', signature);
    expect(input).toEqual({ label: 'own', returnValue: 'with its own', childResults: children });
    expect(ended('with its own')).toHaveLength(1);
  });

  test('is an item of a swarm: its output is that of its body, and it ends with its children', async () => {
    const held = await roots.signDurable(declared, async (_, ctx) => {
      await ctx.sleepFor('2s');
      await (await mage.sign(retriedWork, { label: 'held', waitFor: 'item' })).runNoWait();
      return 'the body';
    });
    const swarm = await mage.swarm({ tasks: [held, await sign('another item')], isSwarmClosed: true });
    const { output } = await swarm.runNoWait();
    await taskSet.started('held');
    expect(await held.status()).toBe('running');
    taskSet.openGate('item');
    expect(await output).toEqual(['the body', 'another item']);
  });

  test('is a step of a chain, which gives its output to the next step', async () => {
    const chain = await mage.chain([await sign('a step'), await mage.sign(work, { label: 'the next step' })]);
    expect(await chain.run({})).toEqual({ label: 'the next step', received: 'a step' });
  });

  test('is a callback, and gets the result', async () => {
    const called = await roots.signDurable(declared, async (input, ctx) => {
      await ctx.sleepFor('2s');
      await (await mage.sign(work, { label: 'of a callback', value: input['returnValue'] })).run();
      return 'called';
    });
    const task = await mage.sign(work, { value: 'the result' }, { successCallbacks: [called] });
    await task.run();
    await taskSet.settled(task);
    expect(taskSet.executions('of a callback').map(({ input }) => input['value'])).toEqual(['the result']);
  });

  test.each([
    ['an ordinary root', ordinary],
    ['another durable root', declared],
  ])('is a child of %s', async (name, outer) => {
    const label = `inner of ${name}`;
    const inner = roots.body(waiting(label));
    const signature = await roots.signDurable(outer, async (_, ctx) => {
      const child = await mage.sign(declared, inner);
      const output = await child.run();
      if ('sleepFor' in ctx) await ctx.sleepFor('2s');
      return output;
    });
    expect(await signature.run()).toBe(label);
    await taskSet.settled(signature);
    expect(taskSet.executions(label)).toHaveLength(2);
    expect(await (await signature.children()).progress()).toMatchObject({ total: 1, succeeded: 1 });
  });

  test('is found by its id in another instance, with its output and its children', async () => {
    const { id } = await (await sign('by its id')).runNoWait();
    const elsewhere = fixture.another();
    const found = await elsewhere.load(id, { kind: 'root' });
    expect(await found.wait()).toBe('by its id');
    const outputs: unknown[] = [];
    for await (const { index, output } of (await found.children()).results()) outputs[index] = output;
    expect(outputs).toEqual(children);
  });
});
