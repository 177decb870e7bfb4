// What is read of many large items is bounded by bytes, not by their number.
import { bucketSize } from '../../../src/store/keys';
import { packSpec } from '../../../src/store/spec';
import { failed, StoreFixture, succeeded } from '../../helpers/store';

// What is counted here doesn't depend on how fast the machine is.
const fixture = new StoreFixture({ commandTimeoutMs: 120_000 });
const { reader, connection } = fixture;
afterAll(() => fixture.close());

const kilobyte = 1024;
const text = (bytes: number) => JSON.stringify('x'.repeat(bytes));

/** The most bytes that one answer of Redis had meanwhile, and how many answers there were. */
async function answers(effects: () => Promise<unknown>): Promise<{ most: number; count: number }> {
  const sizes: number[] = [];
  const { call, use } = connection;
  const measured = <T>(answer: T) => (sizes.push(JSON.stringify(answer)?.length ?? 0), answer);
  const calls = jest
    .spyOn(connection, 'call')
    .mockImplementation((...args) => call.apply(connection, args).then(measured));
  const uses = jest
    .spyOn(connection, 'use')
    .mockImplementation((what, send) => use.call(connection, what, send).then(measured) as never);
  await effects();
  calls.mockRestore();
  uses.mockRestore();
  return { most: Math.max(...sizes), count: sizes.length };
}

test('large outputs are read some at a time, in order, however many there are', async () => {
  const sizes = Array.from({ length: 300 }, (_, i) => (i % 3 === 0 ? 200 * kilobyte : 10));
  const group = await fixture.group(300, { closed: true, maxConcurrency: 300 }, { message: '{}' });
  for (const [i, size] of sizes.entries()) await group.execute(String(i), succeeded(text(size)));
  const lengths: number[] = [];
  const { most } = await answers(async () => {
    for await (const json of reader.outputs(group.id)) lengths.push(json.length - 2);
  });
  expect(lengths).toEqual(sizes);
  expect(most).toBeLessThan(5 * 1024 * kilobyte);

  const pages: number[][] = [];
  const backwards = sizes.map((_, i) => 299 - i);
  const ended = await answers(async () => {
    for await (const page of reader.endedPages(group.id, backwards)) pages.push(page.map(({ index }) => index));
  });
  expect(pages.flat()).toEqual(backwards);
  expect(Math.max(...pages.map((page) => page.length))).toBeLessThan(70);
  expect(ended.most).toBeLessThan(5 * 1024 * kilobyte);
});

test('an output that is larger than a page is read by itself', async () => {
  const group = await fixture.group(3, { closed: true }, { message: '{}' });
  for (const entry of ['0', '1', '2']) await group.execute(entry, succeeded(text(5_000_000)));
  expect((await reader.results(group.id, [2, 0, 1])).map((result) => result?.length)).toEqual(Array(3).fill(5_000_003));
});

test('small outputs cost one call for each bucket of them', async () => {
  const group = await fixture.group(512, { closed: true, maxConcurrency: 512 }, { message: '{}' });
  await Promise.all(Array.from({ length: 512 }, (_, i) => group.execute(String(i), succeeded(String(i)))));
  const { count } = await answers(async () => {
    expect(JSON.parse(await reader.list(group.id, 512))).toEqual(Array.from({ length: 512 }, (_, i) => i));
  });
  // The reader asks once for the bytes of all outputs together.
  expect(count).toBeLessThanOrEqual(1 + 512 / bucketSize);
});

test('failures are listed by name without reading the bound data', async () => {
  const specs = Array.from({ length: 20 }, (_, i) =>
    packSpec({ task: 'task', name: `item ${i}`, data: `{"text":${text(1024 * kilobyte)}}` }),
  );
  const group = await fixture.group(specs, { closed: true }, { message: '{}' });
  for (const entry of specs.keys()) await group.execute(String(entry), failed('broken'));
  const { most } = await answers(async () => {
    const { failures } = await reader.failures(group.id);
    expect(failures.map(({ name, message }) => `${name} ${message}`)).toEqual(specs.map((_, i) => `item ${i} broken`));
  });
  expect(most).toBeLessThan(10 * kilobyte);
});
