// Pins (api.md, Signatures): bound data makes those fields optional in run's message, the unbound ones stay required;
// a wrong field or a wrong type does not compile.
import { z } from 'zod';
import type { Mageflow } from 'mageflow';

export async function boundData(mage: Mageflow): Promise<void> {
  const resize = mage.task({
    name: 'resize',
    input: z.object({
      path: z.string(),
      size: z.object({ width: z.number(), height: z.number() }),
      quality: z.number().optional(),
    }),
    fn: ({ path }) => ({ path }),
  });
  const size = { width: 1, height: 2 };

  const unbound = await mage.sign(resize);
  await unbound.run({ path: 'x', size });
  await unbound.runNoWait({ path: 'x', size, quality: 3 });
  // @ts-expect-error -- nothing is bound, so a message is required
  await unbound.run();
  // @ts-expect-error -- size is not bound
  await unbound.runNoWait({ path: 'x' });
  // @ts-expect-error -- there is no field of that name
  await unbound.run({ path: 'x', size, colour: 'red' });
  // @ts-expect-error -- path is a text
  await unbound.run({ path: 5, size });

  const one = await mage.sign(resize, { path: 'x' });
  await one.run({ size });
  await one.run({ size, path: 'another' });
  // @ts-expect-error -- size is still required
  await one.run();
  // @ts-expect-error -- a bound field keeps its type
  await one.run({ size, path: 5 });

  const all = await mage.sign(resize, { path: 'x', size });
  await all.run();
  await all.run({});
  await all.run(undefined, { timeoutMs: 5 });
  await all.runNoWait({ quality: 1 });
  // @ts-expect-error -- there is no such option of a run
  await all.run({}, { timeout: 5 });

  await mage.sign(resize, { size: { width: 1 } });
  // @ts-expect-error -- a field that the task doesn't have
  await mage.sign(resize, { file: 'x' });
  // @ts-expect-error -- a good field beside one that the task doesn't have
  await mage.sign(resize, { path: 'x', file: 'x' });
  // @ts-expect-error -- a wrong type
  await mage.sign(resize, { path: 5 });
  // @ts-expect-error -- a wrong type, deeper
  await mage.sign(resize, { size: { width: 'wide' } });
  // @ts-expect-error -- a message is an object
  await mage.sign(resize, 'x');
  // @ts-expect-error -- there is no such option of sign
  await mage.sign(resize, {}, { success: [] });
  // @ts-expect-error -- callbacks are tasks
  await mage.sign(resize, {}, { successCallbacks: [5] });

  // Without a schema the body's own parameter types the message.
  const typed = mage.task({ name: 'typed', fn: (input: { a: string; b: number }) => input.b });
  await (await mage.sign(typed, { a: 'x' })).run({ b: 1 });
  // @ts-expect-error -- b is not bound
  await (await mage.sign(typed, { a: 'x' })).run({});

  // A task that says nothing of its input takes any message.
  const loose = mage.task({ name: 'loose', fn: () => 1 });
  await (await mage.sign(loose, { anything: 1 })).run({ more: [2] });
  await (await mage.sign(loose)).run();
}
