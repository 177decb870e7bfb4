import { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { Mageflow, type MageflowLogger, type TaskLike } from '../../src';
import { eventually, Fixture, Log, stopListening } from '../helpers/fixture';

const fixture = new Fixture();
const { mage } = fixture;
const work = mage.task({ name: 'work', fn: () => 1 });
const breaks = mage.task({
  name: 'breaks',
  fn: (): number => {
    throw new Error('the mail server is full', { cause: new Error('452') });
  },
});

beforeAll(() => fixture.worker([work, breaks]));
afterAll(() => fixture.close());

/** The lines of what ran. */
const linesOf = ({ id }: { id: string }) => fixture.log.lines.filter((line) => line.includes(id));

describe('a callback that fails is logged once, by the names of itself and of what it belongs to', () => {
  const of = (callback: TaskLike): { successCallbacks: TaskLike[] } => ({ successCallbacks: [callback] });
  const reason = 'the mail server is full (452)';

  test('of a swarm', async () => {
    const named = await mage.sign(breaks, undefined, { name: 'mail to ops' });
    const swarm = await mage.swarm({ tasks: [work], name: 'nightly import', isSwarmClosed: true, ...of(named) });
    await swarm.run();
    await eventually('it is logged', () => linesOf(swarm).length > 0);
    expect(linesOf(swarm)).toEqual([
      `error mageflow: the success callback "mail to ops" of the swarm "nightly import" (${swarm.id}) failed: ${reason}`,
    ]);
  });

  test('of an item, of a step and of a task', async () => {
    const swarm = await mage.swarm({ tasks: [work, [work, {}, of('breaks')]], name: 'batch', isSwarmClosed: true });
    await swarm.run();
    const chain = await mage.chain([work, await mage.sign(work, {}, of(breaks))], { name: 'etl' });
    await chain.run();
    const task = await mage.sign(work, undefined, of(breaks));
    await task.run();
    for (const [what, owner] of [
      [swarm, `item 1 ("work") of the swarm "batch" (${swarm.id})`],
      [chain, `step 2 ("work") of the chain "etl" (${chain.id})`],
      [task, `the task "work" (${task.id})`],
    ] as const) {
      await eventually('it is logged', () => linesOf(what).length > 0);
      expect(linesOf(what)).toEqual([`error mageflow: the success callback "breaks" of ${owner} failed: ${reason}`]);
    }
  });

  test('of a callback', async () => {
    const task = await mage.sign(
      work,
      undefined,
      of(await mage.sign(work, undefined, { name: 'note', ...of(breaks) })),
    );
    await task.run();
    await eventually('it is logged', () => linesOf(task).length > 0);
    expect(linesOf(task)[0]).toContain(
      `the success callback "breaks" of the success callback "note" of the task "work" (${task.id}) failed`,
    );
  });
});

test("with the client's own logger a line names its origin once", async () => {
  const made: { context: string; log: Log }[] = [];
  const logger = (context: string): MageflowLogger => {
    const log = new Log();
    made.push({ context, log });
    return log;
  };
  const hatchet = HatchetClient.init({
    namespace: fixture.hatchet.config.namespace ?? '',
    logger: logger as never,
  });
  const redis = fixture.redis.duplicate();
  const other = new Mageflow(hatchet, redis, { keyPrefix: fixture.keyPrefix });
  fixture.onClose(async () => {
    await other.close();
    redis.disconnect();
    stopListening(hatchet);
  });
  const stop = other.on('group', () => {
    throw new Error('no listener');
  });
  await (await other.swarm({ tasks: [work], isSwarmClosed: true })).runNoWait();
  const lines = () => made.filter(({ context }) => context === 'mageflow').flatMap(({ log }) => log.lines);
  await eventually('it is logged', () => lines().length > 0);
  stop();
  expect(lines()[0]).toBe("error a listener of 'group' threw: no listener");
});
