import { z } from 'zod';
import { CancelledError, TaskFailedError, withoutRootSwarm } from '../../../src';
import { gate } from '../../helpers/fixture';
import { openRoots } from '../../helpers/roots';
import { progressOf, rejection } from '../../helpers/outcomes';

const { mage, taskSet, roots, root, retriedWork, work, tagged, others } = openRoots({ stopAfterNFailures: 3 });
const one = roots.declare('one-at-a-time', { maxConcurrency: 1, stopAfterNFailures: 1 });
const twice = roots.declare('tried-twice', { retries: 1, stopAfterNFailures: 3 });
const declared = mage.task({ name: 'declared', fn: () => ({ ran: true }) });
const strict = mage.rootTask({ name: 'strict', input: z.object({ n: z.number() }), fn: ({ n }) => n });
others.push(declared, strict);

const failing = async (n: number) => (await mage.sign(work, { fail: `failure ${n}`, label: 'fails' })).runNoWait({});
const both = async (label: string) => ({
  successCallbacks: [await tagged(`${label} success`)],
  errorCallbacks: [await tagged(`${label} error`)],
});

describe('the body throws', () => {
  test('at its last attempt: what it published finishes, then the error callbacks run once, and no others', async () => {
    const signature = await roots.sign(
      twice,
      async () => {
        await (await mage.sign(retriedWork, { value: 'done', waitFor: 'last attempt' })).runNoWait({});
        throw new Error('each time');
      },
      await both('last attempt'),
    );
    const handle = await signature.runNoWait();
    await progressOf(await signature.children(), { closed: true, running: 1 });
    expect(await signature.status()).toBe('running');
    expect(taskSet.executions('last attempt error')).toEqual([]);
    taskSet.openGate('last attempt');
    expect((await rejection(handle.output)).message).toContain('each time');
    await taskSet.onlyExecution('last attempt error', signature);
    expect(taskSet.executions('last attempt success')).toEqual([]);
    expect(await (await signature.children()).progress()).toMatchObject({ total: 1, succeeded: 1 });
  });

  test('at an earlier attempt: nothing runs before the last one has ended', async () => {
    const signature = await roots.sign(
      twice,
      async (_, ctx) => {
        await (await mage.sign(retriedWork, { value: 'kept' })).run({});
        if (ctx.retryCount() === 0) throw new Error('the first time');
        return 'the second time';
      },
      await both('earlier attempt'),
    );
    expect(await signature.run()).toBe('the second time');
    expect((await taskSet.onlyExecution('earlier attempt success', signature)).input['childResults']).toEqual(['kept']);
    expect(taskSet.executions('earlier attempt error')).toEqual([]);
  });

  test("after children failed too: the error callbacks receive both failures, the body's first", async () => {
    const signature = await roots.sign(
      root,
      async () => {
        const handle = await failing(0);
        await rejection(handle.output);
        throw new Error('and the body');
      },
      await both('both failed'),
    );
    expect((await rejection(signature.run())).message).toContain('and the body');
    const { input } = await taskSet.onlyExecution('both failed error', signature);
    expect(input['error']).toMatchObject({
      message: 'and the body',
      failureCount: 2,
      failures: [{ message: 'and the body' }, { message: 'failure 0', index: 0 }],
    });
  });

  test('does not begin, as its message does not fit: no children, and the error callbacks run once', async () => {
    // Bound to it, such data would be refused at once.
    const signature = await mage.sign(strict, undefined, await both('does not fit'));
    expect((await rejection(signature.run({ n: 'one' as never }))).message).toContain('does not fit');
    const { input } = await taskSet.onlyExecution('does not fit error', signature);
    expect(input).toMatchObject({ n: 'one', error: { failureCount: 1 } });
    expect(taskSet.executions('does not fit success')).toEqual([]);
    expect(await (await signature.children()).progress()).toMatchObject({ total: 0 });
  });

  test('what it returns cannot be sent: it has failed like one that throws', async () => {
    const signature = await roots.sign(
      root,
      async () => {
        await (await mage.sign(retriedWork, {})).runNoWait({});
        return { big: 1n };
      },
      await both('unsendable'),
    );
    expect(await rejection(signature.run())).toBeInstanceOf(TaskFailedError);
    await taskSet.onlyExecution('unsendable error', signature);
    expect(taskSet.executions('unsendable success')).toEqual([]);
  });
});

describe('children fail', () => {
  test('fewer than the limit: the root succeeds', async () => {
    const signature = await roots.sign(
      root,
      async () => {
        for (let n = 0; n < 2; n++) await failing(n);
        await (await mage.sign(retriedWork, { value: 'good' })).runNoWait({});
        return 'fine';
      },
      await both('below the limit'),
    );
    expect(await signature.run()).toBe('fine');
    expect((await taskSet.onlyExecution('below the limit success', signature)).input['childResults']).toEqual(['good']);
    expect(taskSet.executions('below the limit error')).toEqual([]);
  });

  test('as many as the limit: the root fails when what runs has ended, and what waits never starts', async () => {
    const signature = await roots.sign(
      one,
      async () => {
        await (await mage.sign(work, { fail: 'the only', waitFor: 'at the limit' })).runNoWait({});
        for (let n = 0; n < 5; n++) await (await mage.sign(retriedWork, { label: 'never' })).runNoWait({});
        return 'the body is well';
      },
      await both('at the limit'),
    );
    const handle = await signature.runNoWait({ of: 'the root' });
    const children = await signature.children();
    await progressOf(children, { closed: true, running: 1, queued: 5 });
    taskSet.openGate('at the limit');
    const error = await rejection(handle.output);
    expect(error).toBeInstanceOf(TaskFailedError);
    expect(error.message).toContain('1 of its 6 children failed, the first with: the only');
    expect(await signature.status()).toBe('failed');
    expect(await children.progress()).toMatchObject({ failed: 1, cancelled: 5, status: 'failed' });
    const { input } = await taskSet.onlyExecution('at the limit error', signature);
    expect(input).toMatchObject({
      of: 'the root',
      error: { failureCount: 1, failures: [{ name: 'work', index: 0, message: 'the only' }] },
    });
    expect(taskSet.executions('at the limit success')).toEqual([]);
    expect(taskSet.executions('never')).toEqual([]);
  });

  test('as many as the limit, with others running: those end first, and their own callbacks run', async () => {
    const signature = await roots.sign(
      root,
      async () => {
        const callback = await tagged('own callback of a runner');
        const running = await mage.sign(
          retriedWork,
          { waitFor: 'runner', value: 'ran' },
          { successCallbacks: [callback] },
        );
        await running.runNoWait({});
        for (let n = 0; n < 3; n++) await failing(n);
      },
      await both('with a runner'),
    );
    const handle = await signature.runNoWait();
    const children = await signature.children();
    await progressOf(children, { failed: 3, running: 1, closed: true });
    expect(await signature.status()).toBe('running');
    expect(taskSet.executions('with a runner error')).toEqual([]);
    taskSet.openGate('runner');
    await rejection(handle.output);
    await taskSet.onlyExecution('with a runner error', signature);
    expect(taskSet.executions('own callback of a runner')).toHaveLength(1);
    expect(await children.progress()).toMatchObject({ failed: 3, succeeded: 1, status: 'failed' });
  });
});

describe('the limit is reached while the body is still publishing', () => {
  test('what it publishes later is cancelled at once, whatever it is, and the body goes on', async () => {
    const reached = gate();
    let outcomes: unknown[] = [];
    const cancelled = async (promise: Promise<unknown>) => (await rejection(promise)) instanceof CancelledError;
    const signature = await roots.sign(
      root,
      async (_, ctx) => {
        const before = await mage.swarm({ tasks: [[retriedWork, { label: 'late' }]] });
        for (let n = 0; n < 3; n++) await rejection((await failing(n)).output);
        const late = () => mage.sign(retriedWork, { label: 'late' });
        const chain = async () => mage.chain([await late(), await late()]);
        const swarm = async () => mage.swarm({ tasks: [await late()] });
        const item = async () => (await swarm()).addTask(retriedWork, { label: 'late' });
        const handles = [
          await (await late()).runNoWait({}),
          await (await chain()).runNoWait({}),
          await (await swarm()).runNoWait(),
          await before.runNoWait(),
          await (await item()).runNoWait({}),
          await declared.runNoWait({}),
          await ctx.runNoWaitChild('declared', {}),
        ];
        const outputs = await Promise.all(handles.map((handle) => cancelled(handle.output as Promise<unknown>)));
        const waits = [
          (await late()).run({}),
          (await chain()).run({}),
          (await swarm()).run(),
          (await item()).run({}),
          declared.run({}),
          ctx.runChild('declared', {}),
        ];
        outcomes = [...outputs, ...(await Promise.all(waits.map(cancelled)))];
        await reached.opened;
        return 'went on to its end';
      },
      await both('while publishing'),
    );
    const handle = await signature.runNoWait();
    const children = await signature.children();
    await progressOf(children, { failed: 3, cancelled: 13, running: 0, closed: false });
    expect(await signature.status()).toBe('running');
    expect(taskSet.executions('while publishing error')).toEqual([]);
    reached.open();
    expect((await rejection(handle.output)).message).toContain('3 of its 16 children failed');
    expect(outcomes).toEqual(Array.from({ length: 13 }, () => true));
    expect(taskSet.executions('late')).toEqual([]);
    const { input } = await taskSet.onlyExecution('while publishing error', signature);
    expect(input['error']).toMatchObject({
      failureCount: 3,
      failures: [0, 1, 2].map((n) => ({ index: n, message: `failure ${n}` })),
    });
    expect(taskSet.executions('while publishing success')).toEqual([]);
    expect(await signature.status()).toBe('failed');
    expect(await children.progress()).toMatchObject({ total: 16, failed: 3, cancelled: 13, status: 'failed' });
  });

  test('what was cancelled keeps that for its status, and has no run', async () => {
    let seen: unknown;
    const signature = await roots.sign(one, async () => {
      await rejection((await failing(0)).output);
      const late = await mage.sign(retriedWork, {});
      const handle = await late.runNoWait({});
      const swarm = await mage.swarm({ tasks: [retriedWork] });
      await swarm.runNoWait();
      const runId = await rejection(handle.runId);
      seen = [await late.status(), await swarm.status(), runId instanceof CancelledError];
    });
    await rejection(signature.run());
    expect(seen).toEqual(['cancelled', 'cancelled', true]);
  });

  test('what runs apart from it is not touched', async () => {
    const signature = await roots.sign(one, async () => {
      await rejection((await failing(0)).output);
      return withoutRootSwarm(async () => (await mage.sign(retriedWork, { value: 'apart', label: 'apart' })).run({}));
    });
    await rejection(signature.run());
    expect(taskSet.executions('apart')).toHaveLength(1);
  });

  test('by a swarm that fails as a whole: that is one failure', async () => {
    const signature = await roots.sign(one, async () => {
      const swarm = await mage.swarm({
        tasks: [
          [work, { fail: 'inner 0' }],
          [work, { fail: 'inner 1' }],
        ],
        config: { stopAfterNFailures: 2 },
        isSwarmClosed: true,
      });
      return (await rejection(swarm.run())).message;
    });
    const error = await rejection(signature.run());
    expect(error.message).toContain('1 of its 1 children failed');
    expect(error.message).toContain('inner');
  });
});
