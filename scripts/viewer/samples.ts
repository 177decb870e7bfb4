import { setTimeout as pause } from 'node:timers/promises';
import type { Mageflow } from 'mageflow';
import { z } from 'zod';

const input = z.object({ n: z.number().default(0), ms: z.number().default(0), fails: z.boolean().default(false) });
const errors = ['connection refused by 10.0.0.7:5432', 'row 17 has no country', 'HTTP 503 after 3 trials'];

/** The tasks of the samples. Nobody serves the last one. */
export function declareSamples(mage: Mageflow) {
  const row = mage.task({
    name: 'import-row',
    input,
    fn: async ({ n, ms, fails }, context) => {
      await pause(ms, undefined, { signal: context.abortController.signal });
      if (fails) throw new Error(errors[n % errors.length]);
      return { rows: n * 7, country: ['NO', 'SE', 'DK'][n % 3] };
    },
  });
  const alert = mage.task({
    name: 'alert',
    fn: (): { sent: boolean } => {
      throw new Error('the mail server does not answer');
    },
  });
  const crawl = mage.rootTask({
    name: 'crawl-site',
    input,
    fn: async ({ n }) => {
      for (let i = 0; i < 6; i++) await (await mage.sign(row, { n: i, ms: n, fails: i === 5 })).runNoWait({});
      return { pages: 6 };
    },
  });
  return { row, alert, crawl, unserved: mage.task({ name: 'render-video', fn: () => ({}) }) };
}

type Samples = ReturnType<typeof declareSamples>;

/** Starts a group of each kind and state. Those that run go on for minutes. */
export async function startSamples(mage: Mageflow, { row, alert, crawl, unserved }: Samples): Promise<void> {
  const rows = (count: number, ms: number, fails: (i: number) => boolean = () => false) =>
    Array.from(
      { length: count },
      (_, n) => [row, { n, ms, fails: fails(n) }, { name: `row ${(n + 1).toLocaleString('en-US')}` }] as const,
    );
  const closed = { isSwarmClosed: true } as const;

  await mage.swarm({ name: 'not started yet', tasks: rows(12, 0), ...closed });
  const suspended = await mage.swarm({
    name: 'suspended by operations',
    tags: ['billing'],
    tasks: rows(40, 300),
    config: { maxConcurrency: 4 },
    ...closed,
  });
  await suspended.runNoWait({});
  await suspended.suspend();
  const cancelled = await mage.swarm({
    name: 'cancelled in the middle',
    tasks: rows(60, 500),
    config: { maxConcurrency: 5 },
    ...closed,
  });
  await cancelled.runNoWait({});
  await cancelled.cancel();
  const done = await mage.swarm({ name: 'daily report', tasks: rows(80, 5), ...closed });
  await done.runNoWait({});
  const some = await mage.swarm({ name: 'succeeded with failures', tasks: rows(90, 5, (n) => n % 9 === 4), ...closed });
  await some.runNoWait({});
  const stopped = await mage.swarm({
    name: 'stopped by its failure limit',
    tasks: rows(200, 20, (n) => n % 7 === 3),
    config: { maxConcurrency: 10, stopAfterNFailures: 5 },
    errorCallbacks: [alert],
    ...closed,
  });
  await stopped.runNoWait({});
  const callbacks = await mage.swarm({
    name: 'its callback failed',
    tasks: rows(5, 5),
    successCallbacks: [alert],
    ...closed,
  });
  await callbacks.runNoWait({});
  const chain = await mage.chain([row, row, row], { name: 'extract, transform, load' });
  await chain.runNoWait({ n: 3, ms: 20 });
  await (await mage.sign(row, { n: 1 }, { name: 'a single task' })).runNoWait({});
  await (await mage.sign(crawl, { n: 60_000 }, { name: 'a root task with children' })).runNoWait({});
  const inner = await mage.swarm({ name: 'europe', tasks: rows(30, 4_000), config: { maxConcurrency: 3 }, ...closed });
  const deep = await mage.swarm({
    name: 'world',
    tags: ['nested'],
    metadata: { requested_by: 'ada@example.com' },
    tasks: [inner, await mage.chain([row, row], { name: 'two steps' }), ...rows(6, 3_000, (n) => n === 2)],
    ...closed,
  });
  await deep.runNoWait({});
  const limited = await mage.swarm({
    name: 'one call a second',
    tasks: rows(300, 50),
    config: { rateLimit: { limit: 1, perMs: 1_000 } },
    ...closed,
  });
  await limited.runNoWait({});
  const open = await mage.swarm({ name: 'an open queue', tasks: rows(25, 2_000), config: { maxConcurrency: 3 } });
  await open.runNoWait({});
  const waits = await mage.swarm({ name: 'no worker serves it', tasks: [[unserved, {}]], ...closed });
  await waits.runNoWait({});
  const long = await mage.swarm({
    name: 'a name that somebody has made of the address of a customer, Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch, and of <b>markup</b>',
    tags: ['a-tag-that-is-about-as-long-as-tags-of-people-become-in-the-end', 'eu'],
    tasks: rows(3, 0),
    ...closed,
  });
  await long.runNoWait({});
  const nightly = await mage.swarm({
    name: 'nightly import',
    tags: ['import', 'eu'],
    tasks: rows(3_000, 900, (n) => n % 40 === 13),
    config: { maxConcurrency: 12 },
    ...closed,
  });
  await nightly.runNoWait({});
}
