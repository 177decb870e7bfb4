// What a process that lives long must not keep: nothing of what has ended or was closed.
import { randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Redis } from 'ioredis';
import { clockOf } from '../../src/utils/clock';
import { InstantEngine } from '../../bench/helpers/instant-engine';
import { Mageflow } from '../../src';
import { Deadlines } from '../../src/orchestrator/deadlines';
import type { EffectParts, EffectRunner } from '../../src/orchestrator/effects';
import { GroupCache, type CachedGroup } from '../../src/orchestrator/group-cache';
import type { GroupReader } from '../../src/store/group-reader';
import { stopOnSignal } from '../../src/worker/signals';
import { eventually, Log, required } from '../helpers/fixture';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const engine = new InstantEngine('let-go');

function open(redis: Redis): Mageflow {
  const keyPrefix = `test-${randomBytes(5).toString('hex')}`;
  return new Mageflow(engine.hatchet, redis, { keyPrefix, logger: new Log() });
}

test('a declaration that lives on lets go of an instance that wrapped it and was closed', async () => {
  const redis = new Redis(required('REDIS_URL'));
  const declaration = engine.hatchet.task({ name: 'lives-on', fn: () => ({ ran: true }) });
  const closed = await (async () => {
    const mage = open(redis);
    mage.wrap(declaration);
    await mage.close();
    return new WeakRef(mage);
  })();
  await eventually('it is collected', () => {
    collect();
    return closed.deref() === undefined;
  });
  expect(engine.hatchet.config.namespace).toContain('let-go');
  // Its body is what it was before it was wrapped.
  const { fn } = declaration.definition._tasks[0] as unknown as { fn: (...args: unknown[]) => unknown };
  expect(await fn({}, {})).toEqual({ ran: true });
  redis.disconnect();
});

test('a worker that has stopped is none that a signal would stop, and the last one takes the listeners along', async () => {
  const count = () => process.listenerCount('SIGTERM');
  const before = count();
  const stopped: string[] = [];
  const worker = (name: string) => ({ stop: () => Promise.resolve(stopped.push(name)), exits: false });
  const [first, second] = [stopOnSignal(worker('first')), stopOnSignal(worker('second'))];
  expect(count()).toBe(before + 1);
  first();
  expect(count()).toBe(before + 1);
  process.emit('SIGTERM');
  await eventually('the other one is stopped', () => stopped.length > 0);
  expect(stopped).toEqual(['second']);
  second();
  second();
  expect(count()).toBe(before);
  const third = stopOnSignal(worker('third'));
  expect(count()).toBe(before + 1);
  third();
  expect(count()).toBe(before);
});

const group = (message: string): CachedGroup => ({
  kind: 'task',
  name: 'group',
  secret: 'secret',
  message,
  options: undefined,
  resultBytes: 0,
  parent: undefined,
  above: {},
  labels: {},
  keepResults: true,
  version: '1.1.0',
});

/** Facts of groups with messages of that many characters, and how many of those are known afterwards that were read. */
async function knownOf(groups: number, characters: number, drops: boolean) {
  let reads = 0;
  const record = (id: string) => {
    reads += 1;
    return Promise.resolve(group(id.padEnd(characters, 'x')));
  };
  const known = new GroupCache({ record } as unknown as GroupReader);
  for (let n = 0; n < groups; n++) {
    await known.of(`${n}`, '1.1.0');
    if (drops) known.drop(`${n}`);
  }
  reads = 0;
  for (let n = 0; n < groups; n++) if (n !== groups - 1) await known.of(`${n}`, '1.1.0').then(() => undefined);
  return { kept: groups - 1 - reads };
}

test('what is known of groups is bound by bytes: of 400 with messages of 500 KB no more than 32 MB are kept', async () => {
  const { kept } = await knownOf(400, 500_000, false);
  // Looking them up reads them again, from the oldest on: whatever is kept is pushed out by those.
  expect(kept * 1_000_000).toBeLessThanOrEqual(33_000_000);
});

test('what is known of small groups is kept for thousands of them', async () => {
  expect((await knownOf(5_000, 100, false)).kept).toBe(4_999);
});

test('nothing is known of a group after its end', async () => {
  expect((await knownOf(20, 10, true)).kept).toBe(0);
});

/** Timers that call back instead of cancelling a group. */
function deadlinesThat(over: (groupId: string) => unknown): Deadlines {
  const canceller = { cancel: (id: string) => Promise.resolve(over(id)) };
  return new Deadlines(canceller as never, {} as never, clockOf(globalThis));
}

test('a timer of a group goes with it', () => {
  jest.useFakeTimers();
  try {
    const deadlines = deadlinesThat(() => undefined);
    for (let n = 0; n < 100; n++) deadlines.set(`${n}`, 600_000);
    for (let n = 0; n < 100; n++) deadlines.drop(`${n}`);
    expect(jest.getTimerCount()).toBe(0);
    deadlines.close();
  } finally {
    jest.useRealTimers();
  }
});

test('there are timers for 10,000 far ends of groups at most, and for each near one', () => {
  jest.useFakeTimers();
  try {
    const over: string[] = [];
    const deadlines = deadlinesThat((id) => over.push(id));
    for (let n = 0; n < 20_000; n++) deadlines.set(`far ${n}`, 600_000);
    expect(jest.getTimerCount()).toBe(10_000);
    deadlines.set('near', 1_000);
    jest.advanceTimersByTime(1_100);
    expect(over).toEqual(['near']);
    deadlines.close();
    expect(jest.getTimerCount()).toBe(0);
  } finally {
    jest.useRealTimers();
  }
});

test('of swarms with a time limit and a message nothing is left in the process in which they ended', async () => {
  const redis = new Redis(required('REDIS_URL'));
  const mage = open(redis);
  const row = mage.task({ name: 'row', fn: () => ({}) });
  engine.serve(row);
  for (let n = 0; n < 20; n++) {
    const swarm = await mage.swarm({ tasks: [row], isSwarmClosed: true, config: { timeoutMs: 600_000 } });
    await swarm.run({ n });
  }
  const { effects, cache } = Reflect.get(mage, 'scope') as { effects: EffectRunner; cache: GroupCache };
  const { deadlines } = (Reflect.get(effects, 'parts') as () => EffectParts)();
  const timers = Reflect.get(Reflect.get(deadlines, 'timers') as object, 'timers') as Map<string, unknown>;
  const { young, old } = Reflect.get(cache, 'known') as Record<'young' | 'old', Map<string, unknown>>;
  await eventually('nothing is left', () => timers.size + young.size + old.size === 0);
  await mage.close();
  redis.disconnect();
});
