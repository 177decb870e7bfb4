import { claimToken } from '../../../src/store/executions';
import { packSpec } from '../../../src/store/spec';
import { execution, failed, StoreFixture, succeeded, threw } from '../../helpers/store';

const fixture = new StoreFixture();
afterAll(() => fixture.close());

const started = (items = 1) => fixture.group(items, {}, { message: '{}' });

test('a start with the token of another item, another group or none is unknown', async () => {
  const group = await started(2);
  const other = await started(1);
  const { store, id } = group;
  const secret = group.group.secret;
  for (const token of [claimToken(secret, '1'), claimToken(other.group.secret, '0'), '', 'x'.repeat(20)]) {
    expect(await store.start(id, '0', execution('run'), { token })).toEqual({ code: 'unknown' });
  }
  expect(await store.start('nowhere', '0', execution('run'), { token: claimToken(secret, '0') })).toEqual({
    code: 'unknown',
  });
  expect(await store.start(id, '7', execution('run'), { token: claimToken(secret, '7') })).toEqual({ code: 'unknown' });
  expect(await store.start(id, 'c0', execution('run'), { token: claimToken(secret, 'c0') })).toEqual({
    code: 'unknown',
  });
  expect(await group.state('0')).toBe('granted');
  expect(await group.start('0')).toEqual({ code: 'run', failed: 0, attempt: 1 });
});

test('a later attempt of the same run takes over at once, and what the lower one reports is refused', async () => {
  const group = await started();
  const [first, second] = [execution('run', 0), execution('run', 1)];
  await group.start('0', first);
  expect(await group.start('0', second)).toEqual({ code: 'run', failed: 0, attempt: 2 });
  for (const end of [succeeded('"late"'), failed(), threw(5), threw(0)]) {
    expect((await group.finish('0', end, first)).code).toBe('refused');
  }
  expect(await group.state('0')).toBe('running');
  expect(await group.start('0', first)).toEqual({ code: 'superseded' });
  expect((await group.finish('0', succeeded('"second"'), second)).code).toBe('ended');
  expect(await group.reader.result(group.id, '0')).toBe('s"second"');
});

test('a higher durable invocation of the same attempt takes over from a lower one', async () => {
  const group = await started();
  await group.start('0', execution('run', 0, 1));
  expect((await group.start('0', execution('run', 0, 2))).code).toBe('run');
  expect((await group.start('0', execution('run', 0, 1))).code).toBe('superseded');
  expect((await group.finish('0', succeeded(), execution('run', 0, 1))).code).toBe('refused');
  expect((await group.finish('0', succeeded(), execution('run', 0, 2))).code).toBe('ended');
});

test('an execution that was delivered again takes over from its first delivery', async () => {
  const group = await started();
  await group.start('0', execution('run', 0, 1, 'first'));
  expect((await group.start('0', execution('run', 0, 1, 'again'))).code).toBe('run');
  expect((await group.finish('0', succeeded(), execution('run', 0, 1, 'first'))).code).toBe('refused');
  expect((await group.finish('0', succeeded(), execution('run', 0, 1, 'again'))).code).toBe('ended');
});

test('a second run of an item is a duplicate of its owner, until the owner is proven dead', async () => {
  const group = await started();
  const [owner, other] = [execution('owner', 3), execution('other', 0)];
  await group.start('0', owner);
  expect(await group.start('0', other)).toEqual({ code: 'duplicate', owner: 'owner' });
  expect(await group.start('0', other, 'somebody else')).toEqual({ code: 'duplicate', owner: 'owner' });
  expect((await group.start('0', other, 'owner')).code).toBe('run');
  expect((await group.finish('0', succeeded(), owner)).code).toBe('refused');
  expect(await group.start('0', owner)).toEqual({ code: 'duplicate', owner: 'other' });
  expect((await group.finish('0', succeeded(), other)).code).toBe('ended');
});

test('the first run to start owns an item, whichever publication was confirmed', async () => {
  const group = await started();
  await group.store.confirm(group.id, ['0', 'confirmed']);
  expect((await group.start('0', execution('first'))).code).toBe('run');
  expect(await group.start('0', execution('confirmed'))).toEqual({ code: 'duplicate', owner: 'first' });
  await group.store.confirm(group.id, ['0', 'confirmed']);
  expect((await group.store.complete(group.id, '0', 'confirmed', { outcome: 'failed', payload: '{}' })).code).toBe(
    'refused',
  );
  expect((await group.finish('0', succeeded(), execution('first'))).code).toBe('ended');
});

test.each([
  [0, 1],
  [1, 2],
  [3, 4],
])('with %d retries the throw number %d is final', async (retries, attempts) => {
  const group = await started();
  for (let attempt = 0; attempt < attempts; attempt++) {
    await group.start('0', execution('run', attempt));
    const { code } = await group.finish('0', threw(retries), execution('run', attempt));
    expect([attempt, code]).toEqual([attempt, attempt === attempts - 1 ? 'ended' : 'retry']);
  }
  expect(await group.snapshot()).toMatchObject({ failed: 1, slots: 0 });
});

test('a start again after the death of a worker is no failed attempt', async () => {
  const group = await started();
  for (let restart = 0; restart < 4; restart++) await group.start('0', execution('run', restart));
  expect((await group.finish('0', threw(1), execution('run', 3))).code).toBe('retry');
  await group.start('0', execution('run', 4));
  expect((await group.finish('0', threw(1), execution('run', 4))).code).toBe('ended');
});

test('an attempt that timed out counts as failed, once, also when it is reported after the next one began', async () => {
  const group = await started();
  const aborted = { outcome: 'aborted' as const, payload: '', retries: 0 };
  await group.start('0', execution('run', 0));
  await group.start('0', execution('run', 1));
  expect((await group.finish('0', aborted, execution('run', 0))).code).toBe('refused');
  expect((await group.finish('0', aborted, execution('run', 0))).code).toBe('refused');
  expect((await group.finish('0', threw(1), execution('run', 1))).code).toBe('ended');
  expect(await group.state('0')).toBe('failed');
});

test('one attempt that reports its throw twice counts once', async () => {
  const group = await started();
  await group.start('0');
  for (let i = 0; i < 4; i++) expect((await group.finish('0', threw(1))).code).toBe('retry');
  expect(await group.state('0')).toBe('running');
});

test('a run of a finished item gets what is stored, success and failure alike', async () => {
  const group = await started(2);
  await group.execute('0', succeeded('{"size":3}'));
  await group.execute('1', failed('broken'));
  expect(await group.start('0', execution('run-0', 1))).toEqual({ code: 'stored', result: 's{"size":3}' });
  expect(await group.start('0', execution('another'))).toEqual({ code: 'stored', result: 's{"size":3}' });
  expect(await group.start('1', execution('another'))).toEqual({ code: 'stored', result: 'f{"message":"broken"}' });
});

test('confirmations that travel with a finish count, also when the finish itself is refused', async () => {
  const group = await started(3);
  await group.start('0');
  await group.finish('0', succeeded(), execution('run-0', 9), ['1', 'run-1']);
  await group.finish('0', succeeded(), execution('run-0'), ['2', 'run-2', '1', 'too late']);
  expect(await group.reader.runOf(group.id, '1')).toBe('run-1');
  expect(await group.reader.runOf(group.id, '2')).toBe('run-2');
});

test('a fired callback goes through the same states, and its end is stored once', async () => {
  const callback = packSpec({ task: 'callback' });
  const item = packSpec({ task: 'task', successCallbacks: [callback] });
  const group = await fixture.group([item], {}, { message: '{}' });
  await group.start('0');
  const { effects } = await group.finish('0', succeeded());
  expect(effects.callbacks.map(({ entry }) => entry)).toEqual(['c0']);
  expect(await group.state('c0')).toBe('granted');
  await group.start('c0');
  expect(await group.state('c0')).toBe('running');
  expect(await group.start('c0', execution('other'))).toEqual({ code: 'duplicate', owner: 'run-c0' });
  expect((await group.finish('c0', succeeded('"once"'))).code).toBe('ended');
  expect((await group.finish('c0', failed())).code).toBe('refused');
  expect(await group.start('c0', execution('other'))).toEqual({ code: 'stored', result: 's"once"' });
  expect(await group.snapshot()).toMatchObject({ slots: 0, succeeded: 1, failed: 0 });
});

test('a refused end still notes the group that was confirmed with it', async () => {
  const group = await started(2);
  await group.execute('0');
  expect((await group.finish('0', succeeded(), execution('run-0'), ['1', 'g:below'])).code).toBe('refused');
  expect(await group.stateHash()).toMatchObject({ nch: '1', hold: '1' });
});

test('any number of publications is confirmed in one call, also together with an end', async () => {
  const group = await fixture.group(2, { maxConcurrency: 2 }, { message: '{}' });
  const pairs = Array.from({ length: 20_000 }, (_, n) => (n % 2 === 0 ? String(n / 2) : `run-${(n - 1) / 2}`));
  await group.start('1');
  expect((await group.finish('1', succeeded(), execution('run-1'), pairs)).code).toBe('ended');
  await group.store.confirm(group.id, pairs);
  await expect(group.state('0')).resolves.toBe('published');
});

test('a run whose id would break up what is asked for is refused, and nothing else that is asked for with it', async () => {
  const group = await fixture.group(2, { closed: true }, { message: '{}' });
  const [broken, whole] = await Promise.allSettled([group.start('0', execution('run|0')), group.start('1')]);
  expect(broken).toMatchObject({
    status: 'rejected',
    reason: { message: expect.stringContaining('expected 10 fields') },
  });
  expect(whole).toMatchObject({ status: 'fulfilled', value: { code: 'run' } });
  expect(await group.state('0')).toBe('granted');
});
