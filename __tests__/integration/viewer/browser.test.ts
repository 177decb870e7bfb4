// The page in a real browser: what it shows is what the store holds.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { field } from '../../../src/store/scripts.generated';
import { packSpec } from '../../../src/store/spec';
import { createViewer } from '../../../src/viewer';
import { BrowserFixture, overflows, seriousFaults } from '../../helpers/browser';
import { eventually, Fixture } from '../../helpers/fixture';
import { openMending } from '../../helpers/mending';
import { failed, succeeded } from '../../helpers/store';
import { ViewerFixture } from '../../helpers/viewer';

const store = new ViewerFixture();
let browser: BrowserFixture;
let address: string;
beforeAll(async () => {
  browser = await BrowserFixture.open();
  address = await browser.serve(store.viewer({ hatchetUrl: 'https://hatchet.example.com' }));
});
afterEach(() => {
  expect(browser.complaints.splice(0)).toEqual([]);
});
afterAll(async () => {
  await browser.close();
  await store.close();
});

const text = (page: Page, selector: string) => page.locator(selector).first().innerText();
const shows = (page: Page, words: string) => page.getByText(words).first().waitFor();
/** The number beside a state in the legend of a group. */
const countOf = async (page: Page, state: string) =>
  Number((await text(page, `.legend-state.is-${state} .number`)).replaceAll(',', ''));

test('the list leads to a group, whose counts follow the store without a reload', async () => {
  const group = await store.swarm(20, 'nightly import');
  const page = await browser.page(address);
  await page.getByRole('link', { name: 'nightly import' }).click();
  await page.waitForURL(`**/work/${group.id}`);
  for (let i = 0; i < 20; i++) await group.execute(String(i), i % 5 === 4 ? failed('no such file') : succeeded());
  await eventually('the end is shown', async () => (await countOf(page, 'failed')) === 4);
  const { succeeded: done, running } = (await store.reader.describe(group.id)).progress!;
  expect([await countOf(page, 'succeeded'), await countOf(page, 'running')]).toEqual([done, running]);
  await page.getByRole('tab', { name: /Failures/ }).click();
  await shows(page, 'no such file');
  expect(await text(page, '.failure-count')).toBe('4');
  // A reload shows the same: what is open stands in the address.
  await page.reload();
  await shows(page, 'no such file');
});

test('the items of one state are shown, and each leads to its page', async () => {
  const group = await store.swarm(30);
  await group.execute('7', failed('row 7 is bad'));
  await group.execute('21', failed('row 21 is bad'));
  const page = await browser.page(`${address}/work/${group.id}?state=failed`);
  await shows(page, 'row 21 is bad');
  expect(await page.locator('.scroller [role=row]').count()).toBe(2);
  await page.getByRole('link', { name: 'row 21', exact: true }).click();
  await page.getByRole('heading', { name: 'row 21' }).waitFor();
  expect(await text(page, '.error-text')).toBe('row 21 is bad');
  expect(await page.content()).not.toContain('secret 21');
  await page.getByText('Message', { exact: true }).click();
  await shows(page, '"secret": "secret 21"');
});

test('items are found by a part of their name, with the keyboard alone, and the search stands in the address', async () => {
  const group = await store.swarm(120);
  await group.execute('17', failed('no'));
  const page = await browser.page(`${address}/work/${group.id}`);
  const find = page.getByRole('searchbox', { name: 'Find items by a part of their name' });
  await find.focus();
  await page.keyboard.type('ROW 7');
  await page.keyboard.press('Enter');
  await shows(page, '11 matches in all 120 items');
  expect(await page.locator('.found-rows .name').allInnerTexts()).toEqual([
    'row 7',
    ...Array.from({ length: 10 }, (_, i) => `row 7${i}`),
  ]);
  expect(await seriousFaults(page)).toEqual([]);
  // More are found than are shown at once.
  await find.fill('row');
  await page.keyboard.press('Enter');
  await shows(page, '100 matches in the first 100 items of 120');
  await page.getByRole('button', { name: 'Look further' }).focus();
  await page.keyboard.press('Enter');
  await shows(page, '120 matches in all 120 items');
  await page.getByLabel('Show').selectOption('failed');
  await shows(page, '1 match in all 1 item that is failed');
  await page.reload();
  await shows(page, '1 match in all 1 item that is failed');
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.locator('.scroller').getByRole('link', { name: 'row 17' }).waitFor();
  expect(new URL(page.url()).search).toBe('?state=failed');
});

test('a million items can be scrolled to the last, and an index can be gone to', async () => {
  const row = packSpec({ task: 'row' });
  const group = await store.store.group([row], { name: 'many' });
  const { keys, redis } = group.store;
  const count = 1_000_000;
  await redis.use('hset', (client) => client.hset(keys.state(group.id), field.total, count));
  for (let from = 0; from < count; from += 20_000) {
    const specs = Array.from({ length: 20_000 }, (_, i) => [String(from + i), row]).flat();
    await redis.use('hset', (client) => client.hset(keys.specs(group.id), ...specs));
  }
  await redis.use('set', (client) => client.set(keys.bytes(group.id), 's'.repeat(count)));
  const page = await browser.page(`${address}/work/${group.id}`);
  await page.locator('.scroller').focus();
  await page.keyboard.press('End');
  await eventually(
    'the last is shown',
    async () => (await page.locator('.item-index').last().innerText()) === '999,999',
  );
  await page.keyboard.press('Home');
  await eventually(
    'the first is shown',
    async () => (await page.locator('.scroller .item-index').first().innerText()) === '0',
  );
  await page.mouse.move(600, 700);
  await page.getByLabel('Go to the item with this index').fill('123456');
  await page.getByRole('button', { name: 'Go' }).click();
  await eventually(
    'it is at the top',
    async () => (await page.locator('.scroller .item-index').first().innerText()) === '123,456',
  );
  await page.locator('.scroller').hover();
  await page.mouse.wheel(0, 72);
  await eventually(
    'two rows on',
    async () => (await page.locator('.scroller .item-index').first().innerText()) === '123,458',
  );
});

test('names, tags, errors and payloads may be anything, and are shown as they are', async () => {
  const image = '<img src=x onerror="window.hacked=1">';
  const script = '<script>window.hacked=1</script>';
  const link = 'javascript:window.hacked=1';
  const hostile = [image, script, link, '‮desrever‬ \u0000 \u2028 end', 'x'.repeat(10_000)];
  const names = hostile.map((name) => packSpec({ task: 'row', name, data: JSON.stringify({ [name]: name }) }));
  const group = await store.store.group(names, {
    name: image,
    closed: true,
    labels: { tags: [script], metadata: { [link]: image } },
  } as never);
  await group.store.topLevelIndex.add(group.id);
  await group.store.run(group.id, '{}');
  for (const [i, error] of hostile.entries()) await group.execute(String(i), failed(error));
  const page = await browser.page(address);
  await page.getByRole('link', { name: image, exact: true }).first().click();
  await page.getByRole('heading', { name: image }).waitFor();
  await page.getByRole('tab', { name: /Failures/ }).click();
  await page.locator('.failure').nth(3).waitFor();
  await page.getByRole('tab', { name: /Tree/ }).click();
  await page.locator('.leaf').nth(4).waitFor();
  expect(await overflows(page)).toBe(false);
  await page.getByRole('tab', { name: /Items/ }).click();
  await page.locator('.scroller').getByRole('link', { name: script, exact: true }).click();
  await page.getByText('Message', { exact: true }).click();
  await page.locator('.payload').waitFor();
  expect(await page.evaluate('window.hacked')).toBeUndefined();
  expect(await page.locator('main img, main script').count()).toBe(0);
});

test('the search opens what has an id, and finds a whole name', async () => {
  const group = await store.swarm(1, 'sought after');
  const page = await browser.page(address);
  const search = page.getByLabel('Find by the whole name, or by id');
  await search.fill('sought after');
  await search.press('Enter');
  await page.waitForURL('**/?name=sought+after');
  await eventually('only it is shown', async () => (await page.locator('.groups tbody tr').count()) === 1);
  await search.fill(group.id);
  await search.press('Enter');
  await page.getByRole('heading', { name: 'sought after' }).waitFor();
  await page.goBack();
  await shows(page, 'sought after');
  expect(new URL(page.url()).search).toBe('?name=sought+after');
});

test('eight tabs on one group are all live, though a browser opens six connections to a host', async () => {
  const group = await store.swarm(2);
  const context = await browser.context();
  const pages: Page[] = [];
  for (let i = 0; i < 8; i++) {
    const page = await context.newPage();
    await page.goto(`${address}/work/${group.id}`);
    pages.push(page);
  }
  for (const page of pages) await page.locator('.legend').waitFor();
  await group.execute('0');
  for (const page of pages) await eventually('it is live', async () => (await countOf(page, 'succeeded')) === 1);
  // The tab with the stream goes, and another one takes over.
  await pages.shift()!.close();
  await group.execute('1');
  for (const page of pages) await eventually('it is still live', async () => (await countOf(page, 'succeeded')) === 2);
});

test("the example of a page of one's own shows a progress from another origin, until its end", async () => {
  const file = readFileSync(path.join(__dirname, '../../../examples/progress-page/index.html'));
  const pages = createServer((_request, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end(file),
  );
  const origin = await browser.listen(pages);
  const served = await browser.serve(store.viewer({ progressOrigins: [origin], authorize: () => false }));
  const group = await store.swarm(4);
  const token = await store.reader.progressToken(group.id);
  const page = await browser.page(`${origin}/?stream=${encodeURIComponent(`${served}/progress/${token}`)}`);
  await shows(page, '0 of 4 done: running');
  await group.execute('0');
  await group.execute('1', failed('no'));
  await shows(page, '2 of 4 done, 1 failed: running');
  expect(await page.evaluate('document.getElementById("bar").position')).toBe(0.5);
  await group.execute('2');
  await group.execute('3');
  await shows(page, '4 of 4 done, 1 failed: succeeded');
  const wrong = await browser.page(`${origin}/?stream=${encodeURIComponent(`${served}/progress/${token}x`)}`);
  await shows(wrong, 'This progress is not available any more.');
  expect(await seriousFaults(page)).toEqual([]);
});

test.each([
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['on a phone', { viewport: { width: 375, height: 800 } }],
] as const)('axe finds nothing serious, %s, and no page is wider than its window', async (_name, options) => {
  const group = await store.swarm(12, 'a name that is rather long for a group of items on a phone');
  for (const entry of ['0', '1', '2']) await group.execute(entry, failed(`row ${entry}: connection refused`));
  await group.execute('3');
  const page = await browser.page(address, options);
  await page.locator('.groups').waitFor();
  const look = async (what: string) =>
    expect({ what, faults: await seriousFaults(page), wide: await overflows(page) }).toEqual({
      what,
      faults: [],
      wide: false,
    });
  await look('list');
  await page.goto(`${address}/work/${group.id}`);
  await page.locator('.scroller [role=row]').first().waitFor();
  await page.getByText('Why is it waiting?').click();
  await page.locator('.reasons').waitFor();
  await look('group');
  for (const tab of ['Failures', 'Tree', 'Callbacks', 'Configuration']) {
    await page.getByRole('tab', { name: new RegExp(tab) }).click();
    await look(tab);
  }
  await page.goto(`${address}/work/${encodeURIComponent(`${group.id}~0`)}`);
  await page.locator('.error-text').waitFor();
  await look('item');
  await page.goto(`${address}/work/nothing`);
  await shows(page, 'No signature with the id');
  await look('unknown id');
});

describe('the buttons', () => {
  let engine: Fixture;
  let writable: string;
  let readable: string;
  beforeAll(async () => {
    engine = new Fixture();
    const rights = { read: true, write: true };
    writable = await browser.serve(createViewer(engine.mage, { readOnly: false, authorize: () => rights }));
    readable = await browser.serve(createViewer(engine.mage, { authorize: () => rights }));
  });
  afterAll(() => engine.close());

  const swarm = () =>
    engine.mage.swarm({ name: 'held', tasks: [[engine.mage.task({ name: 'row', fn: () => ({}) }), {}]] });

  test('ask first, do what they say, and show what has become of it', async () => {
    const found = await swarm();
    const page = await browser.page(`${writable}/work/${found.id}`);
    const press = async (label: string) => {
      await page.locator('.actions').getByRole('button', { name: label, exact: true }).click();
      await page.getByRole('dialog').getByRole('button', { name: label, exact: true }).click();
    };
    const becomes = (status: string) =>
      eventually(`it is ${status}`, async () => (await text(page, '.work-head .status')) === status);
    await page.locator('.actions').getByRole('button', { name: 'Suspend' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Back' }).click();
    expect(await found.status()).toBe('pending');
    await press('Suspend');
    await becomes('suspended');
    expect(await found.status()).toBe('suspended');
    await press('Resume');
    await becomes('pending');
    await press('Close');
    await eventually('it is closed', async () => (await found.progress()).closed);
    await page.getByRole('tab', { name: 'Configuration' }).click();
    await page.getByRole('button', { name: 'Change' }).click();
    await page.getByLabel('Items at once').fill('3');
    await page.getByRole('dialog').getByRole('button', { name: 'Change' }).click();
    await shows(page, 'Changed.');
    expect((await engine.mage.describe(found.id, { depth: 0 })).config?.maxConcurrency).toBe(3);
    await press('Cancel');
    await becomes('cancelled');
    expect(await found.status()).toBe('cancelled');
  });

  test('"Retry failed" runs again what is chosen in its question, then the rest, and goes when nothing has failed', async () => {
    const { fixture, mending, mage, mend } = openMending();
    try {
      await fixture.worker(mending.tasks);
      mending.break('a', 'b');
      const found = await mage.swarm({
        name: 'to mend',
        tasks: ['ok', 'a', 'b'].map((label) => [mend, { label }, { name: `row ${label}` }] as const),
        isSwarmClosed: true,
      });
      await found.run({});
      await mending.settled(found);
      mending.mendAll();
      const served = await browser.serve(
        createViewer(mage, { readOnly: false, authorize: () => ({ read: true, write: true }) }),
      );
      const page = await browser.page(`${served}/work/${found.id}`);
      const button = page.locator('.actions').getByRole('button', { name: 'Retry failed' });
      const dialog = page.getByRole('dialog');
      const retry = async (name: string) => {
        await button.click();
        if (name !== '') await dialog.getByLabel('Only items with this name').fill(name);
        await dialog.getByRole('button', { name: 'Retry failed' }).click();
      };
      const becomes = (counts: { succeeded: number; failed: number }) =>
        eventually(`${counts.failed} failed`, async () => {
          const shown = [await countOf(page, 'succeeded'), await countOf(page, 'failed')];
          return shown[0] === counts.succeeded && shown[1] === counts.failed;
        });
      await becomes({ succeeded: 1, failed: 2 });
      await button.click();
      await dialog.getByText('at most 2 items').waitFor();
      await dialog.getByRole('button', { name: 'Back' }).click();
      await retry('nobody');
      await shows(page, 'Nothing was there to run again.');
      expect(mending.counts('ok', 'a', 'b')).toEqual({ ok: 1, a: 1, b: 1 });
      await retry('row a');
      await shows(page, '1 to run again.');
      await becomes({ succeeded: 2, failed: 1 });
      await mending.settled(found);
      expect(mending.counts('ok', 'a', 'b')).toEqual({ ok: 1, a: 2, b: 1 });
      await retry('');
      await becomes({ succeeded: 3, failed: 0 });
      await eventually('the button is gone', async () => (await button.count()) === 0);
      await mending.settled(found);
      expect(mending.counts('ok', 'a', 'b')).toEqual({ ok: 1, a: 2, b: 2 });
      expect(await found.progress()).toMatchObject({ status: 'succeeded', succeeded: 3, failed: 0 });
    } finally {
      await fixture.close();
    }
  });

  test('show why something was refused, and stay', async () => {
    const found = await swarm();
    const page = await browser.page(`${writable}/work/${found.id}`);
    await page.getByRole('tab', { name: 'Configuration' }).click();
    await page.getByRole('button', { name: 'Change' }).click();
    await page.getByLabel('Items at once').fill('0');
    await page.getByRole('dialog').getByRole('button', { name: 'Change' }).click();
    await page.getByRole('dialog').getByText('maxConcurrency: expected').waitFor();
    await page.keyboard.press('Escape');
    await eventually('the question is gone', async () => (await page.getByRole('dialog').count()) === 0);
  });

  test('can be used with the keyboard alone', async () => {
    const found = await swarm();
    const page = await browser.page(writable);
    await page.locator('.groups').waitFor();
    const focused = () => page.evaluate('document.activeElement.textContent') as Promise<string>;
    const tabTo = async (label: string) => {
      for (let i = 0; i < 60 && (await focused()) !== label; i++) await page.keyboard.press('Tab');
      expect(await focused()).toBe(label);
    };
    await tabTo('held');
    await page.keyboard.press('Enter');
    await page.locator('.actions').waitFor();
    await page.goto(`${writable}/work/${found.id}`);
    await page.locator('.actions').waitFor();
    await tabTo('Suspend');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    for (let i = 0; i < 10 && (await focused()) !== 'Suspend'; i++) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await eventually('it is suspended', async () => (await found.status()) === 'suspended');
  });

  test('are not there for whoever may not use them', async () => {
    const found = await swarm();
    const page = await browser.page(`${readable}/work/${found.id}?tab=config`);
    await page.locator('.facts').last().waitFor();
    expect(await page.locator('.actions, main button.is-dangerous').count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Change' }).count()).toBe(0);
  });
});
