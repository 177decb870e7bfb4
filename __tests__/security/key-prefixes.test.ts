import { randomBytes } from 'node:crypto';
import { ConfigurationError, NotFoundError } from '../../src';
import { Keys } from '../../src/store/keys';
import { dump } from '../helpers/dump';
import { Fixture, newHatchet } from '../helpers/fixture';
import { thrownBy } from '../helpers/refusals';

// Prefixes of which one begins with the other, on one Redis; the last shares one with another namespace.
const base = `test-${randomBytes(5).toString('hex')}`;
const hatchet = newHatchet();
const fixtures = [
  new Fixture({ keyPrefix: base }, hatchet),
  new Fixture({ keyPrefix: `${base}:b` }, hatchet),
  new Fixture({ keyPrefix: `${base}b` }, hatchet),
  new Fixture({ keyPrefix: base }, newHatchet()),
];
afterAll(async () => {
  for (const fixture of fixtures) await fixture.close();
});

/** What all of them hold: the first one's prefix begins each of the others' keys. */
const everything = () => Promise.all(fixtures.map((fixture) => dump(fixture)));

test('what an instance of one prefix holds is unknown to the others by every id, and asking for it writes nothing', async () => {
  for (const owner of fixtures) {
    const swarm = await owner.mage.swarm({ name: 'own', key: 'shared key', tasks: ['item', 'item'] });
    const chain = await owner.mage.chain(['item'], { name: 'own chain' });
    await chain.suspend();
    const item = await swarm.addTask('item');
    const stateKeys = (await owner.keys()).filter((key) => key.endsWith(':g'));
    const before = await everything();
    for (const other of fixtures.filter((one) => one !== owner)) {
      const swarmOfOther = await other.mage.load(swarm.id).catch((error: unknown) => error);
      // A key gives the same id in each store, so the others may have one of it: then it is their own.
      if (!(swarmOfOther instanceof NotFoundError))
        expect(fixtures.indexOf(other)).toBeLessThan(fixtures.indexOf(owner));
      for (const id of [chain.id, `${chain.id}~0`, item.id.includes('~') ? chain.id : item.id, ...stateKeys]) {
        for (const ask of [
          () => other.mage.load(id),
          () => other.mage.describe(id),
          () => other.mage.load(`${id}~0`),
          () => other.mage.load(`}:{${id}`),
        ])
          expect(await thrownBy(ask)).toBeInstanceOf(NotFoundError);
      }
    }
    expect(await everything()).toEqual(before);
  }
});

test('a signature of one prefix is refused by the others, and stays what it was', async () => {
  const [owner, ...others] = fixtures as [Fixture, ...Fixture[]];
  const swarm = await owner.mage.swarm({ tasks: ['item'] });
  for (const other of others) {
    const before = await everything();
    for (const use of [
      () => other.mage.swarm({ tasks: [swarm] }),
      () => other.mage.chain([swarm]),
      () => other.mage.swarm({ tasks: ['item'], successCallbacks: [swarm] }),
      () => other.mage.sign('item', {}, { errorCallbacks: [swarm] }),
    ]) {
      const error = await thrownBy(use);
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.message).toContain('another Mageflow');
    }
    expect(await everything()).toEqual(before);
  }
});

test('no instance lists what belongs to another prefix', async () => {
  const ids = await Promise.all(
    fixtures.map(async ({ mage }) => {
      const made = await Promise.all([mage.swarm(), mage.swarm()]);
      return made.map(({ id }) => id);
    }),
  );
  for (const [i, { mage }] of fixtures.entries()) {
    const { items } = await mage.list({ limit: 1_000 });
    const listed = new Set(items.map(({ id }) => id));
    expect(ids.map((own) => own.filter((id) => listed.has(id)).length)).toEqual(ids.map((_, j) => (i === j ? 2 : 0)));
  }
});

test.each([
  ['../other'],
  ['a:b:c'],
  ['}:g'],
  ['{x}'],
  ['x}:{y'],
  ['*'],
  ['[a]'],
  [''],
  ['__proto__'],
  ['constructor'],
  ['a~0'],
  ['a~c0'],
  ['~'],
  ['\0'],
  ['\n'],
  ['x'.repeat(100_000)],
])('%p as an id is unknown, and nothing is written', async (id) => {
  const [fixture] = fixtures as [Fixture];
  const before = await everything();
  for (const ask of [() => fixture.mage.load(id), () => fixture.mage.describe(id)])
    expect(await thrownBy(ask)).toBeInstanceOf(NotFoundError);
  expect(await everything()).toEqual(before);
});

test('no id reaches from the keys of one prefix to those of another', () => {
  const names = (keys: Keys, id: string) => [
    ...keys.group(id),
    keys.dueIndexOf(id),
    keys.process(id),
    keys.signatureIndex(id),
  ];
  const stores = [
    new Keys('a', 't', 'n'),
    new Keys('a:t', 't', 'n'),
    new Keys('a:t:n', 't', 'n'),
    new Keys('a', 't', ''),
    new Keys('a', 't', 'n:t'),
    new Keys('a:t', 'n', 't'),
    new Keys('a:t:n:process', 't', 'n'),
  ];
  const parts = ['', 'x', '}', '{', ':', 't', 'n', ':t:n:{x}:g', 'x}:g', '}:{x', '..', 'process', 't:n:{x'];
  const ids = parts.flatMap((one) => parts.map((two) => `${one}${two}`));
  const owners = new Map<string, Keys>();
  for (const store of stores) {
    // Ids of processes and of places are made by mageflow itself.
    for (const id of ids) {
      for (const name of names(store, id).slice(0, 10)) {
        expect(owners.get(name) ?? store).toBe(store);
        owners.set(name, store);
      }
    }
  }
});
