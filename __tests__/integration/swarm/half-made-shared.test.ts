import { StoreError, type Mageflow } from '../../../src';
import { keyedId } from '../../../src/store/ids';
import { eventually, gate } from '../../helpers/fixture';
import { instant, onceIn, scopeOf } from '../../helpers/instant';
import { thrownBy } from '../../helpers/refusals';

const { fixture, engine } = instant({ commandTimeoutMs: 2_000 });
const { mage } = fixture;
const other = fixture.another();
let ran = 0;
let called = 0;
const held = gate();
const item = mage.task<{ n: number }, object>({
  name: 'item',
  fn: async () => {
    ran += 1;
    await held.opened;
    return {};
  },
});
const done = mage.task({
  name: 'done',
  fn: () => {
    called += 1;
    return {};
  },
});
engine.serve(item, done);
fixture.onRelease(held.open);
afterAll(() => fixture.close());
afterEach(() => jest.restoreAllMocks());

const away = () => Promise.reject(new StoreError('Redis gave no answer'));
const total = 2_500;
const make = (by: Mageflow, key: string | undefined, tasks: readonly unknown[] = []) =>
  by.swarm({
    ...(key === undefined ? {} : { key }),
    tasks: [...tasks, ...Array.from({ length: total }, (_, n) => [item, { n }])] as never,
    successCallbacks: [done],
    isSwarmClosed: true,
    config: { maxConcurrency: 5 },
  });

test('a swarm of one key, whose first maker fails after a second one has completed and started it, runs to its end', async () => {
  const stalled = gate();
  const completed = gate();
  onceIn(mage, 'add', async () => {
    stalled.open();
    await completed.opened;
    return away();
  });
  const first = thrownBy(() => make(mage, 'shared'));
  await stalled.opened;
  const swarm = await make(other, 'shared');
  await swarm.runNoWait({});
  await eventually('some bodies have begun', () => ran === 5);
  completed.open();
  expect(await first).toBeInstanceOf(StoreError);
  expect(await swarm.progress()).toMatchObject({ total, running: 5, status: 'running' });
  held.open();
  await eventually('it has ended', async () => (await swarm.status()) === 'succeeded' && called === 1);
  expect(ran).toBe(total);
});

test('a swarm of one key that another one is still making is left to that one', async () => {
  const { reader } = scopeOf(mage);
  const id = keyedId('swarm', 'left');
  const began = gate();
  const failed = gate();
  onceIn(mage, 'add', async () => {
    began.open();
    await failed.opened;
    return away();
  });
  const first = thrownBy(() => make(mage, 'left'));
  await began.opened;
  const goesOn = gate();
  const stands = gate();
  onceIn(other, 'add', async (real) => {
    stands.open();
    await goesOn.opened;
    return real();
  });
  const second = make(other, 'left');
  await stands.opened;
  failed.open();
  await first;
  expect(await reader.snapshot(id)).toMatchObject({ total: 1_000 });
  goesOn.open();
  expect(await (await second).progress()).toMatchObject({ total, closed: true, status: 'pending' });
  await (await second).remove();
});

test.each([['with a key', 'gone'] as const, ['without one', undefined] as const])(
  'a swarm %s that nobody else makes leaves nothing when it is not completed',
  async (_, key) => {
    const before = await fixture.writtenKeys();
    onceIn(mage, 'add', away);
    expect(await thrownBy(() => make(mage, key))).toBeInstanceOf(StoreError);
    expect(await fixture.writtenKeys()).toEqual(before);
  },
);

test('a swarm whose creation was carried out, but whose answer was lost, leaves nothing', async () => {
  const before = await fixture.writtenKeys();
  onceIn(mage, 'create', async (real) => {
    await real();
    return away();
  });
  expect(await thrownBy(() => make(mage, undefined))).toBeInstanceOf(StoreError);
  expect(await fixture.writtenKeys()).toEqual(before);
});

describe('what was handed in to something that was not made', () => {
  test('is free for a chain that is made again, and can be run', async () => {
    const step = await mage.sign(item, { n: 1 });
    const { signatureIndex } = scopeOf(mage);
    jest.spyOn(signatureIndex, 'recordItems').mockImplementationOnce(away);
    expect(await thrownBy(() => mage.chain([step]))).toBeInstanceOf(StoreError);
    await mage.chain([step]);
  });

  test('is free for a swarm after its suspension could not be read', async () => {
    const step = await mage.sign(item, { n: 2 });
    await step.suspend();
    const { reader } = scopeOf(mage);
    jest.spyOn(reader, 'itemState').mockImplementationOnce(away);
    expect(await thrownBy(() => mage.chain([step]))).toBeInstanceOf(StoreError);
    await step.resume();
    await mage.swarm({ tasks: [step] });
  });

  test('is a swarm that can be put into another one, when Redis failed as it was handed in', async () => {
    const inner = await mage.swarm();
    onceIn(mage, 'adopt', away);
    expect(await thrownBy(() => mage.swarm({ tasks: [inner] }))).toBeInstanceOf(StoreError);
    const outer = await mage.swarm({ tasks: [inner] });
    expect(await outer.progress()).toMatchObject({ total: 1 });
  });

  test('is a swarm that can be put into another one, when it was handed in and the answer was lost', async () => {
    const inner = await mage.swarm();
    onceIn(mage, 'adopt', async (real) => {
      await real();
      return away();
    });
    expect(await thrownBy(() => mage.swarm({ tasks: [inner] }))).toBeInstanceOf(StoreError);
    const outer = await mage.swarm({ tasks: [inner] });
    expect(await outer.progress()).toMatchObject({ total: 1 });
  });

  test('is a swarm that can be run by itself, when Redis failed before it could be released', async () => {
    const inner = await mage.swarm({ isSwarmClosed: true });
    onceIn(mage, 'create', away);
    onceIn(mage, 'disown', away);
    expect(await thrownBy(() => mage.swarm({ tasks: [inner] }))).toBeInstanceOf(StoreError);
    expect(await inner.run({})).toEqual([]);
  });

  test('is a swarm that can be put into another one, when the one before was discarded after it had its place in it', async () => {
    const inner = await mage.swarm();
    onceIn(mage, 'add', away);
    expect(await thrownBy(() => make(mage, undefined, [inner]))).toBeInstanceOf(StoreError);
    await mage.swarm({ tasks: [inner] });
  });

  test('is free when Redis fails as circles are looked for', async () => {
    const outer = await mage.swarm();
    const inner = await mage.swarm();
    const { reader } = scopeOf(mage);
    jest.spyOn(reader, 'record').mockImplementationOnce(away);
    expect(await thrownBy(() => outer.addTask(inner))).toBeInstanceOf(StoreError);
    await outer.addTask(inner);
  });
});

test('a call that fails as Redis is away waits for Redis no longer than once', async () => {
  onceIn(mage, 'add', async () => {
    await new Promise((resolve) => setTimeout(resolve, scopeOf(mage).store.settings.commandTimeoutMs));
    return away();
  });
  const discarded = gate();
  onceIn(mage, 'discard', async (real) => {
    await discarded.opened;
    return real();
  });
  // It comes back although nothing has answered yet.
  expect(await thrownBy(() => make(mage, undefined))).toBeInstanceOf(StoreError);
  discarded.open();
});
