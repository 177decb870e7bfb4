import type { Reader } from '../../../src';
import type { ListView } from '../../../src/viewer/wire';
import { EventStream } from '../../helpers/event-stream';
import { eventually } from '../../helpers/fixture';
import { get, ViewerFixture } from '../../helpers/viewer';

const fixture = new ViewerFixture();
const viewer = fixture.viewer();
afterAll(() => fixture.close());

const open = async (path: string, of = viewer) => new EventStream(await get(of, path));
const endedIn = (value: Record<string, unknown>) => (value['progress'] as { succeeded: number } | undefined)?.succeeded;

test('a stream begins with everything, and goes on with what has changed', async () => {
  const group = await fixture.swarm(3);
  const stream = await open(`/api/work/${group.id}/events`);
  expect(await stream.next()).toMatchObject({
    event: 'snapshot',
    data: { status: 'running', progress: { total: 3, succeeded: 0 } },
  });
  await group.execute('0');
  const next = await stream.next();
  expect(next).toMatchObject({ event: 'change', data: { set: { progress: { succeeded: 1 } }, unset: [] } });
  expect(next?.data).not.toHaveProperty('set.status');
  await group.execute('1');
  await group.execute('2');
  await stream.until('the end', ({ status }) => status === 'succeeded');
  expect(endedIn(stream.value)).toBe(3);
  expect(stream.value['endedAt']).toEqual(expect.any(Number));
  await stream.close();
});

test('a stream has headers that keep anything on the way from holding it back', async () => {
  const group = await fixture.swarm(1);
  const response = await get(viewer, `/api/work/${group.id}/events`);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  });
  await response.body?.cancel();
});

test('any number of pages cost the store what one costs, and nothing once all have gone', async () => {
  let reads = 0;
  const counting: Reader = {
    ...fixture.reader,
    progress: (id) => {
      reads += 1;
      return fixture.reader.progress(id);
    },
    describe: (id, options) => {
      reads += 1;
      return fixture.reader.describe(id, options);
    },
  };
  const counted = fixture.viewer({}, counting);
  const group = await fixture.swarm(2);
  const streams = await Promise.all(Array.from({ length: 100 }, () => open(`/api/work/${group.id}/events`, counted)));
  await Promise.all(streams.map((stream) => stream.next()));
  const atFirst = reads;
  expect(atFirst).toBeLessThanOrEqual(3);
  await group.execute('0');
  await Promise.all(streams.map((stream) => stream.until('one end', (value) => endedIn(value) === 1)));
  // One read found all of them; the look before it may have been too early.
  expect(reads - atFirst).toBeLessThanOrEqual(3);
  await Promise.all(streams.map((stream) => stream.close()));
  const atLast = reads;
  await group.execute('1');
  const again = await open(`/api/work/${group.id}/events`, counted);
  expect(await again.next()).toMatchObject({ event: 'snapshot', data: { progress: { succeeded: 2 } } });
  // The look for the id, and that of the new stream.
  expect(reads - atLast).toBeLessThanOrEqual(2);
  await again.close();
});

test('a page that reads slowly gets the latest state, and not each one before', async () => {
  const group = await fixture.swarm(3);
  const slow = await open(`/api/work/${group.id}/events`);
  const quick = await open(`/api/work/${group.id}/events`);
  await slow.next();
  for (const entry of ['0', '1', '2']) {
    await group.execute(entry);
    await quick.until(`the end of ${entry}`, (value) => endedIn(value) === Number(entry) + 1);
  }
  // At most the one that lay ready while nobody read, and then the latest.
  const first = await slow.next();
  const second = endedIn(slow.value) === 3 ? first : await slow.next();
  expect(second?.event).toBe('change');
  expect(endedIn(slow.value)).toBe(3);
  await Promise.all([slow.close(), quick.close()]);
});

test('the list is live: counts change in place, and new groups appear', async () => {
  const group = await fixture.swarm(2, 'before');
  const stream = await open('/api/list/events');
  await stream.until('the first list', (value) => 'order' in value);
  await group.execute('0');
  await stream.until('the end of an item', (value) => {
    const row = (value as unknown as ListView)[`row:${group.id}`];
    return row?.progress?.succeeded === 1;
  });
  const later = await fixture.swarm(1, 'later');
  await stream.until('the new group', (value) => (value as unknown as ListView).order[0] === later.id);
  await stream.close();
});

test('a filtered list drops nothing that changes meanwhile, and shows its new status', async () => {
  const group = await fixture.swarm(1, 'filtered');
  const stream = await open('/api/list/events?name=filtered&status=running');
  await stream.until('the list', (value) => 'order' in value);
  await group.execute('0');
  await stream.until('its end', (value) => (value as unknown as ListView)[`row:${group.id}`]?.status === 'succeeded');
  await stream.close();
});

test('a group that is removed ends its stream with a last word', async () => {
  const group = await fixture.swarm(1);
  const stream = await open(`/api/work/${group.id}/events`);
  await stream.next();
  const { store, redis } = fixture.store;
  for (const key of await redis.keys(`*${group.id}*`)) await redis.unlink(key);
  void store;
  let last;
  for (let event = await stream.next(); event; event = await stream.next()) last = event;
  expect(last).toMatchObject({ event: 'gone' });
});

test('closing a viewer ends all its streams, and refuses later requests', async () => {
  const group = await fixture.swarm(1);
  const closing = fixture.viewer();
  const streams = await Promise.all([open(`/api/work/${group.id}/events`, closing), open('/api/list/events', closing)]);
  await Promise.all(streams.map((stream) => stream.next()));
  closing.close();
  for (const stream of streams) expect(await stream.next()).toBeUndefined();
  expect((await get(closing, '/api/list')).status).toBe(503);
});

test('the page learns that Redis is away, and that it is back', async () => {
  let isAway = false;
  const failing: Reader = {
    ...fixture.reader,
    progress: (id) => (isAway ? Promise.reject(new Error('connection lost')) : fixture.reader.progress(id)),
  };
  const lines: string[] = [];
  const watched = fixture.viewer({ logger: { error: (line) => lines.push(line) } }, failing);
  const group = await fixture.swarm(2);
  const stream = await open(`/api/work/${group.id}/events`, watched);
  await stream.next();
  isAway = true;
  expect(await stream.next()).toMatchObject({ event: 'problem' });
  isAway = false;
  expect(await stream.next()).toMatchObject({ event: 'recovered' });
  await group.execute('0');
  await stream.until('an end', (value) => endedIn(value) === 1);
  await eventually('the log says why', () => lines.some((line) => line.includes('connection lost')));
  await stream.close();
});
