import { systemClock } from '../../src/utils/clock';
import { Confirmations } from '../../src/orchestrator/confirmations';

/** Confirmations that call this instead of the store. */
function confirmingBy(send: (groupId: string, pairs: readonly string[]) => Promise<void>): Confirmations {
  const confirm = (id: string, pairs: readonly string[]) => send(id, pairs).then(() => ({ effects: {} }));
  const store = { clock: systemClock, confirm };
  return new Confirmations(store as never, {} as never, {} as never);
}

function recording() {
  const sent: [string, readonly string[]][] = [];
  const confirmations = confirmingBy((groupId, pairs) => {
    sent.push([groupId, pairs]);
    return Promise.resolve();
  });
  return { sent, confirmations };
}

test('sends those of a group in one piece', async () => {
  const { sent, confirmations } = recording();
  confirmations.add('a', '0', 'run 1');
  confirmations.add('b', '0', 'run 2');
  confirmations.add('a', '1', 'run 3');
  await confirmations.flush();
  expect(sent).toEqual([
    ['a', ['0', 'run 1', '1', 'run 3']],
    ['b', ['0', 'run 2']],
  ]);
});

test('hands over those of a group, and sends them no more itself', async () => {
  const { sent, confirmations } = recording();
  confirmations.add('a', '0', 'run 1');
  expect(confirmations.has('a', '0')).toBe(true);
  expect(confirmations.take('a')).toEqual(['0', 'run 1']);
  expect(confirmations.has('a', '0')).toBe(false);
  await confirmations.flush();
  expect(sent).toEqual([]);
});

test('drops one whose run has claimed its entry, and not one of which another run has', async () => {
  const { sent, confirmations } = recording();
  confirmations.add('a', '0', 'run 1');
  confirmations.add('a', '1', 'run 2');
  confirmations.drop('a', '0', 'run 1');
  confirmations.drop('a', '1', 'run 1');
  confirmations.drop('b', '1', 'run 2');
  expect([confirmations.has('a', '0'), confirmations.has('a', '1')]).toEqual([false, true]);
  await confirmations.flush();
  expect(sent).toEqual([['a', ['1', 'run 2']]]);
});

test('a flush resolves when those that were sent before it have arrived too, and keeps nothing of those that have', async () => {
  const arrivals: (() => void)[] = [];
  const confirmations = confirmingBy(() => new Promise<void>((resolve) => arrivals.push(resolve)));
  let flushed = 0;
  for (const group of ['a', 'b']) {
    confirmations.add(group, '0', 'run');
    void confirmations.flush().then(() => (flushed += 1));
  }
  const onTheirWay = () => (confirmations as unknown as { sent: Set<unknown> }).sent.size;
  arrivals[1]?.();
  await new Promise(setImmediate);
  // The second one waits for the first one.
  expect([flushed, onTheirWay()]).toEqual([0, 1]);
  arrivals[0]?.();
  await new Promise(setImmediate);
  expect([flushed, onTheirWay()]).toEqual([2, 0]);
});
