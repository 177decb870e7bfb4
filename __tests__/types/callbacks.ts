// Pins (api-2.md, Types): a success callback whose result field can't take what it will get, or with a required field that is neither
// the result nor bound, does not compile for a task, a chain, and a swarm of one task.
import { z } from 'zod';
import { childResults, returnValue, type Mageflow, type TaskLike } from 'mageflow';

export async function callbacks(mage: Mageflow): Promise<void> {
  const size = mage.task({ name: 'size', input: z.object({ a: z.string() }), fn: ({ a }) => ({ size: a.length }) });
  const upper = mage.task({ name: 'upper', fn: (input: { a: string }) => input.a.toUpperCase() });
  const root = mage.rootTask({ name: 'root', fn: () => ({ size: 1 }) });
  const row = z.object({ size: z.number() });
  const one = mage.task({ name: 'one', input: z.object({ row: returnValue(row) }), fn: ({ row: { size: n } }) => n });
  const list = mage.task({
    name: 'list',
    input: z.object({ rows: returnValue(z.array(row)) }),
    fn: ({ rows }) => rows,
  });
  const byDefault = mage.task({ name: 'default', fn: (input: { returnValue: { size: number } }) => input.returnValue });
  const channel = mage.task({
    name: 'channel',
    input: z.object({ channel: z.string(), text: z.string().optional(), returnValue: z.unknown() }),
    fn: ({ channel: to }) => to,
  });
  const parts = mage.task({
    name: 'parts',
    input: z.object({ returnValue: row, parts: childResults(z.array(z.number())) }),
    fn: ({ parts: all }) => all.length,
  });
  const loose = mage.task({ name: 'loose', fn: () => 1 });

  // A task.
  await mage.sign(size, {}, { successCallbacks: [one, byDefault, loose, 'by-name', await mage.sign('named')] });
  await mage.sign(size, {}, { successCallbacks: [await mage.sign(channel, { channel: 'ops' }), await mage.sign(one)] });
  await mage.sign(size, undefined, { successCallbacks: [await mage.chain([one, loose])] });
  await mage.sign(size, {}, { errorCallbacks: [channel, list] });
  await mage.sign(root, {}, { successCallbacks: [parts, one] });
  const some: TaskLike[] = [list];
  await mage.sign(size, {}, { successCallbacks: some });
  // @ts-expect-error -- it takes a list
  await mage.sign(size, {}, { successCallbacks: [list] });
  // @ts-expect-error -- the second one takes a list
  await mage.sign(size, {}, { successCallbacks: [one, await mage.sign(list)] });
  // @ts-expect-error -- nobody binds its channel
  await mage.sign(size, {}, { successCallbacks: [channel] });
  // @ts-expect-error -- nor here
  await mage.sign(size, {}, { successCallbacks: [await mage.sign(channel, { text: 'x' })] });
  // @ts-expect-error -- it takes an object
  await mage.sign(upper, {}, { successCallbacks: [byDefault] });
  // @ts-expect-error -- in an entry as well
  await mage.swarm({ tasks: [[size, {}, { successCallbacks: [list] }]] });
  // @ts-expect-error -- and for one that is added
  await (await mage.swarm()).addTask(size, {}, { successCallbacks: [list] });

  // A chain.
  await mage.chain([size, one], { successCallbacks: [loose] });
  await mage.chain([upper, size], { successCallbacks: [one] });
  // @ts-expect-error -- the last step gives an object
  await mage.chain([upper, size], { successCallbacks: [list] });
  // @ts-expect-error -- nobody binds its channel
  await mage.chain([upper, size], { successCallbacks: [channel] });

  // A swarm of one task.
  await mage.swarm({ tasks: [size, [size, { a: 'x' }], await mage.sign(size)], successCallbacks: [list, loose] });
  await mage.swarm({ tasks: [[size, { a: 'x' }]], successCallbacks: [list, await mage.sign(list)] });
  // @ts-expect-error -- it is given a list
  await mage.swarm({ tasks: [[size, { a: 'x' }]], successCallbacks: [one] });
  // @ts-expect-error -- of texts
  await mage.swarm({ tasks: [upper], successCallbacks: [list] });
  // @ts-expect-error -- nobody binds its channel
  await mage.swarm({ tasks: [upper], successCallbacks: [channel] });
  // Of several, or of none yet, there is no telling.
  await mage.swarm({ tasks: [upper, size], successCallbacks: [list] });
  await mage.swarm({ successCallbacks: [list] });
}
