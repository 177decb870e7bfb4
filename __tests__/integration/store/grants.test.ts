import type { Effects } from '../../../src/store/replies';
import { seedsOf } from '../../helpers/seeds';
import { execution, failed, spec, specs, StoreFixture, succeeded, type TestGroup, regrant } from '../../helpers/store';

const fixture = new StoreFixture();
afterAll(() => fixture.close());

const granted = (effects: Effects | undefined) => effects?.grants.map(({ entry }) => Number(entry));

/** What a swarm should do, as plainly as possible: lists instead of cursors and counters. */
class Model {
  readonly states: ('waiting' | 'queued' | 'held' | 'succeeded' | 'failed')[] = [];
  readonly queue: number[] = [];
  status: 'pending' | 'running' | 'stopping' | 'succeeded' | 'failed' = 'pending';
  closed = false;
  ran = false;

  constructor(
    readonly limit: number,
    readonly stopAt: number,
  ) {}

  count(state: Model['states'][number]): number {
    return this.states.filter((one) => one === state).length;
  }

  held(): number[] {
    return [...this.states.keys()].filter((index) => this.states[index] === 'held');
  }

  get live(): boolean {
    return this.status === 'pending' || this.status === 'running';
  }

  ready(indexes: readonly number[]): number[] {
    if (this.status === 'pending') this.status = 'running';
    for (const index of indexes) {
      if (this.states[index] !== 'waiting') continue;
      this.states[index] = 'queued';
      this.queue.push(index);
    }
    return this.grant();
  }

  end(index: number, outcome: 'succeeded' | 'failed'): number[] {
    this.states[index] = outcome;
    if (this.stopAt > 0 && this.count('failed') >= this.stopAt && this.status === 'running') this.status = 'stopping';
    return this.grant();
  }

  grant(): number[] {
    const grants: number[] = [];
    while (this.status === 'running' && this.held().length < this.limit && this.queue.length > 0) {
      const index = this.queue.shift() as number;
      this.states[index] = 'held';
      grants.push(index);
    }
    const terminal = this.count('succeeded') + this.count('failed');
    if (this.status === 'running' && this.closed && terminal === this.states.length) this.status = 'succeeded';
    if (this.status === 'stopping' && this.held().length === 0) this.status = 'failed';
    return grants;
  }
}

function randomOf(seed: number) {
  let state = seed >>> 0;
  const next = (below: number) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
  return { next, of: <T>(list: readonly T[]): T | undefined => list[next(list.length)] };
}

/** One random step, on the store and in the model. Gives what each granted. */
async function step(group: TestGroup, model: Model, random: ReturnType<typeof randomOf>) {
  const { store, id } = group;
  const index = random.next(Math.max(1, model.states.length));
  const held = random.of(model.held());
  switch (random.next(10)) {
    case 0: {
      const run = random.next(3) === 0;
      const many = 1 + random.next(4);
      const reply = await store.add(
        id,
        specs(many).map((packed) => ({ spec: packed, key: '' })),
        { run },
      );
      if (!model.live || model.closed) {
        expect(reply.code).toBe(model.live ? 'closed' : 'finished');
        return [];
      }
      const first = model.states.length;
      for (let i = 0; i < many; i++) model.states.push('waiting');
      const added = [...model.states.keys()].slice(first);
      return [granted(reply.effects), run ? model.ready(added) : []];
    }
    case 1:
    case 2: {
      const known = index < model.states.length;
      const { code, effects } = await store.runItem(id, index, '{}');
      const may = known && model.states[index] === 'waiting' && model.live;
      expect([known, code === 'started']).toEqual([known, may]);
      return [granted(effects), may ? model.ready([index]) : []];
    }
    case 3: {
      if (random.next(4) > 0) return [];
      const { code, effects } = await store.run(id, '{}');
      const may = !model.ran && model.live;
      expect(code === 'started').toBe(may);
      if (may) model.ran = true;
      return [granted(effects), may ? model.ready([...model.states.keys()]) : []];
    }
    case 4: {
      if (random.next(8) > 0) return [];
      const { effects } = await store.close(id);
      const first = !model.closed && model.live;
      model.closed = true;
      return [granted(effects), first && model.status === 'running' ? model.ready([...model.states.keys()]) : []];
    }
    case 5: {
      if (held === undefined) return [];
      const packed = await fixture.redis.hget(store.keys.active(id), String(held));
      const [state = '', runId = '', , , , process = ''] = packed?.split('|') ?? [];
      const { code, effects } = await regrant(store, id, { entry: String(held), state, runId, process });
      // It is the same item that is published again, in the same slot.
      if (code === 'granted') expect(granted(effects)).toEqual([held]);
      return [];
    }
    case 6: {
      if (held === undefined) return [];
      const runId = (await group.reader.runOf(id, String(held))) ?? '';
      const { effects } = await store.complete(id, String(held), runId, {
        outcome: 'failed',
        payload: '{"message":"no"}',
      });
      return [granted(effects), model.end(held, 'failed')];
    }
    case 7:
      return [granted((await store.grant(id)).effects), model.grant()];
    default: {
      if (held === undefined) return [];
      const success = random.next(3) > 0;
      const by = execution(`run-${held}`);
      await group.start(String(held), by);
      const { effects } = await group.finish(String(held), success ? succeeded() : failed(), by);
      const late = await group.finish(String(held), success ? failed() : succeeded(), by);
      expect([late.code, granted(late.effects)]).toEqual(['refused', []]);
      return [granted(effects), model.end(held, success ? 'succeeded' : 'failed')];
    }
  }
}

async function play(seed: number): Promise<Model> {
  const random = randomOf(seed);
  const model = new Model(1 + random.next(5), random.of([0, 0, 3]) ?? 0);
  const group = await fixture.group(random.next(8), {
    maxConcurrency: model.limit,
    stopAfterNFailures: model.stopAt || null,
  });
  for (let i = (await group.snapshot()).total; i > 0; i--) model.states.push('waiting');
  for (let round = 0; round < 80; round++) {
    const [byStore, byModel] = await step(group, model, random);
    try {
      expect(byStore).toEqual(byModel);
      const snapshot = await group.snapshot();
      expect(snapshot.slots).toBeLessThanOrEqual(model.limit);
      expect(snapshot).toMatchObject({
        status: model.status,
        total: model.states.length,
        slots: model.held().length,
        succeeded: model.count('succeeded'),
        failed: model.count('failed'),
      });
      if (model.live) expect(snapshot.total - snapshot.ready).toBe(model.count('waiting'));
      expect(await fixture.redis.hlen(group.store.keys.active(group.id))).toBe(model.held().length);
    } catch (error) {
      throw new Error(`Seed ${seed}, round ${round}: ${(error as Error).message}`, { cause: error });
    }
  }
  return model;
}

test('random sequences of everything that can happen to a swarm follow the plain model', async () => {
  const [first = 0] = seedsOf('grants');
  const seeds = [...Array.from({ length: 30 }, (_, i) => i + 1), ...Array.from({ length: 20 }, (_, i) => first + i)];
  const models = await Promise.all(
    seeds.map((seed) =>
      play(seed).catch((error: unknown) => {
        throw new Error(`Seed ${seed}: ${(error as Error).message}`, { cause: error });
      }),
    ),
  );
  // The sequences are worth something only when they reach all of it.
  for (const status of ['running', 'succeeded', 'failed']) {
    expect(models.map((model) => model.status)).toContain(status);
  }
});

test('items start in the order in which they became ready', async () => {
  const group = await fixture.group(8, { maxConcurrency: 1 });
  const order: number[] = [];
  for (const index of [5, 2, 6])
    order.push(...(granted((await group.store.runItem(group.id, index, '{}')).effects) ?? []));
  await group.store.run(group.id, '{}');
  await group.store.add(group.id, [{ spec, key: '' }], { run: true });
  while (order.length < 9) {
    const { effects } = await group.execute(String(order.at(-1)));
    order.push(...(granted(effects) ?? []));
  }
  expect(order).toEqual([5, 2, 6, 0, 1, 3, 4, 7, 8]);
});

test('a sweep skips what was ready already, in whatever state it is by then', async () => {
  const group = await fixture.group(6, { maxConcurrency: 2 });
  await group.store.runItem(group.id, 4, '{}');
  await group.execute('4');
  await group.store.runItem(group.id, 1, '{}');
  await group.store.runItem(group.id, 3, '{}');
  await group.store.runItem(group.id, 0, '{}');
  const { effects } = await group.store.run(group.id, '{}');
  expect(granted(effects)).toEqual([]);
  expect(await group.snapshot()).toMatchObject({ total: 6, ready: 6, slots: 2, succeeded: 1 });
  const order: (number | undefined)[] = [];
  for (const entry of ['1', '3', '0', '2', '5']) order.push(...(granted((await group.execute(entry)).effects) ?? []));
  expect(order).toEqual([0, 2, 5]);
  expect(await group.snapshot()).toMatchObject({ slots: 0, succeeded: 6 });
});

test('an item that is in the queue twice is granted once, also when one call hands out both', async () => {
  const { id, store } = await fixture.group(6, { maxConcurrency: 1 });
  expect(granted((await store.runItem(id, 0, '{}')).effects)).toEqual([0]);
  await store.runItem(id, 3, '{}');
  await store.run(id, '{}');
  expect(granted((await store.update(id, { maxConcurrency: 10 })).effects)).toEqual([3, 1, 2, 4, 5]);
});

test('an item that was passed over is granted by the call that resumes it', async () => {
  const { id, store } = await fixture.group(3, { maxConcurrency: 10 });
  await store.suspendEntry(id, '1', true);
  expect(granted((await store.run(id, '{}')).effects)).toEqual([0, 2]);
  expect(granted((await store.suspendEntry(id, '1', false)).effects)).toEqual([1]);
});

test('a long range with started items in the middle of it is granted without gaps', async () => {
  const group = await fixture.group(1000, { maxConcurrency: 3000 });
  for (let i = 0; i < 2; i++) {
    await group.store.add(
      group.id,
      specs(1000).map((packed) => ({ spec: packed, key: '' })),
      {},
    );
  }
  const early = [0, 1, 1022, 1023, 1024, 1025, 2047, 2048, 2999];
  for (const index of early) await group.store.runItem(group.id, index, '{}');
  const rest: number[] = [];
  let { effects } = await group.store.run(group.id, '{}');
  rest.push(...(granted(effects) ?? []));
  while (effects.more) {
    ({ effects } = await group.store.grant(group.id));
    rest.push(...(granted(effects) ?? []));
  }
  const expected = Array.from({ length: 3000 }, (_, i) => i).filter((index) => !early.includes(index));
  expect(rest).toEqual(expected);
});

test('one call hands out 1,000 slots at most and says that there is more', async () => {
  const group = await fixture.group(1000, { maxConcurrency: 1500 });
  await group.store.add(
    group.id,
    specs(1000).map((packed) => ({ spec: packed, key: '' })),
    {},
  );
  const first = (await group.store.run(group.id, '{}')).effects;
  expect([first.grants.length, first.more]).toEqual([1000, true]);
  const second = (await group.store.grant(group.id)).effects;
  expect([second.grants.length, second.more]).toEqual([500, false]);
  expect((await group.store.grant(group.id)).effects.grants).toEqual([]);
  expect((await group.snapshot()).slots).toBe(1500);
});
