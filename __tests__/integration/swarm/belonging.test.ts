import { ConfigurationError } from '../../../src';
import { progressOf, rejection } from '../../helpers/outcomes';
import { openTasks } from '../../helpers/task-set';

describe('a signature belongs to one group', () => {
  const { fixture, taskSet, mage, work } = openTasks();

  const refusal = async (promise: Promise<unknown>, ...names: string[]) => {
    const error = await rejection(promise);
    expect(error).toBeInstanceOf(ConfigurationError);
    for (const name of names) expect(error.message).toContain(name);
  };

  test('a second swarm refuses it, naming both, and takes none of its tasks', async () => {
    const signed = await mage.sign(work, {}, { name: 'row 7' });
    const free = await mage.sign(work);
    await mage.swarm({ name: 'morning', tasks: [signed] });
    const before = await fixture.writtenKeys();
    await refusal(mage.swarm({ name: 'evening', tasks: [free, signed] }), 'row 7', 'morning', 'evening');
    expect(await fixture.writtenKeys()).toEqual(before);
    expect(await (await mage.swarm()).addTask(free)).toBe(free);
  });

  test('adding it to a second swarm is refused, naming both', async () => {
    const signed = await mage.sign(work, {}, { name: 'row 7' });
    const morning = await mage.swarm({ name: 'morning' });
    await morning.addTask(signed);
    const evening = await mage.swarm({ name: 'evening' });
    await refusal(evening.addTask(signed), 'row 7', 'morning', 'evening');
    await refusal(evening.addTasks([work, signed]), 'row 7', 'morning', 'evening');
    expect(await evening.progress()).toMatchObject({ total: 0 });
    expect(await morning.progress()).toMatchObject({ total: 1 });
  });

  test('it is refused twice in one list', async () => {
    const signed = await mage.sign(work, {}, { name: 'row 7' });
    await refusal(mage.swarm({ name: 'twins', tasks: [signed, signed] }), 'row 7', 'twins', 'twice');
    const swarm = await mage.swarm({ name: 'twins' });
    await refusal(swarm.addTasks([signed, signed]), 'row 7', 'twins', 'twice');
    expect(await swarm.progress()).toMatchObject({ total: 0 });
    await swarm.addTask(signed);
    await refusal(swarm.addTask(signed), 'row 7', 'twins', 'twice');
    expect(await swarm.progress()).toMatchObject({ total: 1 });
  });

  test('it belongs to the group also when it is loaded again', async () => {
    const signed = await mage.sign(work);
    await mage.swarm({ name: 'morning', tasks: [signed] });
    const evening = await mage.swarm({ name: 'evening' });
    await refusal(evening.addTask(await mage.load(signed.id)), 'morning', 'evening');
    await refusal(evening.addTask(await fixture.another().load(signed.id)), 'morning', 'evening');
    expect(await evening.progress()).toMatchObject({ total: 0 });
  });

  test('it belongs to no group when it was run by itself', async () => {
    const signed = await mage.sign(work, {}, { name: 'alone' });
    await signed.run({});
    await refusal(mage.swarm({ tasks: [signed] }), 'alone');
  });

  test('while a task can be used any number of times, in one swarm and in many', async () => {
    const swarms = await Promise.all(
      [1, 2].map(() => mage.swarm({ tasks: [work, work, 'work', 'work'], isSwarmClosed: true })),
    );
    for (const swarm of swarms) {
      await swarm.runNoWait({});
      await progressOf(swarm, { succeeded: 4, status: 'succeeded' });
    }
  });

  test('while one callback can be attached any number of times', async () => {
    const callback = await mage.sign(taskSet.callback, { mark: 'shared' });
    const swarms = await Promise.all(
      [1, 2].map(() => mage.swarm({ tasks: [work], successCallbacks: [callback, callback], isSwarmClosed: true })),
    );
    for (const swarm of swarms) {
      await swarm.runNoWait({});
      await taskSet.settled(swarm);
      expect(taskSet.callbacks(swarm).map(({ input }) => input['mark'])).toEqual(['shared', 'shared']);
    }
  });
});
