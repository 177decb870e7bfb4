import { regrant } from '../helpers/store';
import { randomUUID } from 'node:crypto';
import { claimToken } from '../../src/store/executions';
import { eventually } from '../helpers/fixture';
import { Faults } from '../helpers/faults';

const faults = new Faults({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const { mage, hatchet, recorder } = faults;
const { store, reader } = faults.deadProcess();
const patient = faults.deadProcess({ leaseMs: 3_600_000 }).store;

beforeAll(async () => {
  await faults.worker([
    ...recorder.tasks(mage),
    mage.task({ name: 'product', fn: async ({ a, b }: { a: number; b: number }) => ({ product: a * b }) }),
    mage.task({
      name: 'broken',
      fn: async () => {
        throw new Error('broken for good');
      },
    }),
    mage.task({
      name: 'endless',
      executionTimeout: '1s',
      fn: (_: object, ctx) =>
        new Promise<void>((resolve) => ctx.abortController.signal.addEventListener('abort', () => resolve())),
    }),
  ]);
});
afterAll(() => faults.close());

const swarmOf = (tasks: (string | readonly [string, object])[]) =>
  mage.swarm({ tasks, isSwarmClosed: true, config: { maxConcurrency: 1 } });

test('what a dead process was granted and never published is published', async () => {
  const swarm = await swarmOf([
    ['stamp', { n: 1 }],
    ['stamp', { n: 2 }],
  ]);
  await store.run(swarm.id, '{}');
  expect(await faults.ended(swarm)).toBe('succeeded');
  expect(await recorder.started()).toEqual([1, 2]);
});

test('a publication whose run never came to be is published again', async () => {
  const swarm = await swarmOf([['stamp', { n: 3 }]]);
  await store.run(swarm.id, '{}');
  await store.confirm(swarm.id, ['0', randomUUID()]);
  expect(await faults.ended(swarm)).toBe('succeeded');
  expect((await recorder.started()).filter((n) => n === 3)).toEqual([3]);
});

test('an item whose third publication never came to be fails, and its slot is handed on', async () => {
  const swarm = await swarmOf([
    ['stamp', { n: 4 }],
    ['stamp', { n: 5 }],
  ]);
  await patient.run(swarm.id, '{}');
  for (let publications = 1; publications < 3; publications++) {
    const runId = randomUUID();
    await patient.confirm(swarm.id, ['0', runId]);
    const due = { entry: '0', state: 'published', process: patient.process, runId, publications };
    expect((await regrant(patient, swarm.id, due)).code).toBe('granted');
  }
  await store.confirm(swarm.id, ['0', randomUUID()]);
  await faults.redis.zadd(store.keys.dueIndexOf(swarm.id), 0, swarm.id);
  expect(await settledItems(swarm)).toMatchObject([
    { index: 0, status: 'failed', error: expect.stringContaining('3 runs') as string },
    { index: 1, status: 'succeeded', output: { n: 5 } },
  ]);
  expect(await recorder.started()).not.toContain(4);
});

test('an item of a name that no worker has registered fails by that name, and the others are untouched', async () => {
  const swarm = await swarmOf(['nobody-serves-this', ['stamp', { n: 6 }]]);
  await swarm.runNoWait();
  expect(await settledItems(swarm)).toMatchObject([
    { status: 'failed', error: 'no worker has registered a task named nobody-serves-this' },
    { status: 'succeeded', output: { n: 6 } },
  ]);
});

test('an item that runs in a run which the engine does not know fails', async () => {
  const swarm = await swarmOf([['stamp', { n: 7 }]]);
  await store.run(swarm.id, '{}');
  const runId = randomUUID();
  await claim(swarm.id, runId);
  const [item] = await settledItems(swarm);
  expect(item).toMatchObject({ status: 'failed', error: expect.stringContaining(runId) as string });
});

describe('a run that the engine ended without a report of ours settles its item', () => {
  test('with its output', async () => {
    const swarm = await swarmOf([['product', { a: 6, b: 7 }]]);
    await store.run(swarm.id, '{}');
    await claim(swarm.id, await endedRun('product', { a: 6, b: 7 }));
    expect(await settledItems(swarm)).toMatchObject([{ status: 'succeeded', output: { product: 42 } }]);
  });

  test('with its error', async () => {
    const swarm = await swarmOf(['broken']);
    await store.run(swarm.id, '{}');
    await claim(swarm.id, await endedRun('broken', {}));
    expect(await settledItems(swarm)).toMatchObject([
      { status: 'failed', error: expect.stringContaining('broken for good') as string },
    ]);
  });

  test('also while it was only published', async () => {
    const swarm = await swarmOf([['product', { a: 2, b: 3 }]]);
    await store.run(swarm.id, '{}');
    await store.confirm(swarm.id, ['0', await endedRun('product', { a: 2, b: 3 })]);
    expect(await settledItems(swarm)).toMatchObject([{ status: 'succeeded', output: { product: 6 } }]);
  });
});

describe('a second run of an item whose owner ended without a result of ours', () => {
  /** Publishes an item as a publisher does, while another run owns it. */
  async function secondRun(task: string, owner: string, input: object) {
    const swarm = await swarmOf([[task, input]]);
    await patient.run(swarm.id, '{}');
    await claim(swarm.id, owner, patient);
    const secret = (await reader.record(swarm.id))?.secret ?? '';
    const additionalMetadata = {
      'mageflow.claim': `${swarm.id} 0 ${claimToken(secret, '0')} `,
      'mageflow.parent': '',
      'mageflow.swarm': swarm.id,
    };
    await hatchet.runNoWait(task, input as never, { additionalMetadata });
    return settledItems(swarm);
  }

  test('returns the output that the owner gave the engine, without running the body', async () => {
    const owner = await endedRun('product', { a: 4, b: 5 });
    expect(await secondRun('product', owner, { a: 0, b: 0 })).toMatchObject([
      { status: 'succeeded', output: { product: 20 } },
    ]);
  });

  test.each([
    ['failed', 'broken', /broken for good/, 10],
    ['ran into its timeout', 'endless', /timed out|timeout/i, 11],
  ])('fails as the engine says that the owner %s, without running the body', async (_, task, message, n) => {
    const [item] = await secondRun('stamp', await endedRun(task, {}), { n });
    expect(item).toMatchObject({ status: 'failed', error: expect.stringMatching(message) as string });
    expect(await recorder.started()).not.toContain(n);
  });

  test('takes over when the engine no longer knows the owner', async () => {
    expect(await secondRun('product', randomUUID(), { a: 2, b: 2 })).toMatchObject([
      { status: 'succeeded', output: { product: 4 } },
    ]);
  });
});

test('an expired lease alone changes nothing while the run goes on', async () => {
  const swarm = await swarmOf([
    ['stamp', { n: 8, gate: 'long' }],
    ['stamp', { n: 9 }],
  ]);
  await swarm.runNoWait();
  await eventually('it runs', async () => (await recorder.started()).includes(8));
  await faults.redis.zadd(`${store.keys.state(swarm.id).slice(0, -1)}l`, 1, '0');
  await eventually('the reconciler has asked about it and renewed it', async () => {
    const score = await faults.redis.zscore(`${store.keys.state(swarm.id).slice(0, -1)}l`, '0');
    return Number(score) > 1;
  });
  expect(await swarm.progress()).toMatchObject({ running: 1, queued: 1, succeeded: 0, failed: 0 });
  await recorder.open('long');
  expect(await faults.ended(swarm)).toBe('succeeded');
  expect((await recorder.started()).filter((n) => n >= 8)).toEqual([8, 9]);
});

/** Claims the first item for a run, as a wrapper does that then dies. */
async function claim(id: string, runId: string, by = store): Promise<void> {
  const secret = (await reader.record(id))?.secret ?? '';
  const execution = { runId, retryCount: 0, invocation: 1, nonce: 'n' };
  expect((await by.start(id, '0', execution, { token: claimToken(secret, '0') })).code).toBe('run');
}

/** A run that has nothing to do with mageflow and has ended. */
async function endedRun(name: string, input: object): Promise<string> {
  const ref = await hatchet.runNoWait(name, input as never, {});
  const runId = await ref.runId;
  await eventually('the run has ended', async () => (await hatchet.runs.getDetails(runId)).done);
  return runId;
}

async function settledItems(swarm: { results(): AsyncIterable<unknown> }): Promise<unknown[]> {
  const items = [];
  for await (const item of swarm.results()) items.push(item);
  return items;
}
