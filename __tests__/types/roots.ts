// Pins (api.md, Root tasks): a root task takes every option of a task, every field of a swarm's config and callbacks, and
// only its signatures know children; a body's helpers (withoutRootSwarm, the context's children) keep their types.
import { z } from 'zod';
import * as mageflow from 'mageflow';
import { childResults, Mageflow, returnValue, without_root_swarm, withoutRootSwarm } from 'mageflow';
import type { RootConfig, RootSignature, Swarm } from 'mageflow';
import type { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { exactly } from './helpers';

interface Size {
  size: number;
  at: Date;
}

export async function roots(mage: Mageflow, hatchet: HatchetClient): Promise<void> {
  const item = mage.task({ name: 'item', input: z.object({ data: z.string() }), fn: ({ data }) => data.length });
  const sized = mage.task({ name: 'sized', fn: (): Size => ({ size: 1, at: new Date() }) });
  const config = {
    maxConcurrency: 4,
    stopAfterNFailures: 2,
    stopAfterFailureRatio: 0.5,
    onStop: 'cancel',
    timeoutMs: 60_000,
    rateLimit: { limit: 10, perMs: 1_000 },
    keepResults: true,
  } satisfies Required<RootConfig>;
  const batch = mage.rootTask({
    name: 'batch',
    input: z.object({ items: z.array(z.string()) }),
    ...config,
    successCallbacks: [item, 'by-name', await mage.sign(item), await mage.chain([item])],
    errorCallbacks: [await mage.swarm({ tasks: [item] })],
    description: 'all of it',
    version: '1',
    retries: 2,
    backoff: { factor: 2, maxSeconds: 5 },
    executionTimeout: '5m',
    scheduleTimeout: '5m',
    concurrency: { expression: 'input.items', maxRuns: 1 },
    onCrons: ['0 * * * *'],
    onEvents: ['batch:new'],
    fn: async (message, ctx) => {
      exactly<string[]>()(message.items);
      for (const data of message.items) await (await mage.sign(item)).runNoWait({ data });
      exactly<number>()(await (await mageflow.sign(item, { data: 'x' })).run());
      const direct: number = await item.run({ data: 'x' });
      const size = await sized.run({});
      exactly<{ size: number; at: string }>()(size);
      await item.runNoWait([{ data: 'x' }]);
      await item.runManyNoWait([{ input: { data: 'x' } }]);
      await ctx.runChild(item, { data: 'x' });
      await ctx.runNoWaitChild(sized, {});
      await ctx.bulkRunNoWaitChildren([{ workflow: item, input: { data: 'x' } }]);
      return { processed: message.items.length + direct + size.size };
    },
  });

  const signature = await mage.sign(batch, { items: [] }, { successCallbacks: [await mage.sign(item, { data: 'x' })] });
  exactly<'root'>()(signature.kind);
  exactly<Swarm<unknown>>()(await signature.children());
  exactly<{ processed: number }>()(await signature.run());
  const declared: RootSignature<{ items?: string[] }, { processed: number }> = signature;
  await (await mage.sign(batch)).runNoWait({ items: ['x'] });
  // @ts-expect-error -- items are required
  await (await mage.sign(batch)).run();
  await (await mage.sign<typeof batch>('batch')).children();
  await (await mageflow.sign(batch)).children();
  await (await (await mage.swarm()).addTask(batch)).children();
  await (await mage.load<RootSignature<object, unknown>>(declared.id)).children();
  // @ts-expect-error -- a plain task has no children
  await (await mage.sign(item)).children();
  // @ts-expect-error -- nor has a name
  await (await mage.sign('item')).children();

  const typed = mage.rootTask({ name: 'typed', fn: async (message: { a: string }) => message.a });
  exactly<string>()(await (await mage.sign(typed, { a: 'x' })).run());
  const generic = mage.rootTask<{ items: string[] }, { n: number }>({
    name: 'generic',
    maxConcurrency: null,
    stopAfterNFailures: null,
    keepResults: undefined as unknown as null,
    fn: ({ items }) => ({ n: items.length }),
  });
  exactly<{ n: number }>()(await (await mage.sign(generic)).run({ items: [] }));
  const bare = mage.rootTask({ name: 'bare', fn: async () => {} });
  await (await mage.sign(bare)).run();

  const wrapped = mage.wrap(hatchet.task({ name: 'wrapped', fn: (input: { q: number }) => ({ q: input.q }) }), {
    root: { maxConcurrency: 4 },
  });
  const ofWrapped = await mage.sign(wrapped, { q: 1 });
  exactly<Swarm<unknown>>()(await ofWrapped.children());
  exactly<{ q: number }>()(await ofWrapped.run());
  await (await mage.sign(mage.wrap(hatchet.task({ name: 'all-defaults', fn: () => ({}) }), { root: {} }))).children();
  const notARoot = mage.wrap(hatchet.task({ name: 'not-a-root', fn: () => ({}) }), {});
  // @ts-expect-error -- it was not wrapped as a root
  await (await mage.sign(notARoot)).children();

  const user = new Mageflow(hatchet.withMiddleware({ before: () => ({ user: 'ada' }) }), 'redis://localhost');
  const withUser = user.rootTask({ name: 'with-user', input: z.object({ a: z.string() }), fn: (input) => input.user });
  exactly<string>()(await (await user.sign(withUser)).run({ a: 'x' }));
  await mage.worker('roots', { workflows: [batch, typed, generic, bare, wrapped, withUser] });

  const agent = mage.durableRootTask({
    name: 'agent',
    input: z.object({ goal: z.string() }),
    ...config,
    successCallbacks: [item],
    errorCallbacks: ['by-name'],
    retries: 2,
    executionTimeout: '5m',
    scheduleTimeout: '1h',
    onEvents: ['agent:new'],
    evictionPolicy: { ttl: '10s', allowCapacityEviction: true, priority: 1 },
    fn: async ({ goal }, ctx) => {
      exactly<string>()(goal);
      await (await mage.sign(item, { data: 'x' })).runNoWait();
      const { size }: { size: number } = await ctx.spawnChild(sized, {});
      await ctx.sleepFor('1h');
      await ctx.waitFor([{ eventKey: 'go' }, { sleepFor: '1m' }]);
      const { approved } = await ctx.waitForEvent('decided', '', z.object({ approved: z.boolean() }));
      exactly<boolean>()(approved);
      await ctx.runChild(item, { data: 'x' });
      return { approved, size, invocations: ctx.invocationCount };
    },
  });
  const ofAgent = await mage.sign(agent, { goal: 'x' });
  exactly<'root'>()(ofAgent.kind);
  exactly<Swarm<unknown>>()(await ofAgent.children());
  exactly<{ approved: boolean; size: number; invocations: number }>()(await ofAgent.run());
  const simplest = mage.durableRootTask({ name: 'simplest', fn: async (message: { a: string }) => message.a });
  exactly<string>()(await (await mage.sign(simplest, { a: 'x' })).run());
  mage.durableRootTask({ name: 'given-nothing', evictionPolicy: undefined, maxConcurrency: undefined, fn: () => ({}) });
  const wrappedDurable = mage.wrap(
    hatchet.durableTask({ name: 'wrapped-durable', fn: (input: { q: number }) => ({ q: input.q }) }),
    { root: { maxConcurrency: 4 } },
  );
  await (await mage.sign(wrappedDurable, { q: 1 })).children();
  await mage.worker('durable-roots', { workflows: [agent, simplest, wrappedDurable] });

  // Everywhere a task is taken.
  const report = mage.task({
    name: 'report',
    input: z.object({
      summary: returnValue(z.object({ processed: z.number() })),
      sizes: childResults(z.array(z.number())).optional(),
    }),
    fn: ({ summary, sizes }) => {
      exactly<{ processed: number }>()(summary);
      exactly<number[] | undefined>()(sizes);
      return sizes?.length ?? 0;
    },
  });
  await mage.sign(batch, { items: [] }, { successCallbacks: [report] });
  await (await mage.sign(report, { summary: { processed: 1 } })).run({ sizes: [1] });
  await report.run({ summary: { processed: 1 } });
  exactly<number>()(await (await mage.chain([batch, report])).run({ items: [] }));
  const all = await mage.swarm({ tasks: [batch, await mage.chain([item]), await mage.swarm({ tasks: [item] })] });
  exactly<({ processed: number } | number | number[])[]>()(await all.run());

  // @ts-expect-error -- there is no such field
  mage.rootTask({ name: 'wrong', maxConcurency: 4, fn: () => ({}) });
  // @ts-expect-error -- concurrency is a number
  mage.rootTask({ name: 'wrong', maxConcurrency: '4', fn: () => ({}) });
  // @ts-expect-error -- callbacks are tasks
  mage.rootTask({ name: 'wrong', errorCallbacks: [5], fn: () => ({}) });
  // @ts-expect-error -- the message has no such field
  mage.rootTask({ name: 'wrong', input: z.object({ a: z.string() }), fn: ({ b }) => ({ b }) });
  // @ts-expect-error -- a root has a body
  mage.rootTask({ name: 'wrong' });
  // @ts-expect-error -- only a durable body is evicted
  mage.rootTask({ name: 'wrong', evictionPolicy: { ttl: '10s' }, fn: () => ({}) });
  // @ts-expect-error -- there is no such field
  mage.durableRootTask({ name: 'wrong', maxConcurency: 4, fn: () => ({}) });
  // @ts-expect-error -- a time is a text such as '10s', a number of ms, or an object
  mage.durableRootTask({ name: 'wrong', evictionPolicy: { ttl: 'soon' }, fn: () => ({}) });
  // @ts-expect-error -- its body closes it
  mage.durableRootTask({ name: 'wrong', maxItems: 4, fn: () => ({}) });
  // @ts-expect-error -- the body of an ordinary root has no waits of the engine
  mage.rootTask({ name: 'wrong', fn: async (_: object, ctx) => ctx.sleepFor('1s') });
  // @ts-expect-error -- there is no such option of wrap
  mage.wrap(hatchet.task({ name: 'wrong', fn: () => ({}) }), { maxConcurrency: 4 });
}

export async function outsideTheCapture(): Promise<void> {
  exactly<number>()(withoutRootSwarm(() => 5));
  exactly<string>()(await withoutRootSwarm(async () => Promise.resolve('x')));
  exactly<Promise<string>>()(withoutRootSwarm(() => Promise.resolve('x')));
  exactly<undefined>()(withoutRootSwarm(() => undefined));
  exactly<number>()(await withoutRootSwarm(() => without_root_swarm(async () => Promise.resolve(5))));
  exactly<typeof withoutRootSwarm>()(without_root_swarm);
  exactly<typeof withoutRootSwarm>()(mageflow.without_root_swarm);
  // @ts-expect-error -- it takes a function
  withoutRootSwarm(Promise.resolve(5));
}
