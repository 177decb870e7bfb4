import type { Runtime } from '../../../src/worker/runtime';
import { instant, scopeOf } from '../../helpers/instant';

const { fixture } = instant();
const { mage } = fixture;
const items = 300;
// Nobody serves it: its runs wait.
const item = mage.task<{ n: number }, object>({ name: 'item', fn: () => ({}) });
afterAll(() => fixture.close());
afterEach(() => jest.restoreAllMocks());

/** A swarm of which all items are granted, and none is confirmed but one after another. */
async function granted() {
  const { store } = scopeOf(mage);
  const { confirmations } = (mage as unknown as { kernel: { runtime: Runtime } }).kernel.runtime;
  jest.spyOn(confirmations, 'add').mockImplementation(() => undefined);
  const swarm = await mage.swarm({
    tasks: Array.from({ length: items }, (_, n) => [item, { n }] as const),
    config: { maxConcurrency: items },
  });
  await swarm.runNoWait({});
  const confirm = async () => {
    // Each call is one confirmation as it arrives.
    const sender = confirmations as unknown as { send: (id: string, pairs: string[]) => Promise<void> };
    for (let n = 0; n < items; n += 10)
      await sender.send(swarm.id, Array.from({ length: 10 }, (_, i) => [String(n + i), `run-${n + i}`]).flat());
  };
  return { swarm, store, confirm };
}

test('each confirmation that comes after a cancel cancels the runs that it names, and no others', async () => {
  const { engine } = scopeOf(mage);
  const { swarm, store, confirm } = await granted();
  await store.cancel(swarm.id, 'user');
  const cancelled: string[] = [];
  jest.spyOn(engine, 'cancel').mockImplementation((runs) => {
    cancelled.push(...runs);
    return Promise.resolve();
  });
  jest.spyOn(engine, 'state').mockImplementation(() => Promise.reject(new Error('away')));
  await confirm();
  expect(cancelled.sort()).toEqual(Array.from({ length: items }, (_, n) => `run-${n}`).sort());
});

test('each confirmation that comes after a suspension takes back the runs that it names, and looks at no others', async () => {
  const { reader, engine } = scopeOf(mage);
  const { swarm, store, confirm } = await granted();
  await store.suspend(swarm.id, true);
  const scans = jest.spyOn(reader, 'active');
  jest.spyOn(engine, 'cancel').mockImplementation(() => Promise.resolve());
  await confirm();
  expect(scans).not.toHaveBeenCalled();
});
