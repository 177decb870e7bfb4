/**
 * `npm run bench:kit`: how long the testing kit takes for 100 items of which 10 fail, a failure limit, and a root with children
 * and callbacks. Made once before, as a second test of a file finds the code compiled.
 */
import { createTestKit } from '../src/testing';

async function once(): Promise<void> {
  const kit = await createTestKit();
  const { mage } = kit;
  const item = mage.task({
    name: 'item',
    retries: 1,
    fn: ({ n }: { n: number }) => {
      if (n % 10 === 7) throw new Error(`no ${n}`);
      return { n };
    },
  });
  const report = mage.task({ name: 'report', fn: (input: Record<string, unknown>) => ({ got: Object.keys(input) }) });
  const tasks = Array.from({ length: 100 }, (_, n) => [item, { n }] as const);
  const lists = { successCallbacks: [report], errorCallbacks: [report] };
  const all = await mage.swarm({ tasks, ...lists, config: { maxConcurrency: 10 }, isSwarmClosed: true });
  const limited = await mage.swarm({
    tasks: tasks.filter(([, { n }]) => n % 10 === 7),
    ...lists,
    config: { maxConcurrency: 1, stopAfterNFailures: 3 },
    isSwarmClosed: true,
  });
  const root = mage.rootTask({
    name: 'root',
    ...lists,
    fn: async () => {
      for (let n = 0; n < 10; n++) await (await mage.sign(item, { n })).runNoWait({});
      return { over: true };
    },
  });
  await all.runNoWait({});
  await limited.runNoWait({});
  await (await mage.sign(root)).runNoWait({});
  await kit.drain({ withinMs: 60_000 });
  const { succeeded, failed } = await all.progress();
  const { status, failed: before } = await limited.progress();
  const callbacks = kit.runsOf(report).length;
  if (succeeded !== 90 || failed !== 10 || status !== 'failed' || before !== 3 || callbacks !== 3)
    throw new Error(`expected other ends: ${JSON.stringify({ succeeded, failed, status, before, callbacks })}`);
  await kit.close();
}

async function main(): Promise<void> {
  for (const what of ['first', 'second', 'third']) {
    const began = performance.now();
    await once();
    console.log(`${what} time: ${Math.round(performance.now() - began)} ms`);
  }
}

void main();
