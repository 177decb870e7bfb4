// Dumps of each released storage format, made by `npm run formats:dump`, are read and continued by today's version.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Redis } from 'ioredis';
import { SignatureIndex } from '../../../src/store/signature-index';
import { storageFormat } from '../../../src/store/format';
import { restoreKeys, type FormatDump } from '../../helpers/format-dump';
import { execution, failed, StoreFixture, succeeded } from '../../helpers/store';
import { claimToken } from '../../../src/store/executions';

const folder = path.resolve(__dirname, '../../formats');
const dumps = readdirSync(folder).map((file) => [file, path.join(folder, file)] as const);

let fixture: StoreFixture;
let groups: Record<string, string>;

async function restore(file: string): Promise<void> {
  const dump = JSON.parse(readFileSync(file, 'utf8')) as FormatDump;
  groups = dump.groups;
  await restoreKeys(fixture.redis as Redis, fixture.store.keys.base, dump.keys);
}

const id = (what: string): string => groups[what] ?? what;

async function run(
  what: string,
  entry: string,
  end: ReturnType<typeof failed | typeof succeeded> = succeeded(),
): Promise<void> {
  const by = execution(`run-${entry}`, 0, 1, `nonce-${entry}`);
  await fixture.store.start(id(what), entry, by, { token: claimToken(`secret-of-${what}`, entry) });
  await fixture.store.finish(id(what), entry, by, end);
}

beforeEach(() => {
  fixture = new StoreFixture();
});
afterEach(() => fixture.close());

test('there is a dump of each format up to the present one', () => {
  expect(dumps.map(([file]) => file)).toEqual(Array.from({ length: storageFormat }, (_, i) => `format-${i + 1}.json`));
});

describe.each(dumps)('the dump %s', (_, file) => {
  beforeEach(() => restore(file));

  test.each([
    ['pending', { status: 'pending', total: 2, succeeded: 0, failed: 0 }],
    ['running', { status: 'running', total: 5, succeeded: 1, failed: 0, slots: 2 }],
    ['ended', { status: 'succeeded', total: 3, succeeded: 2, failed: 1 }],
    ['stopped', { status: 'failed', total: 6, succeeded: 1, failed: 1, cancelled: 4 }],
    ['suspended', { status: 'running', total: 2, succeeded: 1, suspended: true }],
    ['chain', { kind: 'chain', status: 'running', total: 3, succeeded: 1 }],
    ['root', { kind: 'root', status: 'running', closed: false, total: 2 }],
    ['keyed', { kind: 'task', status: 'succeeded', total: 1 }],
    ['item-keys', { status: 'running', closed: false, total: 2, succeeded: 1 }],
    ['parent', { status: 'running', total: 2, labels: { tags: ['nightly'] } }],
    ['child', { status: 'running', total: 2, succeeded: 1 }],
    ['retried', { status: 'running', total: 3, succeeded: 1 }],
    ['located', { status: 'running', total: 1 }],
  ])('shows the progress of the group "%s"', async (what, expected) => {
    expect(await fixture.reader.snapshot(id(what))).toMatchObject({ name: what, ...expected });
  });

  test('shows results, failures, a failed callback and an item that is suspended by itself', async () => {
    expect(await fixture.reader.list(id('ended'))).toBe('[{"lines":7},[1,"two",null]]');
    expect(await fixture.reader.failures(id('ended'))).toMatchObject({
      count: 1,
      failures: [{ index: 1, name: 'import 1', message: 'no such file' }],
    });
    expect(await fixture.reader.result(id('keyed'), '0')).toBe('s"done"');
    expect(await fixture.reader.suspensions.isSuspendedItself(id('running'), '3')).toBe(true);
    expect(await fixture.reader.message(id('running'))).toBe('{"day":1}');
  });

  test('continues a running swarm to its end', async () => {
    await fixture.store.suspendEntry(id('running'), '3', false);
    await run('running', '1', failed());
    for (const entry of ['2', '3', '4']) await run('running', entry);
    expect(await fixture.reader.snapshot(id('running'))).toMatchObject({
      status: 'succeeded',
      succeeded: 4,
      failed: 1,
    });
    await run('running', 'c0');
    expect(await fixture.reader.snapshot(id('running'))).toMatchObject({ callbacks: { succeeded: 1 } });
  });

  test('resumes a suspended swarm, and runs a chain to its end', async () => {
    await fixture.store.suspend(id('suspended'), false);
    await run('suspended', '1');
    for (const entry of ['1', '2']) await run('chain', entry);
    for (const what of ['suspended', 'chain'])
      expect(await fixture.reader.snapshot(id(what))).toMatchObject({ status: 'succeeded' });
  });

  test('does not add an item again whose key is in the swarm', async () => {
    const [spec = ''] = await fixture.reader.specsAt(id('item-keys'), ['0']).then((all) => all.map((one) => one ?? ''));
    const reply = await fixture.store.add(
      id('item-keys'),
      [
        { spec, key: 'file-1' },
        { spec, key: 'file-2' },
      ],
      {},
    );
    expect(reply).toMatchObject({ code: 'added', indexes: [1, 2], added: 1 });
    expect(await fixture.reader.item(id('item-keys'), '1')).toMatchObject({ message: '{"own":true}' });
  });

  test('knows the place of a nested group, and lets its end complete its item', async () => {
    expect(await fixture.reader.record(id('child'))).toMatchObject({ parent: { groupId: id('parent'), entry: '0' } });
    expect(await fixture.reader.groupAt(id('parent'), '0')).toBe(id('child'));
    await run('child', '1');
    expect(await fixture.reader.snapshot(id('child'))).toMatchObject({ status: 'succeeded' });
    const end = { outcome: 'succeeded' as const, payload: '[1]', round: 0 };
    const reply = await fixture.store.complete(id('parent'), '0', `g:${id('child')}`, end);
    expect(reply).toMatchObject({ code: 'ended' });
    expect(await fixture.reader.result(id('parent'), '0')).toBe('s[1]');
  });

  test('continues a retry, in the round of the group', async () => {
    expect(await fixture.reader.suspensions.of(id('retried'))).toMatchObject({ round: 1 });
    for (const entry of ['1', '2']) {
      const by = execution(`second-run-${entry}`, 0, 1, `second-nonce-${entry}`);
      await fixture.store.confirm(id('retried'), [entry, by.runId]);
      await fixture.store.start(id('retried'), entry, by, { token: claimToken('secret-of-retried', entry) });
      await fixture.store.finish(id('retried'), entry, by, succeeded());
    }
    expect(await fixture.reader.snapshot(id('retried'))).toMatchObject({ status: 'succeeded', succeeded: 3 });
  });

  test('finds a signature by its own id', async () => {
    const found = await new SignatureIndex(fixture.store).find('dumpedformat.1');
    expect(found).toMatchObject({ groupId: id('located'), index: 0 });
  });

  test('has keys whose lifetimes are those of today', async () => {
    expect(await fixture.keyFaults()).toEqual([]);
  });
});
