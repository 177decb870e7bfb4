// Pins (api.md, Signatures and Swarms): run() and a handle's output have the type of the body's output; a swarm's run()
// gives an array of the outputs, of several kinds of tasks an array of their union.
import { z } from 'zod';
import type { ItemResult, Mageflow, Swarm } from 'mageflow';
import { exactly } from './helpers';

export async function outputs(mage: Mageflow): Promise<void> {
  const size = mage.task({ name: 'size', input: z.object({ a: z.string() }), fn: ({ a }) => ({ size: a.length }) });
  const upper = mage.task({ name: 'upper', fn: async (input: { a: string }) => input.a.toUpperCase() });
  const nothing = mage.durableTask({ name: 'nothing', fn: async () => {} });
  const twoTasks = mage.workflow<{ a: string }, { one: { x: number } }>({ name: 'two-tasks' });

  const one = await (await mage.sign(size)).run({ a: 'x' });
  exactly<{ size: number }>()(one);
  const handle = await (await mage.sign(upper, { a: 'x' })).runNoWait();
  const text = await handle.output;
  const runId = await handle.runId;
  for (const each of [text, runId, handle.id]) exactly<string>()(each);
  interface Seen {
    at: Date;
    by: { id: bigint | string; toJSON(): string };
    note: string | undefined;
    list: (Date | undefined)[];
    log: () => void;
    [Symbol.iterator]?: () => Iterator<number>;
  }
  type Arrived = { at: string; by: string; note?: string; list: (string | null)[] };
  const seen = mage.task({ name: 'seen', fn: (): Seen => process.exit(1) });
  exactly<Arrived>()(await (await mage.sign(seen)).run());
  exactly<Arrived[]>()(await (await mage.swarm({ tasks: [seen] })).run());
  exactly<Arrived>()(await (await mage.chain([upper, seen])).run({ a: 'x' }));
  exactly<Arrived>()(await seen.run({}));
  const seenLater = mage.durableTask({
    name: 'seen-later',
    fn: async (): Promise<Seen> => Promise.reject(new Error()),
  });
  exactly<Arrived>()(await (await mage.sign(seenLater)).run());
  const spawned = mage.rootTask({ name: 'spawned', fn: (): Seen => process.exit(1) });
  exactly<Arrived>()(await (await mage.sign(spawned)).run());

  const none = await (await mage.sign(nothing)).run();
  exactly<void>()(none);
  const workflow = await (await mage.sign(twoTasks, { a: 'x' })).run();
  exactly<{ one: { x: number } }>()(workflow);

  const same = await mage.swarm({ tasks: [size, await mage.sign(size, { a: 'x' })] });
  const sizes = await same.run();
  exactly<{ size: number }[]>()(sizes);
  const mixed = await mage.swarm({ tasks: [size, upper] });
  const both = await mixed.run();
  exactly<({ size: number } | string)[]>()(both);
  const handled = await (await mixed.runNoWait()).output;
  exactly<typeof both>()(handled);
  const withData = await (await mage.swarm({ tasks: [[size, { a: 'x' }]] })).run();
  exactly<{ size: number }[]>()(withData);
  const fromList = await mage.swarm({ tasks: ['a', 'b', 'c'].map((a) => [size, { a }] as const) });
  const listed = await fromList.run();
  exactly<{ size: number }[]>()(listed);

  const settled = await same.runSettled();
  exactly<ItemResult<{ size: number }>[]>()(settled);
  for await (const item of same.results()) {
    exactly<ItemResult<{ size: number }>>()(item);
    // @ts-expect-error -- an item that failed has no output
    void item.output.size;
    void item.output?.size;
    if (item.status === 'succeeded') exactly<{ size: number }>()(item.output);
    else if (item.status === 'failed') exactly<string>()(item.error);
    else exactly<string | undefined>()(item.error);
  }
  const declared: Swarm<{ size: number }> = same;
  void declared;
  // @ts-expect-error -- these are no texts
  const wrong: Swarm<string> = same;
  void wrong;

  // @ts-expect-error -- a number is no task
  await mage.swarm({ tasks: [5] });
  // @ts-expect-error -- there is no such field of a config
  await mage.swarm({ config: { maxConcurency: 5 } });
  // @ts-expect-error -- concurrency is a number
  await mage.swarm({ config: { maxConcurrency: 'five' } });
  // @ts-expect-error -- an entry is a task, or a task with its data
  await same.addTasks([5]);
}
