import { ConfigurationError, InvalidMessageError, type Swarm } from '../../src';
import { Fixture } from '../helpers/fixture';
import { expectRefusal } from '../helpers/refusals';

type Options = Parameters<Fixture['mage']['swarm']>[0];

// Nothing here needs a worker: what is refused must not get as far as the engine.
const fixture = new Fixture();
const { mage } = fixture;
const task = mage.task({ name: 'item', fn: () => ({ ok: true }) });
const swarmWith = (options: object) => () => mage.swarm(options as Options);

afterAll(() => fixture.close());

describe('a swarm config is refused, and nothing is written', () => {
  test.each([
    [0, '0'],
    [-1, '-1'],
    [1.5, '1.5'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [1_000_001, '1000001'],
    ['5', '"5"'],
    [5n, '5n'],
    [true, 'true'],
    [{}, 'an object'],
  ])('maxConcurrency %p', async (maxConcurrency, came) => {
    await expectRefusal(
      fixture,
      swarmWith({ tasks: [task], config: { maxConcurrency } }),
      ConfigurationError,
      'maxConcurrency: expected a whole number from 1 to 1000000',
      `got ${came}`,
    );
  });

  test.each([
    [0, '0'],
    [-3, '-3'],
    [0.5, '0.5'],
    [NaN, 'NaN'],
    ['all', '"all"'],
  ])('stopAfterNFailures %p', async (stopAfterNFailures, came) => {
    await expectRefusal(
      fixture,
      swarmWith({ tasks: [task], config: { stopAfterNFailures } }),
      ConfigurationError,
      'stopAfterNFailures: expected a whole number of at least 1',
      `got ${came}`,
    );
  });

  test('a field that does not exist, with those that do', async () => {
    await expectRefusal(
      fixture,
      swarmWith({ config: { maxConcurency: 3 } }),
      ConfigurationError,
      'maxConcurency: unknown field of a swarm config',
      'maxConcurrency, stopAfterNFailures',
    );
  });

  test.each([[[]], [7], ['fast']])('%p instead of an object', async (config) => {
    await expectRefusal(fixture, swarmWith({ config }), ConfigurationError, 'a swarm config: expected an object');
  });

  test('keepResults that is no boolean', async () => {
    await expectRefusal(fixture, swarmWith({ config: { keepResults: 1 } }), ConfigurationError, 'keepResults', 'got 1');
  });

  test('an unknown option of the swarm itself, and isSwarmClosed that is no boolean', async () => {
    await expectRefusal(fixture, swarmWith({ task: [task] }), ConfigurationError, 'task: unknown option of swarm');
    await expectRefusal(fixture, swarmWith({ isSwarmClosed: 'yes' }), ConfigurationError, 'isSwarmClosed', '"yes"');
    await expectRefusal(fixture, swarmWith({ name: '' }), ConfigurationError, 'name: expected a string', 'got ""');
    await expectRefusal(fixture, swarmWith({ key: 4 }), ConfigurationError, 'key: expected a string', 'got 4');
  });
});

test('undefined and null in a swarm config mean the default', async () => {
  const batch = await mage.swarm({
    config: { maxConcurrency: null, stopAfterNFailures: null, keepResults: null },
  });
  await expect(batch.progress()).resolves.toMatchObject({ status: 'pending', total: 0 });
  await expect(mage.swarm({ config: {} })).resolves.toBeDefined();
});

describe('tasks are refused, and nothing is written', () => {
  test.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [7, '7'],
    [{}, 'an object'],
    [[], 'undefined'],
    [() => 1, 'a function'],
    [Symbol.iterator, 'Symbol(Symbol.iterator)'],
  ])('%p among good ones', async (bad, came) => {
    await expectRefusal(
      fixture,
      swarmWith({ tasks: [task, bad, task] }),
      ConfigurationError,
      "tasks[1]: expected a task, a task's name or a signature",
      `got ${came}`,
    );
  });

  test('a hole in the list', async () => {
    const tasks = [task, task];
    delete tasks[1];
    await expectRefusal(fixture, swarmWith({ tasks }), ConfigurationError, 'tasks[1]', 'got undefined');
  });

  test.each([['x'], [5], [{ 0: task }]])('%p instead of a list', async (tasks) => {
    await expectRefusal(fixture, swarmWith({ tasks }), ConfigurationError, 'tasks: expected a list of tasks');
  });

  test('the id of a signature instead of the signature, whatever made it', async () => {
    const plain = await mage.sign(task);
    const keyed = await mage.sign(task, {}, { key: 'one' });
    const swarm = await mage.swarm({ key: 'for its items' });
    const item = await swarm.addTask(task);
    for (const { id } of [plain, keyed, item]) {
      await expectRefusal(
        fixture,
        swarmWith({ tasks: [task, id] }),
        ConfigurationError,
        id,
        'is the id of a signature',
      );
    }
  });

  test('a signature of another store, naming it', async () => {
    const other = new Fixture({}, fixture.hatchet);
    try {
      const foreign = await other.mage.sign(task, {}, { name: 'foreign' });
      await expectRefusal(fixture, swarmWith({ tasks: [foreign] }), ConfigurationError, 'tasks[0]', 'another Mageflow');
      await expectRefusal(
        fixture,
        swarmWith({ tasks: [task], successCallbacks: [foreign] }),
        ConfigurationError,
        'successCallbacks[0]',
        'foreign',
      );
      expect(await other.writtenKeys()).toEqual([]);
    } finally {
      await other.close();
    }
  });

  test.each([
    ['empty', ''],
    ['blank', '  '],
    ['with a NUL in it', 'a\0b'],
  ])('a name that is %s', async (_, name) => {
    await expectRefusal(fixture, swarmWith({ tasks: [name] }), ConfigurationError, "expected a task's name");
    await expectRefusal(fixture, () => mage.sign(name), ConfigurationError, "expected a task's name");
  });

  test.each([[5], [null], [{}], [['item']], [true]])('%p as a task to sign', async (name) => {
    await expectRefusal(fixture, () => mage.sign(name as never), ConfigurationError, "a task's name");
  });

  test('what a signature has bound already can not be bound again by its entry', async () => {
    const signature = await mage.sign(task);
    await expectRefusal(fixture, swarmWith({ tasks: [[signature, { a: 1 }]] }), ConfigurationError, 'tasks[0]');
  });

  test('a good signature of a refused swarm can be used afterwards', async () => {
    const signature = await mage.sign(task);
    await expectRefusal(fixture, swarmWith({ tasks: [signature, 7] }), ConfigurationError, 'tasks[1]');
    await expect(mage.swarm({ tasks: [signature] })).resolves.toBeDefined();
  });

  test('one signature twice in one swarm, or in a second one, naming both', async () => {
    const signature = await mage.sign(task);
    await expectRefusal(fixture, swarmWith({ tasks: [signature, signature], name: 'a' }), ConfigurationError, 'twice');
    await mage.swarm({ tasks: [signature], name: 'first batch' });
    await expectRefusal(
      fixture,
      swarmWith({ tasks: [signature], name: 'second batch' }),
      ConfigurationError,
      '"first batch"',
      '"second batch"',
    );
  });
});

describe('callback lists are refused, and nothing is written', () => {
  test.each([
    [[undefined], 'got undefined'],
    [[task, 5], 'got 5'],
    [[{}], 'got an object'],
    [[() => 1], 'got a function'],
    [[['item', {}]], 'got an array'],
    [[''], 'got ""'],
    ['item', 'expected a list of tasks, got "item"'],
    [{ 0: 'item' }, 'expected a list of tasks, got an object'],
    ['', 'expected a list of tasks, got ""'],
    [false, 'expected a list of tasks, got false'],
  ])('%p', async (list, came) => {
    for (const field of ['successCallbacks', 'errorCallbacks']) {
      await expectRefusal(fixture, swarmWith({ tasks: [task], [field]: list }), ConfigurationError, field, came);
      await expectRefusal(fixture, () => mage.sign(task, {}, { [field]: list }), ConfigurationError, field, came);
    }
  });

  test('an entry of addTasks names its place', async () => {
    const batch = await mage.swarm();
    const entries = [task, [task, {}, { errorCallbacks: [8] }]] as never;
    await expectRefusal(fixture, () => batch.addTasks(entries), ConfigurationError, 'errorCallbacks[0]', 'got 8');
    await expect(batch.progress()).resolves.toMatchObject({ total: 0 });
  });
});

describe('options of a run are refused, and nothing is written', () => {
  let batch: Swarm<unknown>;
  beforeAll(async () => {
    batch = await mage.swarm({ tasks: [task] });
  });

  test.each([
    [{ additionalMetadata: { 'mageflow.swarm': 'x' } }, 'mageflow.swarm'],
    [{ additionalMetadata: { team: 5 } }, 'got 5'],
    [{ additionalMetadata: ['x'] }, 'got an array'],
    [{ additionalMetadata: { team: 'a\0b' } }, 'team'],
    [{ priority: 9 }, 'got 9'],
    [{ sticky: 'soft' }, 'sticky'],
    [{ desiredWorkerLabels: 'gpu' }, 'desiredWorkerLabels'],
    [{ retries: 2 }, 'retries'],
  ])('%p', async (options, text) => {
    const signature = await mage.sign(task);
    await expectRefusal(fixture, () => signature.runNoWait({}, options as never), ConfigurationError, text);
    await expectRefusal(fixture, () => batch.runNoWait({}, options as never), ConfigurationError, text);
    await expectRefusal(fixture, () => mage.sign(task, {}, options as never), ConfigurationError, text);
    await expectRefusal(fixture, swarmWith(options), ConfigurationError, text);
    await expect(batch.status()).resolves.toBe('pending');
  });
});

test('a message that is refused does not use its signature up', async () => {
  const signature = await mage.sign('item');
  await expectRefusal(fixture, () => signature.runNoWait({ bad: NaN }), InvalidMessageError, '.bad');
  await expect(signature.status()).resolves.toBe('pending');
  await expect(signature.runNoWait({ good: 1 })).resolves.toMatchObject({ id: signature.id });
});
