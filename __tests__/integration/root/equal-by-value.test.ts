import { openRoots } from '../../helpers/roots';

const { mage, notes, roots, root, work, note } = openRoots({ retries: 1 });

type Data = Record<string, unknown>;

/** Data of one value, whose keys the two attempts write in different orders. */
const data = (attempt: number, tag: string): Data =>
  attempt === 0
    ? { tag, user: 7, amount: 5, of: { street: 'a', no: [{ x: 1, y: 2 }] }, give: tag }
    : { give: tag, of: { no: [{ y: 2, x: 1 }], street: 'a' }, amount: 5, user: 7, tag };

const turned = (attempt: number, tag: string): Data => data(1 - attempt, tag);

/** Runs a body that throws at its first attempt, and gives how often the body of its child ran, and how many children there are. */
async function again(tag: string, publish: (data: Data, other: Data) => Promise<unknown>) {
  const signature = await roots.sign(root, async (_, ctx) => {
    const attempt = ctx.retryCount();
    await publish(data(attempt, tag), turned(attempt, tag));
    if (attempt === 0) throw new Error('the first attempt');
  });
  await signature.run();
  return { ran: notes.of(tag).length, children: (await (await signature.children()).progress()).total };
}

describe('the next attempt of a body finds what it made, when the keys of the data come in another order', () => {
  test.each<[string, (data: Data, other: Data) => Promise<unknown>]>([
    ['data bound by sign', async (given) => (await mage.sign(work, given)).runNoWait({})],
    ['the message of a signature', async (given) => (await mage.sign(work)).runNoWait(given)],
    ['the input of a declaration', (given) => work.run(given as never)],
    ['a task of a swarm', async (given) => (await mage.swarm({ tasks: [[work, given]], isSwarmClosed: true })).run()],
    [
      'a signature in a swarm',
      async (given) => (await mage.swarm({ tasks: [await mage.sign(work, given)], isSwarmClosed: true })).run(),
    ],
    ['a step of a chain', async (given) => (await mage.chain([await mage.sign(work, given)])).run({})],
    [
      'a task that is added to a swarm',
      async (given) => {
        const swarm = await mage.swarm();
        await swarm.addTasks([[work, given]], { run: true });
        await swarm.closeSwarm();
      },
    ],
    [
      'a chain that is added to a swarm',
      async (given, other) => {
        const swarm = await mage.swarm();
        const callback = await mage.sign(note, { ...other, tag: 'of a callback' });
        const chain = await mage.chain([await mage.sign(work, given)], { successCallbacks: [callback] });
        await (await swarm.addTask(chain)).runNoWait({});
        await swarm.closeSwarm();
      },
    ],
    [
      'data bound to a callback',
      async (given, other) => {
        const callback = await mage.sign(note, { ...other, tag: 'of a callback' });
        return (await mage.sign(work, given, { successCallbacks: [callback] })).runNoWait({});
      },
    ],
  ])('%s', async (what, publish) => {
    expect(await again(what, publish)).toEqual({ ran: 1, children: 1 });
  });

  test('and tells what differs in the order of a list', async () => {
    const signature = await roots.sign(root, async (_, ctx) => {
      const rows = ctx.retryCount() === 0 ? [1, 2] : [2, 1];
      await (await mage.sign(work, { tag: 'lists', rows })).runNoWait({});
      if (ctx.retryCount() === 0) throw new Error('the first attempt');
    });
    await signature.run();
    expect(notes.of('lists')).toHaveLength(2);
  });
});
