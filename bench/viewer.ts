/**
 * Measures the viewer: how long a group of 1,000,000 items takes to open in a browser, and how many commands a second Redis gets for
 * 100 pages on one group. `npm run bench:viewer`; needs a quiet machine.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { BrowserFixture } from '../__tests__/helpers/browser';
import { ViewerFixture } from '../__tests__/helpers/viewer';
import { field } from '../src/store/scripts.generated';
import { packSpec } from '../src/store/spec';

const items = 1_000_000;
const pages = 100;
const watchedMs = 10_000;
const perWrite = 20_000;

async function largeGroup({ store }: ViewerFixture): Promise<string> {
  const row = packSpec({ task: 'row' });
  const { id, store: groups } = await store.group([row], { name: 'many' });
  const { keys, redis } = groups;
  await redis.use('hset', (client) => client.hset(keys.state(id), field.total, items));
  for (let from = 0; from < items; from += perWrite) {
    const specs = Array.from({ length: perWrite }, (_, i) => [String(from + i), row]).flat();
    await redis.use('hset', (client) => client.hset(keys.specs(id), ...specs));
  }
  await redis.use('set', (client) => client.set(keys.bytes(id), 's'.repeat(items)));
  return id;
}

async function opening(browser: BrowserFixture, address: string, id: string): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const page = await browser.page('about:blank');
    const start = performance.now();
    await page.goto(`${address}/work/${id}`);
    await page.locator('.scroller .item-index').first().waitFor();
    times.push(Math.round(performance.now() - start));
    await page.close();
  }
  return times;
}

/** A page that looks at a group that runs: its stream, and its window of items every 2 s. */
async function follow(address: string, id: string, signal: AbortSignal): Promise<void> {
  const stream = await fetch(`${address}/api/work/${id}/events`, { signal });
  const read = (async () => {
    for await (const part of stream.body ?? []) void part;
  })();
  const poll = (async () => {
    while (!signal.aborted) {
      await (await fetch(`${address}/api/work/${id}/items?at=0&limit=100`, { signal })).arrayBuffer();
      await pause(2_000, undefined, { signal });
    }
  })();
  await Promise.allSettled([read, poll]);
}

/** Counts the commands that clients send, and those that scripts call, each by its name. */
async function countCommands({ store }: ViewerFixture): Promise<{ sent: Map<string, number>; byScripts: number }> {
  const monitor = await (store.redis as Redis).monitor();
  const sent = new Map<string, number>();
  let byScripts = 0;
  monitor.on('monitor', (_time: string, [name = '']: string[], source: string) => {
    if (source === 'lua') byScripts += 1;
    else sent.set(name, (sent.get(name) ?? 0) + 1);
  });
  await pause(watchedMs);
  monitor.disconnect();
  return { sent, byScripts };
}

async function main(): Promise<void> {
  const fixture = new ViewerFixture();
  const browser = await BrowserFixture.open();
  try {
    const address = await browser.serve(fixture.viewer());
    const id = await largeGroup(fixture);
    const times = await opening(browser, address, id);
    console.log(`A group of ${items.toLocaleString('en-US')} items opens in ${times.join(', ')} ms.`);
    const done = new AbortController();
    const running = await fixture.swarm(1_000);
    const all = Array.from({ length: pages }, () => follow(address, running.id, done.signal));
    await pause(3_000);
    const { sent, byScripts } = await countCommands(fixture);
    done.abort();
    await Promise.all(all);
    const perSecond = (count: number) => (count / (watchedMs / 1_000)).toFixed(1);
    const total = [...sent.values()].reduce((sum, count) => sum + count, 0);
    console.log(
      `${pages} pages on one group: ${perSecond(total)} commands a second, and ${perSecond(byScripts)} within scripts.`,
    );
    console.log([...sent].map(([name, count]) => `  ${name}: ${perSecond(count)}`).join('\n'));
  } finally {
    await browser.close();
    await fixture.close();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
