// Sequences in which a group once stood still, or went where it must not; the model in __tests__/model found them.
import { packSpec } from '../../../src/store/spec';
import { StoreFixture, failed, spec, specs, regrant } from '../../helpers/store';

const fixture = new StoreFixture();
const { store } = fixture;
afterAll(() => fixture.close());

const callback = packSpec({ task: 'callback' });
const chain = (steps: number, run?: { message: string }) =>
  fixture.group(
    specs(steps),
    { kind: 'chain', closed: true, maxConcurrency: 1, stopAfterNFailures: 1, errorCallbacks: [callback] },
    run,
  );

test('a suspended chain, of which a waiting step is cancelled, ends when it is resumed', async () => {
  const group = await chain(3, { message: '{}' });
  await group.start('0');
  await store.suspend(group.id, true);
  await store.cancelEntry(group.id, '2');
  await group.finish('0');
  expect(await group.snapshot()).toMatchObject({ status: 'cancelling', suspended: true });
  const { code, effects } = await store.suspend(group.id, false);
  expect([code, effects.status, effects.callbacks.length]).toEqual(['resumed', 'cancelled', 1]);
});

test('a suspended chain, of which the running step is cancelled, ends when it is resumed', async () => {
  const group = await chain(2, { message: '{}' });
  await group.start('0');
  await store.suspend(group.id, true);
  await store.cancelEntry(group.id, '0');
  await group.finish('0');
  expect((await store.suspend(group.id, true)).code).toBe('ended');
  expect((await store.suspend(group.id, false)).effects.status).toBe('cancelled');
});

test('a chain, of which a step was cancelled before it was run, ends as cancelled and starts none', async () => {
  const group = await chain(3);
  await store.cancelEntry(group.id, '1');
  const { code, effects } = await store.run(group.id, '{}');
  expect([code, effects.status, effects.grants, effects.callbacks.length]).toEqual(['started', 'cancelled', [], 1]);
});

test('a stopping group ends when the last run in it is taken back as it starts', async () => {
  const group = await fixture.group(specs(2), { closed: true, stopAfterNFailures: 1 }, { message: '{}' });
  await store.suspendEntry(group.id, '1', true);
  await store.confirm(group.id, ['1', 'run-1']);
  await group.execute('0', failed());
  expect(await group.snapshot()).toMatchObject({ status: 'stopping', slots: 1 });
  const reply = await group.start('1');
  expect([reply.code, 'effects' in reply && reply.effects.status]).toEqual(['requeued', 'failed']);
});

test('a stopping group ends when the publication that its last item waited for is taken over and taken back', async () => {
  const group = await fixture.group(specs(2), { closed: true, stopAfterNFailures: 1 }, { message: '{}' });
  await store.suspendEntry(group.id, '1', true);
  await group.execute('0', failed());
  const { effects } = await regrant(store, group.id, {
    entry: '1',
    state: 'granted',
    process: store.process,
    runId: '',
  });
  expect([effects.status, effects.grants]).toEqual(['failed', []]);
});

test('the slot of a run that is taken back goes to the next item, whoever takes it back', async () => {
  const group = await fixture.group(specs(2), { maxConcurrency: 1 }, { message: '{}' });
  await store.suspendEntry(group.id, '0', true);
  const { effects } = await regrant(store, group.id, {
    entry: '0',
    state: 'granted',
    process: store.process,
    runId: '',
  });
  expect(effects.grants.map(({ entry }) => entry)).toEqual(['1']);
});

test('what is added to a group that is being made ready again waits to be run, and comes after the rest', async () => {
  const parent = { groupId: 'above', entry: '0', round: 0 };
  const group = await fixture.group(specs(1), { kind: 'root', parent, stopAfterNFailures: 1 });
  await store.runNested(group.id, '', parent, {});
  await store.runItem(group.id, 0, '{}');
  await store.close(group.id);
  await group.start('0');
  await group.finish('0', failed());
  await store.retry(group.id, { round: 1, reopen: true });
  await store.add(group.id, [{ spec, key: 'waits' }], {});
  await store.add(group.id, [{ spec, key: 'runs' }], { run: true });
  const { effects } = await store.retry(group.id, 'more');
  expect(effects.grants.map(({ entry }) => entry)).toEqual(['0', '2']);
  expect(await group.state('1')).toBe('waiting');
});
