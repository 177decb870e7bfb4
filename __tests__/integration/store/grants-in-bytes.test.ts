// A script hands out a few megabytes at most: each megabyte blocks Redis for some milliseconds.
import type { Effects } from '../../../src/store/replies';
import { packSpec } from '../../../src/store/spec';
import { StoreFixture, failed, spec } from '../../helpers/store';

const fixture = new StoreFixture();
const { store } = fixture;
afterAll(() => fixture.close());

const mostBytes = 4 * 1024 * 1024;
const itemBytes = 100_000;
const large = packSpec({ task: 'task', data: JSON.stringify({ pad: 'x'.repeat(itemBytes) }) });
const bytesIn = (effects: Effects) =>
  [
    ...effects.grants.map((grant) => grant.spec.length + grant.message.length),
    ...effects.callbacks.map(({ packed }) => packed.length),
  ].reduce((sum, bytes) => sum + bytes, 0);

/** Asks for the rest of what a script handed out, as a publisher does. */
async function inParts(id: string, first: Effects): Promise<Effects[]> {
  const parts = [first];
  while (parts.at(-1)?.more) parts.push((await store.grant(id)).effects);
  return parts;
}

function expectParts(parts: readonly Effects[], entries: number): void {
  for (const part of parts) expect(bytesIn(part)).toBeLessThan(mostBytes + 2 * itemBytes);
  const handedOut = parts.flatMap((part) => [...part.grants, ...part.callbacks]).map(({ entry }) => entry);
  expect(handedOut).toHaveLength(entries);
  expect(new Set(handedOut).size).toBe(entries);
  // No more parts than their bytes need.
  expect(parts.length).toBeLessThanOrEqual(Math.ceil((entries * itemBytes) / mostBytes) + 1);
}

test('items with many bytes that are created with their group are handed out in parts', async () => {
  const items = Array.from({ length: 30 }, () => large);
  const group = await fixture.group(items, { maxConcurrency: 1_000, closed: false });
  for (let more = 0; more < 3; more++)
    await store.add(
      group.id,
      items.map((text) => ({ spec: text, key: '' })),
      {},
    );
  const { effects } = await store.run(group.id, '{}');
  expectParts(await inParts(group.id, effects), 120);
});

test('items of few bytes with large messages of their own are handed out in parts', async () => {
  const group = await fixture.group(0, { maxConcurrency: 1_000 }, { message: '{}' });
  await store.suspend(group.id, true);
  const message = JSON.stringify({ pad: 'x'.repeat(itemBytes) });
  for (let some = 0; some < 4; some++)
    await store.add(
      group.id,
      Array.from({ length: 30 }, () => ({ spec, key: '', message })),
      { run: true },
    );
  const { effects } = await store.suspend(group.id, false);
  expectParts(await inParts(group.id, effects), 120);
});

test('items that were run one by one with large messages are handed out in parts when they are resumed', async () => {
  const group = await fixture.group(90, { maxConcurrency: 1_000 });
  await store.suspend(group.id, true);
  const message = JSON.stringify({ message: { pad: 'x'.repeat(itemBytes) } });
  for (let index = 0; index < 90; index++) await store.runItem(group.id, index, message);
  const { effects } = await store.suspend(group.id, false);
  expectParts(await inParts(group.id, effects), 90);
});

test('one end hands out one item, however large the items are', async () => {
  const group = await fixture.group([large, large, large], { maxConcurrency: 1, closed: true }, { message: '{}' });
  const { effects } = await group.execute('0');
  expect(effects.grants.map(({ entry }) => entry)).toEqual(['1']);
  expect(effects.more).toBe(false);
});

test('large callbacks that were held back are handed out in parts', async () => {
  const callback = packSpec({ task: 'callback', data: JSON.stringify({ pad: 'x'.repeat(itemBytes) }) });
  const item = packSpec({ task: 'task', errorCallbacks: [callback] });
  const group = await fixture.group(
    Array.from({ length: 90 }, () => item),
    { maxConcurrency: 1_000, closed: true },
    { message: '{}' },
  );
  await inParts(group.id, group.effects);
  for (let index = 0; index < 90; index++) await group.start(String(index));
  await store.suspend(group.id, true);
  for (let index = 0; index < 90; index++) await group.finish(String(index), failed());
  const { effects } = await store.suspend(group.id, false);
  expectParts(await inParts(group.id, effects), 90);
});
