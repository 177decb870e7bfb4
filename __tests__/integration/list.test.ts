import type { ListedSignature, ListOptions } from '../../src';
import { ConfigurationError } from '../../src';
import { eventually, Fixture } from '../helpers/fixture';
import { openRoots } from '../helpers/roots';
import { StoreFixture } from '../helpers/store';
import { rejection, statusOf } from '../helpers/outcomes';
import { TaskSet } from '../helpers/task-set';

type Listed = Pick<ListedSignature, 'id' | 'kind' | 'name' | 'status'>;

/** An instance whose store is empty at first. */
function ownStore(options: ConstructorParameters<typeof Fixture>[0] = {}) {
  const fixture = new Fixture(options);
  const taskSet = new TaskSet(fixture);
  /** All that is listed, page by page. */
  const all = async (filter: ListOptions = {}) => {
    const pages: ListedSignature[][] = [];
    let cursor: string | undefined;
    do {
      const page = await fixture.mage.list({ ...filter, cursor });
      pages.push(page.items);
      cursor = page.cursor;
    } while (cursor !== undefined);
    return pages;
  };
  return { fixture, taskSet, mage: fixture.mage, work: taskSet.work, all };
}

const plain = ({ id, kind, name, status }: ListedSignature): Listed => ({ id, kind, name, status });

describe('what is listed', () => {
  const { fixture, mage, taskSet, root, roots, retriedWork } = openRoots();

  test('each kind by its name and status, newest first, and nothing that belongs to it', async () => {
    const before = Date.now();
    const inner = await mage.swarm({ name: 'inner', tasks: [retriedWork], isSwarmClosed: true });
    const outer = await mage.swarm({
      name: 'outer',
      tasks: [inner, retriedWork, await mage.chain([retriedWork, retriedWork])],
    });
    const chain = await mage.chain(
      [retriedWork, await mage.swarm({ name: 'step', tasks: [retriedWork], isSwarmClosed: true })],
      {
        name: 'etl',
      },
    );
    await chain.run({ value: 1 });
    const failing = await mage.sign(retriedWork, { fail: 'no' }, { name: 'row 7' });
    await failing.runNoWait({});
    await statusOf(failing, 'failed');
    const spawning = await roots.sign(root, async () => {
      const made = await mage.swarm({ name: 'made in a body', tasks: [retriedWork], isSwarmClosed: true });
      await made.runNoWait({});
      await (await mage.sign(retriedWork)).runNoWait({});
    });
    await spawning.run();

    const { items, cursor } = await mage.list();
    expect(items.map(plain)).toEqual([
      { id: spawning.id, kind: 'root', name: 'root', status: 'succeeded' },
      { id: failing.id, kind: 'task', name: 'row 7', status: 'failed' },
      { id: chain.id, kind: 'chain', name: 'etl', status: 'succeeded' },
      { id: outer.id, kind: 'swarm', name: 'outer', status: 'pending' },
    ]);
    expect(cursor).toBeUndefined();
    for (const { createdAt } of items) {
      expect(createdAt).toBeInstanceOf(Date);
      // Redis runs on the same machine.
      expect(createdAt.getTime()).toBeGreaterThanOrEqual(before - 1);
      expect(createdAt.getTime()).toBeLessThanOrEqual(Date.now() + 1);
    }
    await outer.cancel();
  });

  test('a root that was run without a signature, as a root', async () => {
    await root.run(roots.body(() => 'body'));
    const { items } = await mage.list({ kind: 'root', limit: 1 });
    expect(items[0]).toMatchObject({ kind: 'root', name: 'root', status: 'succeeded' });
    expect((await mage.describe(items[0]?.id ?? '')).kind).toBe('root');
  });

  test('a running task is listed with the status that status() returns', async () => {
    const running = await mage.sign(retriedWork, { waitFor: 'listed' }, { name: 'held' });
    await running.runNoWait({});
    fixture.onRelease(() => taskSet.openGate('listed'));
    await statusOf(running, 'running');
    const { items } = await mage.list({ name: 'held' });
    expect(items.map(plain)).toEqual([{ id: running.id, kind: 'task', name: 'held', status: 'running' }]);
  });
});

describe('filters and pages', () => {
  const { fixture, mage, work, all } = ownStore();
  afterAll(() => fixture.close());
  const made: Listed[] = [];

  beforeAll(async () => {
    for (let i = 0; i < 23; i++) {
      const swarm = await mage.swarm({ name: i % 3 === 0 ? 'third' : 'other', tasks: [work] });
      if (i % 2 === 0) await swarm.cancel();
      const status = i % 2 === 0 ? 'cancelled' : 'pending';
      made.unshift({ id: swarm.id, kind: 'swarm', name: swarm.name, status });
    }
  });

  test('each entry is on one page, in order, whatever the size of the pages', async () => {
    for (const limit of [1, 7, 23, 1_000]) {
      const pages = await all({ limit });
      expect(pages.flat().map(plain)).toEqual(made);
      expect(pages).toHaveLength(Math.ceil(23 / limit));
    }
  });

  test('filters leave out the others, alone and together, page by page', async () => {
    const filters: ListOptions[] = [
      { status: 'cancelled' },
      { name: 'third' },
      { name: 'third', status: 'pending', kind: 'swarm' },
      { kind: 'chain' },
      { name: 'thir' },
    ];
    for (const filter of filters) {
      const fits = (item: Listed) =>
        Object.entries(filter).every(([field, value]) => item[field as keyof Listed] === value);
      expect((await all({ ...filter, limit: 2 })).flat().map(plain)).toEqual(made.filter(fits));
    }
  });

  test('what is made during a listing moves nothing on its later pages', async () => {
    const first = await mage.list({ limit: 10 });
    const late = await mage.swarm({ name: 'late' });
    const rest = await mage.list({ limit: 100, cursor: first.cursor });
    expect([...first.items, ...rest.items].map(plain)).toEqual(made);
    await late.remove();
    expect((await mage.list({ name: 'late' })).items).toEqual([]);
  });

  test('a swarm that is made again under its key stands where it was', async () => {
    const keyed = { key: 'one', name: 'keyed' };
    const { id } = await mage.swarm(keyed);
    await mage.swarm({ name: 'newer' });
    expect((await mage.swarm(keyed)).id).toBe(id);
    expect((await mage.list({ limit: 2 })).items.map(({ name }) => name)).toEqual(['newer', 'keyed']);
  });
});

test('a filter that finds nothing ends its page before it has looked at everything', async () => {
  const fixture = new Fixture();
  try {
    await fixture.mage.swarm();
    const [catalog = ''] = (await fixture.keys()).filter((key) => key.endsWith(':catalog'));
    // The members of an instance with very many swarms, all of which are gone.
    const now = Date.now() * 1_000;
    for (let from = 0; from < 12_000; from += 1_000) {
      const members = Array.from({ length: 1_000 }, (_, i) => [now + from + i, `gone.${from + i}`]);
      await fixture.redis.zadd(catalog, ...members.flat());
    }
    const first = await fixture.mage.list({ kind: 'chain' });
    expect(first.items).toEqual([]);
    expect(first.cursor).toBeDefined();
    expect(await fixture.mage.list({ kind: 'chain', cursor: first.cursor })).toEqual({ items: [] });
  } finally {
    await fixture.close();
  }
});

test('entries of the same moment are all listed, each once', async () => {
  const store = new StoreFixture();
  try {
    const ids = new Set<string>();
    for (let i = 0; i < 12; i++) ids.add((await store.group(0)).id);
    const key = store.store.keys.topLevelIndex();
    for (const id of ids) await store.redis.zadd(key, 'XX', 1_000, id);
    const found: string[] = [];
    let after: { id: string; score: number } | undefined;
    for (let more = true; more;) {
      const page = await store.store.topLevelIndex.page(after, 5);
      found.push(...page.members.map(({ id }) => id));
      // Gone while it is read: the ones after it are not passed over.
      if (after === undefined) await store.redis.zrem(key, found[1] ?? '');
      after = page.members.at(-1);
      more = page.more;
    }
    expect(found).toEqual([...ids].sort().reverse());
  } finally {
    await store.close();
  }
});

describe('the catalog', () => {
  // Its members are given a moment in which they may be on their way: twice the time limit of a command.
  const quick = {
    retention: { finishedMs: 300, abandonedMs: 500 },
    commandTimeoutMs: 1_000,
    leaseMs: 500,
    reconcileIntervalMs: 100,
  };
  const catalogOf = async (fixture: Fixture) => (await fixture.keys()).filter((key) => key.endsWith(':catalog'));

  test('is empty when the time of everything is over, also of what nobody started', async () => {
    const { fixture, mage, work, taskSet } = ownStore(quick);
    try {
      await fixture.worker(taskSet.tasks);
      await mage.swarm({ tasks: [work] });
      const nested = await mage.swarm({ tasks: [work], isSwarmClosed: true });
      const outer = await mage.swarm({ tasks: [nested, await mage.chain([work])], isSwarmClosed: true });
      await outer.run({});
      await (await mage.sign(work)).run({});
      expect(await catalogOf(fixture)).toHaveLength(1);
      await eventually('the catalog is gone', async () => (await catalogOf(fixture)).length === 0);
    } finally {
      await fixture.close();
    }
  });

  test('is tidied up by a listing where no reconciler runs', async () => {
    const { fixture, mage } = ownStore(quick);
    try {
      await mage.swarm({ name: 'short-lived' });
      expect((await mage.list()).items).toHaveLength(1);
      await eventually('it is listed no more', async () => (await mage.list()).items.length === 0);
      await eventually('the catalog is gone', async () => {
        await mage.list();
        return (await catalogOf(fixture)).length === 0;
      });
    } finally {
      await fixture.close();
    }
  });

  test('keeps a group that is not written yet', async () => {
    const store = new StoreFixture();
    try {
      await store.store.topLevelIndex.add('on-its-way');
      await store.store.topLevelIndex.sweep();
      expect((await store.store.topLevelIndex.page(undefined, 10)).members.map(({ id }) => id)).toEqual(['on-its-way']);
    } finally {
      await store.close();
    }
  });
});

describe('bad options', () => {
  const { fixture, mage } = ownStore();
  afterAll(() => fixture.close());
  const cases: [string, object, RegExp][] = [
    ['an unknown field', { state: 'failed' }, /^state: unknown option of list\. Known: kind, status/],
    ['no object', [] as object, /^list: expected an object/],
    ['an unknown kind', { kind: 'group' }, /^kind: expected one of task, root, chain, swarm, got "group"\.$/],
    ['an unknown status', { status: 'done' }, /^status: expected one of pending, .*, got "done"\.$/],
    ['an empty name', { name: '' }, /^name: expected a string/],
    ['no items', { limit: 0 }, /^limit: expected a whole number from 1 to 1000, got 0\.$/],
    ['too many items', { limit: 1_001 }, /^limit: .* got 1001\.$/],
    ['a cursor that is no text', { cursor: 7 }, /^cursor: expected the cursor that an earlier list returned, got 7\./],
    ['a cursor of somebody else', { cursor: 'bGlzdA' }, /^cursor: expected the cursor that an earlier list returned/],
    ['an empty cursor', { cursor: '' }, /^cursor: /],
  ];
  test.each(cases)('%s is refused', async (_, options, message) => {
    const error = await rejection(mage.list(options));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toMatch(message);
  });

  test('a cursor of a description is refused', async () => {
    const swarm = await mage.swarm({ tasks: ['a', 'b'] });
    const { cursor } = await mage.describe(swarm.id, { limit: 1 });
    expect(cursor).toBeDefined();
    expect(await rejection(mage.list({ cursor }))).toBeInstanceOf(ConfigurationError);
    const { cursor: listed } = await mage.list({ limit: 1 });
    expect(listed).toBeUndefined();
  });

  test('null and undefined mean the default', async () => {
    const nothing = { kind: null, status: undefined, name: null, limit: null, cursor: undefined };
    expect((await mage.list(nothing)).items.length).toBeGreaterThan(0);
  });
});
