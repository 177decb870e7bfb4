import { CancelledError, NotFoundError } from '../../src';
import { eventually, Fixture, gate } from '../helpers/fixture';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const { mage, hatchet } = fixture;

type Message = { tag: string; returnValue?: unknown };
const started: string[] = [];
const aborted: string[] = [];
const alerts: (Message & { error: { message: string; failureCount: number } })[] = [];
const held = gate();

const endless = mage.task({
  name: 'endless',
  retries: 2,
  executionTimeout: '50s',
  fn: async ({ tag }: Message, ctx) => {
    started.push(tag);
    await new Promise<void>((resolve) => ctx.abortController.signal.addEventListener('abort', () => resolve()));
    aborted.push(tag);
    return { late: true };
  },
});
const deaf = mage.task({
  name: 'deaf',
  fn: async ({ tag }: Message) => {
    started.push(tag);
    await held.opened;
    return { tag };
  },
});
const quick = mage.task({ name: 'quick', fn: ({ tag }: Message) => ({ tag }) });
const alert = mage.task({ name: 'hear', fn: (input: (typeof alerts)[number]) => void alerts.push(input) });
const never = mage.task({ name: 'never', fn: (input: Message) => void started.push(`never ${input.tag}`) });
const parent = mage.rootTask({
  name: 'parent',
  fn: async ({ tag }: Message) => {
    await endless.runNoWait({ tag: `${tag} child` });
    started.push(tag);
    return {};
  },
});

const busy = mage.rootTask({
  name: 'busy',
  fn: async ({ tag }: Message, ctx) => {
    await endless.runNoWait({ tag: `${tag} child` });
    started.push(tag);
    await new Promise<void>((resolve) => ctx.abortController.signal.addEventListener('abort', () => resolve()));
    aborted.push(tag);
    return {};
  },
});

const running = (tag: string) => eventually(`${tag} runs`, () => started.includes(tag));
const stopped = (tag: string) => eventually(`${tag} was aborted`, () => aborted.includes(tag));
const alertsOf = async (tag: string) => {
  await eventually(`the error callback of ${tag} ran`, () => alerts.some((input) => input.tag === tag));
  return alerts.filter((input) => input.tag === tag);
};
const callbacks = async (tag: string) => ({
  errorCallbacks: [await mage.sign(alert, { tag })],
  successCallbacks: [await mage.sign(never, { tag })],
});

beforeAll(() => fixture.worker([endless, deaf, quick, alert, never, parent, busy]));
afterAll(() => {
  held.open();
  return fixture.close();
});

describe('cancelling a task', () => {
  test('aborts its body, in the engine too, and runs its error callbacks once', async () => {
    const task = await mage.sign(endless, { tag: 'alone' }, await callbacks('alone'));
    const handle = await task.runNoWait({});
    await running('alone');
    await task.cancel();
    await expect(handle.output).rejects.toBeInstanceOf(CancelledError);
    await stopped('alone');
    await expect(task.status()).resolves.toBe('cancelled');
    const runId = await handle.runId.catch(() => '');
    const run = await eventually('the engine says so', async () => {
      const details = await hatchet.runs.getDetails(runId);
      return details.done && details;
    });
    expect(String(run.status)).toBe('CANCELLED');
    await task.cancel();
    expect(await alertsOf('alone')).toHaveLength(1);
    expect(started.filter((tag) => tag === 'alone')).toHaveLength(1);
  });

  test('makes nothing of what a body that does not listen returns afterwards', async () => {
    const task = await mage.sign(deaf, { tag: 'deaf' }, await callbacks('deaf'));
    const handle = await task.runNoWait({});
    await running('deaf');
    await (await mage.load(task.id)).cancel();
    held.open();
    await expect(handle.output).rejects.toBeInstanceOf(CancelledError);
    expect(await alertsOf('deaf')).toHaveLength(1);
    expect(started).not.toContain('never deaf');
  });

  test('changes nothing after its end, and is refused for what was never run', async () => {
    const task = await mage.sign(quick, { tag: 'done' }, await callbacks('done'));
    await expect(task.run({})).resolves.toEqual({ tag: 'done' });
    await task.cancel();
    await expect(task.status()).resolves.toBe('succeeded');
    await expect((await mage.sign(quick, { tag: 'unrun' })).cancel()).rejects.toBeInstanceOf(NotFoundError);
    expect(alerts.map(({ tag }) => tag)).not.toContain('done');
  });
});

describe('cancelling an item', () => {
  test('that waits lets the others run, and the swarm succeed without it', async () => {
    const swarm = await mage.swarm({ config: { maxConcurrency: 1 } });
    const items = [
      await swarm.addTask(quick, { tag: 'first' }),
      await swarm.addTask(never, { tag: 'second' }),
      await swarm.addTask(quick, { tag: 'third' }),
    ];
    await items[1]?.cancel();
    await swarm.closeSwarm();
    const settled = await swarm.runSettled();
    expect(settled.map(({ status }) => status)).toEqual(['succeeded', 'cancelled', 'succeeded']);
    await expect(items[1]?.status()).resolves.toBe('cancelled');
    await expect(swarm.progress()).resolves.toMatchObject({
      total: 3,
      succeeded: 2,
      cancelled: 1,
      status: 'succeeded',
    });
    expect(started).not.toContain('never second');
  });

  test('that runs frees its slot, and counts as cancelled, not as failed', async () => {
    const swarm = await mage.swarm({ config: { maxConcurrency: 1, stopAfterNFailures: 1 } });
    const item = await swarm.addTask(endless, { tag: 'in the way' });
    await swarm.addTask(quick, { tag: 'after it' });
    await swarm.closeSwarm();
    const handle = await swarm.runNoWait();
    await running('in the way');
    await item.cancel();
    await expect(handle.output).resolves.toEqual([{ tag: 'after it' }]);
    await expect(swarm.progress()).resolves.toMatchObject({ succeeded: 1, failed: 0, cancelled: 1 });
  });
});

describe('cancelling a group', () => {
  test('a chain ends as cancelled with the step that is cancelled', async () => {
    const step = await mage.sign(endless, { tag: 'step' });
    const chain = await mage.chain([quick, step, never], await callbacks('chain'));
    const handle = await chain.runNoWait({ tag: 'start' });
    await running('step');
    await step.cancel();
    await expect(handle.output).rejects.toBeInstanceOf(CancelledError);
    await expect(chain.status()).resolves.toBe('cancelled');
    const [input, ...others] = await alertsOf('chain');
    expect(input?.error.message).toMatch(/cancelled/);
    expect(others).toEqual([]);
    expect(started.filter((tag) => tag.startsWith('never'))).not.toContain('never start');
  });

  test('a swarm cancels what waits at once and what runs in the engine, and then runs its error callbacks', async () => {
    const swarm = await mage.swarm({
      tasks: [0, 1, 2, 3].map((n) => [endless, { tag: `swarm ${n}` }] as const),
      config: { maxConcurrency: 2 },
      isSwarmClosed: true,
      ...(await callbacks('swarm')),
    });
    const handle = await swarm.runNoWait({ tag: 'swarm' });
    await running('swarm 0');
    await running('swarm 1');
    await swarm.cancel();
    await expect(handle.output).rejects.toBeInstanceOf(CancelledError);
    await stopped('swarm 0');
    await stopped('swarm 1');
    expect(started).not.toContain('swarm 2');
    await expect(swarm.progress()).resolves.toMatchObject({ total: 4, cancelled: 4, failed: 0, status: 'cancelled' });
    expect(await alertsOf('swarm')).toHaveLength(1);
  });

  test('a root cancels its children', async () => {
    const root = await mage.sign(parent, { tag: 'root' }, await callbacks('root'));
    const handle = await root.runNoWait({});
    await running('root');
    await running('root child');
    await root.cancel();
    await expect(handle.output).rejects.toBeInstanceOf(CancelledError);
    await stopped('root child');
    await expect((await root.children()).status()).resolves.toBe('cancelled');
    expect(await alertsOf('root')).toHaveLength(1);
  });

  test('a root whose body runs is cancelled with it', async () => {
    const root = await mage.sign(busy, { tag: 'busy' }, await callbacks('busy'));
    const handle = await root.runNoWait({});
    await running('busy');
    await running('busy child');
    await root.cancel();
    await expect(handle.output).rejects.toBeInstanceOf(CancelledError);
    await stopped('busy');
    await stopped('busy child');
    expect(await alertsOf('busy')).toHaveLength(1);
  });
});
