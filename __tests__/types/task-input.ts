// Pins (api.md, Tasks and Messages): a body's input is the schema's output type, with what middleware adds; what callers
// send is the schema's input type; every option of the SDK's task passes through; a marked schema keeps its type.
import { z } from 'zod';
import { mageContext, Mageflow, returnValue, type MageContext } from 'mageflow';
import type { HatchetClient, TaskWorkflowDeclaration } from '@hatchet-dev/typescript-sdk';
import { exactly } from './helpers';

export async function taskInput(mage: Mageflow, hatchet: HatchetClient): Promise<void> {
  const schema = z.object({
    at: z.coerce.date(),
    words: z.string().transform((text) => text.split(' ')),
    count: z.number().default(1),
  });
  const task = mage.task({
    name: 'task',
    input: schema,
    retries: 3,
    executionTimeout: '5m',
    concurrency: { expression: 'input.words', maxRuns: 1 },
    fn: (input, ctx) => {
      exactly<string[]>()(input.words);
      exactly<Date>()(input.at);
      exactly<number>()(input.count);
      void ctx.retryCount();
      return { year: input.at.getFullYear() };
    },
  });
  const declaration: TaskWorkflowDeclaration<any, any> = task;
  void declaration;
  await (await mage.sign(task)).run({ at: '2026-11-22', words: 'one two' });
  // @ts-expect-error -- callers send a text, which the schema splits
  await (await mage.sign(task)).run({ at: '2026-11-22', words: ['one', 'two'] });

  mage.task({
    name: 'report',
    input: z.object({ rows: returnValue(z.array(z.object({ size: z.number() }))).min(1) }),
    fn: ({ rows }) => {
      exactly<{ size: number }[]>()(rows);
      return rows.length;
    },
  });

  const user = hatchet.withMiddleware({ before: () => ({ user: 'ada' }) });
  new Mageflow(user, 'redis://localhost').task({
    name: 'with-user',
    input: z.object({ a: z.number() }),
    fn: (input) => {
      exactly<number>()(input.a);
      exactly<string>()(input.user);
      return {};
    },
  });

  // @ts-expect-error -- there is no such option of a task
  mage.task({ name: 'wrong', retry: 3, fn: () => ({}) });
  // @ts-expect-error -- a task has a body
  mage.task({ name: 'wrong' });
  // @ts-expect-error -- batch tasks can't be wrapped
  mage.task({ name: 'wrong', batch: { maxSize: 5 }, fn: () => ({}) });
  // @ts-expect-error -- there is no such option of an instance
  void new Mageflow(hatchet, 'redis://localhost', { prefix: 'x' });

  exactly<MageContext | undefined>()(mageContext());
  const plain = hatchet.task({ name: 'plain', fn: (input: { q: number }) => input });
  exactly<typeof plain>()(mage.wrap(plain));
}
