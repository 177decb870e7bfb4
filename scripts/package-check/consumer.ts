// Compiled twice against the installed package, as ESM and as CommonJS. Pins that both kinds of consumer get the types
// of their own build; what the types promise in detail is pinned in __tests__/types.
import { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { createViewer, toNodeListener, type ViewerOptions } from 'mageflow/viewer';
import { load, Mageflow, mageContext, MageflowError, NotFoundError, returnValue, sign, swarm } from 'mageflow';

export const mage = new Mageflow(HatchetClient.init(), new Redis());

const greet = mage.task({
  name: 'greet',
  input: z.object({ name: z.string() }),
  fn: async (input) => ({ text: `hello ${input.name.toUpperCase()}` }),
});

const report = mage.task({
  name: 'report',
  input: z.object({ greetings: returnValue(z.array(z.object({ text: z.string() }))) }),
  fn: async (input) => ({ count: input.greetings.length, context: typeof mageContext() }),
});

const viewerOptions: ViewerOptions = { readOnly: false, authorize: () => ({ read: true, write: true }) };
export const listener = toNodeListener(createViewer(mage, viewerOptions));
// @ts-expect-error the base path is a text
createViewer(mage, { basePath: 1 });

export async function run(): Promise<number> {
  const bound = await sign(greet, { name: 'Ada' });
  const batch = await swarm({ tasks: [bound, greet], successCallbacks: [report], config: { maxConcurrency: 2 } });
  await batch.runNoWait({});
  // @ts-expect-error the field is a string: types that silently became `any` would not complain
  await sign(greet, { name: 1 });
  try {
    await load(batch.id);
  } catch (error) {
    if (error instanceof NotFoundError) return 1;
    if (error instanceof MageflowError) return 2;
    throw error;
  }
  return 0;
}
