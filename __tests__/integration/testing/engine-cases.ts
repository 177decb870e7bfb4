import { NonRetryableError, type BaseWorkflowDeclaration, type HatchetClient } from '@hatchet-dev/typescript-sdk';
import type { EngineClient } from '../../../src/hatchet/client';
import { latestAttempt } from '../../../src/hatchet/run-history';
import { eventually, gate } from '../../helpers/fixture';

/** An engine on which a case is tried. */
export interface Side {
  client: HatchetClient;
  engine: EngineClient;
  /** Serves tasks until the case is over. */
  serve(tasks: readonly BaseWorkflowDeclaration<any, any>[], slots?: number): Promise<void>;
}

/** One thing that an engine does. What it returns is the same on every engine. */
export interface EngineCase {
  what: string;
  seen(side: Side): Promise<unknown>;
}

export type Fn = (input: any, ctx: any) => unknown;
export type Options = Record<string, unknown>;

/** Declares a task and serves it. */
export async function served(
  { client, serve }: Pick<Side, 'client' | 'serve'>,
  fn: Fn,
  options: Options = {},
  slots = 10,
) {
  const task = client.task({ name: 'case', ...options, fn } as never) as any;
  await serve([task], slots);
  return task;
}

/** Declares a task that notes the number of each of its runs. */
function notingChild({ client }: Side) {
  const ran: number[] = [];
  const fn: Fn = ({ n }) => {
    ran.push(n);
    return { n };
  };
  return { child: client.task({ name: 'child', fn } as never) as any, ran };
}

export async function publish(
  { engine }: Side,
  input: unknown = {},
  options: Options = {},
  name = 'case',
): Promise<string> {
  const request = { workflowName: name, input, additionalMetadata: {}, options: undefined, ...options } as never;
  const [id = ''] = await engine.publish([request]);
  return id;
}

/** Returns the end of a run: its status, outputs, and the first line of its error. */
export async function endOf({ engine }: Side, id: string) {
  await engine.whenEnded(id);
  const { end } = await eventually('its end is stored', async () => {
    const state = await engine.state(id);
    return state.end && { end: state.end };
  });
  return { status: end.status, outputs: end.outputs, error: end.error.split('\n')[0] };
}

const runOnce = async (side: Side, fn: Fn, options?: Options) => {
  await served(side, fn, options);
  return endOf(side, await publish(side));
};

const refuses = (promise: Promise<unknown>) =>
  promise.then(
    () => 'accepted',
    (error: { kind?: string }) => error.kind ?? 'another error',
  );

/** Counts attempts, and lets a body know which one it is. */
export function attempts(body: (attempt: number, ctx: any) => unknown) {
  const counts: number[] = [];
  const fn: Fn = (_, ctx) => {
    counts.push(ctx.retryCount() as number);
    return body(counts.length, ctx);
  };
  return { counts, fn };
}

/** Leaves out what a client with tracing adds. */
const withoutTrace = ({ traceparent: _, ...metadata }: Record<string, string>) => metadata;

export const throws = (message = 'no'): never => {
  throw new Error(message);
};

export const aborted = (ctx: any): Promise<void> =>
  new Promise((resolve) => ctx.abortController.signal.addEventListener('abort', () => resolve()));

const outputs: [string, unknown][] = [
  ['an object', { a: 1 }],
  ['a nested object', { a: [{ b: null }, 'ü', 1.5] }],
  ['undefined', undefined],
  ['null', null],
  ['zero', 0],
  ['an empty text', ''],
  ['false', false],
  ['a text', 'text'],
  ['a number', 7],
  ['a list', [1, 2]],
  ['a date', { at: new Date(0) }],
];

export const engineCases: EngineCase[] = [
  ...outputs.map(([what, output]) => ({
    what: `the output ${what}`,
    seen: (side: Side) => runOnce(side, () => output),
  })),
  { what: 'an error', seen: (side) => runOnce(side, () => throws('went wrong')) },
  { what: 'an error with several lines', seen: (side) => runOnce(side, () => throws('one\ntwo')) },
  {
    what: 'an error that is final at the first attempt',
    seen: async (side) => {
      const { counts, fn } = attempts(() => {
        throw new NonRetryableError('never again');
      });
      return { end: await runOnce(side, fn, { retries: 3 }), counts };
    },
  },
  {
    what: 'three attempts that fail',
    seen: async (side) => {
      const { counts, fn } = attempts((attempt) => throws(`attempt ${attempt}`));
      return { end: await runOnce(side, fn, { retries: 2 }), counts };
    },
  },
  {
    what: 'a second attempt that succeeds',
    seen: async (side) => {
      const { counts, fn } = attempts((attempt) => (attempt === 1 ? throws() : { attempt }));
      return { end: await runOnce(side, fn, { retries: 2 }), counts };
    },
  },
  {
    what: 'a backoff before the second attempt',
    seen: async (side) => {
      const begins: number[] = [];
      const { counts, fn } = attempts((attempt) => {
        begins.push(Date.now());
        return attempt === 1 ? throws() : { attempt };
      });
      const end = await runOnce(side, fn, { retries: 1, backoff: { factor: 2, maxSeconds: 60 } });
      return { end, counts, waited: (begins[1] ?? 0) - (begins[0] ?? 0) >= 1_900 };
    },
  },
  {
    what: 'an attempt that takes too long',
    seen: async (side) => {
      const { counts, fn } = attempts(async (_, ctx) => {
        await aborted(ctx);
        return { late: true };
      });
      const { status, outputs: late, error = '' } = await runOnce(side, fn, { executionTimeout: '1s' });
      return { status, late, counts, timedOut: /timed out|timeout/i.test(error) };
    },
  },
  {
    what: 'an attempt that takes too long, and one more',
    seen: async (side) => {
      const { counts, fn } = attempts(async (attempt, ctx) => {
        if (attempt === 1) await aborted(ctx);
        return { attempt };
      });
      return { end: await runOnce(side, fn, { executionTimeout: '1s', retries: 1 }), counts };
    },
  },
  {
    what: 'more time that a body asks for',
    seen: (side) =>
      runOnce(
        side,
        async (_, ctx) => {
          await ctx.refreshTimeout('10s');
          await new Promise((resolve) => setTimeout(resolve, 2_500));
          return { aborted: ctx.abortController.signal.aborted as boolean };
        },
        { executionTimeout: '2s' },
      ),
  },
  {
    what: 'a run that no worker takes in time',
    seen: async (side) => {
      const { opened, open } = gate();
      await served(side, () => opened.then(() => ({})), { scheduleTimeout: '2s' }, 1);
      const first = await publish(side);
      await eventually(
        'the first one runs',
        async () => latestAttempt(await side.engine.history(first))?.phase === 'running',
      );
      const second = await publish(side);
      const end = await endOf(side, second);
      open();
      const untaken = await eventually('its end is known', async () => {
        const found = await side.engine.untaken([second]);
        return found !== 'unknown' && { found };
      });
      return {
        end,
        first: await endOf(side, first),
        begun: untaken.found?.begun,
        waited: (untaken.found?.waitedMs ?? 0) > 1_000,
      };
    },
  },
  {
    what: 'a waiting run that is cancelled',
    seen: async (side) => {
      const { opened, open } = gate();
      const { counts, fn } = attempts(() => opened.then(() => ({})));
      await served(side, fn, {}, 1);
      const first = await publish(side);
      await eventually('the first one runs', () => counts.length === 1);
      const second = await publish(side);
      await side.engine.cancel([second]);
      const end = await endOf(side, second);
      open();
      return { end, first: await endOf(side, first), counts };
    },
  },
  {
    what: 'a running body that is cancelled, and returns late',
    seen: async (side) => {
      const { opened, open } = gate();
      const { counts, fn } = attempts(async (_, ctx) => {
        open();
        await aborted(ctx);
        return { late: true };
      });
      await served(side, fn, { retries: 2 });
      const id = await publish(side);
      await opened;
      await side.engine.cancel([id]);
      return { end: await endOf(side, id), counts, untaken: await side.engine.untaken([id]) };
    },
  },
  {
    what: 'what a body reads of its context',
    seen: async (side) => {
      const task = await served(side, (input, ctx) => ({
        input,
        retryCount: ctx.retryCount(),
        taskName: ctx.taskName(),
        metadata: withoutTrace(ctx.additionalMetadata()),
        isRun: ctx.workflowRunId() === ctx.taskRunExternalId(),
        index: ctx.childIndex() ?? null,
      }));
      return task.run({ a: [1], at: new Date(0) }, { additionalMetadata: { one: '1' } });
    },
  },
  {
    what: 'a child, with the metadata of its parent',
    seen: async (side) => {
      const child = side.client.task({
        name: 'child',
        fn: ((_: unknown, ctx: any) => withoutTrace(ctx.additionalMetadata())) as never,
      }) as any;
      const parent = side.client.task({
        name: 'parent',
        fn: (async () => child.run({}, { additionalMetadata: { b: 'child', c: 'child' } })) as never,
      }) as any;
      await side.serve([child, parent]);
      const seen = await parent.run({}, { additionalMetadata: { a: 'parent', b: 'parent' } });
      const { hatchet__parent_step_run_id: task, hatchet__parent_workflow_run_id: run, ...rest } = seen;
      return { rest, isSame: task === run };
    },
  },
  {
    what: 'children of a second attempt, which are those of the first',
    seen: async (side) => {
      const { child, ran } = notingChild(side);
      const seen: unknown[] = [];
      const parent = side.client.task({
        name: 'parent',
        retries: 1,
        fn: (async (_: unknown, ctx: any) => {
          seen.push(await child.run({ n: ctx.retryCount() }), await child.run({ n: 10 }));
          if (ctx.retryCount() === 0) throw new Error('again');
          return {};
        }) as never,
      }) as any;
      await side.serve([child, parent]);
      await parent.run({});
      return { ran, seen };
    },
  },
  {
    what: 'children of one key',
    seen: async (side) => {
      const { child, ran } = notingChild(side);
      const parent = side.client.task({
        name: 'parent',
        fn: (async (_: unknown, ctx: any) => ({
          first: await ctx.runChild(child, { n: 1 }, { key: 'same' }),
          second: await ctx.runChild(child, { n: 2 }, { key: 'same' }),
          third: await ctx.runChild(child, { n: 3 }, { key: 'other' }),
        })) as never,
      }) as any;
      await side.serve([child, parent]);
      return { output: await parent.run({}), ran };
    },
  },
  {
    what: 'the failure of a child in its parent',
    seen: async (side) => {
      const child = side.client.task({ name: 'child', fn: (() => throws('child failed')) as never }) as any;
      const parent = side.client.task({
        name: 'parent',
        fn: (async () => ({
          caught: await child.run({}).then(
            () => 'none',
            (error: unknown) => [Array.isArray(error), String(error).includes('child failed')],
          ),
        })) as never,
      }) as any;
      await side.serve([child, parent]);
      return parent.run({});
    },
  },
  {
    what: 'the output of a cancelled run',
    seen: async (side) => {
      const { opened, open } = gate();
      const task = await served(side, async (_, ctx) => {
        open();
        await aborted(ctx);
      });
      const ref = await task.runNoWait({});
      await opened;
      await side.engine.cancel([await ref.runId]);
      return (await ref.output) ?? null;
    },
  },
  {
    what: 'a name that nobody has registered',
    seen: async (side) => {
      await served(side, () => ({}));
      const id = await publish(side, {}, {}, 'nobody');
      const known = await publish(side);
      await endOf(side, known);
      return { isId: id.length, state: await side.engine.state(id), known: await side.engine.knowsName('nobody') };
    },
  },
  {
    what: 'an unknown name among others of one call',
    seen: async (side) => {
      await served(side, () => ({ ran: true }));
      const request = (workflowName: string) => ({
        workflowName,
        input: {},
        additionalMetadata: {},
        options: undefined,
      });
      const [first = '', unknown = '', last = ''] = await side.engine.publish(['case', 'nobody', 'case'].map(request));
      const ends = [await endOf(side, first), await endOf(side, last)];
      return { ends, unknown: await side.engine.state(unknown) };
    },
  },
  {
    what: 'a name in other letters',
    seen: async (side) => {
      await served(side, () => ({ ran: true }), { name: 'MixedCase' });
      const id = await publish(side, {}, {}, 'mIXEDcASE');
      return { end: await endOf(side, id), known: await side.engine.knowsName('MIXEDCASE') };
    },
  },
  {
    what: 'the ids of a batch, in its order',
    seen: async (side) => {
      await served(side, ({ n }) => ({ n }));
      const ids = await side.engine.publish(
        [0, 1, 2, 3].map((n) => ({ workflowName: 'case', input: { n }, additionalMetadata: {}, options: undefined })),
      );
      return Promise.all(ids.map((id) => endOf(side, id)));
    },
  },
  {
    what: 'a text with the character NUL',
    seen: async (side) => {
      await served(side, () => ({}));
      return refuses(publish(side, { text: 'a\0b' }));
    },
  },
  {
    what: 'an input that is too large',
    seen: async (side) => {
      await served(side, () => ({}));
      return refuses(publish(side, { text: 'x'.repeat(4_500_000) }));
    },
  },
  {
    what: 'a parent that does not exist',
    seen: async (side) => {
      await served(side, () => ({}));
      const parent = { runId: crypto.randomUUID(), taskRunId: crypto.randomUUID(), index: 0 };
      return refuses(publish(side, {}, { parent }));
    },
  },
  {
    what: 'runs of a higher priority first',
    seen: async (side) => {
      const { opened, open } = gate();
      const order: string[] = [];
      const fn: Fn = async ({ name }) => {
        order.push(name as string);
        if (name === 'first') await opened;
        return {};
      };
      await served(side, fn, {}, 1);
      const ids = [await publish(side, { name: 'first' })];
      await eventually('it runs', () => order.length === 1);
      for (const [name, priority] of [
        ['low', 1],
        ['high', 3],
      ] as const)
        ids.push(await publish(side, { name }, { options: { priority } }));
      open();
      for (const id of ids) await endOf(side, id);
      return order;
    },
  },
  {
    what: 'no more runs at once than there are slots',
    seen: async (side) => {
      let running = 0;
      let most = 0;
      const fn: Fn = async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setTimeout(resolve, 50));
        running -= 1;
        return {};
      };
      await served(side, fn, {}, 2);
      const ids = await Promise.all([1, 2, 3, 4, 5, 6].map(() => publish(side)));
      for (const id of ids) await endOf(side, id);
      return most;
    },
  },
  {
    what: 'the history of attempts',
    seen: async (side) => {
      const { fn } = attempts((attempt) => (attempt === 1 ? throws('first') : { attempt }));
      await served(side, fn, { retries: 1 });
      const id = await publish(side);
      await endOf(side, id);
      const last = await eventually('its end is in the history', async () => {
        const attempt = latestAttempt(await side.engine.history(id));
        return attempt?.phase === 'ended' && attempt;
      });
      const { phase, retryCount, wasTaken, error } = last;
      return { phase, retryCount, wasTaken, error: error?.split('\n')[0] };
    },
  },
  {
    what: 'a run found by its metadata',
    seen: async (side) => {
      await served(side, () => ({}));
      const id = await publish(
        side,
        {},
        { additionalMetadata: { 'mageflow.signature': 'some-signature', other: 'x' } },
      );
      await endOf(side, id);
      const since = new Date(Date.now() - 60_000);
      const until = new Date(Date.now() + 60_000);
      return eventually('it is listed', async () => {
        for await (const page of side.engine.runsBetween(since, until)) {
          const found = page.find((run) => run.id === id);
          if (found) return { other: found.metadata['other'], isRecent: found.createdAt > since.getTime() };
        }
        return undefined;
      });
    },
  },
  {
    what: 'the workers that serve a task',
    seen: async (side) => {
      await served(side, () => ({}), {}, 7);
      const { active, paused, waiting } = await eventually('its worker is listed', async () => {
        const load = await side.engine.loadOf('case');
        return load.active.length > 0 && load;
      });
      return { workers: active.length, paused: paused.length, waiting };
    },
  },
  {
    what: 'a run that is going on',
    seen: async (side) => {
      const { opened, open } = gate();
      const { counts, fn } = attempts(() => opened.then(() => ({})));
      await served(side, fn);
      const id = await publish(side, { a: 1 });
      await eventually('it runs', () => counts.length === 1);
      const { known, end } = await side.engine.state(id);
      open();
      await endOf(side, id);
      return { known, end: end ?? null };
    },
  },
];
