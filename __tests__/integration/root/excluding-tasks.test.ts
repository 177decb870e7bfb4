import * as mageflow from 'mageflow';
import { without_root_swarm, withoutRootSwarm } from 'mageflow';
import { eventually } from '../../helpers/fixture';
import { openRoots } from '../../helpers/roots';

const { fixture, mage, taskSet, roots, root, retriedWork, tagged } = openRoots({ maxConcurrency: 5 });
/** What each of these children was given, in the order of their publication. */
const captured = async (signature: Awaited<ReturnType<typeof roots.sign>>) => {
  const entries: unknown[] = [];
  for await (const { index, output } of (await signature.children()).results()) entries[index] = output;
  return entries;
};

describe('excluding tasks from the root swarm', () => {
  test.each([
    ['withoutRootSwarm', withoutRootSwarm],
    ['without_root_swarm', without_root_swarm],
  ])('with %s, as documented', async (name, excluding) => {
    const signature = await roots.sign(
      root,
      async () => {
        const first = await mageflow.sign(retriedWork);
        await first.runNoWait({ value: 'tracked' });
        await excluding(async () => {
          const second = await mageflow.sign(retriedWork);
          // Held: it would keep the callbacks back if the root waited for it.
          await second.runNoWait({ value: 'independent', label: `${name} independent`, waitFor: name });
        });
        const third = await mageflow.sign(retriedWork);
        await third.runNoWait({ value: 'another tracked' });
        return { done: true };
      },
      { successCallbacks: [await tagged(name)] },
    );
    expect(await signature.run()).toEqual({ done: true });
    expect((await taskSet.onlyExecution(name, signature)).input).toMatchObject({
      childResults: ['tracked', 'another tracked'],
    });
    const [independent] = await eventually('the independent task runs', () => {
      const seen = taskSet.executions(`${name} independent`);
      return seen.length > 0 && seen;
    });
    expect(independent?.context?.rootId).toBeUndefined();
    expect(independent?.context?.swarmId).toBeUndefined();
    taskSet.openGate(name);
  });

  test('is not subject to the limit of the root', async () => {
    const signature = await roots.sign(root, async () => {
      for (let i = 0; i < 5; i++) await (await mage.sign(retriedWork)).runNoWait({ waitFor: 'limit' });
      const output = await withoutRootSwarm(async () => (await mage.sign(retriedWork)).run({ value: 'at once' }));
      taskSet.openGate('limit');
      return output;
    });
    expect(await signature.run()).toBe('at once');
  });

  test('gives back what its function returns, and throws what it throws, sync and async', async () => {
    const rangeError = (message: string) => new RangeError(message);
    const signature = await roots.sign(root, async () => {
      const seen: unknown[] = [withoutRootSwarm(() => 'sync'), await withoutRootSwarm(() => Promise.resolve('async'))];
      try {
        withoutRootSwarm(() => {
          throw rangeError('sync');
        });
      } catch (error) {
        seen.push(error instanceof RangeError && error.message);
      }
      const rejected = withoutRootSwarm(() => Promise.reject(rangeError('async')));
      seen.push(await rejected.catch((error: unknown) => error instanceof RangeError && error.message));
      await (await mage.sign(retriedWork)).runNoWait({ value: 'captured again' });
      return seen;
    });
    expect(await signature.run()).toEqual(['sync', 'async', 'sync', 'async']);
    expect(await captured(signature)).toEqual(['captured again']);
  });

  test('nests, and what is published after the inner one is still excluded', async () => {
    const signature = await roots.sign(root, async () => {
      await withoutRootSwarm(async () => {
        await withoutRootSwarm(async () => (await mage.sign(retriedWork)).run({ value: 'inner' }));
        await (await mage.sign(retriedWork)).run({ value: 'outer' });
      });
      await (await mage.sign(retriedWork)).run({ value: 'captured' });
    });
    await signature.run();
    expect(await captured(signature)).toEqual(['captured']);
  });

  test('leaves what is published meanwhile in parallel branches captured', async () => {
    const signature = await roots.sign(root, async () => {
      const publish = async (value: string) => (await mage.sign(retriedWork)).run({ value });
      await Promise.all([
        withoutRootSwarm(async () => {
          await publish('out 1');
          await publish('out 2');
        }),
        (async () => {
          await publish('in 1');
          await publish('in 2');
        })(),
        withoutRootSwarm(() => publish('out 3')),
      ]);
    });
    await signature.run();
    expect(await captured(signature)).toEqual(['in 1', 'in 2']);
  });

  test('excludes chains, swarms, declarations and what the context runs', async () => {
    const signature = await roots.sign(root, async (_, ctx) =>
      withoutRootSwarm(async () => [
        await (await mage.chain([await mage.sign(retriedWork, { value: 'chain' })])).run({}),
        await (await mage.swarm({ tasks: [[retriedWork, { value: 'swarm' }]], isSwarmClosed: true })).run(),
        await retriedWork.run({ value: 'declaration' }),
        await ctx.runChild(retriedWork as never, { value: 'context' }),
      ]),
    );
    expect(await signature.run()).toEqual(['chain', ['swarm'], 'declaration', 'context']);
    expect(await captured(signature)).toEqual([]);
  });

  test('only runs its function outside a root', async () => {
    expect(withoutRootSwarm(() => 7)).toBe(7);
    await expect(withoutRootSwarm(() => Promise.reject(new Error('as it is')))).rejects.toThrow('as it is');
    expect(fixture.log.lines.filter((line) => line.startsWith('warn'))).toEqual([]);
  });
});
