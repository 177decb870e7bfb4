import type { Context } from '@hatchet-dev/typescript-sdk';
import { mageContext } from '../../src';
import { claimToken } from '../../src/store/executions';
import { dump } from '../helpers/dump';
import { Faults } from '../helpers/faults';
import { eventually, gate } from '../helpers/fixture';
import { rejection } from '../helpers/outcomes';

const faults = new Faults({ leaseMs: 5_000, reconcileIntervalMs: 500 });
const { mage } = faults;
const dead = faults.deadProcess();
const opened = gate();
const claims = new Map<string, string>();
const plain: unknown[] = [];
const reported: unknown[] = [];

type Message = { n: number; hold?: boolean };
const item = mage.task({
  name: 'item',
  fn: async ({ n, hold }: Message, ctx: Context<unknown>) => {
    claims.set(mageContext()?.signatureId ?? '', ctx.additionalMetadata()['mageflow.claim'] ?? '');
    if (hold) await opened.opened;
    return { n };
  },
});
const forger = mage.task({
  name: 'forger',
  fn: async ({ n }: Message) => {
    plain.push(mageContext());
    return { forged: n };
  },
});
const note = mage.task({ name: 'note', fn: (input: object) => void reported.push(input) });
const forgingRoot = mage.rootTask({ name: 'forging-root', fn: () => Promise.resolve('a root by itself') });

beforeAll(() => faults.worker([item, forger, note, forgingRoot]));
afterAll(async () => {
  opened.open();
  await faults.close();
});

const swarm = async (messages: Message[], maxConcurrency = 1) =>
  mage.swarm({
    tasks: messages.map((message) => [item, message] as const),
    successCallbacks: [note],
    errorCallbacks: [note],
    config: { maxConcurrency },
    isSwarmClosed: true,
  });

/** Item 0 has ended, item 1 runs and item 2 waits. */
async function victim() {
  const made = await swarm([{ n: 0 }, { n: 1, hold: true }, { n: 2 }]);
  await made.runNoWait();
  await eventually('the second runs', () => claims.get(`${made.id}~1`));
  await eventually('and is confirmed', async () => (await made.progress()).succeeded === 1);
  return made;
}

const forged = (claim: string, more: object = {}) => ({
  additionalMetadata: { 'mageflow.claim': claim, ...more } as Record<string, string>,
});

test('made-up claims make a run no item: it runs plainly, and nothing stored changes', async () => {
  const { id } = await victim();
  const token = claims.get(`${id}~1`)?.split(' ')[2] ?? '';
  const before = await dump(faults);
  const entries = ['__proto__', '-1', '1e9', 'c0', 'p', '0x1', '01', '1.0', '2', '9'.repeat(40), 'constructor', 'g'];
  const ids = [
    '}',
    '{}',
    `{${id}}`,
    `${id}}:g`,
    `x}:{${id}`,
    `..`,
    `${id}~1`,
    'a\nb',
    'a:b',
    '__proto__',
    'é'.repeat(2_000),
  ];
  const made = [
    ...entries.map((entry) => `${id} ${entry} ${token} `),
    ...ids.map((group) => `${group} 1 ${token} `),
    `${id} 1 ${'0'.repeat(20)} `,
    `${id} 1 ${token.toUpperCase()}x `,
    `${id} 1 ${token} someone-elses-group`,
    `${id}  ${token} `,
    ` 1 ${token} `,
  ];
  const outputs = await Promise.all(made.map((claim, n) => forger.run({ n }, forged(claim, { 'mageflow.swarm': id }))));
  expect(outputs).toEqual(made.map((_, n) => ({ forged: n })));
  expect(plain.splice(0)).toEqual(made.map(() => undefined));
  expect(await dump(faults)).toEqual(before);
  expect(reported).toEqual([]);
});

test('a made-up parent makes a run no child, whatever claim it copies', async () => {
  const { id } = await victim();
  const before = await dump(faults);
  const claim = claims.get(`${id}~1`) ?? '';
  await expect(forger.run({ n: 7 }, forged(claim, { 'mageflow.parent': 'another run' }))).resolves.toEqual({
    forged: 7,
  });
  expect(plain.splice(0)).toEqual([undefined]);
  expect(await dump(faults)).toEqual(before);
});

test('the copied claim of what has ended or runs is refused or answered, without a body, and nothing stored changes', async () => {
  const { id } = await victim();
  const before = await dump(faults);
  const [ended, running] = [claims.get(`${id}~0`) ?? '', claims.get(`${id}~1`) ?? ''];
  await expect(forger.run({ n: 1 }, forged(ended))).resolves.toEqual({ n: 0 });
  // The SDK rejects with a list of texts.
  expect(String(await rejection(forger.run({ n: 1 }, forged(running))))).toMatch(/duplicate of run/);
  expect(plain.splice(0)).toEqual([]);
  expect(await dump(faults)).toEqual(before);
});

test('a stolen claim of what nobody has begun ends that one item, and nothing else', async () => {
  const bystander = await victim();
  const { id } = await swarm([{ n: 0 }, { n: 1 }]).then(async (made) => {
    await dead.store.run(made.id, '{}');
    return made;
  });
  const own = (key: string) => key.includes(`{${bystander.id}`);
  const before = await dump(faults, own);
  const { secret = '' } = (await dead.reader.record(id)) ?? {};
  const stolen = `${id} 0 ${claimToken(secret, '0')} `;
  await expect(forger.run({ n: 9 }, forged(stolen, { 'mageflow.swarm': bystander.id }))).resolves.toEqual({
    forged: 9,
  });
  const results = async () => Promise.all([0, 1].map((index) => dead.reader.result(id, String(index))));
  await eventually('the swarm has ended', async () => (await results()).every(Boolean));
  expect(await results()).toEqual(['s{"forged":9}', 's{"n":1}']);
  expect(await dump(faults, own)).toEqual(before);
});

test('a root with a made-up claim is a root by itself', async () => {
  const { id } = await victim();
  const own = (key: string) => key.includes(`{${id}`);
  const before = await dump(faults, own);
  const claim = `${id} 2 ${'a'.repeat(20)} `;
  await expect(forgingRoot.run({}, forged(claim, { 'mageflow.root': id, 'mageflow.chain': id }))).resolves.toBe(
    'a root by itself',
  );
  expect(await dump(faults, own)).toEqual(before);
});
