// A Redis that stops and comes back below an open page.
import { openReader } from '../../../src';
import { createViewer } from '../../../src/viewer';
import { Redis } from 'ioredis';
import { BrowserFixture } from '../../helpers/browser';
import { eventually, Log } from '../../helpers/fixture';
import { OwnRedis } from '../../helpers/own-redis';
import { StoreFixture } from '../../helpers/store';

let browser: BrowserFixture;
let server: OwnRedis;
beforeAll(async () => {
  browser = await BrowserFixture.open();
  server = await OwnRedis.open();
});
afterAll(async () => {
  await browser.close();
  await server.close();
});

test('a page says that Redis is away, survives a reload meanwhile, and goes on afterwards', async () => {
  const client = new Redis(server.url);
  client.on('error', () => undefined);
  const store = new StoreFixture({}, client);
  const { keyPrefix } = store;
  const reader = openReader(server.url, {
    tenant: 'tenant',
    namespace: 'Namespace',
    keyPrefix,
    commandTimeoutMs: 1_000,
  });
  const viewer = createViewer(reader, { logger: new Log() });
  const address = await browser.serve(viewer);
  const group = await store.group(3, { closed: true, name: 'kept' });
  await group.store.run(group.id, '{}');
  const page = await browser.page(`${address}/work/${group.id}`);
  const connection = page.locator('.connection');
  const becomes = (state: string) =>
    eventually(`it is ${state}`, async () => ((await connection.getAttribute('class')) ?? '').includes(`is-${state}`));
  await becomes('live');
  await server.stop();
  await becomes('away');
  expect(await connection.innerText()).toContain('Redis');
  // What was shown before stays.
  expect(await page.getByRole('heading', { name: 'kept' }).count()).toBe(1);
  const other = await browser.page(`${address}/work/${group.id}`);
  await other.locator('.empty, .problem').first().waitFor();
  await server.start();
  await becomes('live');
  await group.execute('0');
  await eventually(
    'the end is shown',
    async () => (await page.locator('.legend-state.is-succeeded .number').innerText()) === '1',
  );
  // The page that was opened meanwhile shows the group, without anybody's doing.
  await other.getByRole('heading', { name: 'kept' }).waitFor();
  viewer.close();
  reader.close();
  await store.close();
  expect(browser.complaints).toEqual([]);
});
