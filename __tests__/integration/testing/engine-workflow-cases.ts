import { Or } from '@hatchet-dev/typescript-sdk';
import { eventually, gate } from '../../helpers/fixture';
import {
  aborted,
  attempts,
  endOf,
  publish,
  throws,
  type EngineCase,
  type Fn,
  type Options,
  type Side,
} from './engine-cases';

type Tasks = Record<string, Options & { fn: Fn; after?: string[]; durable?: boolean }>;

/** Declares a workflow of several tasks and serves it. @param after - the names of the tasks before one */
async function workflow({ client, serve }: Side, tasks: Tasks, options: Options = {}): Promise<any> {
  const declared = client.workflow({ name: 'case', ...options } as never) as any;
  const made: Record<string, unknown> = {};
  for (const [name, { after = [], durable, ...task }] of Object.entries(tasks)) {
    const parents = after.map((one) => made[one]);
    made[name] = declared[durable ? 'durableTask' : 'task']({ name, parents, ...task });
  }
  await serve([declared]);
  return declared;
}

/** Runs a workflow once, and returns its end with the state of each of its tasks. */
async function ran(side: Side, tasks: Tasks, options?: Options): Promise<unknown> {
  await workflow(side, tasks, options);
  return tasksOf(side, await publish(side));
}

async function tasksOf(side: Side, id: string): Promise<unknown> {
  const end = await endOf(side, id);
  const { taskRuns, status } = (await side.client.runs.getDetails(id)) as any;
  const tasks = Object.entries(taskRuns as Record<string, any>).map(([name, { status: own, error = '', output }]) => {
    const [first] = String(error).split('\n');
    return { name, own, error: messageIn(first ?? ''), output: output ?? null };
  });
  return { end, status, tasks: tasks.sort((a, b) => a.name.localeCompare(b.name)) };
}

function messageIn(error: string): string {
  try {
    return String((JSON.parse(error) as { message?: unknown }).message);
  } catch {
    return error;
  }
}

/** Declares a durable task and serves it. */
async function durable({ client, serve }: Pick<Side, 'client' | 'serve'>, fn: Fn, options: Options = {}): Promise<any> {
  const task = client.durableTask({ name: 'case', ...options, fn } as never) as any;
  await serve([task]);
  return task;
}

const runDurable = async (side: Side, fn: Fn, options?: Options) => {
  await durable(side, fn, options);
  return endOf(side, await publish(side));
};

/** Pushes an event until the run that waits for it has ended: a wait is registered a moment after its body has asked. */
async function pushUntilEnd(side: Side, id: string, key: string, ...payloads: object[]): Promise<unknown> {
  let isOver = false;
  const end = endOf(side, id).finally(() => (isOver = true));
  while (!isOver) {
    for (const payload of payloads) await side.client.events.push(key, payload);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return end;
}

const ok: Fn = () => ({ ok: true });

export const workflowCases: EngineCase[] = [
  {
    what: 'a workflow of two tasks, the second with the output of the first',
    seen: (side) =>
      ran(side, {
        first: { fn: ({ x }) => ({ x: x ?? 1 }) },
        second: { after: ['first'], fn: async (_, ctx) => ({ got: await ctx.parentOutput('first') }) },
      }),
  },
  {
    what: 'the names, retries and metadata that tasks of a workflow read',
    seen: async (side) => {
      const fn: Fn = (input, ctx) => ({
        input,
        name: ctx.taskName(),
        retry: ctx.retryCount(),
        isRun: ctx.workflowRunId() === ctx.taskRunExternalId(),
        tag: ctx.additionalMetadata().tag,
      });
      const declared = await workflow(side, { one: { fn }, two: { fn } });
      return declared.run({ a: 1 }, { additionalMetadata: { tag: 'x' } });
    },
  },
  {
    what: 'a task of a workflow that fails, with one behind it and one beside it',
    seen: (side) =>
      ran(side, {
        bad: { fn: () => throws('bad failed') },
        behind: { after: ['bad'], fn: ok },
        beside: { fn: ok },
      }),
  },
  {
    what: 'a task of a workflow that is retried by itself',
    seen: async (side) => {
      const first = attempts(() => ({ n: 1 }));
      const second = attempts((attempt) => (attempt === 1 ? throws('once') : { attempt }));
      const seen = await ran(side, {
        first: { fn: first.fn },
        second: { after: ['first'], fn: second.fn, retries: 1 },
      });
      return { seen, first: first.counts, second: second.counts };
    },
  },
  {
    what: 'onFailure of a workflow, with the errors',
    seen: async (side) => {
      let errors: unknown;
      const onFailure: Fn = (_, ctx) => {
        errors = Object.entries(ctx.errors() as Record<string, string>).map(([name, text]) => [
          name,
          messageIn(text.split('\n')[0] ?? ''),
        ]);
        return { handled: true };
      };
      const seen = await ran(
        side,
        { good: { fn: ok }, bad: { after: ['good'], fn: () => throws('bad failed') } },
        { onFailure },
      );
      await eventually('onFailure has run', () => errors !== undefined);
      return { seen, errors };
    },
  },
  {
    what: 'onFailure of a workflow that succeeds',
    seen: async (side) => {
      let called = false;
      const onFailure: Fn = () => {
        called = true;
        return {};
      };
      const seen = await ran(side, { good: { fn: ok }, other: { fn: ok } }, { onFailure });
      return { seen, called };
    },
  },
  {
    what: 'onFailure of a single task',
    seen: async (side) => {
      let called = 0;
      const task = side.client.task({
        name: 'case',
        fn: (() => throws('no')) as never,
        onFailure: () => {
          called += 1;
          return {};
        },
      } as never) as any;
      await side.serve([task]);
      const seen = await tasksOf(side, await publish(side));
      return { seen, called };
    },
  },
  {
    what: 'onSuccess of a workflow',
    seen: (side) =>
      ran(side, { one: { fn: ok }, two: { after: ['one'], fn: ok } }, { onSuccess: (() => ({ over: true })) as Fn }),
  },
  {
    what: 'onSuccess of a workflow that fails',
    seen: (side) =>
      ran(
        side,
        { one: { fn: ok }, two: { after: ['one'], fn: () => throws('two failed') } },
        { onSuccess: (() => ({ over: true })) as Fn },
      ),
  },
  {
    what: 'a workflow that is cancelled while its first task runs',
    seen: async (side) => {
      const { opened, open } = gate();
      await workflow(side, {
        first: {
          fn: async (_, ctx) => {
            open();
            await aborted(ctx);
            return {};
          },
        },
        second: { after: ['first'], fn: ok },
      });
      const id = await publish(side);
      await opened;
      await side.engine.cancel([id]);
      return tasksOf(side, id);
    },
  },
  {
    what: 'a task of a workflow that waits a while after the one before it',
    seen: async (side) => {
      let ended = 0;
      let began = 0;
      const seen = await ran(side, {
        first: {
          fn: () => {
            ended = Date.now();
            return { one: 1 };
          },
        },
        second: {
          after: ['first'],
          waitFor: { sleepFor: '2s' },
          fn: () => {
            began = Date.now();
            return { two: 2 };
          },
        },
      });
      return { seen, waited: began - ended > 1_500 };
    },
  },
  {
    what: 'a workflow whose first tasks all wait',
    seen: async (side) => {
      await workflow(side, {
        first: { waitFor: { sleepFor: '3s' }, fn: ok },
        second: { waitFor: { sleepFor: '3s' }, fn: ok },
      });
      const id = await publish(side);
      const before = await eventually('it is known', async () => {
        const state = await side.engine.state(id);
        return state.known && { known: state.known, isOver: state.end !== undefined };
      });
      return { before, seen: await tasksOf(side, id) };
    },
  },
  {
    what: 'a workflow with a durable task',
    seen: (side) =>
      ran(side, {
        first: { fn: () => ({ n: 1 }) },
        second: {
          after: ['first'],
          durable: true,
          fn: async (_, ctx) => {
            await ctx.sleepFor('1s');
            return ctx.parentOutput('first');
          },
        },
      }),
  },
  {
    what: 'a workflow run by its declaration',
    seen: async (side) => {
      const declared = await workflow(side, { one: { fn: ({ n }) => ({ n }) }, two: { after: ['one'], fn: ok } });
      return declared.run({ n: 4 });
    },
  },
  {
    what: 'a workflow that fails, run by its declaration',
    seen: async (side) => {
      const declared = await workflow(side, {
        one: { fn: () => throws('one failed') },
        two: { after: ['one'], fn: ok },
      });
      return declared.run({}).then(
        () => 'none',
        (error: unknown) => [Array.isArray(error), String(error).includes('one failed')],
      );
    },
  },
  {
    what: 'a durable sleep',
    seen: async (side) => {
      const began = Date.now();
      const end = await runDurable(side, async (_, ctx) => ({
        slept: await ctx.sleepFor('1s'),
        invocation: ctx.invocationCount,
      }));
      return { end, waited: Date.now() - began > 900 };
    },
  },
  {
    what: 'a durable wait for an event, with its payload',
    seen: async (side) => {
      await durable(side, async (_, ctx) => ({ got: await ctx.waitForEvent('happened') }));
      return pushUntilEnd(side, await publish(side), 'happened', { n: 7 });
    },
  },
  {
    what: 'a durable wait for an event that an expression accepts',
    seen: async (side) => {
      await durable(side, async (_, ctx) => ({ got: await ctx.waitForEvent('happened', "input.id == 'b'") }));
      return pushUntilEnd(side, await publish(side), 'happened', { id: 'a' }, { id: 'b' });
    },
  },
  {
    what: 'a durable wait for the first of a sleep and an event',
    seen: (side) =>
      runDurable(side, async (_, ctx) => {
        const got = await ctx.waitFor(Or({ sleepFor: '1s' }, { eventKey: 'never' }));
        return { actions: Object.keys(got), keys: Object.keys(got.CREATE ?? {}).length };
      }),
  },
  {
    what: 'the time of a durable body, which stays the same',
    seen: (side) =>
      runDurable(
        side,
        async (_, ctx) => {
          const first = await ctx.now();
          const memo = await ctx.memo(() => Promise.resolve({ at: ctx.retryCount() }), ['x']);
          if (ctx.retryCount() === 0) throw new Error('again');
          return { memo, isPast: first.getTime() <= Date.now() };
        },
        { retries: 1 },
      ),
  },
  {
    what: 'a second attempt of a durable body, after a sleep',
    seen: async (side) => {
      const slept: boolean[] = [];
      const end = await runDurable(
        side,
        async (_, ctx) => {
          const began = Date.now();
          await ctx.sleepFor('2s');
          slept.push(Date.now() - began > 1_500);
          if (ctx.retryCount() === 0) throw new Error('again');
          return { invocation: ctx.invocationCount, retry: ctx.retryCount() };
        },
        { retries: 1 },
      );
      return { end, slept };
    },
  },
  {
    what: 'children of a durable body, one of which fails',
    seen: async (side) => {
      const child = side.client.task({
        name: 'child',
        fn: (({ n }: any) => (n === 2 ? throws('child failed') : { n })) as never,
      }) as any;
      const task = side.client.durableTask({
        name: 'case',
        fn: (async (_: unknown, ctx: any) => ({
          one: await child.run({ n: 1 }),
          two: await child.run({ n: 2 }).then(
            () => 'none',
            (error: unknown) => String(error).includes('child failed'),
          ),
          three: await ctx.spawnChild(child, { n: 3 }),
        })) as never,
      }) as any;
      await side.serve([child, task]);
      return task.run({});
    },
  },
  {
    what: 'a durable body that is evicted while it sleeps',
    seen: async (side) => {
      const invocations: unknown[] = [];
      const end = await runDurable(
        side,
        async (_, ctx) => {
          invocations.push([ctx.invocationCount, ctx.retryCount()]);
          await ctx.sleepFor('1s');
          await ctx.sleepFor('5s');
          return { invocation: ctx.invocationCount };
        },
        { evictionPolicy: { ttl: '2s' } },
      );
      return { end, invocations };
    },
  },
  {
    what: 'a durable body that waits for something else when it is restored',
    seen: async (side) => {
      const { status, error = '' } = await runDurable(
        side,
        async (_, ctx) => {
          if (ctx.invocationCount === 1) await ctx.sleepFor('5s');
          else await ctx.waitForEvent('another');
          return {};
        },
        { evictionPolicy: { ttl: '1s' } },
      );
      return { status, isNonDeterminism: /non-?determinis/i.test(error) };
    },
  },
  {
    what: 'a durable body that is cancelled while it sleeps',
    seen: async (side) => {
      const { opened, open } = gate();
      await durable(side, async (_, ctx) => {
        open();
        await ctx.sleepFor('600s');
        return {};
      });
      const id = await publish(side);
      await opened;
      await side.engine.cancel([id]);
      return endOf(side, id);
    },
  },
  {
    what: 'a durable body that sleeps longer than an attempt may take',
    seen: async (side) => {
      const { status, error = '' } = await runDurable(
        side,
        async (_, ctx) => {
          await ctx.sleepFor('600s');
          return {};
        },
        { executionTimeout: '2s' },
      );
      return { status, timedOut: /timed out|timeout/i.test(error) };
    },
  },
  {
    what: 'a replay of a run that has failed',
    seen: async (side) => {
      const { counts, fn } = attempts((attempt) => (attempt === 1 ? throws('first') : { attempt }));
      const task = side.client.task({ name: 'case', fn: fn as never }) as any;
      await side.serve([task]);
      const id = await publish(side);
      const first = await endOf(side, id);
      await side.client.runs.replay({ ids: [id] });
      await eventually('it has run again', () => counts.length === 2);
      return { first, second: await eventually('it has succeeded', async () => succeeded(side, id)), counts };
    },
  },
  {
    what: 'a replay of a run that has succeeded',
    seen: async (side) => {
      const { counts, fn } = attempts((attempt) => ({ attempt }));
      const task = side.client.task({ name: 'case', fn: fn as never }) as any;
      await side.serve([task]);
      const id = await publish(side);
      await endOf(side, id);
      await side.client.runs.replay({ ids: [id] });
      await eventually('it has run again', () => counts.length === 2);
      const second = await eventually('its output is the new one', async () => {
        const end = await succeeded(side, id);
        return end && (end.outputs['case'] as any).attempt === 2 && end;
      });
      return { second, counts };
    },
  },
  {
    what: 'a replay gives back the retries',
    seen: async (side) => {
      const { counts, fn } = attempts((attempt) => (attempt < 4 ? throws(`attempt ${attempt}`) : { attempt }));
      const task = side.client.task({ name: 'case', retries: 1, fn: fn as never }) as any;
      await side.serve([task]);
      const id = await publish(side);
      await endOf(side, id);
      await side.client.runs.replay({ ids: [id] });
      return { end: await eventually('it has succeeded', async () => succeeded(side, id)), counts };
    },
  },
];

async function succeeded(side: Side, id: string) {
  const { end } = await side.engine.state(id);
  return end?.status === 'COMPLETED' ? { status: end.status, outputs: end.outputs } : undefined;
}
