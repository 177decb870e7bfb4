import type { RootSignature, Swarm } from '../../../src';
import { again, type Life } from '../life';
import { bounds, limits, type PieceInput } from '../tasks';
import { endOf, inTheEnd, numbers, outputs, pieces, type Expected, type Scenario } from './scenario';

const doomedAtOnce = 4;

/** An open swarm with groups of all kinds in it. */
async function makeOpen({ mage, tasks: { piece, spawn, callbacks } }: Life): Promise<Swarm<unknown>> {
  const inner = await mage.swarm({
    key: 'inner',
    tasks: numbers(4).map((n) => [piece, { of: `inner ${n}` }] as const),
    config: { maxConcurrency: 2 },
    ...(await callbacks('inner')),
    isSwarmClosed: true,
  });
  const steps = await mage.chain(
    await Promise.all(
      numbers(2).map((n) => mage.sign(piece, { of: `steps ${n}`, ...(n === 1 ? { throws: 'unmended' } : {}) })),
    ),
    {
      key: 'steps',
      ...(await callbacks('steps')),
    },
  );
  const spawned = await mage.sign(
    spawn,
    { of: 'spawned', children: 4 },
    { key: 'spawned', ...(await callbacks('spawned')) },
  );
  return mage.swarm({
    key: 'open',
    tasks: [inner, steps, spawned],
    ...(await callbacks('open')),
    config: { maxConcurrency: limits.open, timeoutMs: 600_000 },
  });
}

async function makeDoomed({ mage, tasks: { piece, callbacks } }: Life): Promise<Swarm<unknown>> {
  return mage.swarm({
    key: 'doomed',
    tasks: numbers(8).map((n) => [piece, { of: `doomed ${n}`, endless: true }] as const),
    ...(await callbacks('doomed')),
    config: { maxConcurrency: doomedAtOnce },
    isSwarmClosed: true,
  });
}

/** Fills the open swarm, holds it, changes it, cancels one of its items, and closes it. */
async function work({ diary, mage, tasks: { piece } }: Life, swarm: Swarm<unknown>): Promise<void> {
  const item = (input: PieceInput) => swarm.addTask(piece, input, { key: input.of });
  await diary.once('add', async () => {
    for (const n of numbers(12)) await item({ of: `open ${n}`, ms: 20, ...(n === 2 ? { throws: 'unmended' } : {}) });
  });
  await diary.once('run', () => again(swarm.runNoWait({}), 'AlreadyStartedError'));
  await diary.once('suspend', () => swarm.suspend());
  await diary.once('add ready', () => {
    const late = numbers(6).map((n) => [piece, { of: `late ${n}` }, { key: `late ${n}` }] as const);
    return swarm.addTasks(late, { run: true });
  });
  const held = await item({ of: 'late 6' });
  await diary.once('suspend item', () => held.suspend());
  await diary.once('run item', () => again(held.runNoWait({}), 'AlreadyStartedError'));
  await diary.once('resume', () => swarm.resume());
  await diary.once('update', () => swarm.update({ maxConcurrency: limits.open }));
  const unwanted = await item({ of: 'unwanted' });
  await diary.once('run unwanted', () => again(unwanted.runNoWait({}), 'AlreadyStartedError'));
  await diary.once('cancel item', () => unwanted.cancel());
  await diary.once('look', async () => {
    await mage.list({ limit: 2 });
    await mage.describe(swarm.id, { depth: 2, limit: 5 });
  });
  await diary.once('resume item', () => held.resume());
  await diary.once('close', () => swarm.closeSwarm());
}

/** A task that is tried again by the engine while it is suspended. */
async function hold(life: Life): Promise<void> {
  const { diary, mage } = life;
  const { piece, callbacks } = life.tasks;
  const input = { of: 'held', throws: 'once' as const, until: 'suspend held' };
  const held = await mage.sign(piece, input, { key: 'held', ...(await callbacks('held')) });
  await diary.once('run held', () => again(held.runNoWait(), 'AlreadyStartedError'));
  const ends = async (count: number) => (await diary.ends('held')) >= count;
  const begun = async () => (await diary.entries()).some(({ of }) => of === 'held');
  await diary.once('suspend held', async () => {
    await inTheEnd('the held task is under way', begun);
    await held.suspend();
  });
  // What a process before this one has begun, and died with, begins again when the task is no longer suspended.
  const ours = async () => (await diary.entries()).some(({ of, pid }) => of === 'held' && pid === process.pid);
  await inTheEnd('the held task has thrown, or its process is dead', async () => (await ends(1)) || !(await ours()));
  await diary.once('held is tried again', () => triedAgain(life));
  await diary.once('resume held', () => held.resume());
  await inTheEnd('the held task has succeeded', () => ends(2));
}

/** The engine retries a failed attempt within this time, in ms. After a kill there may be no attempt to retry. */
const retryMs = 20_000;

/** Waits until the engine has tried the held task again, which then waits in its run. */
async function triedAgain({ diary, hatchet }: Life): Promise<void> {
  const runs = new Set((await diary.entries()).filter(({ of }) => of === 'held').map(({ runId }) => runId));
  const looks = retryMs / 1_000;
  for (let look = 0; look < looks; look++) {
    const all = await Promise.all([...runs].map((run) => hatchet.runs.get(run).catch(() => undefined)));
    // An attempt that waits has its timeout extended. That it runs in the engine does not mean yet that it has claimed its entry.
    if (all.some((run) => run?.taskEvents.some(({ eventType }) => `${eventType}` === 'TIMEOUT_REFRESHED'))) return;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

/** A root of which a child has failed, which is tried again by itself. */
async function makePatched({ mage, tasks: { spawn, callbacks } }: Life): Promise<RootSignature<any, any>> {
  const input = { of: 'patched', children: 3, throws: 'unmended' as const };
  return mage.sign(spawn, input, { key: 'patched', ...(await callbacks('patched')) });
}

/** A swarm of which chosen items are tried again, with another message. */
async function makeChosen({ mage, tasks: { piece } }: Life): Promise<Swarm<unknown>> {
  return mage.swarm({
    key: 'chosen',
    tasks: numbers(4).map((n) => [piece, { of: `chosen ${n}`, ...(n > 1 ? { throws: 'unmended' } : {}) }] as const),
    isSwarmClosed: true,
  });
}

/** Tries failed items again until none is left: what a process that died had not chosen has failed once more. */
async function retryChosen(chosen: Swarm<unknown>): Promise<void> {
  while ((await endOf(chosen)) && (await chosen.progress()).failed > 0)
    await again(chosen.retryFailed({ error: /not mended$/, message: { ms: 1 } }), 'ConfigurationError');
}

/** Has a function fill a swarm. The next process goes on with it, unless the lease of a dead one was over before. */
async function fill({ mage, tasks: { piece, callbacks } }: Life): Promise<Swarm<unknown>> {
  const options = { key: 'filled', ...(await callbacks('filled')) };
  return mage.swarm(options, async (swarm) => {
    const entries = numbers(4).map((n) => [piece, { of: `filled ${n}` }, { key: `${n}` }] as const);
    await swarm.addTasks(entries.slice(0, 2), { run: true });
    await swarm.addTasks(entries, { run: true });
  });
}

/** Checks the filled swarm: it has all its items, or it was cancelled. */
async function filled(life: Life): Promise<Pick<Expected, 'pieces' | 'callbacks'>> {
  const status = (await endOf(await fill(life))) === 'succeeded' ? 'succeeded' : 'cancelled';
  const callback = status === 'succeeded' ? 'filled success' : 'filled error';
  return { pieces: pieces('filled', 4, status), callbacks: [{ of: callback }] };
}

/** Whether a swarm has succeeded without a failure. While its retry is being prepared, no item counts as failed either. */
async function isMended(swarm: Swarm<unknown>): Promise<boolean> {
  const { status, failed } = await swarm.progress();
  return status === 'succeeded' && failed === 0;
}

/** All that a user can do to a group while it runs and afterwards, with groups of all kinds inside it. */
export const control: Scenario = {
  async drive(life: Life) {
    const { diary, mage, tasks } = life;
    const swarm = await makeOpen(life);
    if (!(await diary.did('close'))) await work(life, swarm);
    const doomed = await makeDoomed(life);
    await diary.once('doom', async () => {
      await again(doomed.runNoWait({}), 'AlreadyStartedError');
      const began = async () =>
        (await diary.entries()).filter(({ of }) => of.startsWith('doomed')).length >= doomedAtOnce;
      await inTheEnd('the doomed are under way', began);
      await doomed.cancel();
    });
    await diary.once('remove', async () => {
      const spare = await mage.swarm({ key: 'spare', tasks: [[tasks.piece, { of: 'spare 0' }]], isSwarmClosed: true });
      await spare.remove();
    });
    const patched = await makePatched(life);
    await diary.once('run patched', () => again(patched.runNoWait({}), 'AlreadyStartedError'));
    const chosen = await makeChosen(life);
    await diary.once('run chosen', () => chosen.runNoWait());
    await diary.once('fill', () => again(fill(life), 'SwarmFinishedError', 'CancelledError'));
    await hold(life);
    await endOf(patched);
    await endOf(swarm);
    await diary.once('look back', () => mage.describe(swarm.id, { depth: 2, limit: 5 }));
    await diary.once('mend', () => Promise.resolve());
    await diary.once('retry', async () => {
      if ((await swarm.progress()).failed > 0) await again(swarm.retryFailed(), 'ConfigurationError');
    });
    await diary.once('retry children', async () => {
      const children = await patched.children();
      if ((await children.progress()).failed > 0) await again(children.retryFailed(), 'ConfigurationError');
    });
    await diary.once('retry chosen', () => retryChosen(chosen));
  },
  async over(life: Life): Promise<Expected> {
    const swarm = await makeOpen(life);
    await inTheEnd('the open swarm has been mended', () => isMended(swarm));
    const children = await (await makePatched(life)).children();
    await inTheEnd('the children of the root have been mended', () => isMended(children));
    await endOf(await makePatched(life));
    const chosen = await makeChosen(life);
    await inTheEnd('what was chosen has been mended', () => isMended(chosen));
    for await (const { status } of swarm.results())
      if (status === 'failed') throw new Error('An item has failed and was mended.');
    await endOf(await makeDoomed(life));
    const open = pieces('open', 12).map((row, n) => (n === 2 ? { ...row, runs: 3 } : row));
    const steps = pieces('steps', 2).map((row, n) => (n === 1 ? { ...row, runs: 3 } : row));
    const [inner, late] = [pieces('inner', 4), pieces('late', 7)];
    const whole = await filled(life);
    return {
      pieces: [
        ...[open, late, inner, steps, pieces('spawned', 4), pieces('doomed', 8, 'cancelled'), whole.pieces].flat(),
        ...pieces('patched', 3).map((row, n) => (n === 0 ? { ...row, runs: 3 } : row)),
        ...pieces('chosen', 4).map((row, n) => (n > 1 ? { ...row, runs: 3 } : row)),
        // Cancelled before or after it has begun, and tried again.
        { of: 'unwanted', runs: 2, status: 'cancelled' },
        { of: 'held', runs: 2, status: 'succeeded' },
      ],
      callbacks: [
        ...whole.callbacks,
        { of: 'open success', runs: 2 },
        { of: 'inner success', input: { returnValue: outputs(inner) } },
        { of: 'steps error', input: { error: { message: 'steps 1 is not mended' } } },
        { of: 'steps success', input: { returnValue: { of: 'steps 1' } } },
        { of: 'spawned success', input: { returnValue: { of: 'spawned' } } },
        { of: 'patched success', runs: 2, input: { returnValue: { of: 'patched' } } },
        { of: 'doomed error' },
        { of: 'held success', input: { returnValue: { of: 'held' } } },
      ],
      limits: [bounds.open, bounds.inner, { of: /^doomed/, most: doomedAtOnce }],
    };
  },
};
