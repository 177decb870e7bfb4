import * as mageflow from 'mageflow';
import { NotFoundError, type Signature, type Swarm } from 'mageflow';
import { Fixture } from '../../helpers/fixture';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';
import { TaskSet } from '../../helpers/task-set';

type AnySwarm = Swarm<any>;
type AnyTask = Signature<any, any>;

describe('loading by id', () => {
  const fixture = new Fixture();
  const taskSet = new TaskSet(fixture);
  const { mage } = fixture;
  const { work, callback, errorCallback } = taskSet;
  const elsewhere = fixture.another();

  beforeAll(async () => {
    await fixture.worker(taskSet.tasks);
  });
  afterAll(() => fixture.close());

  test('gives a swarm, with which everything can be done that its maker can do', async () => {
    const made = await mage.swarm({ tasks: [work], name: 'nightly', successCallbacks: [callback] });
    const swarm = await elsewhere.load<AnySwarm>(made.id);
    expect(swarm).toMatchObject({ id: made.id, kind: 'swarm', name: 'nightly' });
    const added = await swarm.addTask('work', { label: 'added' });
    await swarm.runNoWait({ label: 'common' });
    await swarm.closeSwarm();
    await progressOf(made, { succeeded: 2, status: 'succeeded' });
    expect(await added.status()).toBe('succeeded');
    await taskSet.settled(made);
    expect(taskSet.callbacks(made)).toHaveLength(1);
  });

  test('gives an item of a task by the id that adding gave', async () => {
    const swarm = await mage.swarm({ name: 'nightly' });
    const added = await swarm.addTask(work, { label: 'x' }, { name: 'row 8' });
    const item = await elsewhere.load<AnyTask>(added.id);
    expect(item).toMatchObject({ id: added.id, kind: 'task', name: 'row 8' });
    expect(await item.status()).toBe('pending');
    expect(await item.run({})).toEqual({ label: 'x', received: null });
    expect(await added.status()).toBe('succeeded');
    expect((await rejection(item.run({}))).name).toBe('AlreadyStartedError');
  });

  test('gives an item by the id of its signature, wherever it stands among many', async () => {
    const signed = await Promise.all(Array.from({ length: 1_100 }, (_, i) => mage.sign(work, { label: `${i}` })));
    const swarm = await mage.swarm({ tasks: [work, ...signed.slice(0, 1_050)] });
    await swarm.addTasks([work, ...signed.slice(1_050)]);
    for (const i of [0, 1, 998, 999, 1_000, 1_049, 1_050, 1_099]) {
      const item = await elsewhere.load<AnyTask>(signed[i]!.id);
      expect(item.id).toBe(signed[i]!.id);
      expect(await item.run({})).toMatchObject({ label: `${i}` });
      expect(await signed[i]!.status()).toBe('succeeded');
    }
  });

  test('gives the items that results name', async () => {
    const swarm = await mage.swarm({
      tasks: [work, await mage.sign(work, { fail: 'broken' }), await mage.sign(work, {}, { key: 'row' })],
      isSwarmClosed: true,
    });
    for (const { id, status } of await swarm.runSettled({}))
      expect(await (await elsewhere.load<AnyTask>(id)).status()).toBe(status);
  });

  test('gives a signature that was run by itself', async () => {
    const alone = await mage.sign(work, { label: 'alone' }, { name: 'row 9' });
    expect(await rejection(mage.load(alone.id))).toBeInstanceOf(NotFoundError);
    await alone.runNoWait({ waitFor: 'alone' });
    const loaded = await elsewhere.load<AnyTask>(alone.id);
    expect(loaded).toMatchObject({ id: alone.id, kind: 'task', name: 'row 9' });
    await statusOf(loaded, 'running');
    taskSet.openGate('alone');
    await statusOf(loaded, 'succeeded');
  });

  test('gives a callback as soon as it is attached, with the status of its latest invocation', async () => {
    const inner = await mage.sign(callback, { inner: true });
    const attached = await mage.sign(callback, {}, { successCallbacks: [inner], name: 'report 1' });
    const unused = await mage.sign(errorCallback);
    const swarm = await mage.swarm({
      tasks: [work],
      successCallbacks: [attached],
      errorCallbacks: [unused],
      isSwarmClosed: true,
    });
    const loaded = await Promise.all([attached, inner, unused].map(({ id }) => elsewhere.load<AnyTask>(id)));
    expect(loaded.map(({ id, name }) => [id, name])).toEqual([
      [attached.id, 'report 1'],
      [inner.id, 'callback'],
      [unused.id, 'error-callback'],
    ]);
    expect(await Promise.all(loaded.map((signature) => signature.status()))).toEqual(['pending', 'pending', 'pending']);
    await swarm.runNoWait({});
    await taskSet.settled(swarm);
    expect(await Promise.all(loaded.map((signature) => signature.status()))).toEqual([
      'succeeded',
      'succeeded',
      'pending',
    ]);
    expect(await attached.status()).toBe('succeeded');
    expect(await (await elsewhere.load<AnyTask>(inner.id)).status()).toBe('succeeded');
  });

  test('gives the callback of an item', async () => {
    const attached = await mage.sign(callback);
    const swarm = await mage.swarm({ tasks: [work] });
    const item = await swarm.addTask(work, {}, { successCallbacks: [attached] });
    const loaded = await elsewhere.load<AnyTask>(attached.id);
    expect(await loaded.status()).toBe('pending');
    await item.run({});
    await statusOf(loaded, 'succeeded');
  });

  test('gives one firing of a callback that was attached as a plain task', async () => {
    const swarm = await mage.swarm({ tasks: [work], successCallbacks: [callback], isSwarmClosed: true });
    await swarm.run({});
    await taskSet.settled(swarm);
    const [reported] = taskSet.callbacks(swarm);
    const firing = await elsewhere.load<AnyTask>(reported!.context!.signatureId);
    expect(firing.name).toBe('callback');
    expect(await firing.status()).toBe('succeeded');
    expect(await rejection(mage.load(`${swarm.id}~c9`))).toBeInstanceOf(NotFoundError);
  });

  test('gives what a body says of itself', async () => {
    const swarm = await mage.swarm({ tasks: [work], isSwarmClosed: true });
    await swarm.run({});
    const [ran] = taskSet.executions(swarm);
    expect(await (await mage.load<AnyTask>(ran!.context!.signatureId)).status()).toBe('succeeded');
    expect((await mage.load(ran!.context!.swarmId!)).id).toBe(swarm.id);
  });

  test('is there by the module too', async () => {
    const swarm = await mageflow.swarm({ name: 'by the module' });
    expect((await mageflow.load(swarm.id)).name).toBe('by the module');
  });

  test('throws NotFoundError for what nobody knows', async () => {
    const swarm = await mage.swarm({ tasks: [work] });
    const signed = await mage.sign(work);
    for (const id of [
      signed.id,
      'nothing',
      '',
      `${swarm.id}~1`,
      `${swarm.id}~99999`,
      `${swarm.id}x`,
      'AAAAAAAAAAAA.1',
      'AAAAAAAAAAAA.1~0',
      undefined as never,
      7 as never,
    ]) {
      const error = await rejection(elsewhere.load(id));
      expect(error).toBeInstanceOf(NotFoundError);
    }
  });

  test('does not find what another store holds', async () => {
    const swarm = await mage.swarm({ tasks: [work] });
    const other = new Fixture({}, fixture.hatchet);
    try {
      expect(await rejection(other.mage.load(swarm.id))).toBeInstanceOf(NotFoundError);
    } finally {
      await other.close();
    }
  });
});
