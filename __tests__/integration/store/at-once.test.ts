import { claimToken } from '../../../src/store/executions';
import { packSpec } from '../../../src/store/spec';
import { execution, failed, StoreFixture, succeeded, threw } from '../../helpers/store';

// What is asked for in one turn of the event loop goes to Redis as one call.
const fixture = new StoreFixture();
afterAll(() => fixture.close());

/** How many calls of scripts some work took. */
async function calls(effects: () => Promise<unknown>): Promise<string[]> {
  const names: string[] = [];
  const call = fixture.connection.call.bind(fixture.connection);
  fixture.connection.call = (name, keys, args) => {
    names.push(name);
    return call(name, keys, args);
  };
  try {
    await effects();
  } finally {
    fixture.connection.call = call;
  }
  return names;
}

const entries = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => String(from + i));

test('ends of one turn share a call, hand on as many slots as they held, and never more', async () => {
  const group = await fixture.group(30, { maxConcurrency: 5, closed: true }, { message: '{}' });
  const began = await calls(() => Promise.all(entries(0, 5).map((entry) => group.start(entry))));
  expect(began).toEqual(['start']);
  const replies: Awaited<ReturnType<typeof group.finish>>[] = [];
  const ended = await calls(async () => {
    replies.push(...(await Promise.all(entries(0, 4).map((entry) => group.finish(entry, succeeded(entry))))));
  });
  expect(ended).toEqual(['finish']);
  expect(replies.map(({ code }) => code)).toEqual(['ended', 'ended', 'ended', 'ended']);
  // What the call handed out is published by one of them.
  expect(replies.map(({ effects }) => effects.grants.map(({ entry }) => entry))).toEqual([
    ['5', '6', '7', '8'],
    [],
    [],
    [],
  ]);
  expect(await group.snapshot()).toMatchObject({ slots: 5, succeeded: 4 });
});

test('each execution of a call is judged by itself', async () => {
  const group = await fixture.group(8, { maxConcurrency: 8, closed: true }, { message: '{}' });
  await Promise.all(entries(0, 6).map((entry) => group.start(entry)));
  const replies = await Promise.all([
    group.finish('0', succeeded('"kept"')),
    group.finish('0', succeeded('"again"')),
    group.finish('1', failed()),
    group.finish('2', threw(1)),
    group.finish('3', threw(0)),
    group.finish('4', succeeded(), execution('another run')),
    group.finish('7', succeeded()),
  ]);
  expect(replies.map(({ code }) => code)).toEqual([
    'ended',
    'refused',
    'ended',
    'retry',
    'ended',
    'refused',
    'refused',
  ]);
  expect(replies.map(({ effects }) => effects.outcome)).toEqual([
    'succeeded',
    undefined,
    'failed',
    undefined,
    'failed',
    undefined,
    undefined,
  ]);
  expect(await group.reader.result(group.id, '0')).toBe('s"kept"');
  expect(await group.snapshot()).toMatchObject({ succeeded: 1, failed: 2, slots: 5 });
  const starts = await Promise.all([
    group.start('6'),
    group.start('5', execution('a second run')),
    group.start('0', execution('run-0', 1)),
    fixture.store.start(group.id, '7', execution('forged'), { token: 'x'.repeat(20) }),
  ]);
  expect(starts).toEqual([
    { code: 'run', failed: 2, attempt: 1 },
    { code: 'duplicate', owner: 'run-5' },
    { code: 'stored', result: 's"kept"' },
    { code: 'unknown' },
  ]);
});

test('a limit of failures that is reached within a call stops the group before it hands out more', async () => {
  const group = await fixture.group(30, { maxConcurrency: 6, stopAfterNFailures: 2 }, { message: '{}' });
  await Promise.all(entries(0, 6).map((entry) => group.start(entry)));
  const replies = await Promise.all([
    group.finish('0'),
    group.finish('1', failed()),
    group.finish('2', failed()),
    group.finish('3'),
  ]);
  expect(replies.flatMap(({ effects }) => effects.grants)).toEqual([]);
  expect(await group.snapshot()).toMatchObject({ status: 'stopping', succeeded: 2, failed: 2, slots: 2 });
});

test('the last ends of a group end it once, with its callbacks', async () => {
  const callback = packSpec({ task: 'callback' });
  const group = await fixture.group(3, { successCallbacks: [callback], closed: true }, { message: '{}' });
  await Promise.all(entries(0, 3).map((entry) => group.start(entry)));
  const replies = await Promise.all(entries(0, 3).map((entry) => group.finish(entry)));
  expect(replies.flatMap(({ effects }) => effects.callbacks.map(({ entry }) => entry))).toEqual(['c0']);
  expect((await group.snapshot()).status).toBe('succeeded');
});

test('roots whose bodies return in one turn have the children of each of them closed', async () => {
  const root = packSpec({ task: 'root', group: 'root' });
  const group = await fixture.group([root, root], {}, { message: '{}' });
  const { store, id } = group;
  const start = (entry: string) =>
    store.start(id, entry, execution(`run-${entry}`), {
      token: claimToken(group.group.secret, entry),
      child: `${id}~${entry}.r`,
    });
  await Promise.all([start('0'), start('1')]);
  const replies = await Promise.all([group.finish('0'), group.finish('1')]);
  expect(replies.flatMap(({ effects }) => effects.closing)).toEqual([
    { entry: '0', child: `${id}~0.r` },
    { entry: '1', child: `${id}~1.r` },
  ]);
  expect(await group.state('1')).toBe('returned');
});

test('items whose results are kept apart are not mixed up, and many go in several calls', async () => {
  const group = await fixture.group(400, { maxConcurrency: 400, closed: true }, { message: '{}' });
  const all = entries(0, 400);
  await Promise.all(all.map((entry) => group.start(entry)));
  const ended = await calls(() => Promise.all(all.map((entry) => group.finish(entry, succeeded(entry)))));
  expect(ended.length).toBeGreaterThan(4);
  expect(ended.length).toBeLessThan(20);
  for (const entry of ['0', '127', '128', '255', '256', '399'])
    expect(await group.reader.result(group.id, entry)).toBe(`s${entry}`);
  expect(await group.snapshot()).toMatchObject({ status: 'succeeded', succeeded: 400 });
});
