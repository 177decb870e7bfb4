// The contract with the undocumented members of the SDK that src/hatchet/internals.ts uses. A test that fails after an
// update of the SDK names the function to repair. Clients here have no engine: nothing listens at their address.
import { Context, DurableContext, HatchetClient, type Worker } from '@hatchet-dev/typescript-sdk';
import { ActionListener } from '@hatchet-dev/typescript-sdk/clients/dispatcher/action-listener';
import { parentRunContextManager } from '@hatchet-dev/typescript-sdk/v1/parent-run-context-vars';
import { TaskRunTerminatedError } from '@hatchet-dev/typescript-sdk/util/errors/task-run-terminated-error';
import { InstantEngine } from '../../bench/helpers/instant-engine';
import {
  adminWithoutRetries,
  clientOf,
  declared,
  hasBeforeMiddleware,
  invocationOf,
  isEvicted,
  isEviction,
  isSingleTask,
  lateRunRef,
  onTaskAdded,
  payloadOf,
  replaceDurableSpawner,
  replaceRunMethods,
  replaceSpawner,
  runEndStream,
  setInput,
  spawnOptions,
  standaloneName,
  stopHeartbeat,
  type RunMethods,
  type Spawner,
  type SpawnOptions,
} from '../../src/hatchet/internals';
import { quietLogger } from '../helpers/quiet';

const engine = new InstantEngine('contract');
const { hatchet } = engine;

type Members = Record<string, any>;
const fn = () => ({});

/** A context as a worker makes it, with a runtime that reaches no engine. */
function contextWith(runtime: Members = {}, Class: typeof Context = Context, options = {}): Context<unknown> {
  const logger = () => ({ debug: fn, info: fn, warn: fn, error: fn });
  const action = {
    getGroupKeyRunId: '',
    actionPayload: JSON.stringify({ input: { sent: 1 } }),
    workflowRunId: 'run',
    taskRunExternalId: 'task-run',
    retryCount: 0,
    durableTaskInvocationCount: 3,
  };
  const complete = {
    ...{ logger, cancelRun: fn, putLog: fn, workerId: () => 'worker', client: hatchet },
    ...{ runWorkflow: fn, runWorkflows: fn, ...runtime },
  };
  return new (Class as unknown as new (...args: unknown[]) => Context<unknown>)(action, complete, {}, options);
}

test('adminWithoutRetries: runWorkflows calls the engine once where the client of the user would retry', async () => {
  const client = HatchetClient.init({
    ...{ token: hatchet.config.token, tls_config: { tls_strategy: 'none' }, logger: quietLogger as never },
    host_port: '127.0.0.1:1',
  });
  let calls = 0;
  const bulkTriggerWorkflow = () => {
    calls += 1;
    return Promise.reject(new Error('refused'));
  };
  (client.admin as Members).workflowsGrpc = new Proxy({}, { get: () => bulkTriggerWorkflow });
  await expect(adminWithoutRetries(client).runWorkflows([{ workflowName: 'a', input: {} }])).rejects.toThrow('refused');
  expect(calls).toBe(1);
  expect(client.admin.config.retrier?.maxAttempts).not.toBe(1);
});

test('runEndStream: runRef takes the listener of the runs client, which opens a pooled listener when it has none', () => {
  const shared = (hatchet as Members)._listener as Members;
  expect((hatchet.runs as Members).listener).toBe(shared);
  const opened: string[] = [];
  const { get } = shared;
  shared.get = function (this: Members, runId: string) {
    opened.push(runId);
    expect(this.pooledListener).toBeUndefined();
    return { stream: async function* () {} };
  };
  void runEndStream(hatchet).of('run-1');
  return Promise.resolve().then(() => {
    shared.get = get;
    expect(opened).toEqual(['run-1']);
  });
});

test('runEndStream: a closed stream does not subscribe again', async () => {
  const shared = (hatchet as Members)._listener as Members;
  const { client } = shared;
  let subscriptions = 0;
  shared.client = {
    subscribeToWorkflowRuns: (_: unknown, { signal }: { signal: AbortSignal }) => {
      subscriptions += 1;
      return {
        [Symbol.asyncIterator]: () => ({
          next: () =>
            new Promise((_resolve, reject) => {
              signal.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')), { once: true });
            }),
        }),
      };
    },
  };
  const stream = runEndStream(hatchet);
  void stream.of('run-1').catch(fn);
  await new Promise((resolve) => setImmediate(resolve));
  expect(subscriptions).toBe(1);
  expect(shared.pooledListener).toBeUndefined();
  stream.close();
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(subscriptions).toBe(1);
  shared.client = client;
});

test('lateRunRef: a reference reads its id from workflowRunId, and its output by result', async () => {
  let asked = 0;
  const ref = lateRunRef(
    hatchet,
    'item',
    () => Promise.resolve(`run-${(asked += 1)}`),
    (signal) => Promise.resolve({ aborted: signal?.aborted }),
  );
  expect(asked).toBe(0);
  expect(await ref.runId).toBe('run-1');
  expect(await ref.output).toEqual({ aborted: undefined });
  ref.defaultSignal = AbortSignal.abort();
  expect(await ref.result()).toEqual({ aborted: true });
});

test('hasBeforeMiddleware: the middleware of a client is in its configuration', () => {
  const client = new InstantEngine('middleware').hatchet;
  expect(hasBeforeMiddleware(client)).toBe(false);
  expect(hasBeforeMiddleware(client.withMiddleware({ before: () => ({ added: 1 }) }))).toBe(true);
});

test('declared: a declaration has the tasks that the SDK was given, and its defaults', () => {
  const task = hatchet.task({ name: 'plain', fn, retries: 2, scheduleTimeout: '9s' });
  expect(declared(task)).toMatchObject({ name: 'plain', durable: false, tasks: [{ fn, retries: 2 }] });
  expect(declared(task)?.tasks[0]?.scheduleTimeout).toBe('9s');
  expect(declared(hatchet.durableTask({ name: 'durable', fn }))).toMatchObject({ durable: true, tasks: [{ fn }] });
  const workflow = hatchet.workflow({ name: 'flow', taskDefaults: { retries: 4 } });
  workflow.task({ name: 'first', fn });
  expect(declared(workflow)).toMatchObject({ tasks: [{ name: 'first', fn }], defaults: { retries: 4 } });
  expect(declared({ definition: { name: 'other' } })).toBeUndefined();
  expect(declared(null)).toBeUndefined();
});

test('declared: each call returns the same objects of tasks, so that a body can be replaced', () => {
  const task = hatchet.task({ name: 'replaced', fn });
  const other = () => ({ other: true });
  declared(task)!.tasks[0]!.fn = other;
  expect(declared(task)?.tasks[0]?.fn).toBe(other);
});

test('standaloneName and isSingleTask: a single task has the standalone name, and a workflow has none', () => {
  const task = hatchet.task({ name: 'single', fn });
  expect(standaloneName(task)).toBe('single');
  expect(isSingleTask(task)).toBe(true);
  expect(isSingleTask({ _standalone_task_name: 'of another copy of the SDK' })).toBe(true);
  const workflow = hatchet.workflow({ name: 'none' });
  expect(standaloneName(workflow)).toBeUndefined();
  expect(isSingleTask(workflow)).toBe(false);
});

test.each(['task', 'workflow'] as const)(
  'replaceRunMethods: every run method of a %s calls one of the replaced ones',
  async (kind) => {
    const declaration = (kind === 'task' ? hatchet.task({ name: 'runs', fn }) : hatchet.workflow({ name: 'runs' })) as {
      [method: string]: any;
    };
    const called: string[] = [];
    const ref = { output: Promise.resolve({}), result: () => Promise.resolve({}), workflowRunId: 'run' };
    const replace = (): RunMethods<object> => ({
      runNoWait: (input) => {
        called.push('one');
        return Promise.resolve(Array.isArray(input) ? input.map(() => ref) : ref);
      },
      runManyNoWait: (runs) => {
        called.push('many');
        return Promise.resolve(runs.map(() => ref));
      },
    });
    replaceRunMethods(declaration, replace);
    for (const method of ['run', 'runAndWait', 'runNoWait'] as const) {
      await declaration[method]({});
      await declaration[method]([{}]);
    }
    for (const method of ['runMany', 'runManyNoWait'] as const) await declaration[method]([{ input: {} }]);
    expect(called).toEqual([...Array<string>(6).fill('one'), 'many', 'many']);
  },
);

test('onTaskAdded: task, durableTask and batchTask return the task that the workflow keeps', () => {
  const workflow = hatchet.workflow({ name: 'added' });
  const checked: unknown[] = [];
  onTaskAdded(
    workflow,
    ({ name, batch }) => {
      checked.push(name);
      if (batch) throw new Error('a batch task');
    },
    (task) => {
      task.fn = () => 'replaced';
    },
  );
  workflow.task({ name: 'one', fn });
  workflow.durableTask({ name: 'two', fn });
  workflow.task(hatchet.task({ name: 'three', fn }) as never);
  const batch = { name: 'four', fn: () => ({}), batch: { maxSize: 2 } };
  expect(() => workflow.batchTask(batch as never)).toThrow('a batch task');
  expect(checked).toEqual(['one', 'two', 'three', 'four']);
  const bodies = declared(workflow)!.tasks.map((task) => [task.name, (task.fn as () => unknown)()]);
  expect(bodies).toEqual([
    ['one', 'replaced'],
    ['three', 'replaced'],
    ['two', 'replaced'],
  ]);
});

test('clientOf: a context has the client of its worker', () => {
  expect(clientOf(contextWith())).toBe(hatchet);
});

test('payloadOf and setInput: a context has the payload as text, and the input of its accessors can be set', () => {
  const ctx = contextWith();
  expect(JSON.parse(payloadOf(ctx))).toEqual({ input: { sent: 1 } });
  expect(ctx.input).toEqual({ sent: 1 });
  setInput(ctx, { shown: 2 });
  expect(ctx.input).toEqual({ shown: 2 });
  expect(ctx.workflowInput()).toEqual({ shown: 2 });
});

test('invocationOf: a durable context counts its invocations, and a plain one does not', () => {
  expect(invocationOf(contextWith())).toBe(1);
  expect(invocationOf(contextWith({}, DurableContext as never))).toBe(3);
});

test('isEvicted: the reason of the abort distinguishes an eviction from a cancellation', () => {
  const [evicted, cancelled] = [contextWith(), contextWith()];
  evicted.abortController.abort(new TaskRunTerminatedError('evicted'));
  cancelled.abortController.abort(new TaskRunTerminatedError('cancelled'));
  expect([isEvicted(evicted), isEvicted(cancelled), isEvicted(contextWith())]).toEqual([true, false, false]);
});

test('isEviction: the error of the SDK distinguishes an eviction from a cancellation, and from an error of a user', () => {
  const own = Object.assign(new Error('evicted'), { reason: 'evicted' });
  const errors = [
    new TaskRunTerminatedError('evicted'),
    new TaskRunTerminatedError('cancelled'),
    own,
    undefined,
    'evicted',
  ];
  expect(errors.map(isEviction)).toEqual([true, false, false, false, false]);
});

test('replaceSpawner: every method of a context that starts children uses the replaced ones', async () => {
  const ctx = contextWith() as Members & Context<unknown>;
  const called: string[] = [];
  const ref = { output: Promise.resolve({}), result: () => Promise.resolve({}) } as never;
  const replace = (): Spawner => ({
    runWorkflow: (workflowName) => {
      called.push(`one ${workflowName}`);
      return Promise.resolve(ref);
    },
    runWorkflows: (runs) => {
      called.push(`many ${runs.map(({ workflowName }) => workflowName).join()}`);
      return Promise.resolve(runs.map(() => ref));
    },
  });
  replaceSpawner(ctx, replace);
  for (const method of ['runChild', 'runNoWaitChild', 'spawnWorkflow']) await ctx[method]('child', {});
  for (const method of ['bulkRunChildren', 'bulkRunNoWaitChildren', 'spawnWorkflows'])
    await ctx[method]([{ workflow: 'child', input: {} }]);
  expect(called).toEqual([...Array<string>(3).fill('one child'), ...Array<string>(3).fill('many child')]);
  // The rest of the runtime is the worker's.
  expect(ctx.worker.id()).toBe('worker');
});

describe('replaceDurableSpawner', () => {
  const engineVersion = 'v0.104.7';

  test('every method that starts children of a durable body and waits for them uses the replaced one', async () => {
    const ctx = contextWith({}, DurableContext as never, { engineVersion }) as Members & Context<unknown>;
    const spawned: unknown[] = [];
    replaceDurableSpawner(ctx, () => (children) => {
      spawned.push(
        ...children.map(({ workflow, input, options }) => {
          const { key } = spawnOptions({ options });
          return [typeof workflow === 'string' ? workflow : workflow.name, input, key];
        }),
      );
      return Promise.resolve(children.map((_, i) => ({ i })));
    });
    const task = hatchet.task({ name: 'child', fn });
    const durableContext = ctx as unknown as DurableContext<unknown>;
    const outputs = await parentRunContextManager.runWithContext(
      { parentId: 'run', parentTaskRunExternalId: 'task-run', desiredWorkerId: 'worker', durableContext },
      async () => [
        await ctx.spawnChild('by-name', { n: 1 }, { key: 'k' }),
        await ctx.spawnChildren([{ workflow: task, input: { n: 2 } }]),
        await task.run({ n: 3 }),
        await task.run([{ n: 4 }, { n: 5 }], { childKey: 'c' } as never),
        await task.runMany([{ input: { n: 6 } }]),
      ],
    );
    expect(outputs).toEqual([{ i: 0 }, [{ i: 0 }], { i: 0 }, [{ i: 0 }, { i: 1 }], [{ i: 0 }]]);
    expect(spawned).toEqual([
      ['by-name', { n: 1 }, 'k'],
      ...[2, 3].map((n) => ['child', { n }, undefined]),
      ...[4, 5].map((n) => ['child', { n }, 'c']),
      ['child', { n: 6 }, undefined],
    ]);
  });

  test('the plain method stays that of the context, and a plain context has none', async () => {
    const runWorkflows = (runs: { workflowName: string }[]) =>
      Promise.resolve(runs.map(({ workflowName }) => ({ output: Promise.resolve(workflowName) })));
    // With an engine that cannot evict, it calls the runtime.
    const ctx = contextWith({ runWorkflows }, DurableContext as never) as Members & Context<unknown>;
    replaceDurableSpawner(ctx, (plain) => plain);
    expect(await ctx.spawnChildren([{ workflow: 'one', input: {} }])).toEqual(['one']);
    const other = contextWith();
    replaceDurableSpawner(other, () => () => Promise.resolve([]));
    expect('spawnChildren' in other).toBe(false);
  });
});

test('spawnOptions: a context passes on the key and the name of a single task in its options', async () => {
  const seen: unknown[] = [];
  const runWorkflow = (workflowName: string, input: unknown, options: SpawnOptions) => {
    seen.push(spawnOptions({ workflowName, input, options }));
    return Promise.resolve({ output: Promise.resolve({}) });
  };
  const ctx = contextWith({ runWorkflow });
  await ctx.runNoWaitChild(hatchet.task({ name: 'child', fn }), {}, { key: 'k', priority: 2 });
  expect(seen).toMatchObject([{ key: 'k', standaloneName: 'child', options: { priority: 2 } }]);
});

test('stopHeartbeat: it stops the heartbeat of the listener, and allows for a worker that has none yet', () => {
  let stopped = 0;
  const worker = { _internal: { listener: { heartbeat: { stop: () => (stopped += 1) } } } };
  stopHeartbeat(worker as unknown as Worker);
  expect(stopped).toBe(1);
  stopHeartbeat({ _internal: {} } as unknown as Worker);
});

test('stopHeartbeat: a started worker of the SDK has its listener, with a heartbeat, in the member _internal', async () => {
  const worker = (await hatchet.worker('contract', { workflows: [] })) as Members & Worker;
  const listener = new ActionListener({ logger: quietLogger, config: hatchet.config } as never, 'worker');
  jest.spyOn(listener, 'actions').mockImplementation(async function* () {});
  const stop = jest.spyOn(listener.heartbeat, 'stop').mockImplementation();
  // A worker without actions does not register.
  worker._internal.action_registry = { action: fn };
  (worker._internal as Members).createListener = () => Promise.resolve(listener);
  await worker._internal.start();
  stopHeartbeat(worker);
  expect(stop).toHaveBeenCalledTimes(1);
});
