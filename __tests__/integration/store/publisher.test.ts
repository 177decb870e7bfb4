import { Engine } from '../../../src/engine/engine';
import { Inputs } from '../../../src/engine/inputs';
import { Publisher } from '../../../src/engine/publisher';
import { Served } from '../../../src/engine/served';
import { Events } from '../../../src/events';
import { packSpec } from '../../../src/store/spec';
import { Log, newHatchet } from '../../helpers/fixture';
import { failed, spec, StoreFixture } from '../../helpers/store';

const fixture = new StoreFixture();
// The same groups over a connection that is gone: what a process has that loses Redis right after a script.
const cut = new StoreFixture();
const publisher = new Publisher(
  new Engine(newHatchet()),
  cut.store,
  cut.reader,
  new Inputs(cut.reader, cut.store.settings),
  new Log(),
  () => undefined,
  new Served(cut.store),
  new Events(new Log()),
);

beforeAll(() => cut.connection.close());
afterAll(async () => {
  await fixture.close();
  await cut.close();
});

test('what could not be put together for want of Redis is not taken for under way, so upkeep publishes it', async () => {
  const item = packSpec({ task: 'task', errorCallbacks: [spec] });
  const group = await fixture.group([item, item], { maxConcurrency: 1 }, { message: '{}' });
  expect(group.work.grants).toHaveLength(1);
  await expect(publisher.publish(group.id, group.work)).rejects.toThrow('Redis did not carry out');
  expect(publisher.isPending(group.id, '0')).toBe(false);

  const { work } = await group.execute('0', failed());
  expect(work.callbacks).toHaveLength(1);
  await expect(publisher.publish(group.id, work)).rejects.toThrow('Redis did not carry out');
  expect(publisher.isPending(group.id, 'c0')).toBe(false);
  expect(publisher.isPending(group.id, '1')).toBe(false);
});

test('a large grant whose rest can not be asked for rejects, and leaves no rejection unheard', async () => {
  const unheard: unknown[] = [];
  const listener = (reason: unknown) => unheard.push(reason);
  process.on('unhandledRejection', listener);
  try {
    const group = await fixture.group(2, {}, { message: '{}' });
    await expect(publisher.publish(group.id, { ...group.work, more: true })).rejects.toThrow('Redis did not carry out');
    await new Promise((resolve) => setImmediate(resolve));
    expect(unheard).toEqual([]);
  } finally {
    process.off('unhandledRejection', listener);
  }
});
