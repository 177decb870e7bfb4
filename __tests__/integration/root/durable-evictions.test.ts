import { Or } from '@hatchet-dev/typescript-sdk';
import { TaskRunTerminatedError } from '@hatchet-dev/typescript-sdk/util/errors/task-run-terminated-error';
import { CancelledError, mageContext, type Handle } from '../../../src';
import { eventually, gate } from '../../helpers/fixture';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';
import { openRoots, type DurableBody } from '../../helpers/roots';

const { fixture, mage, taskSet, roots, root: ordinary, retriedWork, work, tagged } = openRoots();
const { hatchet } = fixture;
const root = roots.declareDurable('evicted', { retries: 1, maxConcurrency: 3 });
const strict = roots.declareDurable('strict', { stopAfterNFailures: 1 });
const hurried = roots.declareDurable('hurried', { executionTimeout: '12s' });

const ran = (label: string) => taskSet.executions(label).map(({ input }) => input['value']);
const run = async (label: string, value: unknown, more: object = {}) =>
  (await mage.sign(retriedWork, { label, value, ...more })).runNoWait({});
const push = (event: string) => hatchet.events.push(event, {});

/** Runs a durable root, and returns its signature and handle once the engine has evicted its run. */
async function startAndEvict(body: DurableBody, { task = root, options = {} } = {}) {
  const signature = await roots.signDurable(task, body, options);
  const handle: Handle<unknown> = await signature.runNoWait();
  await roots.evicted(handle.runId);
  return { signature, handle, children: await signature.children() };
}

describe('a durable body that is evicted while it waits', () => {
  test('runs again from the top, in the same attempt, and runs each child and each callback once', async () => {
    const invocations: unknown[] = [];
    const body: DurableBody = async (_, ctx) => {
      invocations.push([ctx.invocationCount, ctx.retryCount(), mageContext()?.attempt]);
      const handles = [await run('once', 'first'), await run('once', 'equal'), await run('once', 'equal')];
      await ctx.waitForEvent('once:1');
      handles.push(await run('once', 'equal'), await run('once', 'second'));
      await ctx.waitForEvent('once:2');
      handles.push(await run('once', 'last'));
      return Promise.all(handles.map(({ output }) => output));
    };
    const options = { successCallbacks: [await tagged('after all')], errorCallbacks: [await tagged('never')] };
    const { signature, handle, children } = await startAndEvict(body, { options });
    await progressOf(children, { total: 3, succeeded: 3, closed: false, status: 'running' });
    await push('once:1');
    await progressOf(children, { total: 5, succeeded: 5, closed: false, status: 'running' });
    await roots.evicted(handle.runId);
    expect(await signature.status()).toBe('running');
    await push('once:2');
    const outputs = ['first', 'equal', 'equal', 'equal', 'second', 'last'];
    expect(await handle.output).toEqual(outputs);
    expect((await taskSet.onlyExecution('after all', signature)).input).toMatchObject({
      returnValue: outputs,
      childResults: outputs,
    });
    expect(taskSet.executions('never')).toEqual([]);
    expect(ran('once').sort()).toEqual([...outputs].sort());
    expect(invocations).toEqual([
      [1, 0, 1],
      [2, 0, 1],
      [3, 0, 1],
    ]);
  });

  test('may wait for longer than its execution timeout, of which each invocation has its own', async () => {
    const attempts = new Set<number>();
    const signature = await roots.signDurable(hurried, async (_, ctx) => {
      attempts.add(ctx.retryCount());
      await run('hurried', 'before');
      await ctx.sleepFor('15s');
      return (await run('hurried', 'after')).output;
    });
    expect(await signature.run()).toBe('after');
    expect([...attempts]).toEqual([0]);
    expect(ran('hurried')).toEqual(['before', 'after']);
  });

  test('leaves its children at work, and its swarm open, which it goes on filling', async () => {
    const { signature, handle, children } = await startAndEvict(async (_, ctx) => {
      const held = await run('filling', 'held', { waitFor: 'filling' });
      const chain = await mage.chain([await mage.sign(retriedWork, { label: 'filling', value: 'in a chain' })]);
      const swarm = await mage.swarm({ name: 'open' });
      const fill = (value: string) => swarm.addTasks([[retriedWork, { label: 'filling', value }]], { run: true });
      const done = [chain.runNoWait({}), swarm.runNoWait()];
      await fill('one');
      await ctx.waitForEvent('filling:go');
      await fill('two');
      await swarm.closeSwarm();
      const outputs = await Promise.all((await Promise.all(done)).map(({ output }) => output as Promise<unknown>));
      return [await held.output, ...outputs];
    });
    await progressOf(children, { total: 3, succeeded: 1, running: 2, closed: false });
    expect((await mage.describe(children.id)).children.find(({ name }) => name === 'open')).toMatchObject({
      status: 'running',
      progress: { total: 1, succeeded: 1, closed: false },
    });
    await push('filling:go');
    await taskSet.started('filling', 4);
    taskSet.openGate('filling');
    expect(await handle.output).toEqual(['held', 'in a chain', ['one', 'two']]);
    await statusOf(signature, 'succeeded');
    expect(ran('filling').sort()).toEqual(['held', 'in a chain', 'one', 'two']);
  });

  test('finds a swarm again that it had closed and that has ended, and a root with its own children', async () => {
    let bodies = 0;
    const inner = roots.body(async () => {
      bodies += 1;
      await run('ended before', 'leaf');
      return 'inner';
    });
    const { handle } = await startAndEvict(async (_, ctx) => {
      const swarm = await mage.swarm({ name: 'closed', config: { maxConcurrency: 1 } });
      const item = await swarm.addTask(retriedWork, { label: 'ended before', value: 'one' });
      const first = await item.runNoWait({});
      await swarm.addTasks([[retriedWork, { label: 'ended before', value: 'two' }]], { run: true });
      await swarm.closeSwarm();
      const outputs = [await swarm.run({ more: true }), await first.output];
      outputs.push(await (await mage.sign(ordinary, inner)).run());
      await ctx.waitForEvent('ended:go');
      return outputs;
    });
    await push('ended:go');
    expect(await handle.output).toEqual([['one', 'two'], 'one', 'inner']);
    expect(ran('ended before').sort()).toEqual(['leaf', 'one', 'two']);
    expect(bodies).toBe(1);
  });

  test('has a branch that goes on: what it starts is the child that the next invocation finds', async () => {
    const rootIds = new Set<string>();
    const { signature, handle, children } = await startAndEvict(async (_, ctx) => {
      const branch = async () => {
        await (
          await run('branch', 'held', { waitFor: 'branch' })
        ).output;
        const next = await run('branch', 'next');
        await retriedWork.run({ label: 'branch', value: 'declared' });
        return next.output;
      };
      const [, output] = await Promise.all([ctx.waitForEvent('branch:go'), branch()]);
      return output;
    });
    taskSet.openGate('branch');
    await progressOf(children, { total: 3, succeeded: 3, closed: false });
    await push('branch:go');
    expect(await handle.output).toBe('next');
    for (const { context } of taskSet.executions('branch')) rootIds.add(context?.rootId ?? 'none');
    expect([...rootIds]).toEqual([signature.id]);
    expect(ran('branch').sort()).toEqual(['declared', 'held', 'next']);
  });

  test('fails no attempt, also when it takes its eviction for an error of its own', async () => {
    const errors: string[] = [];
    const { handle } = await startAndEvict(async (_, ctx) => {
      try {
        await ctx.waitForEvent('caught:go');
      } catch (error) {
        errors.push((error as Error).name);
        if (errors.length === 1) throw new Error('waiting failed', { cause: error });
      }
      await run('caught', errors.length);
      return [errors.length, ctx.retryCount()];
    });
    await push('caught:go');
    expect(await handle.output).toEqual([1, 0]);
    expect(errors).toEqual(['AbortError']);
    expect(ran('caught')).toEqual([1]);
  });

  test('has no end when it returns in spite of its eviction', async () => {
    const { handle, children } = await startAndEvict(async (_, ctx) => {
      await run('returns', 'child');
      const event = await ctx.waitForEvent('returns:go').catch(() => undefined);
      return event ? 'after the event' : 'too early';
    });
    await push('returns:go');
    expect(await handle.output).toBe('after the event');
    await progressOf(children, { total: 1, succeeded: 1, closed: true, status: 'succeeded' });
  });
});

test('an invocation that the SDK ends for a later one, without an abort, is no failure', async () => {
  // The SDK rejects its waits with this error when the later one has begun in the same worker already.
  const thrown = gate();
  const signature = await roots.signDurable(strict, () => {
    thrown.open();
    throw new TaskRunTerminatedError('evicted');
  });
  const { output } = await signature.runNoWait();
  await thrown.opened;
  const { outbox } = (mage as unknown as { kernel: { runtime: { outbox: { bodies: number } } } }).kernel.runtime;
  await eventually('its body is over', () => outbox.bodies === 0);
  expect(await signature.status()).toBe('running');
  await signature.cancel();
  expect(await rejection(output)).toBeInstanceOf(CancelledError);
});

describe('while a durable root is evicted', () => {
  test('it can be cancelled, with its children; its error callbacks run once', async () => {
    const options = { errorCallbacks: [await tagged('cancelled')], successCallbacks: [await tagged('no success')] };
    const body: DurableBody = async (_, ctx) => {
      await run('of a cancelled', 'held', { untilCancelled: true });
      await ctx.waitForEvent('cancelled:never');
    };
    const { signature, handle, children } = await startAndEvict(body, { options });
    await taskSet.started('of a cancelled');
    await signature.cancel();
    expect(await rejection(handle.output)).toBeInstanceOf(CancelledError);
    await taskSet.onlyExecution('cancelled', signature);
    expect(await children.status()).toBe('cancelled');
    expect(taskSet.executions('no success')).toEqual([]);
    const runId = await handle.runId;
    await eventually('the engine has cancelled it', async () => (await hatchet.runs.getDetails(runId)).done);
  });

  test('it can be suspended: its body goes on after resume', async () => {
    let invocations = 0;
    const { signature, handle } = await startAndEvict(async (_, ctx) => {
      invocations += 1;
      await ctx.waitForEvent('suspended:go');
      return (await run('suspended', 'after')).output;
    });
    await signature.suspend();
    await push('suspended:go');
    const runId = await handle.runId;
    await eventually('its run is in a worker', async () => !(await hatchet.runs.getDetails(runId)).isEvicted);
    expect(await signature.status()).toBe('suspended');
    expect(invocations).toBe(1);
    await signature.resume();
    expect(await handle.output).toBe('after');
    expect(invocations).toBe(2);
    expect(ran('suspended')).toEqual(['after']);
  });

  test('its failure limit can be reached: it starts nothing more then, and fails after its body', async () => {
    const options = { errorCallbacks: [await tagged('at the limit')] };
    const body: DurableBody = async (_, ctx) => {
      await (await mage.sign(work, { label: 'limit', fail: 'no good', waitFor: 'limit' })).runNoWait();
      await ctx.waitForEvent('limit:go');
      const late = await rejection((await mage.sign(work, { label: 'limit, late' })).run());
      if (!(late instanceof CancelledError)) throw new Error(`unexpected ${String(late)}`);
      return 'the body is well';
    };
    const { signature, handle, children } = await startAndEvict(body, { task: strict, options });
    taskSet.openGate('limit');
    await progressOf(children, { failed: 1 });
    await push('limit:go');
    expect((await rejection(handle.output)).message).toContain('1 of its 2 children failed');
    await taskSet.onlyExecution('at the limit', signature);
    expect(taskSet.executions('limit')).toHaveLength(1);
    expect(taskSet.executions('limit, late')).toEqual([]);
  });
});

describe('a durable body that throws after a wait', () => {
  test('the next attempt of a durable body finds its children and its finished waits', async () => {
    const attempts: unknown[] = [];
    const { handle } = await startAndEvict(async (_, ctx) => {
      const child = await run('retried', 'before');
      await ctx.waitForEvent('retried:go');
      const after = await run('retried', 'after');
      attempts.push(ctx.retryCount());
      if (ctx.retryCount() === 0) throw new Error('once more');
      return Promise.all([child.output, after.output]);
    });
    // Pushed once: the second attempt would wait for it forever.
    await push('retried:go');
    expect(await handle.output).toEqual(['before', 'after']);
    expect(attempts).toEqual([0, 1]);
    expect(ran('retried')).toEqual(['before', 'after']);
  });

  test('finally fails with the reason, and its error callbacks run once, after its children', async () => {
    const options = { errorCallbacks: [await tagged('finally')] };
    const body: DurableBody = async (_, ctx) => {
      await run('finally fails', 'held', { waitFor: 'finally' });
      await ctx.waitForEvent('finally:go');
      throw new Error(`attempt ${ctx.retryCount()}`);
    };
    const { signature, handle, children } = await startAndEvict(body, { options });
    await push('finally:go');
    await progressOf(children, { closed: true, running: 1 });
    taskSet.openGate('finally');
    expect((await rejection(handle.output)).message).toContain('attempt 1');
    expect((await taskSet.onlyExecution('finally', signature)).input['error']).toMatchObject({ message: 'attempt 1' });
    expect(ran('finally fails')).toEqual(['held']);
  });
});

test('a durable root that is an item is evicted and goes on in a round of retryFailed too', async () => {
  const broken = { now: true };
  const item = await roots.signDurable(strict, async (_, ctx) => {
    await run('rounds', 'child');
    await ctx.waitForEvent('rounds:go');
    if (broken.now) throw new Error('broken');
    return (await run('rounds', 'second')).output;
  });
  const swarm = await mage.swarm({ tasks: [item], config: { stopAfterNFailures: 1 }, isSwarmClosed: true });
  const goOn = async (before: string | undefined) => {
    const runOf = async () => (await mage.describe(item.id)).runId;
    const runId = await eventually('it has a run', async () => ((await runOf()) === before ? undefined : runOf()));
    await roots.evicted(runId);
    await push('rounds:go');
    return runId;
  };
  const first = await swarm.runNoWait();
  const runId = await goOn(undefined);
  await rejection(first.output);
  broken.now = false;
  expect(await swarm.retryFailed()).toBe(1);
  await goOn(runId);
  expect(await swarm.wait()).toEqual(['second']);
  expect(ran('rounds')).toEqual(['child', 'second']);
});

test('an event that was pushed before the wait for it ends that wait, in its scope and since a time of the body', async () => {
  const body: DurableBody = async (_, ctx) => {
    const since = new Date((await ctx.now()).getTime() - 3_600_000).toISOString();
    const asked = await mage.sign(work, { label: 'asked', waitFor: 'answered' });
    await asked.run();
    const event = { eventKey: 'early', scope: 'of this body', considerEventsSince: since };
    return (await ctx.waitFor(Or(event, { sleepFor: '200s' })))['CREATE'];
  };
  const { output } = await (await roots.signDurable(root, body)).runNoWait();
  await taskSet.started('asked');
  await hatchet.events.push('early', { n: 7 }, { scope: 'of this body' });
  await hatchet.events.push('early', { n: 8 }, { scope: 'of another' });
  taskSet.openGate('answered');
  expect(await output).toMatchObject({ early: [{ n: 7 }] });
});

test('a durable body whose waits come in another order in its next invocation fails, with the reason of the engine', async () => {
  const { handle } = await startAndEvict(
    async (_, ctx) => {
      // As in branches that wait for a child first: later, all children have ended, and another branch comes first.
      for (const event of ctx.invocationCount === 1 ? ['b', 'a'] : ['a', 'b']) await ctx.waitForEvent(`order:${event}`);
    },
    { task: strict },
  );
  await push('order:b');
  expect((await rejection(handle.output)).message).toMatch(/non-determinism/i);
});
