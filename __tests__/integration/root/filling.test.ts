import type { Swarm } from '../../../src';
import { gate } from '../../helpers/fixture';
import { openRoots, type RootBody } from '../../helpers/roots';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';

const { mage, taskSet, roots, root, work, tagged } = openRoots({ retries: 2 });
const once = roots.declare('once');

const again = new Error('try again');
const values = (label: string) =>
  taskSet
    .executions(label)
    .map(({ input }) => input['value'])
    .sort();
const item = (label: string, value: unknown) => [work, { label, value }] as const;

/** Runs a root, and gives the signature when it has ended with everything. */
async function ended(body: RootBody, task = root) {
  const signature = await roots.sign(task, body, { errorCallbacks: [await tagged('root alert')] });
  const handle = await signature.runNoWait();
  await handle.output.catch(() => undefined);
  await taskSet.settled(signature);
  return signature;
}

test('an attempt that throws while it fills a swarm leaves it open; the next one goes on, and each item runs once', async () => {
  const filled: (number | undefined)[] = [];
  const signature = await ended(async (_, ctx) => {
    const attempt = ctx.retryCount();
    const swarm = await mage.swarm({ name: 'open', message: { common: true } }, async (open) => {
      await open.addTasks([item('goes on', 'a'), item('goes on', 'equal')], { run: true });
      if (attempt === 0) throw again;
      await open.addTasks([item('goes on', 'equal')], { run: true });
      if (attempt === 1) throw again;
      await open.addTask(...item('goes on', 'b'));
    });
    filled.push((await swarm.progress()).total);
    return swarm.wait();
  });
  expect(filled).toEqual([4]);
  expect(await signature.wait()).toEqual(['a', 'equal', 'equal', 'b']);
  expect(values('goes on')).toEqual(['a', 'b', 'equal', 'equal']);
  for (const { input } of taskSet.executions('goes on')) expect(input['common']).toBe(true);
});

test('when the last attempt has failed, the end of the root cancels the swarm that none has filled completely', async () => {
  let swarm: Swarm<unknown> | undefined;
  const signature = await ended(async () => {
    await mage.swarm({ name: 'open', errorCallbacks: [await tagged('cut off')] }, async (open) => {
      swarm = open;
      await open.addTasks([[work, { label: 'cut', untilCancelled: true }]], { run: true });
      await taskSet.started('cut');
      throw again;
    });
  });
  await statusOf(signature, 'failed');
  await statusOf(swarm!, 'cancelled');
  const [alert, ...more] = taskSet.executions('cut off');
  expect([alert?.input['error'], more]).toEqual([
    expect.objectContaining({ message: expect.stringContaining('the function that fills it failed') }),
    [],
  ]);
  expect(taskSet.executions('cut')[0]?.aborted).toBe(true);
});

test('a body that catches the error of its filling succeeds, and the swarm is cancelled', async () => {
  let swarm: Swarm<unknown> | undefined;
  const signature = await ended(async () => {
    await mage
      .swarm({}, async (open) => {
        swarm = open;
        await open.addTasks([item('caught', 1)], { run: true });
        throw again;
      })
      .catch(() => undefined);
    return 'body';
  }, once);
  expect(await signature.wait()).toBe('body');
  await statusOf(swarm!, 'cancelled');
});

test('a swarm that is still filled when the body has returned is cancelled', async () => {
  const { opened, open } = gate();
  let swarm: Swarm<unknown> | undefined;
  let late: Promise<unknown> = Promise.resolve();
  await ended(async () => {
    let began = () => {};
    const begun = new Promise<void>((resolve) => (began = resolve));
    late = rejection(
      mage.swarm({}, async (filled) => {
        swarm = filled;
        began();
        await opened;
        await filled.addTasks([item('too late', 1)], { run: true });
      }),
    );
    await begun;
    return 'body';
  }, once);
  await statusOf(swarm!, 'cancelled');
  open();
  expect(await late).toMatchObject({ name: 'SwarmFinishedError' });
  expect(taskSet.executions('too late')).toEqual([]);
});

test('a root that is retried in its group goes on filling the swarm that it had not filled', async () => {
  let isBroken = true;
  const signed = await roots.sign(once, async () => {
    const swarm = await mage.swarm({ name: 'open' }, async (open) => {
      await open.addTasks([item('retried', 'a')], { run: true });
      if (isBroken) {
        await taskSet.started('retried');
        throw again;
      }
      await open.addTasks([item('retried', 'b')], { run: true });
    });
    return swarm.wait();
  });
  const outer = await mage.swarm({ tasks: [signed], isSwarmClosed: true });
  await outer.run({});
  await progressOf(outer, { failed: 1, status: 'succeeded' });
  await taskSet.settled(outer);
  isBroken = false;
  expect(await outer.retryFailed()).toBe(1);
  await progressOf(outer, { succeeded: 1, status: 'succeeded' });
  await taskSet.settled(outer);
  expect(await signed.wait()).toEqual(['a', 'b']);
  expect(new Set(values('retried'))).toEqual(new Set(['a', 'b']));
});
