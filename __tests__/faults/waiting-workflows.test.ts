import { ConfigurationError, type Swarm } from '../../src';
import { EngineClient } from '../../src/hatchet/client';
import { eventually, Fixture, gate } from '../helpers/fixture';
import { thrownBy } from '../helpers/refusals';

// The engine's gRPC doesn't know a workflow's run until one of its tasks is due. These wait for many leases.
const fixture = new Fixture({ leaseMs: 400, reconcileIntervalMs: 100 });
const { mage, hatchet } = fixture;
const bodies: string[] = [];
const repairs: string[] = [];
const held = gate();
mage.on('repair', ({ message }) => repairs.push(message));

const waits = { waitFor: [{ sleepFor: '6s' }] } as object;
const fill = (workflow: ReturnType<typeof hatchet.workflow>) => {
  const { name } = workflow.definition;
  const first = workflow.task({
    name: 'first',
    ...waits,
    fn: async (_, ctx) => {
      bodies.push(`${name} ${ctx.workflowRunId()}`);
      if (name === 'held') await Promise.race([held.opened, aborted(ctx.abortController.signal)]);
      return { a: 1 };
    },
  });
  workflow.task({ name: 'second', parents: [first], fn: () => ({ b: 2 }) });
  return workflow;
};
const aborted = (signal: AbortSignal) =>
  new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
const wrapped = fill(mage.workflow({ name: 'wrapped' }) as never);
const plain = fill(hatchet.workflow({ name: 'unwrapped' }));
const holding = fill(hatchet.workflow({ name: 'held' }));

beforeAll(async () => {
  await fixture.worker([wrapped, plain, holding]);
});
afterAll(async () => {
  held.open();
  await fixture.close();
});

const one = async (name: string) => {
  const swarm = await mage.swarm({ tasks: [name], isSwarmClosed: true });
  await swarm.runNoWait();
  return swarm;
};
const ofName = (name: string) => bodies.filter((body) => body.startsWith(`${name} `));
const published = async ({ id }: Swarm<unknown>) => {
  const { rows } = await hatchet.runs.list({ additionalMetadata: { 'mageflow.swarm': id } });
  return rows.length;
};

test.each(['wrapped', 'unwrapped'])(
  'an item that is a workflow whose first task waits is published once and succeeds (%s)',
  async (name) => {
    const swarm = await one(name);
    expect(
      await eventually('it has ended', async () => ((await swarm.status()) === 'succeeded' ? 'succeeded' : undefined)),
    ).toBe('succeeded');
    const items = [];
    for await (const item of swarm.results()) items.push(item);
    expect(items).toMatchObject([{ status: 'succeeded', output: { first: { a: 1 }, second: { b: 2 } } }]);
    expect(ofName(name)).toHaveLength(1);
    // Whoever asks first may report how it ended.
    expect(repairs.filter((message) => message.includes(swarm.id) && !message.startsWith('completed'))).toEqual([]);
    await eventually('the history shows its run', async () => (await published(swarm)) === 1);
  },
);

describe('a workflow whose first task waits and that is cancelled meanwhile ends cancelled', () => {
  test('without a body, when its tasks are wrapped', async () => {
    const before = ofName('wrapped').length;
    const swarm = await one('wrapped');
    await eventually('the engine shows it', async () => (await published(swarm)) === 1);
    await swarm.cancel();
    expect(
      await eventually('it has ended', async () => ((await swarm.status()) === 'cancelled' ? true : undefined)),
    ).toBe(true);
    expect(ofName('wrapped')).toHaveLength(before);
  });

  test('as it is cancelled again when the engine knows it, when they are not', async () => {
    const swarm = await one('held');
    await eventually('the engine shows it', async () => (await published(swarm)) === 1);
    await swarm.cancel();
    expect(
      await eventually('it has ended', async () => ((await swarm.status()) === 'cancelled' ? true : undefined)),
    ).toBe(true);
    expect(await published(swarm)).toBe(1);
  });
});

test('a run whose tasks are not due is known, with its input, and an id that nobody has is not', async () => {
  const engine = new EngineClient(hatchet);
  const runId = await (await hatchet.runNoWait('unwrapped', { n: 1 } as never, {})).runId;
  const state = await eventually('the engine knows it', async () => {
    const found = await engine.state(runId);
    return found.known && found;
  });
  expect(ofName('unwrapped')).not.toContain(`unwrapped ${runId}`);
  expect(state).toEqual({ known: true, evicted: false, end: undefined, input: { n: 1 } });
  expect(await engine.state('9b3c2f0e-8a58-4d50-8d3a-0e5c5b0c7a11')).toEqual({ known: false });
});

test('a workflow whose only task waits, which the engine never runs, is refused by name', async () => {
  const lone = mage.workflow({ name: 'lone' });
  lone.task({ name: 'only', ...waits, fn: () => ({}) });
  for (const declare of [
    () => mage.worker('w', { workflows: [lone] }),
    () => mage.task({ name: 'lone', ...waits, fn: () => ({}) }),
    () => mage.wrap(hatchet.task({ name: 'lone', ...waits, fn: () => ({}) })),
  ]) {
    const error = await thrownBy(declare);
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toMatch(/^lone: expected no "waitFor" on the only task/);
  }
});
