import { ConfigurationError, NotFoundError, type Description, type Signature } from '../../src';
import { eventually, Fixture, newHatchet } from '../helpers/fixture';
import { OwnRedis } from '../helpers/own-redis';
import { TaskSet } from '../helpers/task-set';
import { Roots, type Any } from '../helpers/roots';
import { progressOf, rejection, statusOf } from '../helpers/outcomes';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const { mage } = fixture;
const taskSet = new TaskSet(fixture);
const { work, callback } = taskSet;
const roots = new Roots(fixture);
const root = roots.declare('root');
beforeAll(async () => {
  await fixture.worker([...taskSet.tasks, ...roots.tasks]);
});
afterAll(() => fixture.close());

/** The kinds, names and statuses of a tree, one line each, children indented. */
function outline(shown: Description, depth = 0): string[] {
  const line = `${'  '.repeat(depth)}${shown.kind} ${shown.name}: ${shown.status}`;
  return [line, ...shown.children.flatMap((child) => outline(child, depth + 1))];
}

const all = (shown: Description): Description[] => [shown, ...shown.children.flatMap(all)];
const steps = (...names: string[]): Promise<Signature<Any, Any>[]> =>
  Promise.all(names.map((name) => mage.sign(work, { label: name, waitFor: name }, { name })));

/** What a description says of each of a tree is what the thing itself says, by its id. */
async function agree(tree: Description): Promise<void> {
  for (const { id, kind, name, status } of all(tree)) {
    const loaded = await mage.load(id);
    expect({ id, kind: loaded.kind, name: loaded.name, status: await loaded.status() }).toEqual({
      id,
      kind,
      name,
      status,
    });
    const alone = await mage.describe(id);
    expect({ id: alone.id, kind: alone.kind, name: alone.name, status: alone.status }).toEqual({
      id,
      kind,
      name,
      status,
    });
  }
}

test('a chain in a swarm in a root is described to its steps, while it runs and after its end', async () => {
  const spawning = await roots.sign(root, async () => {
    const inner = await mage.chain(await steps('first', 'second', 'third'), { name: 'inner' });
    const middle = await mage.swarm({ name: 'middle', tasks: [inner, work], isSwarmClosed: true });
    await middle.runNoWait({});
    return 'body';
  });
  expect(await rejection(mage.describe(spawning.id))).toBeInstanceOf(NotFoundError);
  await spawning.runNoWait();
  taskSet.openGate('first');
  const [second] = await taskSet.started('second');
  const running = await eventually('the body and the other item have ended', async () => {
    const tree = await mage.describe(spawning.id, { depth: 3 });
    return tree.children[0]?.progress?.succeeded === 1 && tree;
  });
  expect(outline(running)).toEqual([
    'root root: running',
    '  swarm middle: running',
    '    chain inner: running',
    '      task first: succeeded',
    '      task second: running',
    '      task third: queued',
    '    task work: succeeded',
  ]);
  await agree(running);
  const [middle] = running.children;
  expect(running).toMatchObject({ progress: { total: 1, running: 1 }, runId: expect.stringMatching(/./) as string });
  // Both change with the time alone.
  const rate = { perSecond: expect.any(Number) as number, etaMs: expect.any(Number) as number };
  expect(middle?.progress).toEqual({ ...(await (await mage.load<Any>(middle?.id ?? '')).progress()), ...rate });
  expect(middle).not.toHaveProperty('runId');
  const [inner] = middle?.children ?? [];
  expect(inner?.progress).toMatchObject({ total: 3, succeeded: 1, running: 1, status: 'running' });
  expect(inner?.children.map(({ runId }) => runId)).toEqual([undefined, second?.runId, undefined]);
  expect(all(running).filter(({ cursor, error }) => cursor !== undefined || error !== undefined)).toEqual([]);

  taskSet.openGate('second');
  taskSet.openGate('third');
  await statusOf(spawning, 'succeeded');
  const over = await mage.describe(spawning.id, { depth: 3 });
  expect(outline(over)).toEqual(outline(running).map((line) => line.replace(/: \w+$/, ': succeeded')));
  expect(over.progress).toMatchObject({ total: 1, succeeded: 1, closed: true, status: 'succeeded' });
  await agree(over);
});

describe('what waits for its slot', () => {
  test('a chain shows its steps before it has come to be, in pages', async () => {
    const [blocker] = await steps('blocker');
    const swarm = await mage.swarm({ tasks: [blocker!], config: { maxConcurrency: 1 } });
    const nested = await mage.chain(await steps('n1', 'n2'), { name: 'nested' });
    const made = await mage.swarm({ name: 'made', tasks: [work], isSwarmClosed: true });
    const chain = await mage.chain([work, nested, made, work], { name: 'waits' });
    await swarm.addTask(chain);
    await swarm.runNoWait({});
    await taskSet.started('blocker');
    const tree = await mage.describe(swarm.id, { depth: 3 });
    expect(outline(tree)).toEqual([
      'swarm swarm: running',
      '  task blocker: running',
      '  chain waits: queued',
      '    task work: pending',
      '    chain nested: pending',
      '      task n1: pending',
      '      task n2: pending',
      '    swarm made: pending',
      '      task work: pending',
      '    task work: pending',
    ]);
    expect(tree.children[1]?.progress).toMatchObject({ total: 4, waiting: 4, running: 0, status: 'pending' });

    const shallow = await mage.describe(swarm.id, { depth: 2, limit: 2 });
    const waiting = shallow.children[1];
    expect(waiting?.children.map(({ name }) => name)).toEqual(['work', 'nested']);
    expect(waiting?.cursor).toBeDefined();
    const rest = await mage.describe(chain.id, { cursor: waiting?.cursor });
    expect(rest.children.map(({ name }) => name)).toEqual(['made', 'work']);
    expect(rest).not.toHaveProperty('cursor');

    await swarm.cancel();
    await statusOf(swarm, 'cancelled');
    const over = await eventually('it has reached the swarm below', async () => {
      const described = await mage.describe(swarm.id, { depth: 3 });
      return all(described).every(({ status }) => status === 'cancelled') && described;
    });
    expect(over.children[1]?.progress).toMatchObject({ total: 4, cancelled: 4, status: 'cancelled' });
    expect(all(over).map(({ name }) => name)).toEqual(all(tree).map(({ name }) => name));
  });

  test('a swarm that nobody has run, with its items', async () => {
    const swarm = await mage.swarm({ name: 'idle', tasks: [work, await mage.chain([work])] });
    expect(await mage.describe(swarm.id)).toEqual({
      id: swarm.id,
      kind: 'swarm',
      name: 'idle',
      status: 'pending',
      progress: await swarm.progress(),
      createdAt: expect.any(Date) as Date,
      config: {
        closeAfterIdleMs: null,
        keepResults: true,
        maxConcurrency: 30,
        maxItems: null,
        onStop: 'finish',
        rateLimit: null,
        stopAfterFailureRatio: null,
        stopAfterNFailures: null,
        timeoutMs: null,
      },
      callbacks: [],
      children: [
        { id: `${swarm.id}~0`, kind: 'task', name: 'work', status: 'pending', children: [] },
        expect.objectContaining({ kind: 'chain', name: 'chain', status: 'pending', children: [] }),
      ],
    });
  });
});

describe('what failed', () => {
  test('says why: items, steps, nested groups, and roots by their bodies and by their children', async () => {
    const bad = await mage.chain([work, await mage.sign(work, { fail: 'broken' }, { name: 'bad step' }), work], {
      name: 'bad',
    });
    const spawning = await roots.sign(root, async () => {
      await (await mage.sign(work, { fail: 'child' })).runNoWait({});
    });
    const throwing = await roots.sign(root, () => {
      throw new Error('the body threw');
    });
    const swarm = await mage.swarm({
      tasks: [[work, { fail: 'no' }], bad, spawning, throwing, work],
      config: { stopAfterNFailures: 5 },
      isSwarmClosed: true,
    });
    await swarm.runNoWait({});
    await statusOf(swarm, 'succeeded');
    const tree = await mage.describe(swarm.id, { depth: 2 });
    expect(tree).not.toHaveProperty('error');
    expect(tree.children.map(({ status, error }) => [status, error])).toEqual([
      ['failed', 'no'],
      ['failed', 'The chain "bad" failed at "bad step" (step 2 of 3): broken'],
      ['succeeded', undefined],
      ['failed', 'the body threw'],
      ['succeeded', undefined],
    ]);
    expect(tree.children[1]?.children.map(({ status, error }) => [status, error])).toEqual([
      ['succeeded', undefined],
      ['failed', 'broken'],
      ['cancelled', undefined],
    ]);
    expect(tree.children[2]?.children.map(({ status, error }) => [status, error])).toEqual([['failed', 'child']]);
    await agree(tree);
    expect((await mage.describe(bad.id)).error).toBe(tree.children[1]?.error);
  });

  test('a swarm says what its run throws', async () => {
    const swarm = await mage.swarm({
      tasks: [[work, { fail: 'no' }]],
      config: { stopAfterNFailures: 1 },
      isSwarmClosed: true,
    });
    const error = await rejection(swarm.run({}));
    expect(await mage.describe(swarm.id)).toMatchObject({ status: 'failed', error: error.message });
  });
});

describe('callbacks', () => {
  test('are described as they are attached, and then as they were fired last', async () => {
    const follow = await mage.chain([callback, work], { name: 'follow' });
    const pair = await mage.swarm({ name: 'pair', tasks: [callback, callback], isSwarmClosed: true });
    const plain = await mage.sign(callback, {}, { name: 'plain' });
    const signature = await mage.sign(work, { waitFor: 'fires' }, { successCallbacks: [follow, pair, plain] });
    await signature.runNoWait({});
    expect(outline(await mage.describe(follow.id))).toEqual([
      'chain follow: pending',
      '  task callback: pending',
      '  task work: pending',
    ]);
    expect(outline(await mage.describe(plain.id))).toEqual(['task plain: pending']);
    expect(outline(await mage.describe(pair.id))[0]).toBe('swarm pair: pending');
    taskSet.openGate('fires');
    for (const attached of [follow, pair, plain]) await statusOf(attached, 'succeeded');
    expect(outline(await mage.describe(follow.id))).toEqual([
      'chain follow: succeeded',
      '  task callback: succeeded',
      '  task work: succeeded',
    ]);
    const fired = await mage.describe(pair.id);
    expect(fired).toMatchObject({ id: pair.id, progress: { total: 2, succeeded: 2 } });
    expect(fired.children.map(({ status }) => status)).toEqual(['succeeded', 'succeeded']);
    await agree(fired);
    const runId = await eventually('its run is in the history', async () => (await mage.describe(plain.id)).runId);
    expect(await mage.describe(`${signature.id}~c2`)).toEqual({
      id: `${signature.id}~c2`,
      kind: 'task',
      name: 'plain',
      status: 'succeeded',
      startedAt: expect.any(Date) as Date,
      endedAt: expect.any(Date) as Date,
      attempts: 1,
      runId,
      children: [],
    });
    expect(await mage.describe(signature.id)).toMatchObject({ kind: 'task', status: 'succeeded', children: [] });
  });
});

describe('the run of a task', () => {
  test('is known while it is under way, and from the history afterwards', async () => {
    const swarm = await mage.swarm({ tasks: await steps('history'), isSwarmClosed: true });
    await swarm.runNoWait({});
    const [execution] = await taskSet.started('history');
    const elsewhere = fixture.another();
    const [item] = (await elsewhere.describe(swarm.id)).children;
    expect(item).toMatchObject({ status: 'running', runId: execution?.runId });
    taskSet.openGate('history');
    await statusOf(swarm, 'succeeded');
    expect((await elsewhere.describe(swarm.id)).children[0]).not.toHaveProperty('runId');
    await eventually('the history has it', async () => {
      const { runId } = await elsewhere.describe(item?.id ?? '');
      return runId === execution?.runId;
    });
  });

  test('is left out when the history does not answer', async () => {
    const own = new Fixture({ commandTimeoutMs: 2_000 });
    try {
      const { mage: other } = own;
      const swarm = await other.swarm({ tasks: ['nobody serves this'] });
      await swarm.cancel();
      const asked: string[] = [];
      own.hatchet.runs.list = ((options: object) => {
        asked.push(JSON.stringify(options));
        return asked.length === 1 ? Promise.reject(new Error('away')) : new Promise(() => undefined);
      }) as never;
      for (const times of [1, 2]) {
        expect(await other.describe(`${swarm.id}~0`)).toEqual({
          id: `${swarm.id}~0`,
          kind: 'task',
          name: 'nobody serves this',
          status: 'cancelled',
          children: [],
        });
        expect(asked).toHaveLength(times);
      }
    } finally {
      await own.close();
    }
  });
});

test('what is suspended is described so, down to its items', async () => {
  const swarm = await mage.swarm({ tasks: await steps('suspended', 'behind'), config: { maxConcurrency: 1 } });
  await swarm.runNoWait({});
  await taskSet.started('suspended');
  await swarm.suspend();
  const tree = await mage.describe(swarm.id);
  expect(outline(tree)).toEqual(['swarm swarm: suspended', '  task suspended: running', '  task behind: suspended']);
  await agree(tree);
  await swarm.resume();
  await swarm.cancel();
  await statusOf(swarm, 'cancelled');
});

test('nothing is known any more after the retention', async () => {
  const own = new Fixture({ retention: { finishedMs: 300, abandonedMs: 300 } });
  try {
    const swarm = await own.mage.swarm({ tasks: ['a'] });
    expect((await own.mage.describe(swarm.id)).children).toHaveLength(1);
    await eventually('it has expired', async () => {
      const error = await own.mage.describe(swarm.id).catch((thrown: unknown) => thrown);
      return error instanceof NotFoundError;
    });
  } finally {
    await own.close();
  }
});

describe('large trees', () => {
  // A Redis of its own and no worker: what is counted would be mixed up with what others do.
  let server: OwnRedis;
  let own: Fixture;
  beforeAll(async () => {
    server = await OwnRedis.open('--appendonly', 'no');
    own = new Fixture({}, newHatchet(), server.url);
  });
  afterAll(async () => {
    await own.close();
    await server.close();
  });

  /** How many commands Redis carries out meanwhile, those inside scripts too. */
  async function commandsOf(action: () => Promise<unknown>): Promise<number> {
    await own.redis.call('CONFIG', 'RESETSTAT');
    await action();
    const calls = [...(await own.redis.info('commandstats')).matchAll(/^cmdstat_(?!config|info)[^:]+:calls=(\d+)/gm)];
    return calls.reduce((sum, [, count]) => sum + Number(count), 0);
  }

  test('100,000 items are described in pages, each with a few commands', async () => {
    const swarm = await own.mage.swarm({ name: 'large' });
    function* many() {
      for (let n = 0; n < 100_000; n++) yield ['import', { n }] as const;
    }
    expect(await swarm.addTasks(many())).toBe(100_000);
    const { id } = swarm;
    const ids = new Set<string>();
    let cursor: string | undefined;
    let pages = 0;
    do {
      const page = await own.mage.describe(id, { limit: 1_000, cursor });
      for (const child of page.children) ids.add(child.id);
      cursor = page.cursor;
      pages += 1;
      expect(page.progress?.total).toBe(100_000);
    } while (cursor !== undefined);
    expect(pages).toBe(100);
    expect(ids.size).toBe(100_000);
    expect([ids.has(`${id}~0`), ids.has(`${id}~99999`)]).toEqual([true, true]);

    const [one = 0, hundred = 0, thousand = 0] = [
      await commandsOf(() => own.mage.describe(id, { limit: 1 })),
      await commandsOf(() => own.mage.describe(id, { limit: 100 })),
      await commandsOf(() => own.mage.describe(id, { limit: 1_000 })),
    ];
    expect(one).toBeGreaterThan(1);
    expect(hundred).toBeLessThan(15);
    expect(thousand).toBeLessThan(55);
  });

  test('one description is bounded, and what it left out is found by the cursors in it', async () => {
    const inner = await Promise.all(
      Array.from({ length: 12 }, async (_, i) => {
        const swarm = await own.mage.swarm({ name: `inner ${i}` });
        await swarm.addTasks(Array.from({ length: 1_000 }, () => 'import'));
        return swarm;
      }),
    );
    const outer = await own.mage.swarm({ name: 'outer', tasks: inner });
    const tree = await own.mage.describe(outer.id, { depth: 2, limit: 1_000 });
    const described = all(tree).length;
    expect(described).toBeGreaterThan(10_000);
    expect(described).toBeLessThan(12_000);
    let found = 0;
    for (const child of tree.children) {
      found += child.children.length;
      for (let { cursor } = child; cursor !== undefined;) {
        const page = await own.mage.describe(child.id, { limit: 700, cursor });
        found += page.children.length;
        cursor = page.cursor;
      }
    }
    expect(found).toBe(12_000);
  });

  test('a cursor stands for what lies below the depth', async () => {
    const inner = await own.mage.swarm({ name: 'inner', tasks: ['a', 'b'] });
    const outer = await own.mage.swarm({ tasks: [inner, 'c', await own.mage.swarm({ name: 'empty' })] });
    const none = await own.mage.describe(outer.id, { depth: 0 });
    expect(none.children).toEqual([]);
    const one = await own.mage.describe(outer.id, { cursor: none.cursor });
    expect(one.children.map(({ name, cursor }) => [name, cursor !== undefined])).toEqual([
      ['inner', true],
      ['c', false],
      ['empty', false],
    ]);
    const below = await own.mage.describe(inner.id, { cursor: one.children[0]?.cursor });
    expect(below.children.map(({ name }) => name)).toEqual(['a', 'b']);
  });
});

describe('bad input', () => {
  test('is refused, naming the field', async () => {
    const swarm = await mage.swarm({ tasks: ['a'] });
    const cases: [object, RegExp][] = [
      [{ level: 1 }, /^level: unknown option of describe\. Known: depth, limit, cursor, message, output\.$/],
      [{ depth: -1 }, /^depth: expected a whole number from 0 to 20, got -1\.$/],
      [{ depth: 21 }, /^depth: .* got 21\.$/],
      [{ limit: 0 }, /^limit: expected a whole number from 1 to 1000, got 0\.$/],
      [{ limit: 1.5 }, /^limit: .* got 1\.5\.$/],
      [{ cursor: 'x' }, /^cursor: expected the cursor that an earlier describe returned, got "x"\./],
    ];
    for (const [options, message] of cases) {
      const error = await rejection(mage.describe(swarm.id, options));
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.message).toMatch(message);
    }
    const nothing = { depth: null, limit: undefined, cursor: null };
    expect((await mage.describe(swarm.id, nothing)).children).toHaveLength(1);
  });

  test.each(['unknown', '', 'unknown~0', 'unknown~c0', 7, undefined])('an unknown id: %p', async (id) => {
    expect(await rejection(mage.describe(id as string))).toBeInstanceOf(NotFoundError);
  });

  test('an item that a swarm does not hold', async () => {
    const swarm = await mage.swarm({ tasks: ['a'] });
    expect(await rejection(mage.describe(`${swarm.id}~1`))).toBeInstanceOf(NotFoundError);
    await progressOf(swarm, { total: 1 });
  });
});
