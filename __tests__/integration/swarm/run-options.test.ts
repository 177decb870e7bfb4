import { ConfigurationError } from '../../../src';
import { Fixture } from '../../helpers/fixture';
import { progressOf, rejection } from '../../helpers/outcomes';
import { TaskSet } from '../../helpers/task-set';

describe('run options of items', () => {
  const fixture = new Fixture();
  const taskSet = new TaskSet(fixture);
  const { mage } = fixture;
  const ran: { swarm: string | undefined; own: Record<string, string>; worker: unknown }[] = [];
  const look = mage.task({
    name: 'look',
    fn: (_input: object, ctx) => {
      const metadata = ctx.additionalMetadata();
      const own = Object.fromEntries(
        Object.entries(metadata).filter(([key]) => !/^(mageflow\.|hatchet__|traceparent)/.test(key)),
      );
      ran.push({ swarm: metadata['mageflow.swarm'], own, worker: ctx.worker.labels()['model'] });
      return {};
    },
  });
  const of = (swarm: { id: string }) => ran.filter((one) => one.swarm === swarm.id);

  beforeAll(async () => {
    await fixture.worker([look, ...taskSet.tasks], { labels: { model: 'plain' } });
    await fixture.worker([look], { labels: { model: 'fancy' } });
  });
  afterAll(() => fixture.close());

  test('come from the swarm, from the signature and from its run; of one key of the metadata the nearest counts', async () => {
    const swarm = await mage.swarm({ additionalMetadata: { customer: 'acme', level: 'swarm' } });
    const signed = await mage.sign(look, {}, { additionalMetadata: { row: '7', level: 'sign' } });
    await swarm.addTask(signed);
    await signed.run({}, { additionalMetadata: { why: 'repair', level: 'run' } });
    await (await swarm.addTask(look, {}, { additionalMetadata: { level: 'add' } })).run({});
    await (await swarm.addTask(look)).run({});
    expect(of(swarm).map(({ own }) => own)).toEqual([
      { customer: 'acme', row: '7', why: 'repair', level: 'run' },
      { customer: 'acme', level: 'add' },
      { customer: 'acme', level: 'swarm' },
    ]);
  });

  test('come from the run of the swarm, in addition to those it was made with', async () => {
    const swarm = await mage.swarm({
      tasks: [look, await mage.sign(look, {}, { additionalMetadata: { level: 'sign' } })],
      additionalMetadata: { customer: 'acme', level: 'swarm' },
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    await swarm.run({}, { additionalMetadata: { night: '2026-11-22', level: 'run of the swarm' } });
    expect(of(swarm).map(({ own }) => own)).toEqual([
      { customer: 'acme', night: '2026-11-22', level: 'run of the swarm' },
      { customer: 'acme', night: '2026-11-22', level: 'sign' },
    ]);
  });

  test('stay those of the signature when it is run by itself', async () => {
    const signed = await mage.sign(look, {}, { additionalMetadata: { row: '7', level: 'sign' } });
    await signed.run({}, { additionalMetadata: { level: 'run' } });
    expect(ran.at(-1)?.own).toEqual({ row: '7', level: 'run' });
  });

  test('choose the worker by its labels, for all items of a swarm or for one', async () => {
    const fancy = { model: { value: 'fancy', required: true } };
    const all = await mage.swarm({
      tasks: Array.from({ length: 8 }, () => look),
      desiredWorkerLabels: fancy,
      isSwarmClosed: true,
    });
    await all.run({});
    expect(of(all).map(({ worker }) => worker)).toEqual(Array.from({ length: 8 }, () => 'fancy'));

    const one = await mage.swarm({ desiredWorkerLabels: { model: { value: 'plain', required: true } } });
    await (await one.addTask(look, {}, { desiredWorkerLabels: fancy })).run({});
    await (await one.addTask(look)).run({});
    expect(of(one).map(({ worker }) => worker)).toEqual(['fancy', 'plain']);
  });

  test('are refused with the keys that are mageflow’s own, wherever they are given', async () => {
    const additionalMetadata = { 'mageflow.swarm': 'mine' };
    const swarm = await mage.swarm();
    const item = await swarm.addTask(look);
    for (const call of [
      () => mage.sign(look, {}, { additionalMetadata }),
      () => mage.swarm({ additionalMetadata }),
      () => swarm.addTask(look, {}, { additionalMetadata }),
      () => swarm.run({}, { additionalMetadata }),
      () => item.runNoWait({}, { additionalMetadata }),
    ]) {
      const error = await rejection(call());
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.message).toContain('mageflow.swarm');
    }
    expect(await swarm.progress()).toMatchObject({ total: 1, waiting: 1, status: 'pending' });
    await item.runNoWait({});
    await progressOf(swarm, { succeeded: 1 });
  });
});
