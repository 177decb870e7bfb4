import { InstantEngine } from '../../bench/helpers/instant-engine';
import { ClosedError, Mageflow, MageflowError } from '../../src';
import { eventually, Fixture, Log } from '../helpers/fixture';
import { closedPort } from '../helpers/own-redis';
import { thrownBy } from '../helpers/refusals';

// What an instance has in hand when it is closed. The engine runs what it is given at once.
let engine: InstantEngine;
let fixture: Fixture;
let bodies: number[];

beforeEach(() => {
  engine = new InstantEngine('closing');
  fixture = new Fixture({ commandTimeoutMs: 60_000 }, engine.hatchet);
  bodies = [];
});
afterEach(() => fixture.close());

/** An instance whose tasks go on when another one on the same store is closed. */
function serving(commandTimeoutMs = 60_000): Mageflow {
  const { mage } = fixture;
  engine.serve(mage.task({ name: 'item', fn: ({ n }: { n: number }) => bodies.push(n) }) as never);
  return fixture.another({ commandTimeoutMs });
}

const resultsOf = async (items: AsyncIterable<unknown>) => {
  for await (const _ of items);
};

test('a run that nobody awaited is published before the instance is closed', async () => {
  const mage = serving();
  const signature = await mage.sign('item', { n: 1 });
  const handle = signature.runNoWait();
  await mage.close();
  expect(await handle).toMatchObject({ id: signature.id });
  await eventually('its body has run', () => bodies.length > 0);
  expect(bodies).toEqual([1]);
});

test('many runs that nobody awaited, also those that were still being made, are published before the instance is closed', async () => {
  const mage = serving();
  const ns = Array.from({ length: 50 }, (_, n) => n);
  const handles = ns.map((n) => mage.sign('item', { n }).then((signature) => signature.runNoWait()));
  const swarm = mage
    .swarm({ tasks: ns.map((n) => ['item', { n: 100 + n }] as const), isSwarmClosed: true })
    .then((made) => made.runNoWait());
  await mage.close();
  await Promise.all([...handles, swarm]);
  await eventually('all bodies have run', () => bodies.length >= 100);
  expect(new Set(bodies).size).toBe(100);
});

test('what the engine does not take in time is left in the store for another process', async () => {
  const mage = serving(1_000);
  // Taken, but the answer never comes.
  const asked = jest.fn(() => new Promise<never>(() => undefined));
  Object.assign(engine, { take: asked });
  const signature = await mage.sign('item', { n: 1 });
  const handle = signature.runNoWait();
  await mage.close();
  expect(await handle).toMatchObject({ id: signature.id });
  expect(asked).toHaveBeenCalled();
  expect(await (await fixture.mage.load(signature.id)).status()).toBe('queued');
});

test('whatever waits on an instance that is closed ends with a ClosedError', async () => {
  const mage = serving();
  const swarm = await mage.swarm();
  const item = await swarm.addTask('item', { n: 1 });
  await swarm.suspend();
  const handle = await item.runNoWait({});
  const waits = [
    () => swarm.run({}),
    () => handle.output,
    () => handle.runId,
    () => resultsOf(swarm.results()),
    () => resultsOf(swarm.watch()),
  ].map((wait) => thrownBy(wait));
  await eventually('it is started', async () => (await swarm.status()) === 'suspended');
  await mage.close();
  const codes = (await Promise.all(waits)).map((error) => ({ code: (error as ClosedError).code }));
  expect(codes).toEqual(waits.map(() => ({ code: 'CLOSED' })));
});

test('what is asked of an instance after it was closed is refused with a ClosedError that does not mention Redis', async () => {
  const mage = serving();
  const swarm = await mage.swarm();
  const signature = await mage.sign('item');
  await mage.close();
  for (const call of [
    () => mage.swarm(),
    () => mage.load('x'),
    () => signature.runNoWait({}),
    () => swarm.progress(),
    () => resultsOf(swarm.results()),
    () => resultsOf(swarm.watch()),
  ]) {
    const error = await thrownBy(call);
    expect({ is: error instanceof ClosedError, error }).toMatchObject({ is: true });
    expect(error.message).not.toContain('Redis');
  }
});

test('an instance whose Redis never was there is closed, and so is what waited for it', async () => {
  const options = { commandTimeoutMs: 1_000, logger: new Log() };
  const mage = new Mageflow(engine.hatchet, `redis://127.0.0.1:${await closedPort()}`, options);
  const asked = thrownBy(() => mage.load('x'));
  await mage.close();
  expect(await asked).toBeInstanceOf(MageflowError);
});
