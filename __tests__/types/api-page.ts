// Pins: every form that the API page shows compiles as it is written there.
import { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { Redis, Cluster } from 'ioredis';
import { z } from 'zod';
import * as mageflow from 'mageflow';
import { Mageflow, returnValue, childResults, withoutRootSwarm, mageContext, TaskFailedError } from 'mageflow';
import type { Chain, RootSignature, Signature, Swarm } from 'mageflow';

const mage = new Mageflow(HatchetClient.init(), new Redis(process.env.REDIS_URL!));
export const untyped: Mageflow = mage;
export const viaUrl = new Mageflow(HatchetClient.init<{ tenant: string }>(), 'redis://localhost');
export const cluster = new Mageflow(
  HatchetClient.init().withMiddleware({ before: (i) => ({ ...i, user: 'u' }) }),
  new Cluster([]),
);

const processItem = mage.task({
  name: 'process-item',
  input: z.object({ data: z.string(), more: z.number().optional() }),
  retries: 2,
  fn: async (input, ctx) => {
    await ctx.log('x');
    return { size: input.data.length };
  },
});
interface Out {
  rows: number;
}
const plain = mage.task({
  name: 'plain',
  fn: async (input: { a: string }): Promise<Out> => ({ rows: input.a.length }),
});
const noInput = mage.task({ name: 'no-input', fn: async () => {} });
const generic = mage.task<{ a: string }, { b: number }>({ name: 'g', fn: (i) => ({ b: i.a.length }) });
const withDate = mage.task({
  name: 'd',
  input: z.object({ at: z.coerce.date() }),
  fn: async ({ at }) => ({ y: at.getFullYear() }),
});
const prim = mage.task({ name: 'p', input: z.object({ n: z.number() }), fn: async ({ n }) => n * 2 });
const report = mage.task({
  name: 'report',
  input: z.object({ rows: returnValue(z.array(z.object({ size: z.number() }))) }),
  fn: async ({ rows }) => ({ total: rows.length }),
});
const one = mage.task({
  name: 'one',
  input: z.object({ returnValue: z.object({ size: z.number() }) }),
  fn: (input) => input.returnValue.size,
});
const withUser = cluster.task({
  name: 'u',
  input: z.object({ a: z.string() }),
  fn: (input) => ({ u: input.user + input.a }),
});
const tenant = viaUrl.task({
  name: 't',
  input: z.object({ a: z.string() }),
  fn: (input) => ({ u: input.tenant + input.a }),
});
const durable = mage.durableTask({
  name: 'dur',
  input: z.object({ a: z.string() }),
  fn: async (input, ctx) => {
    await ctx.sleepFor('1s');
    return { x: input.a };
  },
});
const wf = mage.workflow({ name: 'wf', input: z.object({ a: z.string() }) });
const first = wf.task({ name: 'first', fn: async (input) => ({ z: input.a }) });
wf.task({ name: 'second', parents: [first], fn: async (_input, ctx) => ({ y: (await ctx.parentOutput(first)).z }) });
const hatchetTask = mage.hatchet.task({ name: 'ht', fn: async (i: { q: number }) => ({ q: i.q }) });
const wrapped = mage.wrap(hatchetTask);

const audit = mage.task({ name: 'audit', fn: () => ({}) });
const processBatch = mage.rootTask({
  name: 'process-batch',
  input: z.object({ items: z.array(z.string()) }),
  maxConcurrency: 4,
  stopAfterNFailures: 2,
  fn: async (msg) => {
    for (const data of msg.items) {
      const item = await mage.sign(processItem);
      await item.runNoWait({ data });
    }
    await withoutRootSwarm(async () => {
      await (await mage.sign(audit)).runNoWait({});
    });
    return { processed: msg.items.length };
  },
});
const extract = mage.task({ name: 'extract', input: z.object({ url: z.string() }), fn: ({ url }) => ({ url }) });
const transform = mage.task({ name: 'transform', input: z.object({ unit: z.string().default('x') }), fn: () => 1 });
const load = mage.task({ name: 'load', input: z.object({ returnValue: z.number() }), fn: () => ({ loaded: true }) });

export async function rootsAndChains() {
  const summary = mage.task({
    name: 'summary',
    input: z.object({
      returnValue: z.object({ processed: z.number() }),
      sizes: childResults(z.array(z.object({ size: z.number() }))),
    }),
    fn: ({ sizes }) => sizes.length,
  });
  const rootSignature = await mage.sign(processBatch, { items: ['x'] }, { successCallbacks: [summary] });
  const children: Swarm<unknown> = await rootSignature.children();
  for await (const { index, status, output } of children.results()) console.log(index, status, output);
  console.log(await children.progress(), rootSignature.kind);
  const { processed }: { processed: number } = await rootSignature.run();
  const root: RootSignature<any, any> = await mage.load(rootSignature.id);
  const existing = hatchetTask;
  const asRoot = await mage.sign(mage.wrap(existing, { root: { maxConcurrency: 4, stopAfterNFailures: 2 } }), { q: 1 });
  await asRoot.children();
  const context = mageContext();
  console.log(processed, root, context?.rootId, context?.chainId);

  const etl = await mage.chain([extract, transform, load], {
    name: 'etl',
    successCallbacks: [await mage.sign(processItem, { data: 'x' })],
    errorCallbacks: ['alert-ops'],
  });
  await etl.runNoWait({ url: 'x' });
  const chain: Chain<any, { loaded: boolean }> = await mageflow.chain([extract, transform, load]);
  const { loaded } = await chain.run({ url: 'x' });
  console.log(loaded, chain.kind, await chain.status(), await chain.cancel());
}

export async function main() {
  const out = await processItem.run({ data: 'x' });
  out.size.toFixed();
  await processItem.runNoWait([{ data: 'x' }]);
  const worker = await mage.worker('w', { workflows: [processItem, plain, wf, durable, noInput, wrapped], slots: 5 });
  void worker.start();
  const sig = await mage.sign(
    processItem,
    { data: 'x' },
    { successCallbacks: [one, 'by-name', await mage.sign(one)], errorCallbacks: [], name: 'row 7', key: 'row-7' },
  );
  const h = await sig.runNoWait({ more: 1 });
  const o: { size: number } = await h.output;
  const id: string = await h.runId;
  await sig.runNoWait();
  const unbound = await mage.sign(processItem);
  await unbound.run(
    { data: 'x' },
    { timeoutMs: 10, signal: AbortSignal.timeout(5), additionalMetadata: { a: 'b' }, priority: 2 },
  );
  // @ts-expect-error -- data is required
  await unbound.run({});
  // @ts-expect-error -- wrong field
  await mage.sign(processItem, { wrong: 1 });
  // @ts-expect-error -- wrong type
  await mage.sign(processItem, { data: 1 });
  const named = await mage.sign<typeof processItem>('process-item', { data: 'x' });
  (await named.run()).size.toFixed();
  await mage.sign('other', { anything: 1 });
  const p: number = await (await mage.sign(prim, { n: 2 })).run();
  (await (await mage.sign(plain)).run({ a: 'x' })).rows.toFixed();
  await (await mage.sign(noInput)).run();
  await (await mage.sign(withDate)).run({ at: '2026-01-01' });
  await (await mage.sign(generic, { a: 'x' })).run();
  await (await mage.sign(wf)).run({ a: '' });
  await (await mage.sign(wrapped, { q: 1 })).run();
  await (await mage.sign(tenant)).run({ a: 'x', tenant: 't' });
  await (await mage.sign(withUser)).run({ a: 'x' });
  const batch = await mage.swarm({
    tasks: [processItem, await mage.sign('process-record', { recordId: 7 })],
    successCallbacks: [report],
    errorCallbacks: [plain],
    config: { maxConcurrency: 20, stopAfterNFailures: 50 },
    isSwarmClosed: true,
    name: 'nightly batch',
    key: 'batch-2026-11-22',
  });
  await batch.runNoWait({ date: '2026-11-22' });
  const sizes = await (await mage.swarm({ tasks: [processItem, sig] })).run();
  sizes[0]!.size.toFixed();
  const item = await batch.addTask(plain, { a: 'x' });
  await item.runNoWait({ a: 'late' });
  await item.run();
  const same: typeof sig = await batch.addTask(sig);
  const rows = [{ a: 'x' }];
  const n: number = await batch.addTasks(
    rows.map((r) => [plain, r]),
    { run: true },
  );
  await batch.addTasks(
    (async function* () {
      yield processItem;
      yield [plain, { a: 'x' }, { name: 'n' }] as const;
    })(),
  );
  await batch.closeSwarm();
  for await (const r of batch.results()) console.log(r.index, r.id, r.name, r.status, r.output, r.error);
  const { total, waiting, queued, running, succeeded, failed, cancelled, closed, status } = await batch.progress();
  const settled = await batch.runSettled({ a: 1 });
  const loaded = (await mage.load(batch.id)) as Swarm<unknown>;
  const s: Signature<any, any> = await mageflow.sign(processItem);
  await mageflow.swarm({ tasks: [s] });
  await mageflow.load('x');
  try {
    await batch.run();
  } catch (e) {
    if (e instanceof TaskFailedError) console.log(e.failures[0]?.index, e.code);
  }
  const ctx = mageContext();
  console.log(
    o,
    id,
    p,
    same,
    n,
    total,
    waiting,
    queued,
    running,
    succeeded,
    failed,
    cancelled,
    closed,
    status,
    settled[0]?.output,
    loaded.progress(),
    ctx?.swarmId,
    ctx?.failures,
  );
  mage.startReconciler();
  await mage.stopReconciler();
  await mage.close();
  const list: Signature<any, any>[] = [];
  for (const r of rows) list.push(await mage.sign(plain, r));
  await mage.swarm({ tasks: list });
  const sw: Swarm<any> = await mage.swarm({ tasks: ['a', 'b'] });
  void sw;
  const sw2 = await mage.swarm({});
  await sw2.addTask('name', { x: 1 });
  const sw3: Swarm<{ size: number }> = await mage.swarm({ tasks: [processItem] });
  void sw3;
}
