import { claimToken } from '../../src/store/executions';
import { eventually } from '../helpers/fixture';
import { Faults } from '../helpers/faults';
import { cancelByHand, endOfRun } from '../helpers/runs';
import { rejection } from '../helpers/outcomes';

// An item has two runs after a publication whose confirmation was lost. Its first one waits here for a worker with a label
// that no worker has, so that the second one, published by hand as a publisher would, runs at once.
const faults = new Faults({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const { mage, hatchet, recorder } = faults;
const { reader } = faults.deadProcess();
let nth = 0;

beforeAll(() => faults.worker(recorder.tasks(mage)));
afterAll(async () => {
  // A test that failed left its bodies waiting.
  for (let n = 0; n < nth; n++) await recorder.open(`gate-${n}`);
  await faults.close();
});

/** A swarm of one item whose run waits, and the way to publish that item once more. */
async function waitingItem() {
  const n = nth++;
  const label = `label-${n}`;
  const data = { n, gate: `gate-${n}` };
  const item = await mage.sign('stamp', data, { desiredWorkerLabels: { [label]: { value: 'yes', required: true } } });
  const swarm = await mage.swarm({
    tasks: [item],
    successCallbacks: [await mage.sign('done', { of: n })],
    isSwarmClosed: true,
  });
  const { output } = await swarm.runNoWait();
  const first = await eventually('its first run waits', async () => {
    const key = (await faults.keys()).find((one) => one.endsWith(`{${swarm.id}}:a`));
    return key && (await faults.redis.hget(key, '0'))?.split('|')[1];
  });
  const publish = async () => {
    const secret = (await reader.record(swarm.id))?.secret ?? '';
    const additionalMetadata = {
      'mageflow.claim': `${swarm.id} 0 ${claimToken(secret, '0')} `,
      'mageflow.parent': '',
      'mageflow.swarm': swarm.id,
    };
    return (await hatchet.runNoWait('stamp', data, { additionalMetadata })).runId;
  };
  const begun = () => eventually('a body has begun', async () => (await recorder.started()).includes(n));
  const callbacks = async () =>
    (await recorder.stamps('callback')).filter(({ input }) => (input as { of: number }).of === n).length;
  const over = async () => {
    await eventually('its callback ran', async () => (await callbacks()) > 0);
    expect(await callbacks()).toBe(1);
    return (await recorder.started()).filter((one) => one === n).length;
  };
  const serveFirst = () => faults.worker(recorder.tasks(mage), { labels: { [label]: 'yes' } });
  return { n, swarm, output, first, publish, begun, over, serveFirst, open: () => recorder.open(`gate-${n}`) };
}

const ended = (runId: string) => endOfRun(hatchet, runId);

const cancel = async (runId: string) => {
  await cancelByHand(hatchet, runId);
  await ended(runId);
};

test('the one that waits is cancelled while the other one runs: nothing happens to the item', async () => {
  const { n, swarm, output, first, publish, begun, over, open } = await waitingItem();
  const second = await publish();
  await begun();
  await cancel(first);
  expect(await swarm.progress()).toMatchObject({ running: 1, failed: 0 });
  await open();
  expect(await output).toEqual([{ n }]);
  expect(await ended(second)).toMatchObject({ status: 'COMPLETED', output: { n } });
  expect(await over()).toBe(1);
});

test('the one that waits gets a worker while the other one runs: it ends as a duplicate that names the owner', async () => {
  const { n, output, first, publish, begun, over, serveFirst, open } = await waitingItem();
  const second = await publish();
  await begun();
  await serveFirst();
  expect(await ended(first)).toMatchObject({ status: 'FAILED', error: expect.stringContaining(second) as string });
  await open();
  expect(await output).toEqual([{ n }]);
  expect(await over()).toBe(1);
});

test('the one that runs is cancelled while the other one waits: the item fails, and the other one runs no body', async () => {
  const { swarm, output, first, publish, begun, over, serveFirst, open } = await waitingItem();
  const second = await publish();
  await begun();
  await cancel(second);
  expect(await output).toEqual([]);
  expect(await swarm.progress()).toMatchObject({ failed: 1, succeeded: 0 });
  await serveFirst();
  expect(await ended(first)).toMatchObject({ status: 'FAILED', error: expect.stringContaining('cancelled') as string });
  await open();
  expect(await over()).toBe(1);
});

test('the one that was confirmed is cancelled before either has begun: the item fails, and the other one runs no body', async () => {
  const { swarm, output, first, publish, over } = await waitingItem();
  await cancel(first);
  expect(await output).toEqual([]);
  const second = await publish();
  expect(await ended(second)).toMatchObject({
    status: 'FAILED',
    error: expect.stringContaining('cancelled') as string,
  });
  expect(await swarm.progress()).toMatchObject({ failed: 1, succeeded: 0 });
  expect(await over()).toBe(0);
});

test('a run with the claim of an item of another swarm is a plain run, and nothing happens to either', async () => {
  const one = await waitingItem();
  const other = await waitingItem();
  const secret = (await reader.record(other.swarm.id))?.secret ?? '';
  const forged = { 'mageflow.claim': `${one.swarm.id} 0 ${claimToken(secret, '0')} `, 'mageflow.parent': '' };
  const n = nth++;
  const run = await hatchet.runNoWait('stamp', { n }, { additionalMetadata: forged });
  expect(await ended(await run.runId)).toMatchObject({ status: 'COMPLETED', output: { n } });
  for (const { swarm, output } of [one, other]) {
    expect(await swarm.progress()).toMatchObject({ succeeded: 0, failed: 0 });
    const failed = rejection(output);
    await swarm.cancel();
    await failed;
  }
});
