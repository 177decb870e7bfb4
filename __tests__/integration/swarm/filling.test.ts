import { ConfigurationError, SwarmClosedError, type Swarm } from '../../../src';
import { eventually, gate } from '../../helpers/fixture';
import { Faults } from '../../helpers/faults';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';
import { TaskSet } from '../../helpers/task-set';

const fixture = new Faults({ leaseMs: 1_000, reconcileIntervalMs: 200 });
const taskSet = new TaskSet(fixture);
const { mage } = fixture;
const { work } = taskSet;
/** The store as a process has it that does nothing more after its call. */
const dead = fixture.deadProcess();
const other = fixture.another();

beforeAll(() => fixture.worker(taskSet.tasks));
afterAll(() => fixture.close());

const item = (label: string, key?: string) => [work, { label, value: label }, key ? { key } : {}] as const;
const callbackNamed = (label: string) => mage.sign(taskSet.callback, { label });
const callbacks = async (label: string) => ({
  successCallbacks: [await callbackNamed(`${label} done`)],
  errorCallbacks: [await callbackNamed(`${label} alert`)],
});
const calls = (label: string) => [`${label} done`, `${label} alert`].map((name) => taskSet.executions(name).length);
const lease = async ({ id }: { id: string }) => {
  const [state = ''] = (await fixture.keys()).filter((key) => key.endsWith(`{${id}}:g`));
  return Number(await fixture.redis.hget(state, 'lun'));
};

test('a swarm runs while a function fills it, with the message of its options, and is closed when the function returns', async () => {
  const seen: unknown[] = [];
  const message = { day: 'monday' };
  const making = mage.swarm(
    { name: 'filled', message, tasks: [item('filled 0')], ...(await callbacks('filled')) },
    async (swarm) => {
      await taskSet.started('filled 0');
      await swarm.addTasks([item('filled 1')], { run: true });
      await taskSet.started('filled 1');
      await swarm.addTask(...item('filled 2'));
      const { status, closed, total } = await swarm.progress();
      seen.push(swarm.name, status, closed, total);
    },
  );
  // The caller may change it meanwhile.
  message.day = 'tuesday';
  const swarm = await making;
  expect(seen).toEqual(['filled', 'running', false, 3]);
  expect((await swarm.progress()).closed).toBe(true);
  expect(await swarm.wait()).toEqual(['filled 0', 'filled 1', 'filled 2']);
  await taskSet.settled(swarm);
  expect(calls('filled')).toEqual([1, 0]);
  for (const n of [0, 1, 2]) expect(taskSet.executions(`filled ${n}`)[0]?.input['day']).toBe('monday');
});

test.each<[what: string, fill: (swarm: Swarm<any>) => unknown]>([
  [
    'rejects',
    async (swarm) => {
      await swarm.addTasks([item('thrown 0'), [work, { label: 'thrown 1', untilCancelled: true }]], { run: true });
      await taskSet.started('thrown 1');
      throw new Error('no more');
    },
  ],
  [
    'throws at once',
    () => {
      throw new Error('no more');
    },
  ],
])(
  'when the function %s, the swarm is cancelled, its error callbacks say so, and the error goes on',
  async (how, fill) => {
    const label = `thrown ${how}`;
    let filled: Swarm<unknown> | undefined;
    const error = await rejection(
      mage.swarm(await callbacks(label), (swarm) => {
        filled = swarm;
        return fill(swarm);
      }),
    );
    expect(error.message).toBe('no more');
    await statusOf(filled!, 'cancelled');
    await taskSet.settled(filled!);
    expect(calls(label)).toEqual([0, 1]);
    const [alert] = taskSet.executions(`${label} alert`);
    expect(alert?.input['error']).toMatchObject({
      message: expect.stringContaining('the function that fills it failed'),
    });
  },
);

test('while the function works, its lease is extended, so that no reconciler cancels the swarm', async () => {
  const swarm = await mage.swarm({ tasks: [item('long')] }, async (open) => {
    const ends = new Set<number>();
    await eventually('its lease was extended several times', async () => ends.add(await lease(open)).size > 4);
    expect(await open.status()).toBe('running');
  });
  expect(await swarm.wait()).toEqual(['long']);
});

test('a swarm that a dead process was filling is cancelled when its lease is over', async () => {
  const swarm = await mage.swarm({ tasks: [item('left 0')], ...(await callbacks('left')) });
  expect((await dead.store.takeLease(swarm.id, 'of a dead process')).code).toBe('leased');
  await swarm.runNoWait();
  await statusOf(swarm, 'cancelled');
  await taskSet.settled(swarm);
  expect(calls('left')).toEqual([0, 1]);
  expect((await rejection(swarm.wait())).message).toContain('or its process died');
});

test('a swarm whose process died before it started it is cancelled too', async () => {
  const swarm = await mage.swarm({ tasks: [item('never started')] });
  await dead.store.takeLease(swarm.id, 'of a dead process');
  await statusOf(swarm, 'cancelled');
  expect(taskSet.executions('never started')).toEqual([]);
});

test('a process that was blocked for longer than its lease does not take the swarm for filled', async () => {
  let filled: Swarm<unknown> | undefined;
  const error = await rejection(
    mage.swarm({ tasks: [item('blocked')] }, async (swarm) => {
      filled = swarm;
      // As if another call had the lease: this one can't extend its own any more.
      await dead.store.redis.use('hset', (client) => client.hset(dead.store.keys.state(swarm.id), 'lto', 'another'));
      await statusOf(swarm, 'cancelled');
    }),
  );
  expect([error.name, error.message]).toEqual(['CancelledError', expect.stringContaining('its process died')]);
  expect(await filled!.status()).toBe('cancelled');
});

describe('with a key', () => {
  test('a second call waits for the first one and does not call its function, nor does a later one', async () => {
    const { opened, open } = gate();
    let began = () => {};
    const begun = new Promise<void>((resolve) => (began = resolve));
    const first = mage.swarm({ key: 'twice' }, async (swarm) => {
      began();
      await opened;
      await swarm.addTasks([item('twice')], { run: true });
    });
    await begun;
    const unwanted = jest.fn();
    let isDone = false;
    const second = other.swarm({ key: 'twice' }, unwanted).finally(() => (isDone = true));
    const { id } = await mage.swarm({ key: 'twice' });
    await eventually('the second call waits', async () => {
      const [state = ''] = (await fixture.keys()).filter((key) => key.endsWith(`{${id}}:g`));
      return Number(await fixture.redis.hget(state, 'lwt')) > 0;
    });
    expect(isDone).toBe(false);
    open();
    const swarms = [await first, await second, await mage.swarm({ key: 'twice' }, unwanted)];
    expect(swarms.map(({ created }) => created)).toEqual([true, false, false]);
    for (const swarm of swarms) expect(await swarm.wait()).toEqual(['twice']);
    expect(unwanted).not.toHaveBeenCalled();
    expect(taskSet.executions('twice')).toHaveLength(1);
  });

  test('a call within the lease of a dead process goes on, and adds only what is not there yet', async () => {
    const label = 'taken over';
    const made = await mage.swarm({ key: label, ...(await callbacks(label)) });
    await dead.store.takeLease(made.id, 'of a dead process');
    await made.runNoWait();
    await made.addTasks([item(label, '0'), item(label, '1')], { run: true });
    const added: number[] = [];
    const swarm = await other.swarm({ key: label }, async (open) => {
      added.push(await open.addTasks([item(label, '0'), item(label, '1'), item(label, '2')], { run: true }));
    });
    expect([swarm.id, swarm.created, added]).toEqual([made.id, false, [1]]);
    expect(await swarm.wait()).toEqual([label, label, label]);
    await taskSet.settled(swarm);
    expect([taskSet.executions(label).length, calls(label)]).toEqual([3, [1, 0]]);
  });

  test('of several calls that wait for a dead process, one goes on', async () => {
    const label = 'waited for';
    const made = await mage.swarm({ key: label });
    await dead.store.takeLease(made.id, 'of a dead process');
    const fill = jest.fn((swarm: Swarm<unknown>) => swarm.addTasks([item(label)], { run: true }));
    const all = await Promise.all([mage, other, mage].map((one) => one.swarm({ key: label }, fill)));
    expect(fill).toHaveBeenCalledTimes(1);
    for (const swarm of all) expect(await swarm.wait()).toEqual([label]);
  });

  test('an open swarm that nobody fills is filled, also when it was run before', async () => {
    for (const run of [false, true]) {
      const label = `found ${run}`;
      const made = await mage.swarm({ key: label, tasks: [item(`${label} 0`)] });
      if (run) await made.runNoWait({ day: 'first' });
      const swarm = await mage.swarm({ key: label, message: { day: 'second' } }, async (open) => {
        await open.addTasks([item(`${label} 1`)], { run: true });
      });
      expect(await swarm.wait()).toEqual([`${label} 0`, `${label} 1`]);
      expect(taskSet.executions(`${label} 1`)[0]?.input['day']).toBe(run ? 'first' : 'second');
    }
  });

  test('a swarm that was cancelled as nobody filled it stays cancelled', async () => {
    const fails = () => Promise.reject(new Error('no more'));
    await rejection(mage.swarm({ key: 'used up' }, fails));
    const again = jest.fn();
    const swarm = await mage.swarm({ key: 'used up' }, again);
    expect([await swarm.status(), swarm.created]).toEqual(['cancelled', false]);
    expect(again).not.toHaveBeenCalled();
  });
});

describe('while it is filled, the swarm', () => {
  test('may be closed by the function itself, or by maxItems: more is refused, and the error cancels the swarm', async () => {
    const closed = await mage.swarm({}, async (swarm) => {
      await swarm.addTasks([item('closed')], { run: true });
      await swarm.closeSwarm();
    });
    expect(await closed.wait()).toEqual(['closed']);
    let full: Swarm<unknown> | undefined;
    const error = await rejection(
      mage.swarm({ config: { maxItems: 2 } }, async (swarm) => {
        full = swarm;
        await swarm.addTasks(['a', 'b', 'c'].map((label) => item(`full ${label}`)));
      }),
    );
    expect(error).toBeInstanceOf(SwarmClosedError);
    await statusOf(full!, 'cancelled');
    expect((await full!.progress()).total).toBe(2);
    const filled = await mage.swarm({ config: { maxItems: 1 } }, (swarm) => swarm.addTasks([item('exactly one')]));
    expect(await filled.wait()).toEqual(['exactly one']);
    const whole = await mage.swarm({ tasks: [item('by tasks')], config: { maxItems: 1 } }, () => undefined);
    expect(await whole.wait()).toEqual(['by tasks']);
  });

  test('may be cancelled by a user: what is added then is refused, and a function that adds nothing ends well', async () => {
    const error = await rejection(
      mage.swarm({}, async (swarm) => {
        await swarm.cancel();
        await swarm.addTask(work, { label: 'too late' });
      }),
    );
    expect(error.name).toBe('SwarmFinishedError');
    const swarm = await mage.swarm({}, (open) => open.cancel());
    expect(await swarm.status()).toBe('cancelled');
    expect((await rejection(swarm.wait())).message).toBe('The swarm "swarm" was cancelled.');
  });

  test('is not filled any more after it was suspended, but resumes', async () => {
    const swarm = await mage.swarm({}, async (open) => {
      await open.suspend();
      await open.addTasks([item('suspended')], { run: true });
    });
    await progressOf(swarm, { status: 'suspended', queued: 1, closed: true });
    await swarm.resume();
    expect(await swarm.wait()).toEqual(['suspended']);
  });
});

test('invalid arguments are refused before anything is written', async () => {
  const before = await fixture.writtenKeys();
  const fill = jest.fn();
  const refused: [() => Promise<unknown>, string, string][] = [
    [() => mage.swarm({}, null as never), 'ConfigurationError', 'expected a function that fills the swarm, got null'],
    [() => mage.swarm({}, {} as never), 'ConfigurationError', 'expected a function that fills the swarm'],
    [() => mage.swarm({ isSwarmClosed: true } as never, fill), 'ConfigurationError', 'isSwarmClosed: expected false'],
    [() => mage.swarm({ mesage: {} } as never, fill), 'ConfigurationError', 'mesage: unknown option of swarm'],
    [() => mage.swarm({ message: {} } as never), 'ConfigurationError', 'message: unknown option of swarm'],
    [
      () => mage.swarm({ message: [1] }, fill),
      'InvalidMessageError',
      'the message of the swarm must be a plain object',
    ],
    [() => mage.swarm({ tasks: [item('x'), 5 as never] }, fill), 'ConfigurationError', 'tasks[1]'],
  ];
  for (const [call, name, text] of refused) {
    const error = await rejection(call());
    expect([error.name, error.message]).toEqual([name, expect.stringContaining(text)]);
  }
  expect(fill).not.toHaveBeenCalled();
  expect(await fixture.writtenKeys()).toEqual(before);
  expect(await rejection(mage.swarm(null as never, fill))).toBeInstanceOf(ConfigurationError);
});
