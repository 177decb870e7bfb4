// Pins (api.md, Signatures): a task may be named by a text; `sign<typeof task>('name')` types it, and the message of
// such a signature is partial, so nothing is required. addTask's items are partial too: the swarm may bring the rest.
import { z } from 'zod';
import type { Mageflow, Signature } from 'mageflow';
import { exactly } from './helpers';

export async function names(mage: Mageflow): Promise<void> {
  const resize = mage.task({
    name: 'resize',
    input: z.object({ path: z.string(), width: z.number() }),
    fn: ({ path, width }) => ({ path, area: width * width }),
  });
  type Out = { path: string; area: number };

  const typed = await mage.sign<typeof resize>('resize', { path: 'x' });
  await typed.run();
  await typed.run({ width: 5 });
  // @ts-expect-error -- what is sent still has its type
  await typed.run({ width: 'wide' });
  // @ts-expect-error -- and what is bound
  await mage.sign<typeof resize>('resize', { path: 5 });
  const typedOutput = await typed.run();
  exactly<Out>()(typedOutput);

  const untyped = await mage.sign('served-elsewhere', { anything: 1 });
  await untyped.run({ more: 'x' });
  await untyped.run();
  // @ts-expect-error -- a name is a text
  await mage.sign(5);

  const swarm = await mage.swarm();
  const item = await swarm.addTask(resize, { path: 'x' });
  await item.runNoWait();
  await item.runNoWait({ width: 5 });
  // @ts-expect-error -- a field that the task doesn't have
  await swarm.addTask(resize, { file: 'x' });
  // @ts-expect-error -- a wrong type
  await swarm.addTask(resize, { path: 5 });
  // @ts-expect-error -- a message is an object
  await swarm.addTask(resize, 'x');
  // @ts-expect-error -- a wrong type in the message
  await item.run({ width: 'wide' });
  const itemOutput = await item.run();
  exactly<Out>()(itemOutput);

  const signature = await mage.sign(resize, { path: 'x' });
  const same = await swarm.addTask(signature);
  exactly<typeof signature>()(same);
  const anything: Signature<never, unknown> = same;
  void anything;
}
