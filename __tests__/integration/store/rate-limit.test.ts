import { Events } from '../../../src/config/events';
import { Commands } from '../../../src/orchestrator/commands';
import { NextStarts } from '../../../src/orchestrator/next-starts';
import { Repairs } from '../../../src/orchestrator/repairs';
import type { Effects } from '../../../src/store/replies';
import type { NextStart } from '../../../src/store/script-calls';
import { Random } from '../../helpers/random';
import { seedsOf } from '../../helpers/seeds';
import { execution, failed, specs, StoreFixture, succeeded, threw, type TestGroup } from '../../helpers/store';

/** The next starts that the store asked this process to plan, in ms from then, by group. */
const planned = new Map<string, number>();
const fixture = new StoreFixture({}, undefined, { onNextStart: (id, { inMs }) => void planned.set(id, inMs) });
const { store, reader } = fixture;
afterAll(() => fixture.close());

const minute = 60_000;
const entriesOf = (effects: Effects) => effects.grants.map(({ entry }) => Number(entry));

function limited(items: number, rateLimit: { limit: number; perMs: number; burst: number }, fields = {}) {
  return fixture.group(specs(items), { closed: true, rateLimit, ...fields }, { message: '{}' });
}

/** Lets some ms pass for a group: what it stored happened that much earlier. */
async function pass(group: TestGroup, ms: number): Promise<void> {
  const { pc: pacing = '' } = await group.stateHash();
  const [units = 0, at = 0, held, next = 0, paused = 0, idle = 0] = pacing.split(' ').map(Number);
  const earlier = (time: number) => (time > 0 ? time - ms : time);
  const moved = [units, at - ms, held, earlier(next), earlier(paused), earlier(idle)].join(' ');
  await store.redis.use('hset', (client) => client.hset(store.keys.state(group.id), 'pc', moved));
}

/** Looks at a group as the process does that had planned it. */
async function look(group: TestGroup) {
  const next = Number((await group.stateHash())['pc']?.split(' ')[3] ?? 0);
  return store.grant(group.id, next > 0 ? next : undefined);
}

async function granted(group: TestGroup): Promise<number[]> {
  return entriesOf((await look(group)).effects);
}

test('as many items start at once as the bucket holds, and one more with each token', async () => {
  const group = await limited(10, { limit: 1, perMs: minute, burst: 3 });
  expect(entriesOf(group.effects)).toEqual([0, 1, 2]);
  expect(await granted(group)).toEqual([]);
  for (const entry of ['0', '1', '2']) await group.start(entry);
  expect(await granted(group)).toEqual([]);
  await pass(group, minute);
  expect(await granted(group)).toEqual([3]);
  expect(await granted(group)).toEqual([]);
  await pass(group, 2 * minute);
  expect(await granted(group)).toEqual([4, 5]);
});

test('items that were granted and have not begun keep their place in the bucket, however long workers are away', async () => {
  const group = await limited(10, { limit: 1, perMs: minute, burst: 3 });
  expect(entriesOf(group.effects)).toEqual([0, 1, 2]);
  await pass(group, 100 * minute);
  expect(await granted(group)).toEqual([]);
  await group.start('0');
  await pass(group, 100 * minute);
  expect(await granted(group)).toEqual([3]);
});

test('the process that finds the bucket empty plans the next start, and no other one does', async () => {
  const group = await limited(3, { limit: 2, perMs: minute, burst: 2 });
  // The bucket is full of items that have not begun, so nothing is known yet.
  expect(planned.get(group.id)).toBeUndefined();
  expect(await group.snapshot()).toMatchObject({ nextStartAt: 0 });
  await group.start('0');
  expect(planned.get(group.id)).toBeGreaterThan(0);
  expect(planned.get(group.id)).toBeLessThanOrEqual(minute / 2);
  const { nextStartAt = 0 } = await group.snapshot();
  planned.delete(group.id);
  await group.start('1');
  expect(planned.get(group.id)).toBeUndefined();
  expect((await group.snapshot()).nextStartAt).toBe(nextStartAt);
  // It is over, and nobody has come.
  await pass(group, minute / 2);
  expect(entriesOf((await store.grant(group.id)).effects)).toEqual([2]);
  expect((await group.snapshot()).nextStartAt).toBeUndefined();
});

test('the process whose clock runs ahead of Redis plans the rest of the time', async () => {
  const group = await limited(3, { limit: 1, perMs: minute, burst: 2 });
  await group.start('0');
  await group.start('1');
  planned.clear();
  expect(await granted(group)).toEqual([]);
  expect(planned.get(group.id)).toBeGreaterThan(0);
});

test('the reconciler learns when the next start is overdue, and grants it', async () => {
  const group = await limited(3, { limit: 1, perMs: minute, burst: 2 });
  for (const entry of ['0', '1']) await group.execute(entry);
  const before = await store.due(group.id, 10);
  expect(before).toMatchObject({ more: false, abandoned: false, entries: [] });
  expect(before.next).toBeGreaterThan(minute / 2);
  await pass(group, minute);
  expect(await store.due(group.id, 10)).toMatchObject({ more: true });
});

test('a process that closes hands over the next start: another one looks at the group in time, not a lease later', async () => {
  const plans: NextStart[] = [];
  const own = new StoreFixture({ leaseMs: 60 * minute }, undefined, {
    onNextStart: (_, next) => void plans.push(next),
  });
  try {
    const rateLimit = { limit: 1, perMs: minute, burst: 1 };
    const group = await own.group(specs(2), { closed: true, rateLimit }, { message: '{}' });
    const { id } = group;
    await group.start('0');
    const carryOut = async () => undefined;
    const repairs = new Repairs(own.reader, new Events(own.store.settings.logger), own.store.settings);
    const closing = new NextStarts(own.store, new Commands(own.store, carryOut), repairs);
    const left = async () => {
      const [due, [seconds]] = await Promise.all([
        own.redis.zscore(own.store.keys.dueIndexOf(id), id),
        own.redis.time(),
      ]);
      return Number(due) - Number(seconds) * 1_000;
    };
    expect(plans).toHaveLength(1);
    expect(await left()).toBeGreaterThan(30 * minute);
    closing.plan(id, plans[0] as NextStart);
    await closing.close();
    expect(await left()).toBeLessThan(2 * minute);
  } finally {
    await own.close();
  }
});

test('a swarm that waits for its next start is not abandoned', async () => {
  const group = await limited(3, { limit: 1, perMs: 30 * 24 * 60 * minute, burst: 1 });
  await group.execute('0');
  await store.redis.use('hset', (client) => client.hset(store.keys.state(group.id), 'pr', 1));
  expect(await store.due(group.id, 10)).toMatchObject({ abandoned: false });
});

test('a swarm whose next start is overdue is not abandoned: the reconciler grants it', async () => {
  const group = await limited(3, { limit: 1, perMs: 30 * 24 * 60 * minute, burst: 1 });
  await group.execute('0');
  await pass(group, 30 * 24 * 60 * minute);
  await store.redis.use('hset', (client) => client.hset(store.keys.state(group.id), 'pr', 1));
  expect(await store.due(group.id, 10)).toMatchObject({ abandoned: false, more: true });
});

test('a process whose timer is late does not plan again when another one has planned since', async () => {
  const group = await limited(5, { limit: 1, perMs: minute, burst: 1 });
  await group.start('0');
  const { nextStartAt = 0 } = await group.snapshot();
  await pass(group, minute);
  const late = nextStartAt - minute;
  // Another process comes first, and plans the start after the next one when this item has begun.
  await store.grant(group.id);
  await group.start('1');
  const after = (await group.snapshot()).nextStartAt;
  planned.clear();
  await store.grant(group.id, late);
  expect([planned.get(group.id), (await group.snapshot()).nextStartAt]).toEqual([undefined, after]);
});

test('an item that ends without a claim, as a workflow does, keeps its token spent', async () => {
  const group = await limited(5, { limit: 1, perMs: minute, burst: 2 });
  for (const entry of ['0', '1']) {
    await store.confirm(group.id, [entry, `run-${entry}`]);
    const end = { outcome: 'succeeded' as const, payload: '{}' };
    expect(entriesOf((await store.complete(group.id, entry, `run-${entry}`, end)).effects)).toEqual([]);
  }
  await pass(group, minute);
  expect(await granted(group)).toEqual([2]);
});

test('an item that backs off in a swarm that has stopped fails', async () => {
  const group = await fixture.group(
    specs(3),
    { closed: true, maxConcurrency: 2, stopAfterNFailures: 1 },
    { message: '{}' },
  );
  await group.start('0');
  await group.execute('1', failed());
  expect((await group.finish('0', backOff(minute))).code).toBe('ended');
  expect(await group.snapshot()).toMatchObject({ status: 'failed', failed: 2 });
});

test('an item that is taken back before it has begun returns its token', async () => {
  const group = await limited(3, { limit: 1, perMs: minute, burst: 1 });
  await store.confirm(group.id, ['0', 'run-0']);
  await store.suspend(group.id, true);
  await store.withdraw(group.id, ['0']);
  expect(entriesOf((await store.suspend(group.id, false)).effects)).toEqual([0]);
  // Its place is free again, too: after its begin one token is due a minute later.
  await group.start('0', execution('run-0b'));
  await pass(group, minute);
  expect(await granted(group)).toEqual([1]);
});

test('an item that is cancelled before it has begun returns its token', async () => {
  const group = await limited(3, { limit: 1, perMs: minute, burst: 1 });
  await store.cancelEntry(group.id, '0');
  const { effects } = await store.complete(group.id, '0', '', { outcome: 'cancelled', payload: '' });
  expect(entriesOf(effects)).toEqual([1]);
});

test('a further attempt does not wait for a token; later items do', async () => {
  const group = await limited(3, { limit: 1, perMs: minute, burst: 2 }, { maxConcurrency: 1 });
  await group.start('0');
  await group.finish('0', threw(1));
  expect((await group.start('0', execution('run-0', 1))).code).toBe('run');
  // The bucket held a second token, which the attempt has taken.
  const { effects } = await group.finish('0', succeeded(), execution('run-0', 1));
  expect(entriesOf(effects)).toEqual([]);
  await pass(group, minute);
  expect(await granted(group)).toEqual([1]);
});

test('a repeated claim, and a run that is published again, take no token', async () => {
  const group = await limited(3, { limit: 1, perMs: minute, burst: 2 }, { maxConcurrency: 1 });
  await group.start('0');
  await group.start('0', execution('run-0', 0, 2));
  const { effects } = await group.finish('0', succeeded(), execution('run-0', 0, 2));
  expect(entriesOf(effects)).toEqual([1]);
});

test('a limit that is changed keeps the tokens of the bucket and counts at once', async () => {
  const group = await limited(20, { limit: 1, perMs: minute, burst: 2 });
  for (const entry of ['0', '1']) await group.start(entry);
  planned.clear();
  // Half a token is there; at the new rate the rest takes 500 ms.
  await pass(group, minute / 2);
  expect(
    entriesOf((await store.update(group.id, { rateLimit: { limit: 1, perMs: 1_000, burst: 5 } })).effects),
  ).toEqual([]);
  expect(planned.get(group.id)).toBeLessThanOrEqual(500);
  expect(entriesOf((await store.update(group.id, { rateLimit: null })).effects)).toHaveLength(18);
});

test('a limit that is set on a running swarm begins with a full bucket', async () => {
  const group = await fixture.group(specs(10), { closed: true, maxConcurrency: 1 }, { message: '{}' });
  await store.update(group.id, { rateLimit: { limit: 1, perMs: minute, burst: 3 } });
  const { effects } = await store.update(group.id, { maxConcurrency: 10 });
  // The first item had been granted without a token.
  expect(entriesOf(effects)).toEqual([1, 2, 3]);
});

test('chains and swarms in a limited swarm take one token each, and begin with their publication', async () => {
  const group = await limited(3, { limit: 1, perMs: minute, burst: 1 });
  await store.confirm(group.id, ['0', `g:${group.id}.child`]);
  await pass(group, minute);
  expect(await granted(group)).toEqual([1]);
});

test('a pause holds the start of items back, also without a rate limit, and of several the latest end counts', async () => {
  const group = await fixture.group(specs(4), { closed: true, maxConcurrency: 1 }, { message: '{}' });
  await store.pause(group.id, minute);
  await store.pause(group.id, 10);
  const { effects } = await group.execute('0');
  expect(entriesOf(effects)).toEqual([]);
  expect(planned.get(group.id)).toBeGreaterThan(minute / 2);
  expect(await store.due(group.id, 1)).toMatchObject({ more: false });
  await pass(group, minute);
  expect(await granted(group)).toEqual([1]);
});

describe('an open swarm that closes by itself', () => {
  const idle = { closed: false, closeAfterIdleMs: minute };

  test('does so when nothing was added and nothing was under way for the time', async () => {
    const group = await fixture.group(specs(1), idle, { message: '{}' });
    planned.clear();
    await group.execute('0');
    expect(planned.get(group.id)).toBe(minute);
    expect(await group.snapshot()).toMatchObject({ status: 'running', closed: false, nextStartAt: undefined });
    await pass(group, minute);
    await look(group);
    expect(await group.snapshot()).toMatchObject({ status: 'succeeded', closed: true });
  });

  test('is closed by the reconciler when the process is gone that had planned it', async () => {
    const group = await fixture.group(specs(1), idle, { message: '{}' });
    await group.execute('0');
    expect(await store.due(group.id, 1)).toMatchObject({ more: false });
    await pass(group, 2 * minute);
    expect(await store.due(group.id, 1)).toMatchObject({ more: true });
  });

  test('does not when the time is taken away, and nobody looks at it for that any more', async () => {
    const group = await fixture.group(specs(1), idle, { message: '{}' });
    await group.execute('0');
    planned.clear();
    await store.update(group.id, { closeAfterIdleMs: null });
    await pass(group, 10 * minute);
    await store.grant(group.id);
    expect([planned.get(group.id), (await group.snapshot()).closed]).toEqual([undefined, false]);
    expect(await store.due(group.id, 1)).toMatchObject({ more: false, nextStartAt: undefined });
  });

  test('has nothing planned any more when it was closed by its number of items', async () => {
    const group = await fixture.group(specs(1), { ...idle, maxItems: 2 }, { message: '{}' });
    await group.execute('0');
    await store.add(group.id, [{ spec: specs(1)[0] as string, key: '', message: '' }], {});
    planned.clear();
    await pass(group, 10 * minute);
    await look(group);
    expect(planned.get(group.id)).toBeUndefined();
    expect(await store.due(group.id, 1)).toMatchObject({ nextStartAt: undefined });
  });

  test('closes after a pause although nothing waits any more', async () => {
    const group = await fixture.group(0, idle, { message: '{}' });
    await store.pause(group.id, 10 * minute);
    expect(planned.get(group.id)).toBe(10 * minute);
    await pass(group, 10 * minute);
    await look(group);
    await pass(group, minute);
    await look(group);
    expect(await group.snapshot()).toMatchObject({ closed: true, status: 'succeeded' });
  });

  test('starts over with each item, and an item that was never run keeps it open', async () => {
    const group = await fixture.group(specs(1), idle, { message: '{}' });
    await group.execute('0');
    await pass(group, minute / 2);
    await store.add(group.id, [{ spec: specs(1)[0] as string, key: '', message: '' }], {});
    await pass(group, 10 * minute);
    await look(group);
    expect(await group.snapshot()).toMatchObject({ closed: false });
    await store.runItem(group.id, 1, '{}');
    await group.execute('1');
    await pass(group, minute / 2);
    await look(group);
    expect(await group.snapshot()).toMatchObject({ closed: false });
    await pass(group, minute / 2);
    await look(group);
    expect(await group.snapshot()).toMatchObject({ closed: true });
  });

  test('is not idle while it is suspended, paused, or has not been run', async () => {
    const [suspended, paused, fresh] = await Promise.all([
      fixture.group(0, idle, { message: '{}' }),
      fixture.group(0, idle, { message: '{}' }),
      fixture.group(0, idle),
    ]);
    await store.suspend(suspended.id, true);
    await store.pause(paused.id, 10 * minute);
    for (const group of [suspended, paused]) {
      await pass(group, 2 * minute);
      await look(group);
      expect(await group.snapshot()).toMatchObject({ closed: false });
    }
    await look(fresh);
    expect(await fresh.snapshot()).toMatchObject({ status: 'pending', closed: false });
    await store.suspend(suspended.id, false);
    await pass(suspended, minute);
    await look(suspended);
    expect(await suspended.snapshot()).toMatchObject({ closed: true });
  });
});

test('an item that backs off comes back in front, its attempt is not counted, and earlier ones are', async () => {
  const group = await fixture.group(specs(3), { closed: true, maxConcurrency: 1 }, { message: '{}' });
  await group.start('0');
  expect((await group.finish('0', threw(1))).code).toBe('retry');
  await group.start('0', execution('run-0', 1));
  const reply = await group.finish('0', backOff(minute), execution('run-0', 1));
  expect([reply.code, entriesOf(reply.effects), await group.state('0')]).toEqual(['backed-off', [], 'queued']);
  await pass(group, minute);
  expect(await granted(group)).toEqual([0]);
  // The run that it has left does not count any more.
  expect(await group.start('0', execution('run-0', 2))).toMatchObject({ code: 'requeued' });
});

test('the attempts that an item had used before it backed off count afterwards', async () => {
  const group = await fixture.group(specs(1), { closed: true }, { message: '{}' });
  await group.start('0');
  await group.finish('0', threw(1));
  await group.start('0', execution('run-0', 1));
  await group.finish('0', backOff(0), execution('run-0', 1));
  await granted(group);
  await group.start('0', execution('second'));
  expect((await group.finish('0', threw(1), execution('second'))).code).toBe('ended');
  expect(await group.state('0')).toBe('failed');
});

test('an item that backs off more than 1,000 times fails', async () => {
  const group = await fixture.group(specs(1), { closed: true }, { message: '{}' });
  for (let i = 0; i < 1_000; i++) {
    await group.start('0', execution(`run-${i}`));
    expect((await group.finish('0', backOff(0), execution(`run-${i}`))).code).toBe('backed-off');
    await granted(group);
  }
  await group.start('0', execution('last'));
  expect((await group.finish('0', backOff(0), execution('last'))).code).toBe('ended');
  expect(await group.state('0')).toBe('failed');
  expect(await reader.result(group.id, '0')).toContain('more than 1,000 times');
});

test('an item that is being cancelled ends instead of backing off', async () => {
  const group = await fixture.group(specs(2), { closed: true }, { message: '{}' });
  await group.start('0');
  await store.cancelEntry(group.id, '0');
  expect((await group.finish('0', backOff(minute))).code).toBe('ended');
  expect(await group.state('0')).toBe('cancelled');
});

test.each(seedsOf('rates'))(
  'in any time at most burst + limit × time / perMs items begin, whatever happens (seed %s)',
  async (seed) => {
    const random = new Random(seed);
    const below = (n: number) => random.int(0, n - 1);
    const rate = { limit: 1 + below(5), perMs: minute, burst: 1 + below(6) };
    const group = await limited(300, rate, { closed: false, maxConcurrency: 1 + below(20) });
    const begins: number[] = [];
    const given = entriesOf(group.effects);
    const running: number[] = [];
    const runs = new Map<number, string>();
    const take = ({ effects }: { effects: Effects }) => void given.push(...entriesOf(effects));
    let clock = 0;
    let suspended = false;
    for (let step = 0; step < 150; step++) {
      const ms = below(2 * minute);
      switch (below(6)) {
        case 0:
          await pass(group, ms);
          clock += ms;
          break;
        case 1:
        case 2: {
          const index = given.shift();
          if (index === undefined) break;
          const entry = String(index);
          const reply = await group.start(entry, execution(`${entry}.${step}`));
          if (reply.code !== 'run') break;
          begins.push(clock);
          running.push(index);
          runs.set(index, `${entry}.${step}`);
          break;
        }
        case 3: {
          const index = running.shift();
          if (index === undefined) break;
          const by = execution(runs.get(index) ?? '');
          take(await group.finish(String(index), below(4) === 0 ? backOff(below(minute)) : succeeded(), by));
          break;
        }
        case 4:
          suspended = !suspended;
          take(await store.suspend(group.id, suspended));
          if (!suspended) break;
          for (const index of given) await store.confirm(group.id, [String(index), `lost-${index}-${step}`]);
          take(await store.withdraw(group.id, given.map(String)));
          given.length = 0;
          break;
        default:
          take(await look(group));
      }
    }
    for (const [i, from] of begins.entries())
      for (let j = i; j < begins.length; j++) {
        // The real time of the test is far below a token's.
        const allowed = rate.burst + (rate.limit * ((begins[j] as number) - from + 5_000)) / rate.perMs;
        expect(j - i + 1).toBeLessThanOrEqual(Math.floor(allowed));
      }
    expect(begins.length).toBeGreaterThan(0);
  },
);

function backOff(ms: number) {
  return { outcome: 'backed-off' as const, payload: `${ms} {"message":"more than 1,000 times"}`, retries: 0 };
}
