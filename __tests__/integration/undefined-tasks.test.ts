import { ConfigurationError, InvalidMessageError } from '../../src';
import { Fixture } from '../helpers/fixture';
import { rejection } from '../helpers/outcomes';

const fixture = new Fixture();
const { mage } = fixture;
const task = mage.task({ name: 'item', fn: () => 1 });
let inBody: () => Promise<unknown> = () => Promise.resolve();
const root = mage.rootTask({ name: 'root', fn: async () => (await rejection(inBody())).message });
beforeAll(() => fixture.worker([task, root]));
afterAll(() => fixture.close());

/** A circular import gives a module this for an export that is not loaded yet. */
const early = undefined as never;

describe('the error for a task that is undefined names its position, and what to look for', () => {
  const calls: [where: string, call: () => Promise<unknown>][] = [
    ['workflows[1]', () => mage.worker('w', { workflows: [task, early] })],
    ['tasks[1]', () => mage.swarm({ tasks: [task, early] })],
    ['tasks[1]', () => mage.swarm({ tasks: [task, [early, {}]] as never })],
    ['tasks[0]', () => mage.chain([early, task] as never)],
    ['successCallbacks[0]', () => mage.sign(task, undefined, { successCallbacks: [early] })],
    ['errorCallbacks[1]', () => mage.swarm({ errorCallbacks: [task, early] })],
    ['task', () => mage.sign(early)],
    ['wrap', async () => mage.wrap(early)],
    ['entries[0]', async () => (await mage.swarm()).addTasks([early])],
    ['task', async () => (await mage.swarm()).addTask(early)],
  ];
  test.each(calls)('%s', async (where, call) => {
    const error = await rejection(call());
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toMatch(
      new RegExp(
        `^${where.replace(/[[\]]/g, '\\$&')}: expected a .*, got undefined\\. Look for modules that import each other`,
      ),
    );
  });

  test('in the body of a root as well', async () => {
    inBody = () => mage.swarm({ tasks: [task, early] });
    await expect((await mage.sign(root)).run()).resolves.toMatch(/^tasks\[1\]: .* got undefined\. Look for modules/);
  });
});

test('data that are no JSON are refused in the body of a root by what they are', async () => {
  inBody = async () => {
    const error = await rejection(mage.swarm({ tasks: [[task, { n: 5n }]] as never }));
    throw error instanceof InvalidMessageError ? error : new Error('another error', { cause: error });
  };
  await expect((await mage.sign(root)).run()).resolves.toMatch(/n: expected a JSON value, got 5n/);
});
