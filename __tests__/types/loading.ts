// Pins: what `load` gives is typed by the kind that is asked for, and by the output type that is given.
import { exactly } from './helpers';
import * as mageflow from 'mageflow';
import type { Chain, LoadOptions, Mageflow, RootSignature, Signature, Swarm } from 'mageflow';

declare const mage: Mageflow;

type Message = Record<string, unknown>;

export async function loading(id: string, kind: 'task' | 'chain', options: LoadOptions) {
  const plain = await mage.load(id);
  exactly<Signature<Message, unknown>>()(plain);
  const task = await mage.load(id, { kind: 'task' });
  exactly<Signature<Message, unknown>>()(task);
  const root = await mage.load(id, { kind: 'root' });
  exactly<RootSignature<Message, unknown>>()(root);
  await (await root.children()).progress();
  const chain = await mage.load(id, { kind: 'chain' });
  exactly<Chain<Message, unknown>>()(chain);
  const swarm = await mageflow.load(id, { kind: 'swarm' });
  await swarm.progress();

  const sized = await mage.load<{ size: number }>(id, { kind: 'task' });
  (await sized.wait({ timeoutMs: 10 })).size.toFixed();
  const batch = await mage.load<{ size: number }>(id, { kind: 'swarm' });
  (await batch.wait())[0]?.size.toFixed();
  const whole = await mage.load<Swarm<{ size: number }>>(id, { kind: 'swarm' });
  exactly<Swarm<{ size: number }>>()(whole);
  const whichever: Swarm<unknown> = await mage.load<Swarm<unknown>>(id);
  const inferred: RootSignature<never, number> = await mage.load(id);
  const either = await mage.load(id, { kind });
  exactly<Signature<Message, unknown> | Chain<Message, unknown>>()(either);
  const any: Signature<Message, unknown> = await mage.load(id, options);

  // @ts-expect-error -- a task has no progress
  await task.progress();
  // @ts-expect-error -- there is no such kind
  await mage.load(id, { kind: 'flow' });
  // @ts-expect-error -- nor such an option
  await mage.load(id, { kinds: 'task' });
  console.log(whichever, inferred, any, task.created, sized.created);
}
