import { InstantEngine } from '../../bench/helpers/instant-engine';
import { ConfigurationError, withoutRootSwarm, type Swarm } from '../../src';
import { Fixture } from '../helpers/fixture';
import { expectRefusal, thrownBy } from '../helpers/refusals';

// Every option is checked before anything starts: the engine here would run what it is given at once.
const engine = new InstantEngine('options');
const fixture = new Fixture({}, engine.hatchet);
const { mage } = fixture;
let ran = 0;
const task = mage.task({ name: 'item', fn: () => ++ran });
engine.serve(task);
afterAll(() => fixture.close());
let before: number[];
beforeEach(() => void (before = [ran, engine.calls]));
afterEach(() => expect([ran, engine.calls]).toEqual(before));

type Call = (options: never) => Promise<unknown>;

/** Each way to run something, on something new. */
const runs: [string, () => Promise<Call>][] = [
  ['run of a task', async () => run(await mage.sign(task))],
  ['runNoWait of a task', async () => runNoWait(await mage.sign(task))],
  ['run of a chain', async () => run(await mage.chain([task, task]))],
  ['run of a swarm', async () => run(await mage.swarm({ tasks: [task] }))],
  ['runNoWait of a swarm', async () => runNoWait(await mage.swarm({ tasks: [task] }))],
  ['runSettled of a swarm', async () => runSettled(await mage.swarm({ tasks: [task] }))],
  ['run of an item', async () => run(await (await mage.swarm()).addTask(task))],
];
const run = (what: { run(message: never, options: never): Promise<unknown> }) => (options: never) =>
  what.run({} as never, options);
const runNoWait = (what: { runNoWait(message: never, options: never): Promise<unknown> }) => (options: never) =>
  what.runNoWait({} as never, options);
const runSettled = (what: Swarm<unknown>) => (options: never) => what.runSettled({}, options);

describe.each(runs)('%s', (_, make) => {
  test.each<[object | null | string, string]>([
    [{ timeoutMs: NaN }, 'timeoutMs: expected a whole number of at least 1, got NaN'],
    [{ timeoutMs: '5s' }, 'timeoutMs: expected a whole number of at least 1, got "5s"'],
    [{ timeoutMs: null }, 'timeoutMs: expected a whole number of at least 1, got null'],
    [{ timeoutMs: -1 }, 'timeoutMs: expected a whole number of at least 1, got -1'],
    [{ timeoutMs: Infinity }, 'timeoutMs: expected a whole number of at least 1, got Infinity'],
    [{ signal: {} }, 'signal: expected an AbortSignal, got an object'],
    [{ signal: null }, 'signal: expected an AbortSignal, got null'],
    [{ signal: new AbortController() }, 'signal: expected an AbortSignal, got an instance of AbortController'],
    [{ timeout: 5 }, 'timeout: unknown option of run. Known: '],
    [null, 'run: expected an object with options, got null'],
    ['fast', 'run: expected an object with options, got "fast"'],
  ])('refuses %p, and nothing starts', async (options, text) => {
    const call = await make();
    await expectRefusal(fixture, () => call(options as never), ConfigurationError, text);
  });

  test('rejects with the reason of a signal that is aborted already, and nothing starts', async () => {
    const reason = new Error('too late');
    const call = await make();
    const keys = await fixture.writtenKeys();
    expect(await thrownBy(() => call({ signal: AbortSignal.abort(reason) } as never))).toBe(reason);
    expect(await fixture.writtenKeys()).toEqual(keys);
  });
});

describe('options of other calls are refused, naming the field, what was expected and what came', () => {
  const swarm = () => mage.swarm();
  test.each<[string, () => Promise<unknown>, string]>([
    ['sign', () => mage.sign(task, {}, { sucessCallbacks: [] } as never), 'sucessCallbacks: unknown option of sign'],
    ['sign', () => mage.sign(task, {}, 'urgent' as never), 'sign: expected an object with options, got "urgent"'],
    ['chain', () => mage.chain([task], { steps: 1 } as never), 'steps: unknown option of chain'],
    ['chain', () => mage.chain([task], null as never), 'chain: expected an object with options, got null'],
    ['swarm', () => mage.swarm(null as never), 'swarm: expected an object with options, got null'],
    ['swarm', () => mage.swarm({ isSwarmClosed: 1 } as never), 'isSwarmClosed: expected true or false, got 1'],
    ['list', () => mage.list({ limit: '5' } as never), 'limit: expected a whole number from 1 to 1000, got "5"'],
    ['list', () => mage.list({ tags: 'x' } as never), 'tags: unknown option of list'],
    ['describe', () => mage.describe('x', { depth: NaN }), 'depth: expected a whole number from 0 to 20, got NaN'],
    ['describe', () => mage.describe('x', 3 as never), 'describe: expected an object with options, got 3'],
    [
      'addTasks',
      async () => (await swarm()).addTasks([], { run: 'yes' } as never),
      'run of addTasks: expected true or',
    ],
    [
      'addTasks',
      async () => (await swarm()).addTasks([], { ready: true } as never),
      'ready: unknown option of addTasks',
    ],
    ['update', async () => (await swarm()).update({ timeoutMs: 'day' } as never), 'timeoutMs: expected a whole number'],
    ['worker', () => mage.worker('', {}), 'name of a worker: expected a string that is not empty, got ""'],
    ['worker', () => mage.worker('w', null as never), 'worker: expected an object with options, got null'],
    ['worker', () => mage.worker('w', { slot: 5 } as never), 'slot: unknown option of worker'],
    ['worker', () => mage.worker('w', { slots: '5' } as never), 'slots: expected a whole number'],
    ['worker', () => mage.worker('w', { workflows: task } as never), 'workflows: expected a list of tasks'],
    ['worker', () => mage.worker('w', { workflows: [task, 'item'] } as never), 'workflows[1]: expected a task or'],
    ['worker', () => mage.worker('w', { handleKill: 'no' } as never), 'handleKill: expected true or false, got "no"'],
    ['worker', () => mage.worker('w', { labels: ['gpu'] } as never), 'labels: expected an object of labels'],
  ])('%s', async (_, call, text) => {
    const error = await thrownBy(call);
    expect({ [error.constructor.name]: error.message }).toEqual({ ConfigurationError: expect.stringContaining(text) });
  });

  test.each<[string, () => unknown, string]>([
    ['task', () => mage.task(undefined as never), 'task: expected an object with options, got undefined'],
    [
      'task',
      () => mage.task({ fn: () => 1 } as never),
      'name of task: expected a string that is not empty, got undefined',
    ],
    ['task', () => mage.task({ name: 't' } as never), 'fn of task t: expected a function, got undefined'],
    [
      'durableTask',
      () => mage.durableTask({ name: '', fn: () => 1 } as never),
      'name of durableTask: expected a string',
    ],
    ['workflow', () => mage.workflow({ name: 5 } as never), 'name of workflow: expected a string'],
    [
      'rootTask',
      () => mage.rootTask({ name: 'r', fn: () => 1, errorCallbacks: 'x' } as never),
      'errorCallbacks: expected a list of tasks, got "x"',
    ],
    [
      'rootTask',
      () => mage.rootTask({ name: 'r', fn: () => 1, successCallbacks: [task, 5] } as never),
      "successCallbacks[1]: expected a task, a task's name or a signature, got 5",
    ],
    [
      'rootTask',
      () => mage.rootTask({ name: 'r', fn: () => 1, maxConcurency: 2 } as never),
      'maxConcurency: unknown option of rootTask. Known: name, ',
    ],
    [
      'rootTask',
      () => mage.rootTask({ name: 'r', fn: () => 1, evictionPolicy: {} } as never),
      'evictionPolicy: unknown option of rootTask. Known: name, ',
    ],
    [
      'durableRootTask',
      () => mage.durableRootTask({ name: 'r', fn: () => 1, maxConcurency: 2 } as never),
      'maxConcurency: unknown option of durableRootTask. Known: name, ',
    ],
    [
      'durableRootTask',
      () => mage.durableRootTask({ name: 'r', fn: () => 1, evictionPolicy: { ttl: 'soon' } } as never),
      'evictionPolicy.ttl of r: expected a time above zero',
    ],
    ['wrap', () => mage.wrap(task, { root: 0 } as never), 'a swarm config: expected an object with fields, got 0'],
    ['wrap', () => mage.wrap(task, { roots: {} } as never), 'roots: unknown option of wrap'],
    ['withoutRootSwarm', () => withoutRootSwarm('x' as never), 'withoutRootSwarm: expected a function, got "x"'],
  ])('%s', async (_, call, text) => {
    const error = await thrownBy(call);
    expect({ [error.constructor.name]: error.message }).toEqual({ ConfigurationError: expect.stringContaining(text) });
  });
});

test('a time limit of months is taken: the call waits as long', async () => {
  const swarm = await mage.swarm();
  const stop = new AbortController();
  const waiting = thrownBy(() => swarm.run({}, { timeoutMs: Number.MAX_SAFE_INTEGER, signal: stop.signal }));
  stop.abort(new Error('long enough'));
  expect(await waiting).toMatchObject({ message: 'long enough' });
});
