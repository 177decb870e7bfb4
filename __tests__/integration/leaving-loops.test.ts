// Loops over `results()` and `watch()`: left at once, ended by a signal or by `close()`, and started again.
import { getEventListeners } from 'node:events';
import { ClosedError, ConfigurationError, type Swarm } from '../../src';
import { eventually } from '../helpers/fixture';
import { rejection } from '../helpers/outcomes';
import { openTasks } from '../helpers/task-set';

const { fixture, mage, work } = openTasks();

type Loop = (swarm: Swarm<any>, signal?: AbortSignal) => AsyncIterable<unknown>;
const loops: [string, Loop][] = [
  ['results', (swarm, signal) => swarm.results(signal ? { signal } : undefined)],
  // It would be read again after an hour.
  ['watch', (swarm, signal) => swarm.watch({ intervalMs: 3_600_000, signal })],
];

/** An open swarm in which nothing happens, with one item that has ended. */
async function idle(from: typeof mage = mage): Promise<Swarm<any>> {
  const swarm = await mage.swarm({ tasks: [[work, { label: 'only' }]] });
  await swarm.runNoWait({});
  await eventually('its item has ended', async () => (await swarm.progress()).succeeded === 1);
  return from.load<Swarm<any>>(swarm.id);
}

/** An iterator that has given what there is, and waits for what comes next. */
async function waiting(iterable: AsyncIterable<unknown>) {
  const iterator = iterable[Symbol.asyncIterator]();
  await iterator.next();
  const next = iterator.next();
  await new Promise((resolve) => setImmediate(resolve));
  return { iterator, next };
}

describe.each(loops)('%s', (_, loop) => {
  test('return() ends a loop at once while nothing happens in an open swarm', async () => {
    const { iterator, next } = await waiting(loop(await idle()));
    expect(await iterator.return?.()).toEqual({ done: true, value: undefined });
    expect(await next).toEqual({ done: true, value: undefined });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  test('break ends a loop, and the swarm can be looped over again from the start', async () => {
    const iterable = loop(await idle());
    const firsts: unknown[] = [];
    for (let i = 0; i < 2; i++) {
      for await (const first of iterable) {
        firsts.push(first);
        break;
      }
    }
    expect(firsts).toHaveLength(2);
    // The rate falls while nothing ends.
    const steady = (first: unknown) => ({ ...(first as object), perSecond: 0 });
    expect(steady(firsts[1])).toEqual(steady(firsts[0]));
  });

  test('a signal ends a loop at once with its own reason, and leaves no listener behind', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const { iterator, next } = await waiting(loop(await idle(), signal));
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    controller.abort('the client has gone');
    await expect(next).rejects.toBe('the client has gone');
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    const later = loop(await idle(), signal)[Symbol.asyncIterator]();
    await expect(later.next()).rejects.toBe('the client has gone');
  });

  test('a loop that was left leaves no listener on its signal', async () => {
    const { signal } = new AbortController();
    const { iterator, next } = await waiting(loop(await idle(), signal));
    await iterator.return?.();
    await next;
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('close() ends a loop with ClosedError while nothing happens', async () => {
    const other = fixture.another();
    const { next } = await waiting(loop(await idle(other)));
    const ended = rejection(next);
    await other.close();
    expect(await ended).toBeInstanceOf(ClosedError);
  });

  test('two loops over one iterable at once each see everything', async () => {
    const swarm = await mage.swarm({
      tasks: [
        [work, { label: 'a' }],
        [work, { label: 'b' }],
      ],
      isSwarmClosed: true,
    });
    await swarm.run({});
    const iterable = loop(swarm);
    const all = async () => {
      const seen: unknown[] = [];
      for await (const one of iterable) seen.push(one);
      return seen;
    };
    const [first, second] = await Promise.all([all(), all()]);
    expect(first.length).toBeGreaterThan(0);
    expect(second).toEqual(first);
    expect(await all()).toEqual(first);
  });
});

test('a loop over the results that was left keeps no subscription', async () => {
  const swarm = await idle();
  const channels = async () => fixture.redis.pubsub('CHANNELS', `*{${swarm.id}}*`);
  const { iterator, next } = await waiting(swarm.results());
  await eventually('it listens', async () => (await channels()).length === 1);
  await iterator.return?.();
  await next;
  await eventually('nobody listens', async () => (await channels()).length === 0);
});

test('watch reads as often as intervalMs says', async () => {
  const swarm = await mage.swarm();
  const seen: number[] = [];
  const began = performance.now();
  for await (const { total } of swarm.watch({ intervalMs: 20 })) {
    seen.push(total);
    if (seen.length === 5) break;
    await swarm.addTask(work);
  }
  expect(seen).toEqual([0, 1, 2, 3, 4]);
  // By default it would have taken four seconds.
  expect(performance.now() - began).toBeLessThan(3_500);
});

test('results() and watch() refuse wrong options at the call, not in the loop', async () => {
  const swarm = await mage.swarm();
  for (const [call, text] of [
    [() => swarm.results({ sgnal: 1 } as never), 'sgnal: unknown option of results'],
    [() => swarm.results({ signal: {} as never }), 'signal: expected an AbortSignal'],
    [() => swarm.watch({ intervalMs: 0 }), 'intervalMs: expected a whole number'],
    [() => swarm.watch({ interval: 5 } as never), 'interval: unknown option of watch'],
  ] as const) {
    expect(call).toThrow(ConfigurationError);
    expect(call).toThrow(text);
  }
});
