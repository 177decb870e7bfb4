// The progress of one group for whoever has a token, and for nobody else.
import type { Reader } from '../../../src';
import { StoreError } from '../../../src/config/errors';
import { field } from '../../../src/store/scripts.generated';
import { itemId } from '../../../src/store/ids';
import { EventStream } from '../../helpers/event-stream';
import { failed } from '../../helpers/store';
import { get, getJson, host, ViewerFixture } from '../../helpers/viewer';

const fixture = new ViewerFixture();
const { reader } = fixture;
const viewer = fixture.viewer({ authorize: () => false, progressOrigins: ['https://shop.example.com/'] });
afterAll(() => fixture.close());

const open = async (token: string, of = viewer) => new EventStream(await get(of, `/progress/${token}`));
const statusOf = async (token: string) => (await get(viewer, `/progress/${token}`)).status;

test('a token shows the counts and the status of its group until the end, and nothing else', async () => {
  const group = await fixture.swarm(3, 'a secret name');
  await group.execute('0', failed('a secret error'));
  const stream = await open(await reader.progressToken(group.id));
  const counts = { succeeded: 0, failed: 1, cancelled: 0, running: 2, queued: 0, waiting: 0 };
  const first = await stream.next();
  expect(first).toEqual({ event: 'message', data: { status: 'running', total: 3, ended: 1, ...counts } });
  await group.execute('1');
  await group.execute('2');
  let last = first;
  while ((last?.data as { status: string }).status !== 'succeeded') last = await stream.next();
  expect(last?.data).toMatchObject({ ended: 3, succeeded: 2, failed: 1 });
  await stream.close();
});

test('a token opens nothing but its progress, and the name only when it was made with it', async () => {
  const group = await fixture.swarm(1, 'nightly import');
  const token = await reader.progressToken(group.id, { withName: true });
  const stream = await open(token);
  expect((await stream.next())?.data).toMatchObject({ name: 'nightly import', total: 1 });
  await stream.close();
  for (const path of ['/', '/api/list', `/api/work/${group.id}`, `/api/work/${group.id}?token=${token}`])
    expect((await get(viewer, path)).status).toBe(403);
  for (const method of ['POST', 'PUT', 'DELETE'])
    expect((await viewer(new Request(`${host}/progress/${token}`, { method }))).status).toBe(405);
});

test('an item has a progress of one', async () => {
  const group = await fixture.swarm(2);
  await group.start('1');
  const stream = await open(await reader.progressToken(itemId(group.id, 1)));
  expect((await stream.next())?.data).toMatchObject({ status: 'running', total: 1, ended: 0, running: 1 });
  await stream.close();
});

test('a token that was changed, made up, made for another group or has expired is refused', async () => {
  const [group, other] = [await fixture.swarm(1), await fixture.swarm(1)];
  const token = await reader.progressToken(group.id);
  const bytes = Buffer.from(token, 'base64url');
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1;
    const verified = await reader.verifyProgressToken(changed.toString('base64url'));
    expect({ at, state: verified.state }).not.toEqual({ at, state: 'valid' });
  }
  const content = bytes.subarray(32).toString();
  const forged = (mac: Buffer, text: string) => Buffer.concat([mac, Buffer.from(text)]).toString('base64url');
  const mac = bytes.subarray(0, 32);
  expect(await statusOf(forged(mac, content.replace(group.id, other.id)))).toBe(403);
  expect(await statusOf(forged(mac, content.replace(/^\d/, '9')))).toBe(403);
  expect(await statusOf(forged(mac, content.replace(',0,', ',1,')))).toBe(403);
  expect(await statusOf(forged(Buffer.alloc(32), content))).toBe(403);
  for (const odd of ['x', '%00', 'a.b', 'A'.repeat(5_000)]) expect(await statusOf(odd)).toBe(403);
  expect(await statusOf(token)).toBe(200);
  const expired = await reader.progressToken(group.id, { ttlMs: 1 });
  const isOver = new Promise((resolve) => setTimeout(resolve, 5));
  await isOver;
  expect(await statusOf(expired)).toBe(403);
  expect(await (await get(viewer, `/progress/${expired}`)).text()).toContain('expired');
});

test('the token of a group that is gone is answered as browsers want it, and that of one made again is refused', async () => {
  const group = await fixture.swarm(1);
  const token = await reader.progressToken(group.id);
  const { store } = group;
  const key = store.keys.state(group.id);
  await store.redis.use('hset', (client) => client.hset(key, field.secret, 'that of another group with this id'));
  expect(await statusOf(token)).toBe(403);
  const stream = await open(await reader.progressToken(group.id));
  await stream.next();
  const { redis } = fixture.store;
  for (const found of await redis.keys(`*${group.id}*`)) await redis.unlink(found);
  let last;
  for (let event = await stream.next(); event; event = await stream.next()) last = event;
  expect(last).toMatchObject({ event: 'gone' });
  expect(await statusOf(token)).toBe(204);
  await expect(reader.progressToken(group.id)).rejects.toThrow('No signature with the id');
});

test('a stream ends with its token', async () => {
  const group = await fixture.swarm(1);
  const stream = await open(await reader.progressToken(group.id, { ttlMs: 1_500 }));
  expect(await stream.next()).toMatchObject({ event: 'message' });
  expect(await stream.next()).toBeUndefined();
});

test('pages of the named origins may read it, and no others', async () => {
  const group = await fixture.swarm(1);
  const token = await reader.progressToken(group.id);
  const allowed = async (origin: string, path = `/progress/${token}`) => {
    const { headers, body } = await get(viewer, path, { origin });
    await body?.cancel();
    return headers.get('access-control-allow-origin');
  };
  expect(await allowed('https://shop.example.com')).toBe('https://shop.example.com');
  expect(await allowed('https://shop.example.com', '/progress/wrong')).toBe('https://shop.example.com');
  expect(await allowed('https://evil.example.com')).toBeNull();
  expect(await allowed('null')).toBeNull();
  expect(await allowed('https://shop.example.com', '/api/list')).toBeNull();
  const { headers } = await get(viewer, `/progress/${token}`, { origin: 'https://shop.example.com' });
  expect(headers.get('vary')).toBe('origin');
  expect(headers.get('access-control-allow-credentials')).toBeNull();
});

test('while Redis is away, a browser is asked to retry, and the public does not learn why', async () => {
  const group = await fixture.swarm(1);
  const token = await reader.progressToken(group.id);
  let isAway = false;
  const failing: Reader = {
    ...reader,
    verifyProgressToken: (text) =>
      isAway ? Promise.reject(new StoreError('redis.internal: lost')) : reader.verifyProgressToken(text),
    progress: (id) => (isAway ? Promise.reject(new StoreError('redis.internal: lost')) : reader.progress(id)),
  };
  const watched = fixture.viewer({}, failing);
  const stream = await open(token, watched);
  await stream.next();
  isAway = true;
  const problem = await stream.next();
  expect(problem).toMatchObject({ event: 'problem' });
  expect(JSON.stringify(problem)).not.toContain('internal');
  const answer = await get(watched, `/progress/${token}`);
  expect(answer.headers.get('content-type')).toContain('text/event-stream');
  expect(await answer.text()).toBe('retry: 5000\n\n');
  isAway = false;
  expect(await stream.next()).toMatchObject({ event: 'recovered' });
  await stream.close();
});

test('any number of visitors of one group cost what one costs', async () => {
  let reads = 0;
  const counting: Reader = {
    ...reader,
    progress: (id) => {
      reads += 1;
      return reader.progress(id);
    },
    describe: (id, options) => {
      reads += 1;
      return reader.describe(id, options);
    },
  };
  const counted = fixture.viewer({}, counting);
  const group = await fixture.swarm(1);
  const token = await reader.progressToken(group.id);
  const streams = await Promise.all(Array.from({ length: 50 }, () => open(token, counted)));
  await Promise.all(streams.map((stream) => stream.next()));
  expect(reads).toBe(1);
  await Promise.all(streams.map((stream) => stream.close()));
});

test.each([
  [{ ttlMs: 0 }, 'ttlMs: expected a whole number from 1'],
  [{ ttlMs: 400 * 86_400_000 }, 'ttlMs: expected a whole number from 1'],
  [{ withName: 'x' as never }, 'withName: expected true or false'],
  [{ odd: 1 } as never, 'odd'],
])('the options %j of a token are refused', async (options, message) => {
  const group = await fixture.swarm(1);
  await expect(reader.progressToken(group.id, options)).rejects.toThrow(message);
});

test('a reader of another store takes no token', async () => {
  const group = await fixture.swarm(1);
  const token = await reader.progressToken(group.id);
  const other = new ViewerFixture();
  expect(await other.reader.verifyProgressToken(token)).toEqual({ state: 'gone' });
  await other.close();
  expect(await getJson<{ id: string }>(fixture.viewer(), `/api/work/${group.id}`)).toMatchObject({ id: group.id });
});
