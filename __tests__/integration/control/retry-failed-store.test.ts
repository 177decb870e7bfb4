import { StoreFixture, execution, failed, specs, succeeded, type TestGroup, endLog } from '../../helpers/store';

const fixture = new StoreFixture();
const { store, reader } = fixture;
afterAll(() => fixture.close());

/** A closed group that was run, and whose items ended: those of `bad` failed. */
async function ended(total: number, bad: (index: number) => boolean, fields: object = {}): Promise<TestGroup> {
  const group = await fixture.group(0, { maxConcurrency: 1_000_000, ...fields });
  for (let from = 0; from < total; from += 1_000) {
    const items = specs(Math.min(1_000, total - from)).map((spec) => ({ spec, key: '' }));
    await store.add(group.id, items, { run: true });
  }
  for (let effects = await store.grant(group.id); effects.effects.more;) effects = await store.grant(group.id);
  await store.close(group.id);
  await executeAll(group, 0, total, bad);
  return group;
}

async function executeAll(group: TestGroup, from: number, to: number, bad: (index: number) => boolean, run = 'run') {
  for (let start = from; start < to; start += 500) {
    const indexes = Array.from({ length: Math.min(500, to - start) }, (_, i) => start + i);
    await Promise.all(
      indexes.map(async (index) => {
        const by = execution(`${run}-${index}`);
        await group.start(String(index), by);
        await group.finish(String(index), bad(index) ? failed() : succeeded(String(index)), by);
      }),
    );
  }
}

async function log(group: TestGroup, total: number): Promise<number[]> {
  const read: number[] = [];
  for (let from = 0; from < total; from += 1_000) read.push(...(await endLog(store, group.id, from, 1_000)));
  return read;
}

/** All steps of a retry, and what the last one answered. */
async function retry(group: TestGroup) {
  let reply = await store.retry(group.id);
  const { items } = reply;
  let steps = 1;
  for (; reply.code === 'continue'; steps++) reply = await store.retry(group.id, 'more');
  return { ...reply, items, steps };
}

test('a large group is made ready in many small steps, of which none starts anything before the last', async () => {
  const total = 12_000;
  const bad = (index: number) => index % 10 === 3;
  const group = await ended(total, bad);
  expect(await group.snapshot()).toMatchObject({ status: 'succeeded', succeeded: 10_800, failed: 1_200 });
  await store.update(group.id, { maxConcurrency: 3 });
  const before = (await log(group, total)).filter((index) => !bad(index));

  const first = await store.retry(group.id);
  expect([first.code, first.items]).toEqual(['continue', 1_200]);
  const second = await store.retry(group.id, 'more');
  expect([second.code, second.effects.grants]).toEqual(['continue', []]);
  expect((await store.grant(group.id)).effects.grants).toEqual([]);
  expect((await store.update(group.id, { maxConcurrency: 3 })).effects.grants).toEqual([]);
  const { code, effects } = await retry(group);
  expect(code).toBe('retried');
  expect(effects.grants.map(({ entry }) => entry)).toEqual(['3', '13', '23']);
  expect(await log(group, total)).toEqual(before);
  expect(await group.snapshot()).toMatchObject({
    status: 'running',
    succeeded: 10_800,
    failed: 0,
    slots: 3,
    ready: total,
  });

  let grants = effects.grants;
  let ran = 0;
  while (grants.length > 0) {
    const [{ entry } = { entry: '' }] = grants;
    expect(bad(Number(entry))).toBe(true);
    const by = execution(`again-${entry}`);
    await group.start(entry, by);
    const end = await group.finish(entry, succeeded(entry), by);
    grants = [...grants.slice(1), ...end.effects.grants];
    ran += 1;
  }
  expect(ran).toBe(1_200);
  expect(await group.snapshot()).toMatchObject({ status: 'succeeded', succeeded: total, failed: 0, slots: 0 });
  const after = await log(group, total);
  expect(after).toHaveLength(total);
  expect(new Set(after).size).toBe(total);
});

test('going on with what is complete begins nothing, also when the group has ended again', async () => {
  const group = await ended(2, (index) => index === 0);
  expect((await retry(group)).code).toBe('retried');
  expect((await store.retry(group.id, 'more')).code).toBe('retried');
  expect((await store.retry(group.id)).code).toBe('unfinished');
  await executeAll(group, 0, 1, () => true, 'again');
  expect(await group.snapshot()).toMatchObject({ status: 'succeeded', failed: 1 });
  expect((await store.retry(group.id, 'more')).code).toBe('retried');
  expect(await group.snapshot()).toMatchObject({ status: 'succeeded', failed: 1 });
});

test('a run of an earlier round starts nothing and ends nothing, whatever is known of the new one', async () => {
  const group = await ended(1, () => true);
  await retry(group);
  const settled = (run: string) => store.complete(group.id, '0', run, { outcome: 'succeeded', payload: '"late"' });
  expect((await settled('run-0')).code).toBe('refused');
  expect((await group.start('0', execution('run-0'))).code).toBe('requeued');
  await store.confirm(group.id, ['0', 'new']);
  expect((await settled('run-0')).code).toBe('refused');
  expect((await group.start('0', execution('run-0', 1))).code).toBe('requeued');
  expect((await group.finish('0', succeeded('"late"'), execution('run-0'))).code).toBe('refused');
  expect((await group.start('0', execution('new'))).code).toBe('run');
  expect((await group.finish('0', succeeded('"late"'), execution('run-0'))).code).toBe('refused');
  expect((await group.finish('0', succeeded('"new"'), execution('new'))).code).toBe('ended');
  expect(await reader.result(group.id, '0')).toBe('s"new"');
});

test('the end that a group below had in an earlier round is refused, the one of this round taken', async () => {
  const outer = await fixture.group(1, { closed: true }, { message: '' });
  const inner = await fixture.group(1, { closed: true, parent: { groupId: outer.id, entry: '0' } }, { message: '' });
  await store.confirm(outer.id, ['0', `g:${inner.id}`]);
  await inner.execute('0', failed());
  const complete = async (outcome: 'failed' | 'succeeded', round?: number) => {
    const known = round ?? (await reader.record(inner.id))?.parent?.round;
    return (await store.complete(outer.id, '0', `g:${inner.id}`, { outcome, payload: '{}', size: 0, round: known }))
      .code;
  };
  expect(await complete('failed')).toBe('ended');
  await retry(outer);
  // The slot is granted, and whoever starts the group again has not got to it.
  expect(await complete('failed')).toBe('refused');
  expect((await outer.snapshot()).slots).toBe(1);
  expect((await store.retry(inner.id, { round: 1 })).code).toBe('continue');
  expect((await store.retry(inner.id, 'more')).code).toBe('retried');
  expect(await complete('failed', 0)).toBe('refused');
  await executeAll(inner, 0, 1, () => false, 'again');
  expect(await complete('succeeded')).toBe('ended');
  expect((await store.retry(inner.id, { round: 1 })).code).toBe('none');
});

test("a root's children that are filled again are not closed by whoever was late", async () => {
  const parent = { groupId: 'root-of-late', entry: '0' };
  const children = await fixture.group(1, { kind: 'root', parent }, { message: '' });
  await store.close(children.id, 0);
  await children.execute('0', failed());
  await store.retry(children.id, { round: 1, reopen: true });
  await store.retry(children.id, 'more');
  await store.close(children.id, 0);
  expect(await children.snapshot()).toMatchObject({ closed: false, status: 'running' });
  await store.close(children.id, 1);
  expect((await children.snapshot()).closed).toBe(true);
});

test('the time of a group that is tried again counts from the retry', async () => {
  const group = await ended(1, () => true, { timeoutMs: 60_000 });
  const first = Number((await group.stateHash())['dl']);
  const begun = await store.retry(group.id);
  const second = Number((await group.stateHash())['dl']);
  expect(second).toBeGreaterThanOrEqual(first);
  expect(begun.effects.timeLeft).toBe(60_000);
});

test('a group that is cancelled while it is made ready ends as cancelled when it is, and nothing starts', async () => {
  const group = await ended(3, (index) => index > 0);
  await store.retry(group.id);
  await store.cancel(group.id, 'user');
  expect((await group.snapshot()).status).toBe('cancelling');
  const { code, effects } = await retry(group);
  expect([code, effects.status, effects.grants]).toEqual(['retried', 'cancelled', []]);
  expect(await group.snapshot()).toMatchObject({ succeeded: 1, failed: 0, cancelled: 2 });
  expect((await retry(group)).items).toBe(2);
});

test('cancelling an item while its group is made ready changes nothing: it runs', async () => {
  const group = await ended(2, () => true, { stopAfterNFailures: 1, maxConcurrency: 1 });
  expect(await group.snapshot()).toMatchObject({ status: 'failed', failed: 1, cancelled: 1 });
  await store.retry(group.id);
  expect((await store.cancelEntry(group.id, '1')).code).toBe('ended');
  const { effects } = await retry(group);
  expect(effects.grants.map(({ entry }) => entry)).toEqual(['0']);
  for (const index of [0, 1]) await executeAll(group, index, index + 1, () => false, 'again');
  expect(await group.snapshot()).toMatchObject({ status: 'succeeded', succeeded: 2, cancelled: 0 });
  expect(await log(group, 2)).toEqual([0, 1]);
});

test('a group that is suspended while it is made ready starts when it is resumed', async () => {
  const group = await ended(2, () => true);
  await store.retry(group.id);
  await store.suspend(group.id, true);
  expect((await retry(group)).effects.grants).toEqual([]);
  expect((await store.suspend(group.id, false)).effects.grants).toHaveLength(2);
});

test('what lets results expire leaves none of a group that has expired meanwhile', async () => {
  const group = await ended(3, () => false);
  await fixture.redis.unlink(store.keys.state(group.id));
  await store.expireResults(group.id, 3);
  expect(await fixture.redis.pttl(store.keys.results(group.id, 0))).toBeGreaterThan(0);
});

test('what lets an ended group expire comes too late for one that is tried again', async () => {
  const group = await ended(300, (index) => index === 299);
  const ttls = async () => Promise.all((await keysOf(group)).map((key) => fixture.redis.pttl(key)));
  await store.expireResults(group.id, 300);
  await store.expire(group.id);
  expect(Math.min(...(await ttls()))).toBeGreaterThan(0);
  await store.retry(group.id);
  await store.retainAgain(group.id);
  expect(new Set(await ttls())).toEqual(new Set([-1]));
  await store.expireResults(group.id, 300);
  await store.expire(group.id);
  expect(new Set(await ttls())).toEqual(new Set([-1]));
  await retry(group);
  await executeAll(group, 299, 300, () => false, 'again');
  await store.expireResults(group.id, 300);
  expect(await store.retainAgain(group.id)).toBe(false);
  expect(Math.min(...(await ttls()))).toBeGreaterThan(0);
});

async function keysOf(group: TestGroup): Promise<string[]> {
  return (await fixture.keys()).filter((key) => key.includes(`{${group.id}}`));
}
