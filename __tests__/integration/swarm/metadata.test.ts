import { Fixture, eventually } from '../../helpers/fixture';
import { TaskSet } from '../../helpers/task-set';

interface Row {
  name: string | undefined;
  metadata: Record<string, string>;
}

describe('runs in the engine', () => {
  const fixture = new Fixture();
  const taskSet = new TaskSet(fixture);
  const { mage, hatchet } = fixture;
  const { work, callback, errorCallback } = taskSet;

  beforeAll(async () => {
    await fixture.worker(taskSet.tasks);
  });
  afterAll(() => fixture.close());

  const list = async (additionalMetadata: Record<string, string>): Promise<Row[]> => {
    const { rows } = await hatchet.runs.list({ additionalMetadata, limit: 500, onlyTasks: true });
    return (rows ?? []).map(({ additionalMetadata: metadata, workflowName }) => ({
      name: workflowName?.slice((hatchet.config.namespace ?? '').length),
      metadata: { ...(metadata as Record<string, string>) },
    }));
  };

  // REST lags behind: the number must be reached, and must still be the same once a run that was
  // published after everything else is in the list as well.
  const exactly = async (filter: Record<string, string>, count: number): Promise<Row[]> => {
    await eventually(`${count} runs`, async () => (await list(filter)).length >= count);
    const last = await mage.sign(work, {}, { additionalMetadata: { last: `${Math.random()}` } });
    const { runId } = await last.runNoWait({});
    const marker = { 'mageflow.signature': last.id };
    await runId;
    await eventually('the last run', async () => (await list(marker)).length === 1);
    const rows = await list(filter);
    expect(rows).toHaveLength(count);
    return rows;
  };

  test('of a swarm are one for each item and one for each callback, and nothing else', async () => {
    const swarm = await mage.swarm({
      tasks: Array.from({ length: 30 }, () => work),
      successCallbacks: [callback, 'callback'],
      errorCallbacks: [errorCallback],
      config: { maxConcurrency: 7 },
      isSwarmClosed: true,
    });
    await swarm.run({});
    await taskSet.settled(swarm);
    const rows = await exactly({ 'mageflow.swarm': swarm.id }, 32);
    expect(rows.filter(({ name }) => name === 'work')).toHaveLength(30);
    expect(rows.filter(({ name }) => name === 'callback')).toHaveLength(2);
  });

  test('of a stopped swarm are those of the items that started, and the error callback', async () => {
    const swarm = await mage.swarm({
      tasks: [work, await mage.sign(work, { fail: 'broken' }), work, work],
      successCallbacks: [callback],
      errorCallbacks: [errorCallback],
      config: { maxConcurrency: 1, stopAfterNFailures: 1 },
    });
    await swarm.runNoWait({});
    await taskSet.settled(swarm);
    const rows = await exactly({ 'mageflow.swarm': swarm.id }, 3);
    expect(rows.map(({ name }) => name).sort()).toEqual(['error-callback', 'work', 'work']);
  });

  test('are the only runs in the namespace: there are no helper runs', async () => {
    const own = new Fixture();
    const works = new TaskSet(own);
    await own.worker(works.tasks);
    try {
      const swarm = await own.mage.swarm({
        tasks: Array.from({ length: 12 }, () => works.work),
        successCallbacks: [works.callback],
        config: { maxConcurrency: 3 },
        isSwarmClosed: true,
      });
      await swarm.run({});
      await works.settled(swarm);
      const names = async () => {
        const { rows } = await own.hatchet.runs.list({ limit: 500, onlyTasks: true });
        return (rows ?? []).filter(({ workflowName }) => workflowName?.startsWith(own.hatchet.config.namespace ?? '?'));
      };
      await eventually('13 runs', async () => (await names()).length >= 13);
      const last = await (await own.mage.sign(works.errorCallback)).runNoWait({});
      await last.output;
      await eventually('the last run', async () =>
        (await names()).some(({ workflowName }) => workflowName?.endsWith('error-callback')),
      );
      expect(await names()).toHaveLength(14);
    } finally {
      await own.close();
    }
  });

  test('carry what to filter by: signature, swarm, its name, the place and the own name', async () => {
    const signed = await mage.sign(work, {}, { name: 'row 7', additionalMetadata: { customer: 'acme' } });
    const done = await mage.sign(callback, {}, { name: 'done' });
    const swarm = await mage.swarm({
      name: 'nightly batch',
      tasks: [work, signed],
      successCallbacks: [done],
      isSwarmClosed: true,
    });
    await swarm.run({});
    await taskSet.settled(swarm);
    const rows = await exactly({ 'mageflow.swarm': swarm.id }, 3);
    const unused = { 'mageflow.chain': '', 'mageflow.root': '' };
    const common = { 'mageflow.swarm': swarm.id, 'mageflow.swarm_name': 'nightly batch', ...unused };
    const metadata = rows.map((row) => row.metadata);
    expect(metadata).toContainEqual(
      expect.objectContaining({
        ...common,
        'mageflow.signature': `${swarm.id}~0`,
        'mageflow.index': '0',
        'mageflow.callback': '',
        'mageflow.name': 'work',
      }),
    );
    expect(metadata).toContainEqual(
      expect.objectContaining({
        ...common,
        'mageflow.signature': signed.id,
        'mageflow.index': '1',
        'mageflow.callback': '',
        'mageflow.name': 'row 7',
        customer: 'acme',
      }),
    );
    expect(metadata).toContainEqual(
      expect.objectContaining({
        ...common,
        'mageflow.signature': done.id,
        'mageflow.index': '',
        'mageflow.callback': 'success',
        'mageflow.name': 'done',
      }),
    );
  });

  test('are found by each of these, and by the user’s own', async () => {
    const customer = `acme ${Math.random()}`;
    const signed = await mage.sign(work, {}, { name: `row ${customer}`, additionalMetadata: { customer } });
    const swarm = await mage.swarm({ name: `batch ${customer}`, tasks: [work, signed], isSwarmClosed: true });
    await swarm.run({});
    await exactly({ 'mageflow.signature': signed.id }, 1);
    await exactly({ 'mageflow.name': `row ${customer}` }, 1);
    await exactly({ 'mageflow.swarm_name': `batch ${customer}` }, 2);
    await exactly({ customer }, 1);
  });

  test('say error on an error callback', async () => {
    const swarm = await mage.swarm({ errorCallbacks: [errorCallback], config: { stopAfterNFailures: 1 } });
    await (await swarm.addTask(work, { fail: 'broken' })).runNoWait({});
    await taskSet.settled(swarm);
    const rows = await exactly({ 'mageflow.swarm': swarm.id }, 2);
    expect(rows.map(({ name, metadata }) => [name, metadata['mageflow.callback']]).sort()).toEqual([
      ['error-callback', 'error'],
      ['work', ''],
    ]);
  });

  test('are named by the handle of an item', async () => {
    const swarm = await mage.swarm();
    const handle = await (await swarm.addTask(work)).runNoWait({ waitFor: 'run id' });
    const runId = await handle.runId;
    expect((await hatchet.runs.getDetails(runId)).done).toBe(false);
    taskSet.openGate('run id');
    await handle.output;
    await eventually('the engine has its end', async () => (await hatchet.runs.getDetails(runId)).done);
  });
});
