import { randomUUID } from 'node:crypto';
import { EngineClient } from '../../../src/hatchet/client';
import { Commands } from '../../../src/orchestrator/commands';
import { Completion } from '../../../src/orchestrator/completion';
import { Confirmations } from '../../../src/orchestrator/confirmations';
import { EffectRunner } from '../../../src/orchestrator/effects';
import { GroupCache } from '../../../src/orchestrator/group-cache';
import { Heartbeat } from '../../../src/orchestrator/heartbeat';
import { Outbox } from '../../../src/orchestrator/outbox';
import { PendingPublications } from '../../../src/orchestrator/pending-publications';
import { RunInputs } from '../../../src/orchestrator/run-inputs';
import { RunRecovery } from '../../../src/orchestrator/run-recovery';
import { Events } from '../../../src/config/events';
import { packSpec } from '../../../src/store/spec';
import { eventually, gate, Log, newHatchet } from '../../helpers/fixture';
import { failed, spec, StoreFixture } from '../../helpers/store';

const fixture = new StoreFixture();
// The same groups over a connection that is gone: what a process has that loses Redis right after a script.
const cut = new StoreFixture();
const none = {} as never;
const outbox = outboxOf(cut);

function outboxOf(
  { store, reader }: StoreFixture,
  engine = new EngineClient(newHatchet()),
  inputs = new RunInputs(reader, store.settings),
) {
  const pending = new PendingPublications();
  return new Outbox(engine, {
    store,
    reader,
    inputs,
    pending,
    cache: new GroupCache(reader),
    recovery: new RunRecovery(engine, store, reader, new Events(new Log())),
    confirmations: new Confirmations(store, none, none),
    heartbeat: new Heartbeat(pending, store, reader),
    completion: new Completion(
      store,
      reader,
      new Events(new Log()),
      none,
      new Commands(store, () => Promise.resolve()),
    ),
    nesting: none,
    published: () => undefined,
  });
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
  await expect(outbox.publish(group.id, group.effects)).rejects.toThrow('this Mageflow is closed');
  expect(outbox.isPending(group.id, '0')).toBe(false);

  const { effects } = await group.execute('0', failed());
  expect(effects.callbacks).toHaveLength(1);
  await expect(outbox.publish(group.id, effects)).rejects.toThrow('this Mageflow is closed');
  expect(outbox.isPending(group.id, 'c0')).toBe(false);
  expect(outbox.isPending(group.id, '1')).toBe(false);
});

test('a large grant whose rest can not be granted rejects, and leaves no unhandled rejection', async () => {
  const unhandled: unknown[] = [];
  const listener = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', listener);
  try {
    const group = await fixture.group(2, {}, { message: '{}' });
    const runner = new EffectRunner(cut.store, none, () => ({ outbox }) as never);
    const carried = runner.carryOut(group.id, { ...group.effects, more: true });
    await expect(carried).rejects.toThrow('this Mageflow is closed');
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
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
  const own = outboxOf(fixture, engine, inputs);
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
