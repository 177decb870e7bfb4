// Rights of visitors. Each test of a write also sends it as no page would.
import { createViewer, type Viewer, type ViewerOptions } from '../../../src/viewer';
import { eventually, Fixture } from '../../helpers/fixture';
import { get, host, post } from '../../helpers/viewer';

const fixture = new Fixture();
const { mage } = fixture;
const task = mage.task({ name: 'task', fn: () => ({}) });
const viewers: Viewer[] = [];
afterAll(async () => {
  for (const viewer of viewers) viewer.close();
  await fixture.close();
});

function viewerWith(options: ViewerOptions): Viewer {
  const viewer = createViewer(mage, options);
  viewers.push(viewer);
  return viewer;
}

const everything = { read: true, write: true };
const actions = ['suspend', 'resume', 'cancel', 'close', 'update', 'retry'];
const own = { 'content-type': 'application/json', 'x-mageflow-viewer': '1' };

async function swarm() {
  return mage.swarm({ name: 'kept', tasks: [[task, {}]] });
}

test.each<[string, ViewerOptions]>([
  ['without options', {}],
  ['that is read-only, whatever authorize says', { authorize: () => everything }],
  ['whose authorize gives no write', { readOnly: false, authorize: () => ({ read: true, write: false }) }],
  [
    'whose authorize gives something else than true',
    { readOnly: false, authorize: () => ({ read: true, write: 'no' }) as never },
  ],
])('a viewer %s refuses every write and changes nothing', async (_name, options) => {
  const viewer = viewerWith(options);
  const { id } = await swarm();
  const before = JSON.stringify(await mage.describe(id));
  for (const action of actions) {
    expect((await post(viewer, `/api/work/${id}/${action}`, { config: { maxConcurrency: 1 } })).status).toBe(403);
    for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const request = new Request(`${host}/api/work/${id}/${action}`, { method, headers: own });
      expect((await viewer(request)).status).toBe(403);
    }
    expect((await get(viewer, `/api/work/${id}/${action}`, own)).status).toBe(404);
  }
  expect((await post(viewer, `/api/work/${id}`)).status).toBe(403);
  expect((await post(viewer, '/api/list')).status).toBe(403);
  expect(JSON.stringify(await mage.describe(id))).toBe(before);
  expect(await (await get(viewer, '/')).text()).toContain('data-can-write="no"');
});

test('whoever may not read gets nothing at all, not even the page', async () => {
  const viewer = viewerWith({ authorize: ({ headers }) => headers.get('cookie') === 'session=1' && everything });
  const { id } = await swarm();
  const paths = ['/', `/work/${id}`, '/assets/page.js', '/api/list', '/api/list/events', `/api/work/${id}`];
  for (const path of paths) {
    const refused = await get(viewer, path);
    expect({ path, status: refused.status }).toEqual({ path, status: 403 });
    expect(await refused.text()).not.toContain('kept');
  }
  expect((await get(viewer, `/api/work/${id}`, { cookie: 'session=1' })).status).toBe(200);
});

test('an authorize that throws lets nobody in', async () => {
  const lines: string[] = [];
  const viewer = viewerWith({
    authorize: () => Promise.reject(new Error('no session store')),
    logger: { error: (line) => lines.push(line) },
  });
  expect((await get(viewer, '/api/list')).status).toBe(500);
  expect(lines).toEqual([expect.stringContaining('no session store')]);
});

describe('a write by somebody who may write', () => {
  const writing = (options: ViewerOptions = {}) =>
    viewerWith({ readOnly: false, authorize: () => everything, ...options });

  test.each([
    ['without its own header', { 'content-type': 'application/json', origin: host }],
    ['as a form sends it', { ...own, 'content-type': 'application/x-www-form-urlencoded' }],
    ['as text', { ...own, 'content-type': 'text/plain' }],
    ['without a content type', { 'x-mageflow-viewer': '1' }],
    ['from another origin', { ...own, origin: 'https://evil.example.com' }],
    ['from a page without an origin', { ...own, origin: 'null' }],
    ['from its host by another protocol', { ...own, origin: host.replace('http:', 'https:') }],
    ['from another site, without an origin', { ...own, 'sec-fetch-site': 'cross-site' }],
  ])('%s is refused and changes nothing', async (_name, headers) => {
    const { id } = await swarm();
    for (const action of actions) {
      const refused = await post(writing(), `/api/work/${id}/${action}`, {}, headers);
      expect({ action, status: refused.status }).toEqual({ action, status: 403 });
      expect(refused.headers.get('access-control-allow-origin')).toBeNull();
    }
    expect((await mage.describe(id)).status).toBe('pending');
  });

  test('is taken from the origins that are named, or from that of the proxy', async () => {
    const { id } = await swarm();
    const named = writing({ origins: ['https://ops.example.com/'] });
    const suspend = (viewer: Viewer, headers: object) =>
      post(viewer, `/api/work/${id}/suspend`, {}, { ...own, ...headers });
    expect((await suspend(named, { origin: host })).status).toBe(403);
    expect((await suspend(named, { origin: 'https://ops.example.com' })).status).toBe(200);
    const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'ops.example.com' };
    const origin = 'https://ops.example.com';
    expect((await suspend(writing(), { origin, ...forwarded })).status).toBe(403);
    expect((await suspend(writing({ trustProxy: true }), { origin, ...forwarded })).status).toBe(200);
  });

  test('does what its button says, by the functions of the signature', async () => {
    const viewer = writing();
    const { id } = await swarm();
    const act = async (action: string, body: unknown = {}) => {
      const response = await post(viewer, `/api/work/${id}/${action}`, body);
      return { status: response.status, ...((await response.json()) as object) };
    };
    const found = await mage.load(id, { kind: 'swarm' });
    expect(await act('suspend')).toEqual({ status: 200 });
    expect(await found.status()).toBe('suspended');
    expect(await act('resume')).toEqual({ status: 200 });
    expect(await found.status()).toBe('pending');
    expect(await act('update', { config: { maxConcurrency: 7 } })).toEqual({ status: 200 });
    expect((await mage.describe(id, { depth: 0 })).config?.maxConcurrency).toBe(7);
    expect(await act('update', { config: { odd: 1 } })).toMatchObject({ status: 400, error: expect.any(String) });
    expect(await act('update', {})).toMatchObject({ status: 400 });
    expect(await act('retry')).toMatchObject({ status: 400, error: expect.stringContaining('has not ended') });
    expect(await act('close')).toEqual({ status: 200 });
    expect((await found.progress()).closed).toBe(true);
    expect(await act('cancel')).toEqual({ status: 200 });
    await eventually('it is cancelled', async () => (await found.status()) === 'cancelled');
    expect(await act('retry', { odd: 1 })).toMatchObject({ status: 400 });
    expect(await act('explode')).toMatchObject({ status: 404 });
    expect((await post(viewer, '/api/work/nothing/cancel')).status).toBe(404);
  });

  test('is refused when its body is no JSON object, or too large', async () => {
    const viewer = writing();
    const { id } = await swarm();
    const send = (body: string) =>
      viewer(new Request(`${host}/api/work/${id}/retry`, { method: 'POST', body, headers: own }));
    for (const body of ['[]', '1', 'null', '{']) expect((await send(body)).status).toBe(400);
    expect((await send(JSON.stringify({ name: 'x'.repeat(1_000_000) }))).status).toBe(413);
  });
});

test('the streams of a closed Mageflow end', async () => {
  const closing = fixture.another();
  const viewer = createViewer(closing);
  const { id } = await swarm();
  const response = await get(viewer, `/api/work/${id}/events`);
  const reader = response.body!.getReader();
  await reader.read();
  await closing.close();
  await eventually('its end', async () => (await reader.read()).done);
  expect((await get(viewer, '/api/list')).status).toBe(503);
});
