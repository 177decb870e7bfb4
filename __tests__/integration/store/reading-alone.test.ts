import { ConfigurationError, NotFoundError } from '../../../src';
import { describe as describeSignature } from '../../../src/api/describe';
import { list } from '../../../src/api/list';
import type { Reading } from '../../../src/api/reading';
import { latestInvocation, resolve } from '../../../src/api/resolve';
import { RunIds } from '../../../src/api/run-ids';
import { itemId } from '../../../src/store/ids';
import { SignatureIndex } from '../../../src/store/signature-index';
import { packSpec } from '../../../src/store/spec';
import { failed, StoreFixture } from '../../helpers/store';

const fixture = new StoreFixture();
const { store, reader } = fixture;
// No engine, as in a tool that has only an address of Redis.
const reading: Reading = { store, reader, signatureIndex: new SignatureIndex(store), runIds: new RunIds() };
afterAll(() => fixture.close());

test('groups are listed and described without an engine', async () => {
  const group = await fixture.group([packSpec({ task: 'row' }), packSpec({ task: 'row' })], {
    name: 'import',
    closed: true,
    successCallbacks: [packSpec({ task: 'report' })],
  });
  await store.topLevelIndex.add(group.id);
  await group.store.run(group.id, '{}');
  await group.execute('0', failed('no such file'));
  await group.execute('1');
  expect((await list(reading, { status: 'succeeded' })).items).toMatchObject([
    { id: group.id, kind: 'swarm', name: 'import', status: 'succeeded' },
  ]);
  expect(await describeSignature(reading, group.id)).toMatchObject({
    name: 'import',
    status: 'succeeded',
    progress: { total: 2, succeeded: 1, failed: 1 },
    callbacks: [{ name: 'report', status: 'queued' }],
    children: [
      { id: itemId(group.id, 0), status: 'failed', error: 'no such file' },
      { id: itemId(group.id, 1), status: 'succeeded' },
    ],
  });
  expect(await describeSignature(reading, itemId(group.id, 0))).toMatchObject({ kind: 'task', status: 'failed' });
});

test('an id stands for a group, an item, a callback, or the latest invocation of one', async () => {
  const [callbackId, itemOfOwnId] = ['AAAAAAAAAAAA.1', 'AAAAAAAAAAAA.2'];
  const callback = { id: callbackId, task: 'report' };
  const item = { id: itemOfOwnId, task: 'row' };
  const group = await fixture.group([packSpec(item)], { closed: true, successCallbacks: [packSpec(callback)] });
  const { id } = group;
  await reading.signatureIndex.recordItems(id, [{ spec: item, index: 0 }]);
  await reading.signatureIndex.record(id, [{ id: callbackId }]);
  expect(await resolve(reading, id)).toMatchObject({ is: 'group', id, snapshot: { total: 1 } });
  expect(await resolve(reading, itemId(id, 0))).toEqual({ is: 'item', groupId: id, index: 0 });
  expect(await resolve(reading, itemOfOwnId)).toEqual({ is: 'item', groupId: id, index: 0 });
  expect(await resolve(reading, callbackId)).toEqual({ is: 'callback', groupId: id, spec: callback });
  expect(await latestInvocation(reading, callbackId)).toBeUndefined();
  await group.store.run(id, '{}');
  await group.execute('0');
  const invoked = { is: 'invocation', groupId: id, entry: 'c0', spec: callback };
  expect(await resolve(reading, callbackId)).toEqual(invoked);
  expect(await resolve(reading, `${id}~c0`)).toEqual(invoked);
  expect(await latestInvocation(reading, callbackId)).toEqual(invoked);
  expect(await latestInvocation(reading, itemOfOwnId)).toBeUndefined();
  for (const nothing of ['', `${id}~c9`, 'AAAAAAAAAAAA.9', 'no id', undefined])
    expect(await resolve(reading, nothing)).toBeUndefined();
});

test('what is wrong with an id or an option is said without an engine too', async () => {
  await expect(describeSignature(reading, 'no such id')).rejects.toThrow(NotFoundError);
  await expect(list(reading, { kind: 'group' as never })).rejects.toThrow(ConfigurationError);
});
