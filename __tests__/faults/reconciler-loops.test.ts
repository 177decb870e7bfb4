import type { TopLevelIndex } from '../../src/store/top-level-index';
import type { GroupStore } from '../../src/store/group-store';
import { eventually, Fixture, gate } from '../helpers/fixture';

const fixture = new Fixture({ leaseMs: 150, reconcileIntervalMs: 20 });
const { mage } = fixture;
const { store } = (mage as unknown as { kernel: { runtime: { store: GroupStore } } }).kernel.runtime;
const sweep = store.topLevelIndex.sweep.bind(store.topLevelIndex);

afterAll(() => fixture.close());
afterEach(() => jest.restoreAllMocks());

/** Holds each pass back in its midst, and counts how many are there at once. */
function holdPasses() {
  const held = gate();
  fixture.onRelease(held.open);
  const counted = { now: 0, most: 0 };
  jest.spyOn(store.topLevelIndex as TopLevelIndex, 'sweep').mockImplementation(async () => {
    counted.now += 1;
    counted.most = Math.max(counted.most, counted.now);
    await held.opened;
    counted.now -= 1;
    return sweep();
  });
  return { counted, open: held.open };
}

/** Waits until much more time has gone by than lies between two passes. */
async function manyIntervals(): Promise<void> {
  const beat = jest.spyOn(store, 'beat');
  await eventually('the heart has beaten', () => beat.mock.calls.length >= 10);
}

test('a reconciler that is stopped during a pass and started before it ends goes on in one loop', async () => {
  const first = holdPasses();
  mage.startReconciler();
  await eventually('a pass is under way', () => first.counted.now === 1);
  const stopped = mage.stopReconciler();
  mage.startReconciler();
  await manyIntervals();
  expect(first.counted.most).toBe(1);
  first.open();
  await stopped;
  jest.restoreAllMocks();

  const second = holdPasses();
  await eventually('the next pass is under way', () => second.counted.now === 1);
  await manyIntervals();
  expect(second.counted.most).toBe(1);
  second.open();
  await mage.stopReconciler();
  expect(second.counted.now).toBe(0);
});

test('a reconciler that is stopped, started and stopped during one pass makes no other one', async () => {
  const { counted, open } = holdPasses();
  mage.startReconciler();
  await eventually('a pass is under way', () => counted.now === 1);
  const stopped = [mage.stopReconciler()];
  mage.startReconciler();
  stopped.push(mage.stopReconciler());
  const takeDue = jest.spyOn(store.redis, 'call');
  open();
  await Promise.all(stopped);
  const { reconciler } = (mage as unknown as { kernel: { reconciler: { running: Promise<void> } } }).kernel;
  await reconciler.running;
  expect(counted).toEqual({ now: 0, most: 1 });
  expect(takeDue.mock.calls.filter(([name]) => name === 'takeDue')).toHaveLength(store.keys.dueIndexes().length);
});
