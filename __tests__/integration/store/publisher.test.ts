import { randomUUID } from 'node:crypto';
import { EngineClient } from '../../../src/hatchet/client';
import { RunInputs } from '../../../src/orchestrator/run-inputs';
import { Publisher } from '../../../src/orchestrator/publisher';
import { TaskRegistry } from '../../../src/orchestrator/task-registry';
import { Events } from '../../../src/config/events';
import { packSpec } from '../../../src/store/spec';
import { eventually, gate, Log, newHatchet } from '../../helpers/fixture';
import { failed, spec, StoreFixture } from '../../helpers/store';

const fixture = new StoreFixture();
// The same groups over a connection that is gone: what a process has that loses Redis right after a script.
const cut = new StoreFixture();
const publisher = publisherOf(cut);

function publisherOf(
  { store, reader }: StoreFixture,
  engine = new EngineClient(newHatchet()),
  inputs = new RunInputs(reader, store.settings),
) {
  const log = new Log();
  return new Publisher(engine, store, reader, inputs, log, () => undefined, new TaskRegistry(store), new Events(log));
}

beforeAll(() => cut.connection.close());
afterAll(async () => {
  await fixture.close();
  await cut.close();
});

test('what could not be put together for want of Redis is not taken for under way, so the reconciler publishes it', async () => {
  const item = packSpec({ task: 'task', errorCallbacks: [spec] });
  const group = await fixture.group([item, item], { maxConcurrency: 1 }, { message: '{}' });
  expect(group.effects.grants).toHaveLength(1);
  await expect(publisher.publish(group.id, group.effects)).rejects.toThrow('this Mageflow is closed');
  expect(publisher.isPending(group.id, '0')).toBe(false);

  const { effects } = await group.execute('0', failed());
  expect(effects.callbacks).toHaveLength(1);
  await expect(publisher.publish(group.id, effects)).rejects.toThrow('this Mageflow is closed');
  expect(publisher.isPending(group.id, 'c0')).toBe(false);
  expect(publisher.isPending(group.id, '1')).toBe(false);
});

test('a large grant whose rest can not be asked for rejects, and leaves no rejection unheard', async () => {
  const unheard: unknown[] = [];
  const listener = (reason: unknown) => unheard.push(reason);
  process.on('unhandledRejection', listener);
  try {
    const group = await fixture.group(2, {}, { message: '{}' });
    await expect(publisher.publish(group.id, { ...group.effects, more: true })).rejects.toThrow(
      'this Mageflow is closed',
    );
    await new Promise((resolve) => setImmediate(resolve));
    expect(unheard).toEqual([]);
  } finally {
    process.off('unhandledRejection', listener);
  }
});

test("when one of a batch can not be put together, the others stay this process's own until the engine has them", async () => {
  const answer = gate();
  const engine = new EngineClient(newHatchet());
  jest.spyOn(engine, 'publish').mockImplementation(async (requests) => {
    await answer.opened;
    return requests.map(() => randomUUID());
  });
  const inputs = new RunInputs(fixture.reader, fixture.store.settings);
  const { ofItem } = inputs;
  jest.spyOn(inputs, 'ofItem').mockImplementation((facts, item, message) => {
    if (item.name === 'broken') throw new Error('No input.');
    return ofItem.call(inputs, facts, item, message);
  });
  const own = publisherOf(fixture, engine, inputs);
  try {
    const items = [packSpec({ task: 'task', name: 'broken' }), packSpec({ task: 'task' })];
    const group = await fixture.group(items, {}, { message: '{}' });
    await expect(own.publish(group.id, group.effects)).rejects.toThrow('No input.');
    await eventually('the engine is asked', () => jest.mocked(engine.publish).mock.calls.length === 1);
    expect([own.isPending(group.id, '0'), own.isPending(group.id, '1')]).toEqual([false, true]);
    answer.open();
    await eventually('the engine has it', () => !own.isPending(group.id, '1'));
  } finally {
    answer.open();
    await own.close();
  }
});
