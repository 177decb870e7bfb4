import { NonRetryableError } from '@hatchet-dev/typescript-sdk';
import { eventually, Fixture, gate } from '../../helpers/fixture';
import { cancelByHand } from '../../helpers/runs';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const { mage, hatchet } = fixture;

/** What each attempt of an item does, by the item's name; distinguished by the engine's retry count. */
type Plan = (attempt: number) => unknown;
const plans = new Map<string, Plan>();
const attempts = new Map<string, number[]>();
/** Attempts whose wrapper has returned or thrown: from then on nothing of them can change anything. */
const over = new Map<string, number[]>();
const alerts: Record<string, unknown>[] = [];

type Named = { as: string };
const body = async ({ as }: Named, ctx: { retryCount(): number }) => {
  const attempt = ctx.retryCount();
  note(attempts, as, attempt);
  return (await plans.get(as)?.(attempt)) as object;
};

function note(where: Map<string, number[]>, as: string, attempt: number): void {
  where.set(as, [...(where.get(as) ?? []), attempt]);
}

function watched<D extends object>(declaration: D): D {
  const [task] = (declaration as unknown as { definition: { _tasks: { fn: typeof body }[] } }).definition._tasks;
  if (!task) throw new Error('It has no task.');
  const wrapped = task.fn;
  task.fn = async (input, ctx) => {
    try {
      return await wrapped(input, ctx);
    } finally {
      note(over, input.as, ctx.retryCount());
    }
  };
  return declaration;
}

const once = watched(mage.task({ name: 'once', fn: body }));
const retried = watched(mage.task({ name: 'retried', retries: 2, fn: body }));
// Counted from the assignment to a worker: a slow machine has to begin, and end, what it should within it.
const short = watched(mage.task({ name: 'short', retries: 1, executionTimeout: '3s', fn: body }));
const narrow = mage.task({ name: 'narrow', fn: body });
const impatient = mage.task({ name: 'impatient', scheduleTimeout: '2s', fn: body });
const alert = mage.task({ name: 'alert', fn: async (input: Record<string, unknown>) => void alerts.push(input) });
const alertsOf = (as: string) => alerts.filter((input) => input['as'] === as);

beforeAll(async () => {
  await fixture.worker([once, retried, short, alert]);
  await fixture.worker([narrow, impatient], { slots: 1 });
});
afterAll(() => fixture.close());

function plan(as: string, what: Plan): Named {
  plans.set(as, what);
  return { as };
}

const closed = { isSwarmClosed: true } as const;

/** Waits until an error callback ran, and gives how often it ran. */
async function alerted(as: string): Promise<number> {
  await eventually(`the alert of ${as}`, () => alertsOf(as).length > 0);
  return alertsOf(as).length;
}

describe('retries', () => {
  test('run the body once for each attempt, and the first that succeeds counts', async () => {
    const data = plan('third time', (attempt) => {
      if (attempt < 2) throw new Error(`attempt ${attempt}`);
      return { attempt };
    });
    const item = await mage.sign(retried, data, { errorCallbacks: [alert] });
    expect(await item.run()).toEqual({ attempt: 2 });
    expect(attempts.get('third time')).toEqual([0, 1, 2]);
    expect(alertsOf('third time')).toEqual([]);
  });

  test('end with the last attempt, whose error is reported once', async () => {
    const data = plan('never', (attempt) => {
      throw new Error(`attempt ${attempt}`);
    });
    const item = await mage.sign(retried, data, { errorCallbacks: [alert] });
    await expect(item.run()).rejects.toThrow('attempt 2');
    expect(attempts.get('never')).toEqual([0, 1, 2]);
    expect(await alerted('never')).toBe(1);
    expect(alertsOf('never')[0]).toMatchObject({ error: { message: 'attempt 2', failureCount: 1 } });
  });

  test('hold one slot from the first attempt to the last', async () => {
    const data = plan('slow retry', (attempt) => {
      if (attempt < 2) throw new Error(`attempt ${attempt}`);
      return {};
    });
    const after = plan('after the retries', () => ({ before: attempts.get('slow retry')?.length }));
    const swarm = await mage.swarm({
      tasks: [
        [retried, data],
        [once, after],
      ],
      config: { maxConcurrency: 1 },
      ...closed,
    });
    expect(await swarm.run()).toEqual([{}, { before: 3 }]);
  });

  test('are left out after a NonRetryableError', async () => {
    const data = plan('hopeless', () => {
      throw new NonRetryableError('hopeless');
    });
    const item = await mage.sign(retried, data, { errorCallbacks: [alert] });
    await expect(item.run()).rejects.toThrow('hopeless');
    expect(await alerted('hopeless')).toBe(1);
    expect(attempts.get('hopeless')).toEqual([0]);
  });
});

describe('a timeout', () => {
  test('with a retry left lets the next attempt take over, and a late return of the first changes nothing', async () => {
    const [late, last] = [gate(), gate()];
    const data = plan('late', async (attempt) => {
      await (attempt === 0 ? late : last).opened;
      return { attempt };
    });
    const swarm = await mage.swarm({ tasks: [[short, data]], ...closed });
    const handle = await swarm.runNoWait();
    await eventually('the second attempt runs', () => attempts.get('late')?.length === 2);
    late.open();
    await eventually('the first attempt has returned', () => over.get('late')?.includes(0));
    expect(await swarm.progress()).toMatchObject({ running: 1, succeeded: 0, failed: 0 });
    last.open();
    expect(await handle.output).toEqual([{ attempt: 1 }]);
    expect(attempts.get('late')).toEqual([0, 1]);
  });

  test('followed by a throw is final with one retry', async () => {
    const late = gate();
    const data = plan('timeout and throw', async (attempt) => {
      if (attempt > 0) throw new Error('the second attempt');
      await late.opened;
    });
    const item = await mage.sign(short, data, { errorCallbacks: [alert] });
    try {
      await expect(item.run()).rejects.toThrow('the second attempt');
      expect(await alerted('timeout and throw')).toBe(1);
    } finally {
      late.open();
    }
    await eventually('the first attempt has returned', () => over.get('timeout and throw')?.includes(0));
    expect(attempts.get('timeout and throw')).toEqual([0, 1]);
    expect(await item.status()).toBe('failed');
    expect(alertsOf('timeout and throw')).toHaveLength(1);
  });

  test('of the last attempt fails the item, and frees its slot while the body still runs', async () => {
    const late = gate();
    const data = plan('two timeouts', () => late.opened);
    const next = plan('after the timeouts', () => ({ ok: true }));
    const swarm = await mage.swarm({
      tasks: [
        [short, data, { errorCallbacks: [alert] }],
        [once, next],
      ],
      config: { maxConcurrency: 1 },
      ...closed,
    });
    expect(await swarm.run()).toEqual([{ ok: true }]);
    expect(attempts.get('two timeouts')).toEqual([0, 1]);
    late.open();
    await eventually('both attempts have returned', () => over.get('two timeouts')?.length === 2);
    expect(await swarm.progress()).toMatchObject({ succeeded: 1, failed: 1 });
    expect(await alerted('two timeouts')).toBe(1);
  });
});

describe('what the engine ends counts as failed and frees its slot:', () => {
  test('a run that a person cancels while it runs', async () => {
    const late = gate();
    const data = plan('cancelled', () => late.opened);
    const next = plan('after the cancel', () => ({ ok: true }));
    const swarm = await mage.swarm({
      tasks: [
        [retried, data, { errorCallbacks: [alert] }],
        [once, next],
      ],
      config: { maxConcurrency: 1 },
      ...closed,
    });
    const { output } = await swarm.runNoWait();
    await eventually('it runs', () => attempts.get('cancelled')?.length === 1);
    await cancelByHand(hatchet, await runIdOf('retried', swarm.id));
    expect(await output).toEqual([{ ok: true }]);
    late.open();
    await eventually('its body has returned', () => over.get('cancelled')?.length === 1);
    expect(await swarm.progress()).toMatchObject({ succeeded: 1, failed: 1, cancelled: 0 });
    expect(await alerted('cancelled')).toBe(1);
    expect(alertsOf('cancelled')[0]).toMatchObject({
      error: { message: expect.stringContaining('cancelled') as string },
    });
    expect(attempts.get('cancelled')).toEqual([0]);
  });

  test('a run that a person cancels while it waits for a worker', async () => {
    const first = gate();
    const swarm = await mage.swarm({
      tasks: [
        [narrow, plan('holds the worker', () => first.opened)],
        [narrow, plan('waits', () => ({}))],
      ],
      ...closed,
    });
    await swarm.runNoWait();
    await eventually('the worker is full', () => attempts.get('holds the worker')?.length === 1);
    const waiting = await eventually('the second is published', () => runOf(swarm.id, 1));
    await cancelByHand(hatchet, waiting);
    await eventually('the second has failed', async () => (await swarm.progress()).failed === 1);
    expect(await swarm.progress()).toMatchObject({ running: 1, failed: 1 });
    first.open();
    await eventually('the swarm ends', async () => (await swarm.status()) === 'succeeded');
    expect(attempts.get('waits')).toBeUndefined();
  });

  test('a run that finds no free worker within its schedule timeout', async () => {
    const first = gate();
    const holder = await mage.sign(
      narrow,
      plan('holds it again', () => first.opened),
    );
    const held = await holder.runNoWait();
    await eventually('the worker is full', () => attempts.get('holds it again')?.length === 1);
    const item = await mage.sign(
      impatient,
      plan('too late', () => ({})),
      { errorCallbacks: [alert] },
    );
    await expect(item.run()).rejects.toThrow(/too late|cancelled|schedul|timed out/i);
    expect(await alerted('too late')).toBe(1);
    first.open();
    await held.output;
    expect(attempts.get('too late')).toBeUndefined();
  });
});

/** The run that was published for an item, as the store knows it. */
async function runOf(swarm: string, index: number): Promise<string | undefined> {
  const key = (await fixture.keys()).find((one) => one.endsWith(`{${swarm}}:a`));
  const packed = key && (await fixture.redis.hget(key, String(index)));
  return packed?.split('|')[1] || undefined;
}

async function runIdOf(task: string, swarm: string): Promise<string> {
  return eventually(`the run of ${task}`, () => runOf(swarm, 0));
}
