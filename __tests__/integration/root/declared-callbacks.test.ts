import { eventually } from '../../helpers/fixture';
import { openRoots } from '../../helpers/roots';

const { fixture, mage, taskSet, roots, retriedWork, work, callback } = openRoots();
const { hatchet } = mage;
const declared = roots.declare('declared', {
  successCallbacks: [callback],
  errorCallbacks: [callback],
  onEvents: ['declared:new'],
});
const twice = roots.declare('twice', { retries: 1, successCallbacks: [callback] });

/** The inputs of the callbacks, for the runs that had a body. */
const gotAfter = (given: string) =>
  taskSet.allExecutions
    .map(({ input }) => input)
    .filter(({ returnValue, error }) => [returnValue, (error as Error | undefined)?.message].includes(given));
const child = async (value: string) => (await mage.sign(work, { value })).runNoWait();

/** Each way to run a root, with its message. */
const runs: [how: string, run: (message: { body: string }) => Promise<unknown>][] = [
  ['signed', async (message) => (await mage.sign(declared, message)).runNoWait()],
  ['run by its declaration', (message) => declared.runNoWait(message)],
  ['run by its name, through the client', (message) => hatchet.runNoWait('declared', message, {})],
  ['started by an event', (message) => hatchet.events.push('declared:new', message)],
];

describe.each(runs)('the callbacks of the declaration of a root that is %s', (how, run) => {
  test('run once when its children have ended, with what it and they gave', async () => {
    const given = `well, ${how}`;
    await run(
      roots.body(async () => {
        await child('a child');
        return given;
      }),
    );
    await eventually('the callback has run', () => gotAfter(given).length > 0);
    expect(gotAfter(given)).toEqual([{ returnValue: given, childResults: ['a child'] }]);
  });

  test('run once when it has failed, with its message and the reason', async () => {
    const reason = `badly, ${how}`;
    const message = roots.body(() => {
      throw new Error(reason);
    });
    await run(message);
    await eventually('the callback has run', () => gotAfter(reason).length > 0);
    expect(gotAfter(reason)).toEqual([
      {
        ...message,
        error: { message: reason, failureCount: 1, failures: [expect.objectContaining({ name: 'declared' })] },
      },
    ]);
  });
});

test('the callbacks of the declaration of a root run once when its body is retried', async () => {
  let attempts = 0;
  await twice.run(
    roots.body(async () => {
      await child('found again');
      if (++attempts === 1) throw new Error('once more');
      return 'the second time';
    }),
  );
  await eventually('the callback has run', () => gotAfter('the second time').length > 0);
  expect(gotAfter('the second time')).toEqual([{ returnValue: 'the second time', childResults: ['found again'] }]);
});

test('the callbacks of a signature come in the place of those of the declaration of its root', async () => {
  const own = await mage.sign(retriedWork, { label: 'own' });
  const signature = await mage.sign(
    declared,
    roots.body(() => 'with its own'),
    { successCallbacks: [own] },
  );
  await signature.run({});
  await taskSet.settled(signature);
  expect(gotAfter('with its own')).toEqual([{ label: 'own', returnValue: 'with its own', childResults: [] }]);
});

test('a signature that is a declared callback reports its latest run, also after a plain run', async () => {
  const signed = await mage.sign(callback, { label: 'signed once' });
  const root = mage.rootTask({ name: 'with-signed', successCallbacks: [signed], fn: () => 1 });
  await fixture.worker([root]);
  await root.run({});
  await eventually('it has run', () => taskSet.executions('signed once').length === 1);
  await eventually('its status says so', async () => (await signed.status()) === 'succeeded');
});
