import { openRoots } from '../../helpers/roots';

const { mage, taskSet, roots, root, retriedWork, callback } = openRoots({ retries: 1 });

type Data = Record<string, unknown>;

/** Data of one value, whose keys the two attempts write in different orders. */
const data = (attempt: number, label: string): Data =>
  attempt === 0
    ? { label, user: 7, amount: 5, of: { street: 'a', no: [{ x: 1, y: 2 }] }, value: label }
    : { value: label, of: { no: [{ y: 2, x: 1 }], street: 'a' }, amount: 5, user: 7, label };

const turned = (attempt: number, label: string): Data => data(1 - attempt, label);

/** Runs a body that throws at its first attempt, and gives how often the body of its child ran, and how many children there are. */
async function again(label: string, publish: (data: Data, other: Data) => Promise<unknown>) {
  const signature = await roots.sign(root, async (_, ctx) => {
    const attempt = ctx.retryCount();
    await publish(data(attempt, label), turned(attempt, label));
    if (attempt === 0) throw new Error('the first attempt');
  });
  await signature.run();
  return { ran: taskSet.executions(label).length, children: (await (await signature.children()).progress()).total };
}

describe('the next attempt of a body finds what it made, when the keys of the data come in another order', () => {
  test.each<[string, (data: Data, other: Data) => Promise<unknown>]>([
    ['data bound by sign', async (given) => (await mage.sign(retriedWork, given)).runNoWait({})],
    ['the message of a signature', async (given) => (await mage.sign(retriedWork)).runNoWait(given)],
    ['the input of a declaration', (given) => retriedWork.run(given as never)],
    [
      'a task of a swarm',
      async (given) => (await mage.swarm({ tasks: [[retriedWork, given]], isSwarmClosed: true })).run(),
    ],
    [
      'a signature in a swarm',
      async (given) => (await mage.swarm({ tasks: [await mage.sign(retriedWork, given)], isSwarmClosed: true })).run(),
    ],
    ['a step of a chain', async (given) => (await mage.chain([await mage.sign(retriedWork, given)])).run({})],
    [
      'a task that is added to a swarm',
      async (given) => {
        const swarm = await mage.swarm();
        await swarm.addTasks([[retriedWork, given]], { run: true });
        await swarm.closeSwarm();
      },
    ],
    [
      'a chain that is added to a swarm',
      async (given, other) => {
        const swarm = await mage.swarm();
        const attached = await mage.sign(callback, { ...other, label: 'of a callback' });
        const chain = await mage.chain([await mage.sign(retriedWork, given)], { successCallbacks: [attached] });
        await (await swarm.addTask(chain)).runNoWait({});
        await swarm.closeSwarm();
      },
    ],
    [
      'data bound to a callback',
      async (given, other) => {
        const attached = await mage.sign(callback, { ...other, label: 'of a callback' });
        return (await mage.sign(retriedWork, given, { successCallbacks: [attached] })).runNoWait({});
      },
    ],
  ])('%s', async (what, publish) => {
    expect(await again(what, publish)).toEqual({ ran: 1, children: 1 });
  });

  test('but not when the elements of a list do', async () => {
    const signature = await roots.sign(root, async (_, ctx) => {
      const rows = ctx.retryCount() === 0 ? [1, 2] : [2, 1];
      await (await mage.sign(retriedWork, { label: 'lists', rows })).runNoWait({});
      if (ctx.retryCount() === 0) throw new Error('the first attempt');
    });
    await signature.run();
    expect(taskSet.executions('lists')).toHaveLength(2);
  });
});
