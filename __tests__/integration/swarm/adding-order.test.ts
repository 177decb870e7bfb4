// The order of items that were added by calls that nobody awaited one by one.
import {
  ConfigurationError,
  InvalidMessageError,
  NotFoundError,
  type MageflowError,
  type TaskEntry,
} from '../../../src';
import { rejection } from '../../helpers/outcomes';
import { openTasks } from '../../helpers/task-set';

const { fixture, mage, work, callback } = openTasks();

const names = async (id: string) => (await mage.describe(id, { limit: 1_000 })).children.map(({ name }) => name);

test('addTask calls that are not awaited keep their order, plain tasks, signatures, chains, swarms and those with callbacks alike', async () => {
  const swarm = await mage.swarm();
  const loaded = await mage.load<typeof swarm>(swarm.id);
  const kinds = [
    (name: string) => () => swarm.addTask(work, {}, { name }),
    async (name: string) => {
      const signature = await mage.sign(work, {}, { name });
      return () => loaded.addTask(signature);
    },
    (name: string) => () => swarm.addTask(work, {}, { name, successCallbacks: [callback, callback] }),
    async (name: string) => {
      const chain = await mage.chain([work], { name });
      return () => swarm.addTask(chain);
    },
    async (name: string) => {
      const inner = await mage.swarm({ name });
      return () => loaded.addTask(inner);
    },
    (name: string) => () => swarm.addTasks([[work, {}, { name }]]),
  ];
  const calls: { name: string; add: () => Promise<unknown> }[] = [];
  for (let i = 0; i < 60; i++) {
    // Each kind comes before and after each other one.
    const make = kinds[(i * 7 + Math.floor(i / 6)) % kinds.length]!;
    calls.push({ name: `row ${i}`, add: await make(`row ${i}`) });
  }
  await Promise.all(calls.map(({ add }) => add()));
  expect(await names(swarm.id)).toEqual(calls.map(({ name }) => name));
});

test('a call that fails while others wait for their turn leaves the order of the others', async () => {
  const swarm = await mage.swarm();
  const first = await mage.sign(work, {}, { name: 'first' });
  const adding = [
    swarm.addTask(first),
    swarm.addTask(work, { fine: 1 }, { nme: 'unknown' } as never),
    swarm.addTask(work, {}, { name: 'second' }),
    swarm.addTask(first),
    swarm.addTask(work, {}, { name: 'third' }),
  ];
  const results = await Promise.allSettled(adding);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled']);
  expect(await names(swarm.id)).toEqual(['first', 'second', 'third']);
});

test('tasks can be added to a swarm from within a stream that it is filled from', async () => {
  const swarm = await mage.swarm();
  async function* stream() {
    yield [work, {}, { name: 'streamed' }] as const;
    await swarm.addTask(work, {}, { name: 'from within' });
    yield [work, {}, { name: 'streamed too' }] as const;
  }
  expect(await swarm.addTasks(stream())).toBe(2);
  expect(await names(swarm.id)).toEqual(['from within', 'streamed', 'streamed too']);
});

test('addTasks with a bad entry says how many were added before it', async () => {
  const swarm = await mage.swarm();
  function* entries(good: number, bad: unknown): Generator<TaskEntry> {
    for (let i = 0; i < good; i++) yield work;
    yield bad as TaskEntry;
  }
  const unknown = (await rejection(swarm.addTasks(entries(1_001, 7)))) as MageflowError;
  expect(unknown).toBeInstanceOf(ConfigurationError);
  expect(unknown.added).toBe(1_000);
  expect(unknown.message).toMatch(
    /^entries\[1001\]: .* The first 1000 entries of the call were added and stay in the swarm\.$/,
  );
  expect(await swarm.progress()).toMatchObject({ total: 1_000 });
  const unfit = (await rejection(swarm.addTasks(entries(3, [work, { f: () => 1 }])))) as MageflowError;
  expect(unfit).toBeInstanceOf(InvalidMessageError);
  expect([unfit.added, unfit.message.includes('added before')]).toEqual([0, false]);
  expect(await swarm.progress()).toMatchObject({ total: 1_000 });
});

test('addTasks to a swarm that is gone says how many were added before, and leaves errors of a stream as they are', async () => {
  const swarm = await mage.swarm();
  async function* removing() {
    for (let i = 0; i < 1_000; i++) yield work;
    await swarm.remove();
    yield work;
  }
  const gone = (await rejection(swarm.addTasks(removing()))) as MageflowError;
  expect(gone).toBeInstanceOf(NotFoundError);
  expect(gone.added).toBe(1_000);
  const own = new Error('the file ended early');
  // eslint-disable-next-line require-yield -- it fails at once
  const failing = async function* (): AsyncGenerator<TaskEntry> {
    throw own;
  };
  expect(await rejection((await fixture.mage.swarm()).addTasks(failing()))).toBe(own);
  expect(Object.keys(own)).toEqual([]);
});
