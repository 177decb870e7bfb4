import { EventEmitter, once as onceEvent } from 'node:events';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { AsyncResource } from 'node:async_hooks';
import * as mageflow from 'mageflow';
import { mageContext } from '../../../src';
import { eventually, gate } from '../../helpers/fixture';
import { openRoots } from '../../helpers/roots';

const { fixture, mage, taskSet, roots, root, retriedWork, others } = openRoots();
const plainBody = gate();
const plainTask = mage.task({
  name: 'plain-task',
  fn: async ({ label }: { label: string }) => {
    plainBody.open();
    const child = await mage.sign(retriedWork, { label, value: 'independent' });
    return { output: await child.run({}), id: child.id };
  },
});
others.push(plainTask);

const publish = async (value: unknown) => (await mage.sign(retriedWork, { value })).run({});

/** What the children of a root that runs this body gave. */
async function outputsOf(body: Parameters<typeof roots.sign>[1]): Promise<unknown[]> {
  const signature = await roots.sign(root, body);
  await signature.run();
  return childOutputs(signature);
}

async function childOutputs(signature: Awaited<ReturnType<typeof roots.sign>>): Promise<unknown[]> {
  const outputs: unknown[] = [];
  for await (const { index, output } of (await signature.children()).results()) outputs[index] = output;
  return outputs;
}

describe('the capture reaches what the body publishes', () => {
  test('after awaits, and in helpers that the body calls', async () => {
    const helper = async (n: number): Promise<void> => {
      if (n === 0) return;
      await Promise.resolve();
      await publish(n);
      await helper(n - 1);
    };
    expect(
      await outputsOf(async () => {
        await sleep(1);
        await helper(3);
      }),
    ).toEqual([3, 2, 1]);
  });

  test('in branches of Promise.all', async () => {
    const outputs = await outputsOf(() => Promise.all([1, 2, 3, 4, 5].map(publish)));
    expect([...outputs].sort()).toEqual([1, 2, 3, 4, 5]);
  });

  test('in timers, immediates, microtasks and next ticks', async () => {
    const outputs = await outputsOf(async () => {
      await new Promise<void>((resolve, reject) => {
        setTimeout(() => void publish('timer').then(() => resolve(), reject), 1);
      });
      await new Promise<void>((resolve, reject) => {
        setImmediate(() => void publish('immediate').then(() => resolve(), reject));
      });
      await new Promise<void>((resolve, reject) => {
        queueMicrotask(() => void publish('microtask').then(() => resolve(), reject));
      });
      await new Promise<void>((resolve, reject) => {
        process.nextTick(() => void publish('tick').then(() => resolve(), reject));
      });
    });
    expect(outputs).toEqual(['timer', 'immediate', 'microtask', 'tick']);
  });

  test('from streams and async iterators', async () => {
    const outputs = await outputsOf(async () => {
      for await (const row of Readable.from(['row 1', 'row 2'])) await publish(row);
      async function* rows() {
        for (const row of ['row 3', 'row 4']) {
          await sleep(1);
          yield row;
        }
      }
      for await (const row of rows()) await publish(row);
      const each = new Transform({
        objectMode: true,
        transform: (row: string, _, done) => void publish(row).then(() => done(), done),
      });
      await pipeline(Readable.from(['row 5', 'row 6']), each);
    });
    expect(outputs).toEqual([1, 2, 3, 4, 5, 6].map((n) => `row ${n}`));
  });

  test('from a listener that is bound to the body, and not from one that an outsider calls', async () => {
    const emitter = new EventEmitter();
    const signature = await roots.sign(root, async () => {
      const done = gate();
      const bound = AsyncResource.bind(() => void publish('bound').then(done.open));
      emitter.on('event', bound);
      emitter.emit('ready');
      await done.opened;
    });
    const ready = onceEvent(emitter, 'ready');
    const running = signature.run();
    await ready;
    emitter.emit('event');
    await running;
    expect(await childOutputs(signature)).toEqual(['bound']);
  });
});

describe('bodies that run in one process at once', () => {
  test('never mix, whatever they wait for in between', async () => {
    const spawn = async (who: string) => {
      for (let i = 0; i < 10; i++) {
        await Promise.all([publish(`${who} ${i} a`), sleep(i % 3).then(() => publish(`${who} ${i} b`))]);
      }
      return mageContext()?.rootId;
    };
    const names = ['one', 'two', 'three', 'four'];
    const signatures = await Promise.all(names.map((name) => roots.sign(root, () => spawn(name))));
    const rootIds = await Promise.all(signatures.map((signature) => signature.run()));
    expect(rootIds).toEqual(signatures.map(({ id }) => id));
    for (const [i, signature] of signatures.entries()) {
      const outputs = (await childOutputs(signature)) as string[];
      expect(outputs).toHaveLength(20);
      expect(outputs.every((output) => output.startsWith(`${names[i]} `))).toBe(true);
    }
  });

  test('of a root and of a task that is none: what the latter publishes is independent', async () => {
    const signature = await roots.sign(root, async () => {
      await publish('captured');
      await plainBody.opened;
      await publish('captured too');
    });
    const running = signature.run();
    const plain = await mage.sign(plainTask, { label: 'of a plain task' });
    await plain.run({});
    await running;
    expect(await childOutputs(signature)).toEqual(['captured', 'captured too']);
    expect(taskSet.executions('of a plain task')[0]?.context?.rootId).toBeUndefined();
  });
});

describe('whose body it is', () => {
  test('what a child publishes in its own body is independent of the root', async () => {
    const signature = await roots.sign(root, async () => (await mage.sign(plainTask, { label: 'by a child' })).run({}));
    await signature.run();
    expect(await (await signature.children()).progress()).toMatchObject({ total: 1, succeeded: 1 });
    expect(taskSet.executions('by a child')[0]?.context?.rootId).toBeUndefined();
  });

  test('the module-level functions use the instance that runs the body, and what they make is captured', async () => {
    const later = fixture.another({ keyPrefix: `${fixture.keyPrefix}-later` });
    expect((await mageflow.sign(retriedWork)).id).toBeDefined();
    const signature = await roots.sign(root, async () => {
      await (await mageflow.sign(retriedWork, { value: 'task' })).run({});
      await (await mageflow.chain([await mageflow.sign(retriedWork, { value: 'chain' })])).run({});
      await (await mageflow.swarm({ tasks: [[retriedWork, { value: 'swarm' }]], isSwarmClosed: true })).run();
    });
    await signature.run();
    expect(await childOutputs(signature)).toEqual(['task', 'chain', ['swarm']]);
    await later.close();
  });
});

describe('after the body has returned', () => {
  const warnings = () => fixture.log.lines.filter((line) => line.startsWith('warn'));

  test('what a stray promise publishes goes out uncaptured, with one warning', async () => {
    const returned = gate();
    const strays = gate();
    const signature = await roots.sign(root, async () => {
      void (async () => {
        await returned.opened;
        for (let i = 0; i < 3; i++) await (await mage.sign(retriedWork, { label: 'stray', value: i })).run({});
        await retriedWork.run({ label: 'stray', value: 3 });
        strays.open();
      })();
      await publish('captured');
      return 'returned';
    });
    const before = warnings().length;
    expect(await signature.run()).toBe('returned');
    returned.open();
    await strays.opened;
    expect(await childOutputs(signature)).toEqual(['captured']);
    expect(taskSet.executions('stray')).toHaveLength(4);
    for (const { context } of taskSet.executions('stray')) expect(context?.rootId).toBeUndefined();
    expect(warnings().slice(before)).toEqual([expect.stringContaining('root-swarm:root')]);
    expect(warnings().at(-1)).toContain('after it had returned');
  });

  test('what a stray promise publishes while the children still run goes out uncaptured as well', async () => {
    const returned = gate();
    const strays = gate();
    const signature = await roots.sign(root, async () => {
      void (async () => {
        await returned.opened;
        await (await mage.sign(retriedWork, { label: 'early stray' })).run({});
        strays.open();
      })();
      await (await mage.sign(retriedWork, { value: 'held', waitFor: 'children' })).runNoWait({});
    });
    const handle = await signature.runNoWait();
    await eventually('the body has returned', async () => (await (await signature.children()).progress()).closed);
    returned.open();
    await strays.opened;
    expect(taskSet.executions('early stray')[0]?.context?.rootId).toBeUndefined();
    expect(await signature.status()).toBe('running');
    taskSet.openGate('children');
    await handle.output;
    expect(await childOutputs(signature)).toEqual(['held']);
  });

  test('what the body began to publish without awaiting it runs once, and nothing is left unhandled', async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', onUnhandled);
    try {
      for (let n = 0; n < 5; n++) {
        const signature = await roots.sign(root, async () => {
          const task = () => mage.sign(retriedWork, { label: 'not awaited' });
          const [one, chain] = [await task(), await mage.chain([await task()])];
          const swarm = await mage.swarm({ tasks: [await task()], isSwarmClosed: true });
          void one.runNoWait({});
          void chain.runNoWait({});
          void swarm.runNoWait();
          void retriedWork.runNoWait({ label: 'not awaited' });
        });
        await signature.run();
        await eventually('all of it has run', () => taskSet.executions('not awaited').length >= 4 * (n + 1));
      }
      expect(taskSet.executions('not awaited')).toHaveLength(20);
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', onUnhandled);
    }
  });

  test('a captured swarm that is still open is closed', async () => {
    const signature = await roots.sign(root, async () => {
      const swarm = await mage.swarm({ tasks: [[retriedWork, { value: 1 }]] });
      await swarm.runNoWait();
      await swarm.addTask(retriedWork, { value: 2 });
    });
    await signature.run();
    expect(await childOutputs(signature)).toEqual([[1, 2]]);
  });
});
