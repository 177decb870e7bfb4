import { AlreadyStartedError, SwarmFinishedError } from '../../../src';
import { Fixture } from '../../helpers/fixture';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';
import { TaskSet } from '../../helpers/task-set';

describe('the life of a swarm', () => {
  const fixture = new Fixture();
  const taskSet = new TaskSet(fixture);
  const { mage } = fixture;
  const { work, callback } = taskSet;
  const works = (...labels: string[]) => Promise.all(labels.map((label) => mage.sign(work, { label })));

  beforeAll(async () => {
    await fixture.worker(taskSet.tasks);
  });
  afterAll(() => fixture.close());

  describe('starting', () => {
    test('is done by its own run', async () => {
      const swarm = await mage.swarm({ tasks: [work] });
      await swarm.runNoWait({});
      expect(await swarm.status()).toBe('running');
    });

    test('is done by the first run of one of its items, of which then only that one runs', async () => {
      const [a, b, c] = await works('a', 'b', 'c');
      const swarm = await mage.swarm({ tasks: [a!, b!, c!] });
      expect(await b!.run({})).toEqual({ label: 'b', received: null });
      expect(await swarm.progress()).toMatchObject({ status: 'running', waiting: 2, succeeded: 1 });
      expect(taskSet.labels(swarm)).toEqual(['b']);
    });

    test('gives its message to all that have not started, also to those that were run before', async () => {
      const [a, b, c] = await works('a', 'b', 'c');
      const swarm = await mage.swarm({ tasks: [a!, b!, c!], config: { maxConcurrency: 1 } });
      await a!.runNoWait({ own: 'a', waitFor: 'late-message' });
      await b!.runNoWait({ own: 'b' });
      await taskSet.started(swarm, 1);
      const handle = await swarm.runNoWait({ common: 'swarm', own: 'swarm' });
      await swarm.closeSwarm();
      taskSet.openGate('late-message');
      await handle.output;
      expect(taskSet.executions(swarm).map(({ input }) => input)).toEqual([
        { label: 'a', own: 'a', waitFor: 'late-message' },
        { label: 'b', own: 'b', common: 'swarm' },
        { label: 'c', own: 'swarm', common: 'swarm' },
      ]);
    });

    test('starts items in the order in which they became ready', async () => {
      const [first, ...others] = await works('first', '1', '2', '3', '4', '5');
      const swarm = await mage.swarm({ tasks: [first!, ...others], config: { maxConcurrency: 1 } });
      await first!.runNoWait({ waitFor: 'order' });
      for (const early of [others[3]!, others[1]!]) await early.runNoWait({});
      const handle = await swarm.runNoWait({});
      const [late, later] = [
        await swarm.addTask(work, { label: 'late' }),
        await swarm.addTask(work, { label: 'later' }),
      ];
      await later.runNoWait({});
      await late.runNoWait({});
      await swarm.addTasks([[work, { label: 'at once' }]], { run: true });
      await swarm.closeSwarm();
      taskSet.openGate('order');
      await handle.output;
      expect(taskSet.labels(swarm)).toEqual(['first', '4', '2', '1', '3', '5', 'later', 'late', 'at once']);
    });

    test('happens once, whoever tries again, and however many try together', async () => {
      const swarm = await mage.swarm({ tasks: [work, work], isSwarmClosed: true });
      const tries = await Promise.allSettled(Array.from({ length: 5 }, () => swarm.runNoWait({})));
      const refused = tries.filter((outcome) => outcome.status === 'rejected');
      expect(refused).toHaveLength(4);
      for (const { reason } of refused) expect(reason).toBeInstanceOf(AlreadyStartedError);
      await progressOf(swarm, { status: 'succeeded' });
      expect(await rejection(swarm.run({}))).toBeInstanceOf(AlreadyStartedError);
      expect(taskSet.executions(swarm)).toHaveLength(2);
    });

    test('happens once for each item: neither twice by its own run, nor after that of the swarm', async () => {
      const [own, swept] = await works('own', 'swept');
      const swarm = await mage.swarm({ tasks: [own!, swept!], config: { maxConcurrency: 1 } });
      await own!.runNoWait({ waitFor: 'once' });
      expect(await rejection(own!.runNoWait({}))).toBeInstanceOf(AlreadyStartedError);
      await swarm.runNoWait({});
      expect(await rejection(swept!.runNoWait({}))).toBeInstanceOf(AlreadyStartedError);
      taskSet.openGate('once');
      await progressOf(swarm, { succeeded: 2 });
      expect(await rejection(own!.run({}))).toBeInstanceOf(AlreadyStartedError);
      expect(taskSet.labels(swarm)).toEqual(['own', 'swept']);
    });

    test('is over when the swarm has ended through its items', async () => {
      const [a] = await works('a');
      const swarm = await mage.swarm({ tasks: [a!], isSwarmClosed: true });
      await a!.run({});
      await statusOf(swarm, 'succeeded');
      expect(await rejection(swarm.run({}))).toBeInstanceOf(SwarmFinishedError);
    });
  });

  describe('closing', () => {
    test('makes the rest ready when an item was run before', async () => {
      const [a, b, c] = await works('a', 'b', 'c');
      const swarm = await mage.swarm({ tasks: [a!, b!, c!], successCallbacks: [callback] });
      await b!.run({});
      await swarm.closeSwarm();
      await taskSet.settled(swarm);
      expect(await swarm.status()).toBe('succeeded');
      expect(taskSet.labels(swarm).sort()).toEqual(['a', 'b', 'c']);
      expect(taskSet.callbacks(swarm)[0]?.input).toEqual({
        returnValue: ['a', 'b', 'c'].map((label) => ({ label, received: null })),
      });
    });

    test('makes what was added to a running swarm ready, with the message of the swarm', async () => {
      const swarm = await mage.swarm({ tasks: [work] });
      await swarm.runNoWait({ label: 'common' });
      const added = await swarm.addTask(work);
      expect(await added.status()).toBe('pending');
      await swarm.closeSwarm();
      await progressOf(swarm, { status: 'succeeded', succeeded: 2 });
      expect(taskSet.labels(swarm)).toEqual(['common', 'common']);
    });

    test('only closes what nobody has started', async () => {
      const swarm = await mage.swarm({ tasks: [work, work], successCallbacks: [callback] });
      await swarm.closeSwarm();
      expect(await swarm.progress()).toMatchObject({ closed: true, status: 'pending', waiting: 2, queued: 0 });
      expect(await swarm.run({ label: 'x' })).toHaveLength(2);
    });

    test('changes nothing the second time', async () => {
      const swarm = await mage.swarm({ tasks: [work, work], successCallbacks: [callback] });
      await swarm.runNoWait({ waitFor: 'second close' });
      await taskSet.started(swarm, 2);
      await Promise.all([swarm.closeSwarm(), swarm.closeSwarm()]);
      const before = await swarm.progress();
      await swarm.closeSwarm();
      expect(await swarm.progress()).toEqual(before);
      taskSet.openGate('second close');
      await taskSet.settled(swarm);
      await swarm.closeSwarm();
      expect(taskSet.callbacks(swarm)).toHaveLength(1);
      expect(taskSet.executions(swarm)).toHaveLength(2);
    });

    test('lets items of a closed swarm that nobody started be run by themselves', async () => {
      const [a, b] = await works('a', 'b');
      const swarm = await mage.swarm({ tasks: [a!, b!], isSwarmClosed: true });
      await a!.run({});
      expect(await swarm.progress()).toMatchObject({ waiting: 1, status: 'running' });
      await swarm.runNoWait({});
      await progressOf(swarm, { status: 'succeeded', succeeded: 2 });
    });
  });

  describe('without any task', () => {
    test('succeeds at its start when it is closed, with an empty list', async () => {
      const swarm = await mage.swarm({ successCallbacks: [callback], isSwarmClosed: true });
      expect(await swarm.status()).toBe('pending');
      expect(await swarm.run({ a: 1 })).toEqual([]);
      await taskSet.settled(swarm);
      expect(taskSet.callbacks(swarm).map(({ input }) => input)).toEqual([{ returnValue: [] }]);
    });

    test('succeeds at its closing when it was started before', async () => {
      const swarm = await mage.swarm({ tasks: [], successCallbacks: [callback] });
      const handle = await swarm.runNoWait({});
      expect(await swarm.status()).toBe('running');
      await swarm.closeSwarm();
      expect(await handle.output).toEqual([]);
      await taskSet.settled(swarm);
      expect(taskSet.callbacks(swarm).map(({ input }) => input)).toEqual([{ returnValue: [] }]);
    });

    test('stays pending when it is closed and not started', async () => {
      const swarm = await mage.swarm({ successCallbacks: [callback] });
      await swarm.closeSwarm();
      expect(await swarm.status()).toBe('pending');
      expect(await swarm.run()).toEqual([]);
    });
  });
});
