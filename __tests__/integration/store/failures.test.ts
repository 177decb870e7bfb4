import { ConfigurationError, NotFoundError } from '../../../src';
import { failures } from '../../../src/api/failures';
import type { Reading } from '../../../src/api/reading';
import { RunIds } from '../../../src/api/run-ids';
import { itemId } from '../../../src/store/ids';
import { SignatureIndex } from '../../../src/store/signature-index';
import { packSpec } from '../../../src/store/spec';
import { failed, StoreFixture } from '../../helpers/store';

const fixture = new StoreFixture();
const { store, reader } = fixture;
const reading: Reading = { store, reader, signatureIndex: new SignatureIndex(store), runIds: new RunIds() };
afterAll(() => fixture.close());

/** A swarm whose items fail with these messages; undefined for one that succeeds. */
async function swarmWith(messages: readonly (string | undefined)[], name = (n: number) => `row ${n % 2}`) {
  const specs = messages.map((_, n) => packSpec({ task: 'row', name: name(n) }));
  const group = await fixture.group(specs, { closed: true, maxConcurrency: messages.length }, { message: '{}' });
  for (const [n, message] of messages.entries())
    await group.execute(String(n), message === undefined ? undefined : failed(message));
  return group;
}

test('failures are grouped by their messages, numbers and ids aside, the most frequent first', async () => {
  const { id } = await swarmWith([
    'HTTP 503',
    undefined,
    'line 7: no number in "a"',
    'line 12: no number in "a"',
    'line 8: no number in "a"',
    'no row b8f1c2d3-0000-4000-8000-0123456789ab',
    'line 9: no number in "a"',
    'no row 11111111-2222-4333-8444-555555555555',
  ]);
  const groups = await failures(reading, id);
  expect(groups.map(({ text, count }) => [text, count])).toEqual([
    ['line #: no number in "a"', 4],
    ['no row #', 2],
    ['HTTP #', 1],
  ]);
  expect(groups[0]?.examples).toEqual([2, 3, 4].map((n) => ({ index: n, id: itemId(id, n), name: `row ${n % 2}` })));
});

test('failures are grouped by the names of items when asked to', async () => {
  const { id } = await swarmWith(['a', 'b', 'c']);
  expect((await failures(reading, id, { by: 'name' })).map(({ text, count }) => [text, count])).toEqual([
    ['row 0', 2],
    ['row 1', 1],
  ]);
});

test('messages that have nothing in common are counted together from the 1,000th on', async () => {
  const word = (n: number) => [...String(n)].map((digit) => 'abcdefghij'[Number(digit)]).join('');
  const { id } = await swarmWith(Array.from({ length: 1_005 }, (_, n) => `no ${word(n)} here`));
  const groups = await failures(reading, id);
  expect(groups).toHaveLength(1_000);
  expect(groups[0]).toMatchObject({ text: 'others', count: 6 });
  expect(groups.reduce((sum, { count }) => sum + count, 0)).toBe(1_005);
});

test('a group without failures has none', async () => {
  const { id } = await swarmWith([undefined]);
  expect(await failures(reading, id)).toEqual([]);
});

test('an unknown id and an unknown option are refused', async () => {
  await expect(failures(reading, 'no such id')).rejects.toThrow(NotFoundError);
  await expect(failures(reading, 'x', { by: 'task' as never })).rejects.toThrow(ConfigurationError);
  await expect(failures(reading, 'x', { of: 'x' } as never)).rejects.toThrow(ConfigurationError);
});
