import { isFull, loadOf, queuesOf, workersOf } from '../../src/hatchet/task-load';

const row = (id: string, actions: string[], more: object = {}) => ({
  metadata: { id },
  name: `worker ${id}`,
  status: 'ACTIVE',
  actions,
  slotConfig: { default: { available: 0, limit: 10 } },
  ...more,
});

test('a task is served by the connected workers that have an action of its workflow', () => {
  const workers = workersOf([
    row('a', ['ns-resize:resize', 'ns-other:other']),
    row('b', ['ns-resize:first', 'ns-resize:second'], { status: 'PAUSED' }),
    row('c', ['ns-resize-all:resize-all']),
    row('d', ['ns-resize:resize'], { status: 'INACTIVE' }),
    row('e', ['NS-Resize:Resize']),
  ]);
  const { active, paused } = loadOf('ns-resize', workers, new Map());
  expect([active.map(({ id }) => id), paused.map(({ id }) => id)]).toEqual([['a', 'e'], ['b']]);
});

test('the runs that wait are counted by the queue, which has the namespace that the names of the statistic lack', () => {
  const queues = queuesOf({
    resize: { queued: { queues: { 'ns-resize:resize': 3, 'other-resize:resize': 40 } } },
    second: { queued: { queues: { 'ns-resize:second': 2 }, concurrency: [{}] } },
    idle: {},
  });
  expect(loadOf('ns-resize', [], queues)).toMatchObject({ waiting: 5, isLimited: true });
  expect(loadOf('ns-idle', [], queues)).toMatchObject({ waiting: 0, isLimited: false });
});

test('a worker is full when a kind of its slots is used up', () => {
  const slots = (slotConfig: object) => isFull(workersOf([row('a', [], { slotConfig })])[0]!);
  expect(slots({ default: { available: 0, limit: 10 }, durable: { available: 9, limit: 10 } })).toBe(true);
  expect(slots({ default: { available: 1, limit: 10 } })).toBe(false);
  expect(slots({ default: { limit: 10 }, durable: { available: 0, limit: 0 } })).toBe(false);
  expect(slots({})).toBe(false);
});
