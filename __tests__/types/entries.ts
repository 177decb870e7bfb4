// Pins (api-2.md, Types): a wrong field or type of bound data does not compile, in whatever way entries are written down;
// what TypeScript can't see is checked at run time.
import { z } from 'zod';
import type { Mageflow, TaskEntry } from 'mageflow';
import { exactly } from './helpers';

export async function entries(mage: Mageflow, rows: readonly { path: string }[]): Promise<void> {
  const importFile = mage.task({
    name: 'import',
    input: z.object({
      path: z.string(),
      mode: z.enum(['fast', 'safe']).optional(),
      size: z.object({ width: z.number(), height: z.number() }).optional(),
      tags: z.array(z.string()).optional(),
      target: z.union([z.object({ bucket: z.string() }), z.object({ folder: z.string() })]).optional(),
    }),
    fn: ({ path }) => ({ rows: path.length }),
  });
  const other = mage.task({ name: 'other', fn: (input: { url: string }) => input.url });
  const loose = mage.task({ name: 'loose', fn: () => 1 });

  // Literals.
  await mage.swarm({ tasks: [[importFile, { path: 'x' }], [other, { url: 'x' }], importFile, 'name'] });
  await mage.swarm({
    tasks: [
      [importFile, {}, { name: 'x' }],
      [loose, { any: 1 }],
      ['name', { any: 1 }],
    ],
  });
  await mage.swarm({ tasks: [[importFile, { mode: 'fast', tags: ['a'], size: { width: 1 } }]] });
  await mage.swarm({ tasks: [[importFile, { target: { folder: 'x' } }]] });
  // @ts-expect-error -- there is no such field
  await mage.swarm({ tasks: [[importFile, { pth: 'x' }]] });
  // @ts-expect-error -- nor beside a good one
  await mage.swarm({ tasks: [[importFile, { path: 'x', pth: 'x' }]] });
  // @ts-expect-error -- nor deeper
  await mage.swarm({ tasks: [[importFile, { size: { wide: 1 } }]] });
  // @ts-expect-error -- nor in any of several forms
  await mage.swarm({ tasks: [[importFile, { target: { drawer: 'x' } }]] });
  // @ts-expect-error -- a wrong type
  await mage.swarm({ tasks: [[importFile, { path: 5 }]] });
  // @ts-expect-error -- a wrong type, deeper
  await mage.swarm({ tasks: [[importFile, { size: { width: 'x' } }]] });
  // @ts-expect-error -- none of its texts
  await mage.swarm({ tasks: [[importFile, { mode: 'quick' }]] });
  await mage.swarm({
    tasks: [
      [importFile, {}],
      // @ts-expect-error -- the second of several
      [importFile, { pth: 'x' }],
      [other, { url: 'x' }],
    ],
  });
  // @ts-expect-error -- the field of another task
  await mage.swarm({ tasks: [[other, { path: 'x' }]] });
  // @ts-expect-error -- there is no such option
  await mage.swarm({ tasks: [[importFile, {}, { nme: 'x' }]] });

  // Lists that are made where they are handed in.
  await mage.swarm({ tasks: rows.map(({ path }) => [importFile, { path }]) });
  await mage.swarm({ tasks: rows.map(({ path }) => [importFile, { path, mode: 'fast' }] as const) });
  // @ts-expect-error -- there is no such field
  await mage.swarm({ tasks: rows.map(({ path }) => [importFile, { pth: path }]) });
  // @ts-expect-error -- whether they are constant or not
  await mage.swarm({ tasks: rows.map(({ path }) => [importFile, { pth: path }] as const) });
  // @ts-expect-error -- a wrong type
  await mage.swarm({ tasks: rows.map((_, n) => [importFile, { path: n }]) });

  // Constant tuples.
  const good = [[importFile, { path: 'x', tags: ['a'] }], other] as const;
  const outputs = await (await mage.swarm({ tasks: good })).run();
  exactly<({ rows: number } | string)[]>()(outputs);
  const bad = [[importFile, { pth: 'x' }]] as const;
  // @ts-expect-error -- there is no such field
  await mage.swarm({ tasks: bad });
  const pair = [importFile, { path: 5 }] as const;
  // @ts-expect-error -- a wrong type
  await mage.swarm({ tasks: [pair] });

  const swarm = await mage.swarm();
  await swarm.addTasks([importFile, 'name', [importFile, { path: 'x' }], [other, { url: 'x' }, { key: 'x' }]]);
  await swarm.addTasks(
    rows.map(({ path }) => [importFile, { path }]),
    { run: true },
  );
  await swarm.addTasks(good);
  await swarm.addTasks(new Set([importFile, other]));
  // @ts-expect-error -- there is no such field
  await swarm.addTasks([[importFile, { pth: 'x' }]]);
  // @ts-expect-error -- in a list that is made there
  await swarm.addTasks(rows.map(({ path }) => [importFile, { pth: path }]));
  // @ts-expect-error -- in a constant
  await swarm.addTasks(bad);

  // Generators.
  await swarm.addTasks(
    (function* () {
      for (const { path } of rows) yield [importFile, { path }] as const;
      yield other;
    })(),
  );
  await swarm.addTasks(
    // @ts-expect-error -- there is no such field
    (function* () {
      for (const { path } of rows) yield [importFile, { pth: path }] as const;
    })(),
  );
  async function* later() {
    yield await Promise.resolve([importFile, { path: 'x' }] as const);
  }
  await swarm.addTasks(later());
  async function* wrong() {
    yield importFile;
    yield await Promise.resolve([importFile, { path: 5 }] as const);
  }
  // @ts-expect-error -- a wrong type in one of them
  await swarm.addTasks(wrong());

  await swarm.addTask(importFile, { path: 'x', size: { height: 1 } });
  // @ts-expect-error -- there is no such field
  await swarm.addTask(importFile, { pth: 'x' });
  // @ts-expect-error -- a wrong type
  await swarm.addTask(importFile, { path: 5 });

  // The run time checks the tasks whose types are not known here.
  const known: TaskEntry[] = [[importFile, { pth: 'x' }]];
  await mage.swarm({ tasks: known });
  await swarm.addTasks(known);
  const pairs: [typeof importFile, object][] = [[importFile, { pth: 'x' }]];
  await mage.swarm({ tasks: pairs });
}

export async function boundToASignature(mage: Mageflow, maybe: string | undefined): Promise<void> {
  const importFile = mage.task({
    name: 'import',
    input: z.object({ path: z.string(), lines: z.array(z.string()), kind: z.enum(['a', 'b']) }),
    fn: () => 1,
  });
  const lines = await mage.sign(importFile, { lines: ['x'] });
  await lines.run({ path: 'x', kind: 'a' });
  const constant = { lines: ['x'], kind: 'a' } as const;
  await (await mage.sign(importFile, constant)).run({ path: 'x' });
  // Of one that may be undefined nobody knows whether it is bound.
  const perhaps = await mage.sign(importFile, { path: maybe, lines: [], kind: 'a' });
  await perhaps.run({ path: 'x' });
  // @ts-expect-error -- so it is required
  await perhaps.run({});
  const all = await mage.sign(importFile, { path: 'x', lines: [], kind: 'b' });
  await all.run();
}
