// Methods of one kind called on another: the error says what it is and what to use instead.
import { ConfigurationError, type Swarm } from '../../src';
import { rejection } from '../helpers/outcomes';
import { openTasks } from '../helpers/task-set';

const { fixture, mage, work } = openTasks();

test('the methods of swarms, called on a loaded task or chain, say what it is and what to use instead', async () => {
  const task = await mage.sign(work, {}, { name: 'row 7' });
  const chain = await mage.chain([work], { name: 'etl' });
  await Promise.all([task.run({}), chain.run({})]);
  for (const { id, kind, name } of [task, chain]) {
    const loaded = await fixture.another().load<Swarm<unknown>>(id);
    const calls: [string, () => unknown][] = [
      ['progress', () => loaded.progress()],
      ['watch', () => loaded.watch()],
      ['results', () => loaded.results()],
      ['runSettled', () => loaded.runSettled()],
      ['addTask', () => loaded.addTask(work)],
      ['addTasks', () => loaded.addTasks([])],
      ['closeSwarm', () => loaded.closeSwarm()],
      ['update', () => loaded.update({})],
    ];
    for (const [method, call] of calls) {
      const error = await rejection((async () => call())());
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.message).toContain(`${method}: ${id} is the ${kind} "${name}", and only a swarm has ${method}(). `);
    }
  }
  expect((await rejection((await mage.load<Swarm<unknown>>(task.id)).progress())).message).toBe(
    `progress: ${task.id} is the task "row 7", and only a swarm has progress(). Use its status(), or mage.describe(id), which lists everything in it.`,
  );
});

test('retryFailed of a task, and children of what is no root, say what it is', async () => {
  const task = await mage.sign(work, {}, { name: 'row 8' });
  await task.run({});
  const swarm = await mage.swarm({ name: 'batch' });
  for (const [signature, method] of [
    [task, 'retryFailed'],
    [task, 'children'],
    [swarm, 'children'],
  ] as const) {
    const error = await rejection((signature as unknown as Record<string, () => Promise<unknown>>)[method]!());
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toContain(`${method}: ${signature.id} is the ${signature.kind} "${signature.name}"`);
  }
});
