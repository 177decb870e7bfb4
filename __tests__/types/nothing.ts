// Pins (README, What a message is): nothing arrives as null, and as nothing where a field is optional. Both are typed so.
import { z } from 'zod';
import { childResults, returnValue, type Mageflow } from 'mageflow';
import { exactly } from './helpers';

export async function nothing(mage: Mageflow): Promise<void> {
  const maybe = mage.task({ name: 'maybe', fn: (input: { a: string }): string | undefined => input.a });
  const deep = mage.task({
    name: 'deep',
    fn: (): { list: (string | undefined)[]; at: string | null } => process.exit(1),
  });
  const none = mage.task({ name: 'none', fn: async (): Promise<void> => {} });
  const takes = <S extends z.ZodType>(schema: S) =>
    mage.task({ name: 'takes', input: z.object({ rows: returnValue(schema) }), fn: () => 1 });
  const optional = takes(z.string().optional());
  const nullable = takes(z.string().nullable());
  const nullish = takes(z.string().nullish());
  const required = takes(z.string());
  const optionals = takes(z.array(z.string().optional()));
  const nullables = takes(z.array(z.string().nullable()));
  const requireds = takes(z.array(z.string()));
  const absent = takes(z.undefined());
  const absents = takes(z.array(z.undefined()));

  exactly<string | null>()(await (await mage.sign(maybe, { a: 'x' })).run());
  exactly<(string | null)[]>()(await (await mage.swarm({ tasks: [maybe] })).run());
  exactly<void>()(await (await mage.sign(none)).run());

  await mage.sign(maybe, {}, { successCallbacks: [optional, nullable, nullish] });
  await mage.chain([maybe, optional]);
  await mage.chain([maybe, nullable]);
  await mage.chain([none, optional], { successCallbacks: ['by-name'] });
  await mage.sign(none, undefined, { successCallbacks: [optional, nullable, absent] });
  await mage.swarm({ tasks: [maybe], successCallbacks: [optionals, nullables] });
  await mage.swarm({ tasks: [none], successCallbacks: [optionals, nullables, absents] });
  // A place that is optional beside one that is nullable.
  const both = z.object({ list: z.array(z.string().optional()), at: z.string().optional() });
  const neither = z.object({ list: z.array(z.string()), at: z.string().nullable() });
  await mage.sign(deep, undefined, { successCallbacks: [takes(both)] });
  await mage.chain([deep, takes(both)]);
  const root = mage.rootTask({ name: 'root', fn: (): undefined => undefined });
  const parts = mage.task({
    name: 'parts',
    input: z.object({ returnValue: z.string().optional(), parts: childResults(z.array(z.string().optional())) }),
    fn: () => 1,
  });
  await mage.sign(root, undefined, { successCallbacks: [parts] });

  // @ts-expect-error -- it needs a text
  await mage.sign(maybe, {}, { successCallbacks: [required] });
  // @ts-expect-error -- likewise
  await mage.chain([maybe, required]);
  // @ts-expect-error -- a list with nothing in it is none of texts
  await mage.swarm({ tasks: [maybe], successCallbacks: [requireds] });
  // @ts-expect-error -- its list takes texts only
  await mage.sign(deep, undefined, { successCallbacks: [takes(neither)] });
}
