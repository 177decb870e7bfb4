// What `mage.explain` finds in the store alone: without an engine, and with a number of commands that is the same for any size.
import { Redis } from 'ioredis';
import { NotFoundError, type Explanation, type ExplanationReason, type ReasonCode } from '../../../src';
import { explain as explainId } from '../../../src/api/explain';
import type { Reading } from '../../../src/api/reading';
import { RunIds } from '../../../src/api/run-ids';
import { newSecret } from '../../../src/store/group-store';
import { invocationId, itemId, newId } from '../../../src/store/ids';
import { createInParts } from '../../../src/store/parts';
import { SignatureIndex } from '../../../src/store/signature-index';
import { packSpec } from '../../../src/store/spec';
import { CallLog } from '../../helpers/call-log';
import { eventually } from '../../helpers/fixture';
import { OwnRedis } from '../../helpers/own-redis';
import { execution, failed, specs, StoreFixture, threw } from '../../helpers/store';

const readingOf = ({ store, reader }: StoreFixture): Reading => ({
  store,
  reader,
  signatureIndex: new SignatureIndex(store),
  runIds: new RunIds(),
});

const fixture = new StoreFixture();
/** Counts what nobody has looked after for 25 ms as left alone. */
const hasty = new StoreFixture({ leaseMs: 5, reconcileIntervalMs: 5 });
const { store } = fixture;
afterAll(() => Promise.all([fixture.close(), hasty.close()]));

const explain = (id: string, of = fixture) => explainId(readingOf(of), id);
const codes = ({ reasons }: { reasons?: ExplanationReason[] }) => reasons?.map(({ code }) => code);

/** The only reason with a code. */
function reason({ reasons }: Explanation, code: ReasonCode): ExplanationReason {
  const found = reasons.filter((one) => one.code === code);
  if (found.length !== 1)
    throw new Error(`${found.length} reasons with the code ${code} in ${JSON.stringify(reasons)}`);
  return found[0]!;
}

test('a swarm and an item of it that nobody has run are to be started', async () => {
  const { id } = await fixture.group(2, { name: 'import' });
  const swarm = await explain(id);
  expect(swarm).toMatchObject({ id, kind: 'swarm', name: 'import', status: 'pending' });
  expect(swarm.summary).toBe(`The swarm "import" has not started: nobody has run the swarm "import" (${id}).`);
  expect(reason(swarm, 'not-started')).toMatchObject({ hint: 'Start it with run() or runNoWait().', entry: id });
  expect(reason(swarm, 'not-started').since).toBeInstanceOf(Date);
  const item = await explain(itemId(id, 1));
  expect(reason(item, 'not-started').text).toContain('Item 1 of the swarm "import"');
  expect(reason(item, 'not-started').hint).toContain('Run the group, or this item');
});

test('an item that was added and never run is named, and so is an open swarm whose items have all ended', async () => {
  const group = await fixture.group(1);
  const { id } = group;
  await store.runItem(id, 0, '{}');
  await group.execute('0');
  expect(reason(await explain(id), 'open')).toMatchObject({
    text: 'Its only item has ended, and nobody has closed it.',
    hint: expect.stringContaining('closeSwarm()') as string,
  });
  await store.add(id, [{ spec: specs(1)[0]!, key: '' }], {});
  const added = await explain(id);
  expect(codes(added)).toEqual(['item-not-run']);
  expect(reason(added, 'item-not-run')).toMatchObject({
    text: 'Item 1 was added and never run.',
    entry: itemId(id, 1),
    hint: expect.stringContaining('closeSwarm()') as string,
  });
  expect(codes(await explain(itemId(id, 1)))).toEqual(['item-not-run']);
  await store.close(id);
  await group.execute('1');
  expect(codes(await explain(id))).toEqual(['ended']);
  const empty = await fixture.group(0);
  await store.run(empty.id, '{}');
  expect(reason(await explain(empty.id), 'open').text).toContain('It has no items yet');
});

test('items wait for the slots of their swarm, and those that hold them are named', async () => {
  const group = await fixture.group(5, { closed: true, maxConcurrency: 2 }, { message: '{}' });
  await group.start('0');
  await group.start('1');
  const swarm = await explain(group.id);
  expect(codes(swarm)).toEqual(['at-its-limit', 'running']);
  expect(reason(swarm, 'at-its-limit')).toMatchObject({
    text: 'All its 2 slots are taken (by item 0 ("task") and item 1 ("task")), and 3 items wait for one.',
    entry: itemId(group.id, 0),
    hint: 'Wait for a slot, or raise the limit with update({ maxConcurrency }).',
  });
  const item = await explain(itemId(group.id, 3));
  expect(reason(item, 'at-its-limit').text).toBe(
    `Item 3 of the swarm "test" (${group.id}) waits for one of the 2 slots, which are taken by item 0 ("task") and item 1 ("task").`,
  );
  expect(codes(reason(item, 'at-its-limit'))).toEqual(['running']);
});

test('the steps of a chain wait for the one before', async () => {
  const group = await fixture.group(
    3,
    { kind: 'chain', closed: true, maxConcurrency: 1, stopAfterNFailures: 1 },
    { message: '{}' },
  );
  await group.start('0');
  expect(reason(await explain(group.id), 'at-its-limit').text).toBe('2 steps wait for the end of step 1 ("task").');
  expect(reason(await explain(itemId(group.id, 2)), 'at-its-limit').text).toBe(
    `Step 3 of the chain "test" (${group.id}) waits for the end of step 1 ("task").`,
  );
});

test('what is suspended is to be resumed, where it was suspended', async () => {
  const group = await fixture.group(2, { closed: true, name: 'nightly' }, { message: '{}' });
  await store.suspend(group.id, true);
  const whole = await explain(group.id);
  expect(whole).toMatchObject({ status: 'suspended' });
  expect(reason(whole, 'suspended')).toMatchObject({
    text: expect.stringMatching(
      /^The swarm "nightly" .* was suspended .* ago, so that nothing new of it starts\.$/,
    ) as string,
    hint: `Resume it: await (await mage.load("${group.id}")).resume().`,
    entry: group.id,
  });
  expect(Math.abs(Number(reason(whole, 'suspended').since) - Date.now())).toBeLessThan(60_000);
  // What is being published is taken back.
  expect(codes(await explain(itemId(group.id, 0)))).toEqual(['suspended']);
  await store.confirm(group.id, ['0', 'run-0', '1', 'run-1']);
  await store.withdraw(group.id, ['0', '1']);
  expect(await group.state('0')).toBe('suspended');
  expect(codes(await explain(itemId(group.id, 0)))).toEqual(['suspended']);
  await store.suspend(group.id, false);
  await store.suspendEntry(group.id, '1', true);
  expect(reason(await explain(group.id), 'suspended').text).toContain('Item 1 ("task") was suspended by itself');
  await store.confirm(group.id, ['1', 'run-2']);
  await store.withdraw(group.id, ['1']);
  const alone = await explain(itemId(group.id, 1));
  expect(reason(alone, 'suspended').text).toContain('was suspended by itself');
  expect(reason(alone, 'suspended').hint).toContain(itemId(group.id, 1));
  await group.execute('0');
  expect(reason(await explain(group.id), 'suspended').entry).toBe(itemId(group.id, 1));
});

test('a nested group that was suspended from above names the group above', async () => {
  const outer = await fixture.group(1, { closed: true, name: 'outer' }, { message: '{}' });
  const parent = { groupId: outer.id, entry: '0' };
  const inner = await fixture.group(1, { closed: true, name: 'inner', parent });
  await store.runNested(inner.id, '{}', parent, {});
  const { version } = await store.suspend(outer.id, true);
  await store.suspend(inner.id, true, version);
  const found = reason(await explain(inner.id), 'suspended');
  expect(found).toMatchObject({ entry: outer.id, hint: expect.stringContaining(outer.id) as string });
  expect(found.text).toContain(`together with the swarm "outer" (${outer.id})`);
});

test('a nested group waits for its slot, and the one around it for the nested one, each with the reasons of the other', async () => {
  const nested = packSpec({ task: 'inner', id: 'AAAAAAAAAAAB.1', group: 'swarm-ref' });
  const outer = await fixture.group([specs(1)[0]!, nested], { closed: true, name: 'outer', maxConcurrency: 1 });
  const parent = { groupId: outer.id, entry: '1' };
  const inner = await fixture.group(1, { id: 'AAAAAAAAAAAB.1', closed: true, name: 'inner', parent });
  expect(reason(await explain(inner.id), 'not-started').reasons).toMatchObject([{ code: 'not-started' }]);
  await store.run(outer.id, '{}');
  await outer.start('0');
  const waiting = reason(await explain(inner.id), 'not-started');
  expect(waiting.text).toContain(`It starts when it gets a slot in the swarm "outer" (${outer.id})`);
  expect(codes(waiting)).toEqual(['at-its-limit']);
  await outer.finish('0');
  await store.runNested(inner.id, '{}', parent, {});
  await store.confirm(outer.id, ['1', `g:${inner.id}`]);
  await inner.start('0');
  const around = reason(await explain(outer.id), 'waiting-for-child');
  expect(around.text).toContain('Item 1 ("inner") has not ended: item 0 ("task") is running');
  expect(around).toMatchObject({ entry: inner.id, reasons: [{ code: 'running', entry: itemId(inner.id, 0) }] });
});

test('callbacks that have not ended, have failed, or were not invoked have different reasons', async () => {
  const callback = packSpec({ task: 'report', id: 'AAAAAAAAAAAC.1' });
  const group = await fixture.group(1, { closed: true, successCallbacks: [callback, callback] });
  await readingOf(fixture).signatureIndex.record(group.id, [{ id: 'AAAAAAAAAAAC.1' }]);
  const before = reason(await explain('AAAAAAAAAAAC.1'), 'callback-pending');
  expect(before.text).toContain('It runs as a callback when the swarm "test"');
  expect(codes(before)).toEqual(['not-started']);
  await store.run(group.id, '{}');
  await group.execute('0');
  const pending = await explain(group.id);
  expect(codes(pending)).toEqual(['ended', 'callback-pending']);
  expect(reason(pending, 'callback-pending')).toMatchObject({
    text: expect.stringContaining('2 callbacks have not ended') as string,
    entry: invocationId(group.id, 'c0'),
    reasons: [{ code: 'starting' }],
  });
  await group.execute('c0', failed('no such table'));
  await group.execute('c1');
  expect(reason(await explain(group.id), 'callback-failed')).toMatchObject({
    text: '1 callback has failed: the success callback "report" failed with: no such table.',
    entry: invocationId(group.id, 'c0'),
    hint: expect.stringContaining('retryCallbacks()') as string,
  });
});

test('an attempt that has thrown is to be tried again', async () => {
  const group = await fixture.group(1, { closed: true }, { message: '{}' });
  await group.start('0');
  await group.finish('0', threw(3));
  expect(reason(await explain(group.id), 'retrying')).toMatchObject({
    text: 'Item 0 ("task") waits for the next attempt, because attempt 1 has failed.',
    hint: expect.stringContaining('correct the task, or cancel the item') as string,
  });
  await group.start('0', execution('run-0', 1));
  expect(codes(await explain(group.id))).toEqual(['running']);
});

test('what a dead process has left names that process, while no other one reconciles', async () => {
  const group = await hasty.group(2, { closed: true });
  await hasty.store.run(group.id, '{}');
  const found = await eventually('it is left alone', async () => {
    const explained = await explain(group.id, hasty);
    return codes(explained)?.includes('no-reconciler') && codes(explained)?.includes('lease-expired') && explained;
  });
  expect(codes(found)).toEqual(['no-reconciler', 'lease-expired']);
  expect(reason(found, 'lease-expired')).toMatchObject({
    text: expect.stringContaining(
      `2 items ("task") were never published by the process ${hasty.store.process}`,
    ) as string,
    hint: expect.stringContaining('mage.startReconciler()') as string,
  });
  expect(reason(found, 'no-reconciler')).toMatchObject({
    text: expect.stringContaining('although it was due') as string,
    hint: expect.stringContaining('mage.worker') as string,
  });
});

test('a run of the engine is not judged without an engine, and the explanation says what was not checked', async () => {
  const group = await fixture.group(1, { closed: true }, { message: '{}' });
  expect(reason(await explain(group.id), 'starting')).toMatchObject({
    text: 'Item 0 ("task") is being published.',
    hint: expect.stringContaining(store.process) as string,
  });
  await store.confirm(group.id, ['0', 'run-0']);
  const published = reason(await explain(group.id), 'starting');
  expect(published.text).toBe('Item 0 ("task") waits for a worker to take it.');
  expect(published.hint).toContain(
    'Whether a worker serves "task" was not checked: there is no connection to the engine.',
  );
  await group.start('0');
  expect(reason(await explain(group.id), 'running').hint).toContain('was not checked: there is no connection');
});

test('what has ended says how, and what can still be done', async () => {
  const group = await fixture.group(2, { closed: true, stopAfterNFailures: 1, name: 'stopped' }, { message: '{}' });
  await group.start('0');
  await group.execute('1', failed('no such file'));
  const stopping = await explain(group.id);
  expect(stopping.summary).toContain('has reached a failure limit and waits for what runs');
  await group.finish('0');
  const ended = await explain(group.id);
  expect(ended).toMatchObject({ status: 'failed' });
  expect(reason(ended, 'ended').text).toContain('no such file');
  expect(reason(ended, 'ended').hint).toContain('retryFailed()');
  expect(reason(await explain(itemId(group.id, 0)), 'ended').hint).toContain('There is nothing to do.');
  const cancelled = await fixture.group(1, { closed: true });
  await store.cancel(cancelled.id, 'user');
  expect(reason(await explain(cancelled.id), 'ended').text).toContain('It was cancelled');
});

test('names and errors of any text keep the summary one line of a bounded length', async () => {
  const name = `line\nnext "quoted" ${'😀'.repeat(200)}`;
  const group = await fixture.group([packSpec({ task: name })], { name, closed: true }, { message: '{}' });
  await group.execute('0', failed(`first\nsecond ${'x'.repeat(5_000)}`));
  const { summary, reasons } = await explain(itemId(group.id, 0));
  for (const text of [summary, ...reasons.map((one) => one.text)]) {
    expect(text).not.toContain('\n');
    expect(text.isWellFormed()).toBe(true);
    expect(text.length).toBeLessThan(700);
  }
});

test('an unknown id is refused', async () => {
  await expect(explain('no such id')).rejects.toThrow(NotFoundError);
});

describe('the cost of an explanation', () => {
  let server: OwnRedis;
  let log: CallLog;
  let own: StoreFixture;
  beforeAll(async () => {
    server = await OwnRedis.open('--appendonly', 'no');
    log = await CallLog.open(server.url);
    own = new StoreFixture({}, new Redis(server.url));
  });
  afterAll(async () => {
    await own.close();
    log.close();
    await server.close();
  });

  /** A running swarm in which all but a few items are under way, with the fields that make the explanation look for items. */
  async function started(items: number, maxConcurrency: number): Promise<string> {
    const id = newId();
    const group = {
      id,
      kind: 'swarm' as const,
      name: 'large',
      secret: newSecret(),
      closed: false,
      maxConcurrency,
      successCallbacks: [],
      errorCallbacks: [],
    };
    await createInParts(own.store, group, specs(items), { message: '{}' });
    for (let more = 1; more > 0;) {
      const { effects } = await own.store.grant(id);
      more = effects.grants.length;
    }
    await own.store.add(id, [{ spec: specs(1)[0]!, key: '' }], {});
    await own.store.suspendEntry(id, String(items - 1), true);
    return id;
  }

  test('is the same number of commands for 1,000 and for 100,000 items, thousands of them under way', async () => {
    const counts: number[] = [];
    for (const items of [1_000, 100_000]) {
      const id = await started(items, Math.min(items - 10, 5_000));
      const calls = await log.during(() => explain(id, own));
      const found = await explain(id, own);
      expect(codes(found)).toEqual(expect.arrayContaining(['at-its-limit', 'item-not-run', 'starting']));
      expect(reason(found, 'item-not-run').entry).toBe(itemId(id, items));
      expect(reason(found, 'starting').text).toContain('At least 50 items ("task")');
      counts.push(calls.reduce((sum, { commands }) => sum + 1 + commands.length, 0));
    }
    const [few = 0, many = 0] = counts;
    // The states of all items are one key, which is read in blocks to find the one that was suspended.
    expect(many - few).toBeLessThanOrEqual(2);
    expect(many).toBeLessThan(200);
  }, 120_000);
});
