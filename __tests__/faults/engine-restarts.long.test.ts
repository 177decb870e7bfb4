import { Batch } from '../helpers/batch';
import { eventually, Fixture } from '../helpers/fixture';
import { OwnStack } from '../helpers/own-stack';

let stack: OwnStack;
let fixture: Fixture;
const batches = new Map<string, Batch>();

beforeAll(async () => {
  stack = await OwnStack.open();
  fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300, commandTimeoutMs: 2_000 });
  for (const name of ['ended', 'frozen', 'away', 'database', 'broken-database'])
    batches.set(name, new Batch(fixture.mage, name));
  for (const batch of batches.values()) fixture.onRelease(() => batch.release());
  await fixture.worker([...batches.values()].flatMap(({ tasks }) => tasks));
});
afterAll(async () => {
  await fixture?.close();
  await stack?.close();
});

const batchOf = (name: string) => batches.get(name) as Batch;
const linesWith = (text: string) => fixture.log.lines.filter((line) => line.includes(text)).length;

// A restarted engine hands out nothing for about a minute.
test('each item of a batch ends once when the engine is stopped in the middle and comes back', async () => {
  const batch = batchOf('ended');
  await batch.start();
  await stack.restart('engine', 'SIGTERM');
  batch.release();
  await batch.check(1);
});

test('each item of a batch ends once when the engine is silent for a while and then carries out repeated requests', async () => {
  const batch = batchOf('frozen');
  await batch.start();
  const before = linesWith('gave no answer within 30 s');
  stack.freeze('engine');
  try {
    batch.release();
    await eventually('a publication got no answer', () => linesWith('gave no answer within 30 s') > before, 90_000);
  } finally {
    stack.thaw('engine');
  }
  await batch.check(1);
}, 600_000);

test('a batch ends exactly when the engine is killed and away for 30 s, and calls of the user are stored meanwhile', async () => {
  const batch = batchOf('away');
  await batch.start();
  const late = await fixture.mage.sign('away-report', { of: 'late' });
  let awaited: Promise<unknown>;
  await stack.stop('engine', 'SIGKILL');
  try {
    batch.release();
    const over = new Promise((resolve) => setTimeout(resolve, 30_000));
    // Stored, and not waited for: it is published when the engine is back.
    await late.runNoWait({});
    expect(await late.status()).toBe('queued');
    awaited = (await fixture.mage.chain(['away-report', 'away-report'])).run({ of: 'awaited' });
    await over;
  } finally {
    await stack.start('engine');
  }
  await batch.check(2);
  expect(await awaited).toBeNull();
  await eventually('what was run meanwhile has ended', async () => (await late.status()) === 'succeeded');
}, 600_000);

test.each([
  ['ends in good order', 'SIGINT', 'database'],
  ['breaks off', 'SIGQUIT', 'broken-database'],
] as const)(
  'a batch ends exactly when the database of the engine %s, and comes back',
  async (_, signal, name) => {
    const batch = batchOf(name);
    await batch.start();
    await stack.restart('postgres', signal);
    if (!stack.lives('engine')) await stack.restart('engine', 'SIGTERM');
    batch.release();
    await batch.check(1);
  },
  600_000,
);
