import { ConfigurationError, type Swarm } from '../../src';
import { Fixture } from '../helpers/fixture';
import { expectRefusal } from '../helpers/refusals';

// What messages and bound data may be: bad-messages. Outputs: error-callbacks. Nothing here needs a worker.
const fixture = new Fixture();
const { mage } = fixture;
afterAll(() => fixture.close());

const nameLimit = 1024;
const optionsLimit = 16 * 1024;
const long = 'ü'.repeat(nameLimit / 2 + 1);
const sizes = ['at most 1024 bytes', 'got 1026'];

let open: Swarm<unknown>;
beforeAll(async () => {
  open = await mage.swarm({ name: 'open' });
});

const tooLong: [string, (text: string) => Promise<unknown>][] = [
  ['the name of a signature', (name) => mage.sign('item', {}, { name })],
  ['the key of a signature', (key) => mage.sign('item', {}, { key })],
  ['the name of a swarm', (name) => mage.swarm({ name })],
  ['the key of a swarm', (key) => mage.swarm({ key })],
  ['the name of a chain', (name) => mage.chain(['item'], { name })],
  ['the key of an item', (key) => open.addTask('item', {}, { key })],
  ["a task's name", (name) => mage.sign(name)],
  ["a callback's name", (name) => mage.swarm({ tasks: ['item'], successCallbacks: [name] })],
];

test.each(tooLong)('%s is refused with both sizes when it is too long, and nothing is written', async (_, make) => {
  await expectRefusal(fixture, () => make(long), ConfigurationError, ...sizes);
});

test.each(tooLong)('%s is taken at the limit', async (_, make) => {
  await expect(make('n'.repeat(nameLimit))).resolves.toBeDefined();
});

const big = (bytes: number) => ({ additionalMetadata: { text: 'x'.repeat(bytes) } });
const ways: [string, (options: ReturnType<typeof big>) => Promise<unknown>][] = [
  ['sign', (options) => mage.sign('item', {}, options)],
  ['a run', async (options) => (await mage.sign('item')).runNoWait({}, options)],
  ['a swarm', (options) => mage.swarm({ tasks: ['item'], ...options })],
  ["a swarm's run", (options) => open.runNoWait({}, options)],
  ['an item', (options) => open.addTask('item', {}, options)],
];

test.each(ways)('metadata of %s are refused with both sizes when they are too large', async (_, make) => {
  const options = big(optionsLimit);
  const bytes = Buffer.byteLength(JSON.stringify(options));
  await expectRefusal(
    fixture,
    () => make(options),
    ConfigurationError,
    `at most ${optionsLimit} bytes`,
    `got ${bytes}`,
  );
  await expect(open.status()).resolves.toBe('pending');
});

test("the engine's own names are no metadata of a user's", async () => {
  const additionalMetadata = { hatchet__parent_step_run_id: 'forged' };
  await expectRefusal(
    fixture,
    () => mage.sign('item', {}, { additionalMetadata }),
    ConfigurationError,
    'hatchet__parent_step_run_id',
    'reserved for the engine',
  );
});
