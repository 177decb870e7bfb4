// Compiled against the installed package with declarations, as ESM and as CommonJS, in each way of resolving modules: whatever a
// project exports can be named, and options that may be undefined are taken. Nothing of it is run.
import { HatchetClient, type Duration } from '@hatchet-dev/typescript-sdk';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { chain, childResults, Mageflow, mageContext, returnValue, sign, swarm } from 'mageflow';
import type {
  AnyDeclaration,
  ItemResult,
  MageflowOptions,
  SignOptions,
  SwarmConfig,
  SwarmOptions,
  TaskLike,
} from 'mageflow';

export const mage = new Mageflow(HatchetClient.init(), new Redis());

// Tasks of all kinds.
export const resize = mage.task({
  name: 'resize',
  input: z.object({ path: z.string(), size: z.object({ width: z.number() }).optional() }),
  fn: ({ path }) => ({ path, at: new Date(), done: undefined as boolean | undefined }),
});
export const plain = mage.task({ name: 'plain', fn: (input: { a: string }) => input.a.length });
export const loose = mage.task({ name: 'loose', fn: () => {} });
export const durable = mage.durableTask({
  name: 'durable',
  input: z.object({ a: z.string() }),
  fn: async ({ a }) => ({ a }),
});
export const rowsOf = { rows: returnValue(z.array(z.object({ path: z.string() }))) };
export const report = mage.task({
  name: 'report',
  input: z.object({ ...rowsOf, parts: childResults(z.array(z.number())).optional() }),
  fn: ({ rows }) => rows.length,
});
export const batch = mage.rootTask({
  name: 'batch',
  input: z.object({ items: z.array(z.string()) }),
  maxConcurrency: 4,
  fn: async ({ items }) => ({ processed: items.length }),
});
export const patient = mage.durableRootTask({
  name: 'patient',
  input: z.object({ items: z.array(z.string()) }),
  evictionPolicy: { ttl: '10s' },
  fn: async ({ items }, ctx) => ({ slept: (await ctx.sleepFor('1s')).durationMs, processed: items.length }),
});
export const workflow = mage.workflow({ name: 'workflow', input: z.object({ a: z.string() }) });
export const wrapped = mage.wrap(
  mage.hatchet.task({ name: 'wrapped', fn: (input: { q: number }) => ({ q: input.q }) }),
);
export const wrappedRoot = mage.wrap(mage.hatchet.task({ name: 'wrapped-root', fn: () => ({}) }), { root: {} });
export const all = { resize, plain, durable, batch, patient };

// Signatures, chains and swarms.
export const ofResize = mage.sign(resize, { path: 'x' });
export const ofBatch = sign(batch, { items: [] });
export const byName = mage.sign<typeof resize>('resize', { path: 'x' });
export const etl = chain([plain, loose]);
export const many = swarm({ tasks: [[resize, { path: 'x' }], plain], isSwarmClosed: true });
export const settled = (async (): Promise<ItemResult<unknown>[]> => (await many).runSettled())();
export async function start(path: string) {
  const one = await mage.sign(resize, { path });
  const handle = await one.runNoWait();
  const outputs = await (await mage.swarm({ tasks: [one] })).run();
  const [first] = outputs;
  // What arrives of a date is a text.
  const at = first?.at;
  return { one, handle, outputs, at, children: (await ofBatch).children(), context: mageContext() };
}
export async function added(paths: readonly string[]) {
  const open = await mage.swarm();
  const item = await open.addTask(resize, { size: { width: 1 } });
  await open.addTasks(paths.map((path) => [resize, { path }]));
  return { open, item };
}
export const signAny = <T extends AnyDeclaration>(task: T) => mage.sign(task);

// Options that may be undefined.
export interface Given {
  key: string | undefined;
  retries: number | undefined;
  executionTimeout: Duration | undefined;
  limit: number | undefined;
  signal: AbortSignal | undefined;
  callbacks: TaskLike[] | undefined;
}
export async function withOptions({ key, retries, executionTimeout, limit, signal, callbacks }: Given) {
  const options: MageflowOptions = { keyPrefix: key, leaseMs: limit };
  const signOptions: SignOptions = {
    key,
    name: key,
    priority: undefined,
    sticky: undefined,
    successCallbacks: callbacks,
  };
  const config: SwarmConfig = { maxConcurrency: limit };
  const swarmOptions: SwarmOptions = { key, name: key, config, tasks: callbacks, isSwarmClosed: undefined };
  const other = new Mageflow(HatchetClient.init(), 'redis://localhost', options);
  const task = other.task({ name: 'task', retries, executionTimeout, fn: () => 1 });
  const root = other.rootTask({
    name: 'root',
    retries,
    maxConcurrency: limit,
    successCallbacks: callbacks,
    fn: () => 1,
  });
  const signature = await other.sign(task, undefined, signOptions);
  await signature.run({}, { timeoutMs: limit, signal, additionalMetadata: undefined });
  await other.chain([task, task], { key, errorCallbacks: callbacks });
  const group = await other.swarm(swarmOptions);
  await group.addTasks([task], { run: undefined });
  await group.update({ maxConcurrency: limit });
  await other.list({ kind: undefined, cursor: key });
  await other.describe(group.id, { depth: limit, cursor: key });
  return { task, root, signature, group };
}

// What has to be refused, here as in the tests of the types: an `any` that slipped into a declaration would take it.
export async function refused() {
  // @ts-expect-error -- there is no such field
  await mage.swarm({ tasks: [[resize, { pth: 'x' }]] });
  // @ts-expect-error -- the path is a text
  await mage.sign(resize, { path: 5 });
  // @ts-expect-error -- the path is required
  await (await mage.sign(resize)).run();
  // @ts-expect-error -- its rows are a list
  await mage.sign(resize, { path: 'x' }, { successCallbacks: [report] });
}
