import { gunzipSync } from 'node:zlib';
import { itemId } from '../../../src/store/ids';
import type { ListView, PayloadView, WindowView, WorkView } from '../../../src/viewer/wire';
import { failed, succeeded } from '../../helpers/store';
import { get, getJson, host, ViewerFixture } from '../../helpers/viewer';

const fixture = new ViewerFixture();
const viewer = fixture.viewer({ hatchetUrl: 'https://hatchet.example.com/' });
afterAll(() => fixture.close());

test('the list shows groups with their counts, and takes filters', async () => {
  const group = await fixture.swarm(3, 'listed');
  await group.execute('0', failed('no such file'));
  const { order, ...rest } = await getJson<ListView>(viewer, '/api/list?name=listed');
  expect(order).toEqual([group.id]);
  expect(rest[`row:${group.id}`]).toMatchObject({
    kind: 'swarm',
    status: 'running',
    progress: { total: 3, failed: 1, running: 2 },
    createdAt: expect.any(Number),
  });
  expect((await getJson<ListView>(viewer, '/api/list?name=listed&status=failed')).order).toEqual([]);
  const wrong = await get(viewer, '/api/list?status=odd');
  expect(wrong.status).toBe(400);
  expect(await wrong.json()).toEqual({ error: expect.stringContaining('status: expected') });
});

test('a group is shown with its configuration, and an item with its group and run', async () => {
  const group = await fixture.swarm(2);
  await group.start('0');
  const shown = await getJson<WorkView>(viewer, `/api/work/${group.id}`);
  expect(shown).toMatchObject({ kind: 'swarm', name: 'import', config: { maxConcurrency: 1_000 }, hasMessage: false });
  const item = await getJson<WorkView>(viewer, `/api/work/${encodeURIComponent(itemId(group.id, 0))}`);
  expect(item).toMatchObject({ kind: 'task', name: 'row 0', status: 'running', parent: group.id, attempts: 1 });
  expect(item.runUrl).toBe('https://hatchet.example.com/tenants/tenant/runs/run-0');
});

test('an unknown id and an unknown address are not found', async () => {
  for (const path of ['/api/work/nothing', '/api/work/nothing/events', '/api/work/nothing/items'])
    expect((await get(viewer, path)).status).toBe(404);
  for (const path of ['/api', '/api/odd', '/api/work', '/api/work/a/odd', '/api/work/a/items/b', '/odd', '/work'])
    expect((await get(viewer, path)).status).toBe(404);
  expect((await get(viewer, '/api/work/%ff')).status).toBe(400);
});

test('windows of items are read by state, from a position or behind an index', async () => {
  const group = await fixture.swarm(6);
  for (const entry of ['1', '3', '5']) await group.execute(entry, failed(`bad ${entry}`));
  const window = (query: string) => getJson<WindowView>(viewer, `/api/work/${group.id}/items?${query}`);
  const first = await window('state=failed&limit=2');
  expect(first).toMatchObject({ position: 0, count: 3, items: [{ index: 1, error: 'bad 1' }, { index: 3 }] });
  expect(await window('state=failed&after=3')).toMatchObject({ position: 2, count: 3, items: [{ index: 5 }] });
  expect(await window('at=4')).toMatchObject({ position: 4, count: 6, items: [{ index: 4 }, { index: 5 }] });
  expect((await get(viewer, `/api/work/${group.id}/items?at=x`)).status).toBe(400);
  expect((await get(viewer, `/api/work/${group.id}/items?state=odd`)).status).toBe(400);
});

test('items are found by a part of their name, with how many were looked at', async () => {
  const group = await fixture.swarm(12);
  const find = (query: string) => getJson<WindowView>(viewer, `/api/work/${group.id}/items?${query}`);
  expect(await find('name=ROW+1&limit=2')).toMatchObject({
    items: [{ index: 1, name: 'row 1' }, { index: 10 }],
    looked: 11,
    next: 10,
    count: 12,
  });
  expect(await find('name=ROW+1&limit=2&after=10')).toMatchObject({ items: [{ index: 11 }], looked: 1 });
  expect((await get(viewer, `/api/work/${group.id}/items?name=`)).status).toBe(400);
});

test('failures, the explanation, the tree and the pace of a group are shown', async () => {
  const group = await fixture.swarm(4);
  for (const entry of ['0', '1']) await group.execute(entry, failed(`row ${entry} is bad`));
  await group.execute('2');
  const of = (part: string) => getJson<Record<string, unknown>>(viewer, `/api/work/${group.id}/${part}`);
  expect(await of('failures')).toMatchObject({ looked: 2, groups: [{ text: 'row # is bad', count: 2 }] });
  expect(await of('failures?by=name')).toMatchObject({ groups: [{ text: 'row 0' }, { text: 'row 1' }] });
  expect(await of('explain')).toMatchObject({ summary: expect.any(String), reasons: [{ code: expect.any(String) }] });
  expect(await of('children')).toMatchObject({ children: [{ name: 'row 0' }, {}, {}, {}] });
  const { points } = (await of('timeline')) as { points: { ended: number }[] };
  expect(points.map(({ ended }) => ended)).toEqual([1, 2, 3]);
});

test('payloads are sent only when they are asked for', async () => {
  const group = await fixture.swarm(2, 'import', '{"day":"monday"}');
  await group.execute('0', succeeded('{"lines":7}'));
  const at = `/api/work/${encodeURIComponent(itemId(group.id, 0))}`;
  expect(await (await get(viewer, at)).text()).not.toContain('secret 0');
  expect(await (await get(viewer, `/api/work/${group.id}/items`)).text()).not.toContain('lines');
  const open = `/api/work/${encodeURIComponent(itemId(group.id, 1))}/payload?part=message`;
  const message = await getJson<PayloadView>(viewer, open);
  expect(JSON.parse(message.text)).toEqual({ day: 'monday', secret: 'secret 1' });
  expect(await getJson<WorkView>(viewer, at)).toMatchObject({ hasMessage: false, hasOutput: true });
  const output = await getJson<PayloadView>(viewer, `${at}/payload?part=output`);
  expect(JSON.parse(output.text)).toEqual({ lines: 7 });
  expect((await get(viewer, `${at}/payload?part=config`)).status).toBe(400);
});

describe('redact', () => {
  test('changes each payload before it is sent, and receives where it is from', async () => {
    const group = await fixture.swarm(2);
    await group.execute('0', succeeded('{"card":"4111"}'));
    await group.execute('1', failed('card 4111 refused'));
    const parts: unknown[] = [];
    const redacting = fixture.viewer({
      redact: (value, where) => {
        parts.push(where);
        return typeof value === 'string' ? value.replaceAll(/\d{4}/g, '••••') : { hidden: true };
      },
    });
    const items = ['0', '1'].map((index) => `/api/work/${encodeURIComponent(itemId(group.id, Number(index)))}`);
    const answers = [
      `${items[0]}/payload?part=message`,
      `${items[0]}/payload?part=output`,
      items[1]!,
      `/api/work/${group.id}/items`,
      `/api/work/${group.id}/failures`,
      `/api/work/${group.id}/children`,
    ];
    for (const path of answers) {
      const text = await (await get(redacting, path)).text();
      expect({ path, text }).toEqual({ path, text: expect.not.stringMatching(/4111|secret 0/) });
    }
    expect(parts).toContainEqual({ part: 'output', id: itemId(group.id, 0), name: 'row 0' });
    expect(parts).toContainEqual({ part: 'error', id: itemId(group.id, 1), name: 'row 1' });
  });

  test('that throws shows nothing, and the log says so', async () => {
    const group = await fixture.swarm(1);
    await group.execute('0', failed('secret'));
    const lines: string[] = [];
    const broken = fixture.viewer({
      redact: () => {
        throw new Error('no rule');
      },
      logger: { error: (line) => lines.push(line) },
    });
    const answer = await get(broken, `/api/work/${encodeURIComponent(itemId(group.id, 0))}`);
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toMatch(/secret|no rule/);
    expect(lines).toEqual([expect.stringContaining('no rule')]);
  });
});

describe('the page', () => {
  test('is the same document at each of its addresses, and holds nothing inline', async () => {
    const texts = await Promise.all(
      ['/', '/work/some.id', '/work/a%3Cb'].map(async (path) => (await get(viewer, path)).text()),
    );
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).not.toMatch(/<script(?![^>]* src=)|<style|style=|onload=|javascript:/);
  });

  test('loads its files, as gzip for those who take it', async () => {
    const html = await (await get(viewer, '/')).text();
    const files = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, file]) => file!);
    expect(files).toHaveLength(3);
    let bytes = 0;
    for (const file of files) {
      const plain = await get(viewer, file);
      const packed = await get(viewer, file, { 'accept-encoding': 'gzip, br' });
      expect(plain.headers.get('cache-control')).toContain('immutable');
      expect(packed.headers.get('content-encoding')).toBe('gzip');
      const content = Buffer.from(await packed.arrayBuffer());
      bytes += content.length;
      expect(gunzipSync(content).toString()).toBe(await plain.text());
    }
    expect(bytes).toBeLessThanOrEqual(60 * 1024);
    expect((await get(viewer, '/assets/page-0000000000.js')).status).toBe(404);
  });

  test('has headers that let it load and reach nothing but its own server', async () => {
    for (const path of ['/', '/api/list', '/api/odd']) {
      const { headers } = await get(viewer, path);
      expect(headers.get('content-security-policy')).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      );
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('cache-control')).toBe('no-store');
    }
  });
});

test('HEAD is answered with the headers alone, also where there are events', async () => {
  const group = await fixture.swarm(1);
  for (const path of ['/', '/api/list', `/api/work/${group.id}/events`]) {
    const head = await viewer(new Request(`${host}${path}`, { method: 'HEAD' }));
    const { headers } = await get(viewer, path);
    expect(head.status).toBe(200);
    expect(head.body).toBeNull();
    expect(head.headers.get('content-type')).toBe(headers.get('content-type'));
  }
});

test('below a base path, addresses are found with it and without it', async () => {
  const below = fixture.viewer({ basePath: '/ops/mageflow/' });
  const html = await (await get(below, '/ops/mageflow')).text();
  expect(html).toContain('data-base="/ops/mageflow"');
  const [, file] = /src="(\/ops\/mageflow\/assets\/[^"]+)"/.exec(html) ?? [];
  expect((await get(below, file!)).status).toBe(200);
  for (const path of ['/ops/mageflow/api/list', '/api/list']) expect((await get(below, path)).status).toBe(200);
  expect((await get(below, '/ops/mageflows/api/list')).status).toBe(404);
});

test.each([
  [{ basePath: '/a b' }, 'basePath: expected a path'],
  [{ basePath: '//evil.example.com' }, 'basePath: expected a path'],
  [{ hatchetUrl: 'javascript:alert(1)' }, 'hatchetUrl: expected an address'],
  [{ origins: ['nowhere'] }, 'origins: expected an address'],
  [{ redact: 'x' as never }, 'redact: expected a function'],
  [{ readOnly: false }, 'readOnly: false needs `authorize`'],
  [{ readOnly: false, authorize: () => ({ read: true, write: true }) }, 'readOnly: false needs a Mageflow'],
  [{ odd: 1 } as never, 'odd'],
])('the options %j are refused', (options, message) => {
  expect(() => fixture.viewer(options)).toThrow(message);
});

test('something that is neither a Mageflow nor a reader is refused', () => {
  expect(() => fixture.viewer({}, {} as never)).toThrow('createViewer: expected a Mageflow, or a reader');
});
