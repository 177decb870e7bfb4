import type { Context } from '@hatchet-dev/typescript-sdk';
import { AsyncResource } from 'node:async_hooks';
import { withoutRootSwarm, type RootSignature } from '../../../src';
import { gate } from '../../helpers/fixture';
import { openRoots, type Any, type RootBody } from '../../helpers/roots';

const { fixture, mage, taskSet, roots, root, retriedWork, work } = openRoots();
const { log } = fixture;

/** Runs its jobs one after another, as p-queue, bottleneck, fastq and p-limit 3 do: in the context of whoever set it going. */
class SharedQueue {
  private readonly jobs: (() => Promise<void>)[] = [];
  private wake = () => undefined as void;
  private closed = false;

  add<T>(job: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.jobs.push(() => Promise.resolve().then(job).then(resolve, reject));
      this.wake();
    });
  }

  async serve(): Promise<void> {
    while (!this.closed) {
      const job = this.jobs.shift();
      if (job) await job();
      else await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  close(): void {
    this.closed = true;
    this.wake();
  }
}

/** Runs a body beside another root's, which has set going the queue that both of them use. */
async function withAnotherRoot(what: string, body: (queue: SharedQueue, ctx: Context<Any>) => Promise<unknown>) {
  const queue = new SharedQueue();
  const begun = gate();
  const first = await roots.sign(root, async () => {
    await (await mage.sign(retriedWork, { label: what, value: 'of the first' })).runNoWait({});
    const serving = queue.serve();
    begun.open();
    await serving;
  });
  const second = await roots.sign(root, async (_, ctx) => body(queue, ctx as Context<Any>));
  const handle = await first.runNoWait({});
  await begun.opened;
  const output: unknown = await second.run().finally(() => queue.close());
  await handle.output;
  return { output, first: await childrenOf(first), second: await childrenOf(second) };
}

async function childrenOf(signature: RootSignature<Any, Any>): Promise<unknown[]> {
  const children: unknown[] = [];
  for await (const { index, output, error } of (await signature.children()).results())
    children[index] = error ?? output;
  return children;
}

const only = ['of the first'];

describe("in a queue that two roots share, the child of a body is its own root's", () => {
  test('when a signature was made in the body, by run and by runNoWait', async () => {
    const { output, first, second } = await withAnotherRoot('signatures', async (queue) => {
      const [waited, left] = [
        await mage.sign(retriedWork, { value: 1 }),
        await mage.sign('retried-work', { value: 2 }),
      ];
      const [one, two] = [queue.add(() => waited.run({})), queue.add(() => left.runNoWait({}))];
      return [await one, await (await two).output];
    });
    expect([output, first, second]).toEqual([[1, 2], only, [1, 2]]);
  });

  test('when a chain or a swarm was made in the body', async () => {
    const { output, first, second } = await withAnotherRoot('groups', async (queue) => {
      const chain = await mage.chain([retriedWork, await mage.sign(retriedWork, { value: 'chain' })]);
      const swarm = await mage.swarm({ tasks: [[retriedWork, { value: 'swarm' }]], isSwarmClosed: true });
      const handles = [queue.add(() => chain.runNoWait({})), queue.add(() => swarm.runNoWait())];
      return Promise.all((await Promise.all(handles)).map(({ output: given }) => given));
    });
    expect([output, first, second]).toEqual([['chain', ['swarm']], only, ['chain', ['swarm']]]);
  });

  test('when an open swarm of the body is filled, by addTasks and by the run of an item', async () => {
    const { first, second } = await withAnotherRoot('filled', async (queue) => {
      const [added, run] = [await mage.swarm({ name: 'added' }), await mage.swarm({ name: 'run' })];
      await queue.add(() => added.addTasks([[retriedWork, { value: 'added' }]], { run: true }));
      const item = await run.addTask(retriedWork, { value: 'item' });
      await queue.add(() => item.runNoWait({}));
      await Promise.all([added.closeSwarm(), run.closeSwarm()]);
    });
    expect([first, second]).toEqual([only, [['added'], ['item']]]);
  });

  test("when the context's own methods are called", async () => {
    const { output, first, second } = await withAnotherRoot('context', async (queue, ctx) => {
      const one: Promise<unknown> = queue.add(() => ctx.runChild('retried-work', { value: 'waited' }));
      await queue.add(() => ctx.runNoWaitChild('retried-work', { value: 'left' }));
      await queue.add(() => ctx.bulkRunNoWaitChildren([{ workflow: 'retried-work', input: { value: 'bulk' } }]));
      return one;
    });
    expect([output, first, second]).toEqual([{ 'retried-work': 'waited' }, only, ['waited', 'left', 'bulk']]);
  });

  test('when what only asks the context is bound to the body', async () => {
    const { first, second } = await withAnotherRoot('bound', (queue) =>
      queue.add(AsyncResource.bind(() => retriedWork.runNoWait({ value: 'bound' }) as Promise<unknown>)),
    );
    expect([first, second]).toEqual([only, ['bound']]);
  });
});

test('what was made in a body is no child when the body runs it without the root swarm', async () => {
  const body: RootBody = async (_, ctx) => {
    const signature = await mage.sign(retriedWork, { label: 'without', value: 1 });
    const chain = await mage.chain([retriedWork]);
    await withoutRootSwarm(async () => {
      await signature.run({});
      await chain.run({ label: 'without', value: 2 });
      await (ctx as Context<Any>).runChild('retried-work', { label: 'without', value: 3 });
    });
    await (await mage.sign(work, { value: 'within' })).runNoWait({});
  };
  const signature = await roots.sign(root, body);
  await signature.run();
  expect(await childrenOf(signature)).toEqual(['within']);
  expect(taskSet.executions('without').map(({ context }) => context?.rootId)).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test('what a body left in a queue goes out uncaptured once the body has returned, with one warning', async () => {
  const queue = new SharedQueue();
  const left: Promise<unknown>[] = [];
  const signature = await roots.sign(root, async () => {
    const [one, two] = [
      await mage.sign(retriedWork, { label: 'left' }),
      await mage.sign(retriedWork, { label: 'left' }),
    ];
    for (const each of [one, two]) left.push(queue.add(() => each.run({ value: 'left' })));
    return 'returned';
  });
  expect(await signature.run()).toBe('returned');
  const warnings = () => log.lines.filter((line) => line.includes('after it had returned')).length;
  const before = warnings();
  const serving = queue.serve();
  expect(await Promise.all(left)).toEqual(['left', 'left']);
  queue.close();
  await serving;
  expect(await childrenOf(signature)).toEqual([]);
  expect(warnings()).toBe(before + 1);
});
