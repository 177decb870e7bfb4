import type { Context } from '@hatchet-dev/typescript-sdk';
import { AlreadyStartedError, ConfigurationError } from '../../../src';
import { eventually, gate } from '../../helpers/fixture';
import { openPieces } from '../../helpers/pieces';
import { rejection, statusOf } from '../../helpers/workshop';

const { fixture, mage, pieces, piece, note } = openPieces();

interface Attempts {
  tag: string;
  /** Throws at attempts before this one. */
  until: number;
}

const gates = new Map<string, ReturnType<typeof gate>>();
const gateOf = (tag: string) => gates.get(tag) ?? gates.set(tag, gate()).get(tag)!;
const open = (tag: string) => gateOf(tag).open();
fixture.onRelease(() => gates.forEach((one) => one.open()));

const seen: { tag: string; retryCount: number; runId: string }[] = [];
const attemptsOf = (tag: string) => seen.filter((one) => one.tag === tag).map(({ retryCount }) => retryCount);
const runsOf = (tag: string) => new Set(seen.filter((one) => one.tag === tag).map(({ runId }) => runId)).size;

/** Waits at a gate at its first attempt, and throws. */
const fn = async ({ tag, until }: Attempts, ctx: Context<unknown>) => {
  seen.push({ tag, retryCount: ctx.retryCount(), runId: ctx.workflowRunId() });
  if (ctx.retryCount() === 0) await gateOf(tag).opened;
  if (ctx.retryCount() < until) throw new Error(`attempt ${ctx.retryCount()}`);
  return { attempt: ctx.retryCount() };
};
const stubborn = mage.task<Attempts, { attempt: number }>({ name: 'own-stubborn', retries: 2, fn });
const hasty = mage.task<Attempts, { attempt: number }>({
  name: 'own-hasty',
  retries: 1,
  executionTimeout: '3s',
  fn,
});

beforeAll(async () => {
  await fixture.worker([stubborn, hasty]);
});

/** The engine has begun another attempt of a run. */
async function triedAgain(signature: { runId: Promise<string> }): Promise<void> {
  const runId = await signature.runId;
  await eventually('the engine tries it again', async () => {
    const [task] = (await fixture.hatchet.runs.get(runId)).tasks;
    return task && (task.retryCount ?? 0) > 0 && task.status === 'RUNNING';
  });
}

describe('a task by itself', () => {
  test('that is suspended before it is run is kept, and published by resume', async () => {
    const done = await mage.sign(note, { tag: 'kept done' });
    const task = await mage.sign(piece, { tag: 'kept' }, { successCallbacks: [done] });
    await task.suspend();
    expect(await task.status()).toBe('suspended');
    const handle = await task.runNoWait({ give: 'late' });
    expect([await task.status(), pieces.of('kept')]).toEqual(['suspended', []]);
    await (await fixture.another().load(task.id)).resume();
    expect(await handle.output).toBe('late');
    await pieces.only('kept', task);
    await pieces.only('kept done', task);
    expect(await task.status()).toBe('succeeded');
  });

  test('that was suspended is run by another instance that loads it', async () => {
    const task = await mage.sign(piece, { tag: 'loaded', give: 1 });
    await task.suspend();
    const loaded = await fixture.another().load(task.id);
    expect(await loaded.status()).toBe('suspended');
    const handle = await loaded.runNoWait({});
    expect(await rejection(task.run({}))).toBeInstanceOf(AlreadyStartedError);
    await task.resume();
    expect(await handle.output).toBe(1);
    await pieces.only('loaded', task);
  });

  test('that is resumed before it is run starts with its run', async () => {
    const task = await mage.sign(piece, { tag: 'resumed', give: 1 });
    await task.suspend();
    await task.resume();
    expect(await task.status()).toBe('pending');
    expect(await task.run({})).toBe(1);
    await pieces.only('resumed', task);
  });

  test('gets the run options of its run all the same', async () => {
    const task = await mage.sign(piece, { tag: 'options' }, { additionalMetadata: { from: 'sign', who: 'sign' } });
    await task.suspend();
    const handle = await task.runNoWait({}, { additionalMetadata: { from: 'run' } });
    await task.resume();
    await handle.output;
    const runId = await handle.runId;
    const metadata = await eventually('the engine shows it', async () => {
      const { run } = await fixture.hatchet.runs.get(runId);
      return run.additionalMetadata as Record<string, string>;
    });
    expect(metadata).toMatchObject({ from: 'run', who: 'sign' });
  });

  test('that runs finishes; its callbacks and those who wait go on after resume', async () => {
    const done = await mage.sign(note, { tag: 'running done' });
    const task = await mage.sign(piece, { tag: 'running', hold: 'running', give: 1 }, { successCallbacks: [done] });
    const handle = await task.runNoWait({});
    const [body] = await pieces.begun('running');
    await task.suspend();
    expect(await task.status()).toBe('suspended');
    pieces.open('running');
    await statusOf(task, 'succeeded');
    expect([body?.aborted, await done.status(), pieces.of('running done')]).toEqual([false, 'suspended', []]);
    await task.resume();
    expect(await handle.output).toBe(1);
    await pieces.only('running done', task);
    await pieces.only('running', task);
  });

  test('suspended twice is resumed once, and resumed without a suspend goes on as it does', async () => {
    const task = await mage.sign(piece, { tag: 'twice', hold: 'twice', give: 1 });
    await task.resume();
    expect(await task.status()).toBe('pending');
    for (let i = 0; i < 2; i++) await task.suspend();
    const handle = await task.runNoWait({});
    await task.resume();
    await pieces.begun('twice');
    await task.resume();
    expect(await task.status()).toBe('running');
    pieces.open('twice');
    expect(await handle.output).toBe(1);
    await pieces.only('twice', task);
  });

  test('that is a callback waits with what it belongs to, not by itself', async () => {
    const callback = await mage.sign(note, { tag: 'of another' });
    const task = await mage.sign(
      piece,
      { hold: 'has a callback', tag: 'has a callback' },
      { successCallbacks: [callback] },
    );
    await task.runNoWait({});
    await pieces.begun('has a callback');
    const error = await rejection(callback.suspend());
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toContain(task.id);
    pieces.open('has a callback');
    await pieces.only('of another', task);
    expect(await callback.status()).toBe('succeeded');
  });

  test('that has ended is neither suspended nor resumed', async () => {
    const task = await mage.sign(piece, { tag: 'ended', give: 1 });
    await task.run({});
    await task.suspend();
    expect(await task.status()).toBe('succeeded');
    await task.resume();
    expect(await task.status()).toBe('succeeded');
    await pieces.only('ended', task);
  });
});

describe('a body that throws while it is suspended', () => {
  test('waits for resume with its next attempt, and does not lose count', async () => {
    const task = await mage.sign(stubborn, { tag: 'count', until: 2 });
    const handle = await task.runNoWait({});
    await eventually('it has begun', () => attemptsOf('count').length === 1);
    await task.suspend();
    open('count');
    await triedAgain(handle);
    expect([await task.status(), attemptsOf('count')]).toEqual(['suspended', [0]]);
    await task.resume();
    expect(await handle.output).toEqual({ attempt: 2 });
    expect([attemptsOf('count'), runsOf('count')]).toEqual([[0, 1, 2], 1]);
  });

  test('fails after its last attempt as ever, and its error callbacks run once', async () => {
    const told = await mage.sign(note, { tag: 'last attempt told' });
    const task = await mage.sign(stubborn, { tag: 'last attempt', until: 9 }, { errorCallbacks: [told] });
    const handle = await task.runNoWait({});
    await eventually('it has begun', () => attemptsOf('last attempt').length === 1);
    await task.suspend();
    open('last attempt');
    await triedAgain(handle);
    await task.resume();
    expect((await rejection(handle.output)).message).toContain('attempt 2');
    expect(attemptsOf('last attempt')).toEqual([0, 1, 2]);
    await pieces.only('last attempt told', task);
  });

  test('waits longer than its own time, which begins anew', async () => {
    const task = await mage.sign(hasty, { tag: 'time', until: 1 });
    const handle = await task.runNoWait({});
    await eventually('it has begun', () => attemptsOf('time').length === 1);
    await task.suspend();
    open('time');
    await triedAgain(handle);
    const later = Date.now() + 6_000;
    await eventually('twice its time is over', () => Date.now() > later);
    expect([await task.status(), attemptsOf('time')]).toEqual(['suspended', [0]]);
    await task.resume();
    expect(await handle.output).toEqual({ attempt: 1 });
    expect([attemptsOf('time'), runsOf('time')]).toEqual([[0, 1], 1]);
  });

  test('is waited for by its swarm, and keeps its slot', async () => {
    const swarm = await mage.swarm({
      tasks: [
        [stubborn, { tag: 'slot', until: 1 }],
        [piece, { tag: 'after slot', give: 1 }],
      ],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    const handle = await swarm.runNoWait({});
    await eventually('it has begun', () => attemptsOf('slot').length === 1);
    await swarm.suspend();
    open('slot');
    await triedAgain({ runId: Promise.resolve(seen.find(({ tag }) => tag === 'slot')?.runId ?? '') });
    expect(await swarm.progress()).toMatchObject({ running: 1, queued: 1, status: 'suspended' });
    await swarm.resume();
    expect(await handle.output).toEqual([{ attempt: 1 }, 1]);
    expect(attemptsOf('slot')).toEqual([0, 1]);
  });

  test('is cancelled while it waits', async () => {
    const told = await mage.sign(note, { tag: 'cancelled wait told' });
    const task = await mage.sign(stubborn, { tag: 'cancelled wait', until: 1 }, { errorCallbacks: [told] });
    const handle = await task.runNoWait({});
    await eventually('it has begun', () => attemptsOf('cancelled wait').length === 1);
    await task.suspend();
    open('cancelled wait');
    await triedAgain(handle);
    await task.cancel();
    expect((await rejection(handle.output)).name).toBe('CancelledError');
    await pieces.only('cancelled wait told', task);
    expect(attemptsOf('cancelled wait')).toEqual([0]);
  });
});

describe('cancel of a suspended task', () => {
  test('that nobody has run', async () => {
    const told = await mage.sign(note, { tag: 'cancel pending told' });
    const task = await mage.sign(piece, { tag: 'cancel pending' }, { errorCallbacks: [told] });
    await task.suspend();
    await task.cancel();
    expect(await task.status()).toBe('cancelled');
    await pieces.only('cancel pending told', task);
    expect(await rejection(task.run({}))).toBeInstanceOf(AlreadyStartedError);
    expect(pieces.of('cancel pending')).toEqual([]);
  });

  test('that was run while it was suspended', async () => {
    const task = await mage.sign(piece, { tag: 'cancel kept' });
    await task.suspend();
    const handle = await task.runNoWait({});
    await task.cancel();
    expect((await rejection(handle.output)).name).toBe('CancelledError');
    await pieces.settled(task);
    expect(pieces.of('cancel kept')).toEqual([]);
  });

  test('that runs', async () => {
    const told = await mage.sign(note, { tag: 'cancel running told' });
    const task = await mage.sign(piece, { tag: 'cancel running', patient: true }, { errorCallbacks: [told] });
    const handle = await task.runNoWait({});
    const [body] = await pieces.begun('cancel running');
    await task.suspend();
    await task.cancel();
    expect((await rejection(handle.output)).name).toBe('CancelledError');
    await pieces.only('cancel running told', task);
    expect([body?.aborted, await task.status()]).toEqual([true, 'cancelled']);
  });

  test('that has ended lets its callbacks go', async () => {
    const done = await mage.sign(note, { tag: 'cancel ended done' });
    const task = await mage.sign(
      piece,
      { tag: 'cancel ended', hold: 'cancel ended', give: 1 },
      { successCallbacks: [done] },
    );
    const handle = await task.runNoWait({});
    await pieces.begun('cancel ended');
    await task.suspend();
    pieces.open('cancel ended');
    await statusOf(done, 'suspended');
    await task.cancel();
    expect(await handle.output).toBe(1);
    await pieces.only('cancel ended done', task);
  });
});
