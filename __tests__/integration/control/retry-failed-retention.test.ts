import { eventually } from '../../helpers/fixture';
import { openMending } from '../../helpers/mending';
import { progressOf, statusOf } from '../../helpers/outcomes';

const finishedMs = 5_000;
const { fixture, mending, mage, mend, callbackNamed } = openMending({
  retention: { finishedMs },
  leaseMs: 500,
  reconcileIntervalMs: 100,
});
const { redis } = fixture;

beforeAll(async () => {
  await fixture.worker(mending.tasks);
});
afterAll(() => fixture.close());

test('what is tried again is kept with all below it, however long, and is forgotten after its new end', async () => {
  mending.break('kept 3');
  const chain = await mage.chain([
    await mage.sign(mend, { label: 'kept 0' }),
    await mage.sign(mend, { label: 'kept 1' }),
  ]);
  const inner = await mage.swarm({ tasks: [[mend, { label: 'kept 2' }]], isSwarmClosed: true });
  const outer = await mage.swarm({
    tasks: [chain, inner, [mend, { label: 'kept 3' }]],
    successCallbacks: [await callbackNamed('kept done')],
    isSwarmClosed: true,
  });
  await outer.run({});
  await mending.settled(outer);
  // By then the reconciler has passed on to those below when they expire.
  const below = [inner.id, chain.id];
  const dueAll = async () => (await ttls(...below, outer.id)).every((ttl) => ttl > 0);
  await eventually('all of it would expire', dueAll);
  const end = Date.now() + finishedMs + 2_000;

  mending.mendAll();
  mending.halted.add('kept 3');
  expect(await outer.retryFailed()).toBe(1);
  await mending.started('kept 3', 2);
  await eventually('the old time is over', () => Date.now() > end);
  expect(new Set(await ttls(...below, outer.id))).toEqual(new Set([-1]));
  mending.openGate('kept 3');
  await progressOf(outer, { succeeded: 3, status: 'succeeded' });
  const outputs = [];
  for await (const { index, output } of outer.results()) outputs[index] = output;
  expect(outputs).toEqual([
    { label: 'kept 1', received: { label: 'kept 0', received: null } },
    [{ label: 'kept 2', received: null }],
    { label: 'kept 3', received: null },
  ]);
  await eventually('called back again', () => mending.executions('kept done').length === 2);
  expect(mending.executions('kept done')[1]?.input['returnValue']).toEqual(outputs);
  await eventually('nothing is left', async () => (await groupKeys()).length === 0);
  mending.mendAll();
});

test('retries that meet the reconciler at the end of each round lose nothing', async () => {
  mending.break('meets 1');
  const inner = await mage.swarm({ tasks: [[mend, { label: 'meets 0' }]], isSwarmClosed: true });
  const outer = await mage.swarm({ tasks: [inner, [mend, { label: 'meets 1' }]], isSwarmClosed: true });
  await outer.run({});
  for (let round = 1; round <= 8; round++) {
    // Without a pause: its end has just been stored, and what follows it is under way.
    expect(await outer.retryFailed()).toBe(1);
    await eventually(`round ${round} is over`, async () => {
      const { status } = await outer.progress();
      return status === 'succeeded' && mending.executions('meets 1').length > round;
    });
  }
  mending.mendAll();
  mending.halted.add('meets 1');
  await outer.retryFailed();
  await mending.started('meets 1', 10);
  await eventually('nothing of it expires', async () => (await ttls(outer.id, inner.id)).every((ttl) => ttl === -1));
  mending.openGate('meets 1');
  await statusOf(outer, 'succeeded');
  expect(mending.counts('meets 0', 'meets 1')).toEqual({ 'meets 0': 1, 'meets 1': 10 });
  await eventually('nothing is left', async () => (await groupKeys()).length === 0);
});

async function groupKeys(): Promise<string[]> {
  return (await fixture.keys()).filter((key) => key.includes('{'));
}

async function ttls(...ids: string[]): Promise<number[]> {
  const keys = (await groupKeys()).filter((key) => ids.some((id) => key.includes(`{${id}}`)));
  if (!ids.every((id) => keys.some((key) => key.includes(`{${id}}`)))) throw new Error(`Gone: ${keys.join(' ')}`);
  return Promise.all(keys.map((key) => redis.pttl(key)));
}
