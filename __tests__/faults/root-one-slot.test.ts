import { eventually } from '../helpers/fixture';
import { Faults } from '../helpers/faults';

const faults = new Faults({ leaseMs: 1_000, reconcileIntervalMs: 300 });
afterAll(() => faults.close());

test('a body that awaits its children keeps its only slot, and they run on another worker', async () => {
  const first = await faults.process({ role: 'worker', slots: 1 });
  const callback = await faults.mage.sign('done', { after: 'all' });
  const signature = await faults.mage.sign(
    'spawn',
    { from: 0, count: 3, awaits: true },
    { successCallbacks: [callback], errorCallbacks: [callback] },
  );
  await signature.runNoWait({});
  await eventually('its body has begun', async () => (await faults.recorder.stamps('body')).length === 1);
  expect(await faults.recorder.started()).toEqual([]);
  const second = await faults.process({ role: 'worker', slots: 1 });
  expect(await faults.ended(signature)).toBe('succeeded');
  const ran = async (event: 'body' | 'end') => (await faults.recorder.stamps(event)).map(({ n, pid }) => [n, pid]);
  expect(await ran('body')).toEqual([[0, first.pid]]);
  expect(await ran('end')).toEqual([0, 1, 2].map((n) => [n, second.pid]));
  expect(await faults.callbacks()).toBe(1);
  expect((await faults.recorder.stamps('callback')).map(({ input }) => input)).toEqual([
    { after: 'all', returnValue: { spawned: 3 }, childResults: [{ n: 0 }, { n: 1 }, { n: 2 }] },
  ]);
});
