// Holding, cancelling and removing with Redis alone: the workers' reconcilers send the engine what is left.
import { openControl } from '../../../src';
import { packSpec } from '../../../src/store/spec';
import { plain, runCli, startCli, startInTerminal, type CliEnd } from '../../helpers/cli';
import { eventually, required } from '../../helpers/fixture';
import { StoreFixture, type TestGroup } from '../../helpers/store';

const fixture = new StoreFixture();
const env = { REDIS_URL: required('REDIS_URL') };
const where = ['--tenant', 'tenant', '--namespace', 'namespace', '--key-prefix', fixture.keyPrefix];
const mageflow = (...args: string[]): Promise<CliEnd> => runCli([...args, ...where], env);
const row = packSpec({ task: 'row' });

async function groups(count: number, name: string): Promise<TestGroup[]> {
  const made: TestGroup[] = [];
  for (let n = 0; n < count; n++) {
    const group = await fixture.group([row, row], { name });
    await fixture.store.topLevelIndex.add(group.id);
    made.push(group);
  }
  return made;
}

const statuses = async (all: readonly TestGroup[]) => {
  const found = await Promise.all(all.map(({ id }) => fixture.reader.snapshot(id)));
  return found.map((snapshot) => (snapshot?.suspended ? 'suspended' : snapshot?.status));
};
const suspendedOf = async (all: readonly TestGroup[]) =>
  (await statuses(all)).filter((status) => status === 'suspended').length;

afterAll(() => fixture.close());

test('groups are suspended, cancelled and removed by their ids', async () => {
  const [first, second] = (await groups(2, 'by id')) as [TestGroup, TestGroup];
  const held = await mageflow('suspend', first.id, second.id);
  expect(held).toMatchObject({ code: 0, stdout: '' });
  expect(held.stderr).toContain('no worker of mageflow is seen');
  expect(held.stderr).toContain('Suspended 2 groups.');
  expect(await statuses([first, second])).toEqual(['suspended', 'suspended']);
  const json = await mageflow('cancel', first.id, second.id, '-o', 'jsonl');
  expect(JSON.parse(json.stdout)).toEqual({
    action: 'cancel',
    done: expect.arrayContaining([first.id, second.id]),
    failed: [],
    interrupted: false,
  });
  expect(await mageflow('remove', first.id, second.id)).toMatchObject({ code: 0 });
  expect(await statuses([first, second])).toEqual([undefined, undefined]);
});

test('a cancelled group is due for a reconciler at once', async () => {
  const [group] = (await groups(1, 'due')) as [TestGroup];
  await fixture.store.run(group.id, '{}');
  const control = openControl(env.REDIS_URL, {
    tenant: 'tenant',
    namespace: 'namespace',
    keyPrefix: fixture.keyPrefix,
  });
  try {
    await control.cancel(group.id);
    expect(await control.hasWorkers()).toBe(false);
  } finally {
    control.close();
  }
  const [seconds = 0] = await fixture.redis.time();
  const due = await fixture.redis.zscore(fixture.store.keys.dueIndexOf(group.id), group.id);
  expect(Number(due)).toBeLessThanOrEqual((Number(seconds) + 1) * 1_000);
});

test('an error of one group is printed, the others are done, and the code is 1', async () => {
  const [running, idle] = (await groups(2, 'mixed')) as [TestGroup, TestGroup];
  await fixture.store.run(running.id, '{}');
  const end = await mageflow('remove', running.id, idle.id, 'no-such-id');
  expect(end.code).toBe(1);
  expect(end.stderr).toContain('Cancel it, wait for its end, then remove it');
  expect(end.stderr).toContain('no-such-id: No signature with the id');
  expect(end.stderr).toContain('2 groups could not be changed');
  expect(await statuses([running, idle])).toEqual(['running', undefined]);
});

test('a filter is not carried out without a terminal, unless --yes is given', async () => {
  const all = await groups(3, 'filtered');
  const refused = await mageflow('suspend', '--name', 'filtered');
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('3 groups would be changed') });
  const dry = await mageflow('suspend', '--name', 'filtered', '--dry-run');
  expect(dry.code).toBe(0);
  expect(dry.stdout.trimEnd().split('\n').sort()).toEqual(all.map(({ id }) => id).sort());
  expect(await suspendedOf(all)).toBe(0);
  expect(await mageflow('suspend', '--name', 'filtered', '--yes')).toMatchObject({ code: 0 });
  expect(await suspendedOf(all)).toBe(3);
  expect((await mageflow('suspend')).stderr).toContain('Which groups?');
  expect((await mageflow('suspend', 'id', '--tag', 'x')).stderr).toContain('not both');
});

test('in a terminal it asks, and takes everything but yes for no', async () => {
  const all = await groups(2, 'asked');
  for (const [answer, count, code] of [
    ['n', 0, 1],
    ['y', 2, 0],
  ] as const) {
    const started = startInTerminal(['suspend', '--name', 'asked', ...where], env);
    await eventually('it asks', () => plain(started.stdout).includes('Suspend 2 groups? [y/N]'));
    started.child.stdin?.write(`${answer}\r`);
    expect((await started.end()).code).toBe(code);
    expect(await suspendedOf(all)).toBe(count);
  }
});

test('a thousand groups are done with a bar, and an interrupted command is repeated for the rest', async () => {
  const total = 1_000;
  const all = await groups(total, 'many');
  const args = ['suspend', '--name', 'many', '--yes', ...where];
  const first = startCli(args, env);
  await eventually('some are done', async () => (await suspendedOf(all.slice(-300))) > 0);
  first.child.kill('SIGINT');
  const stopped = await first.end();
  const done = await suspendedOf(all);
  expect(stopped.code).toBe(done === total ? 0 : 130);
  if (done < total) expect(stopped.stderr).toContain(`Interrupted: ${total - done} are left. Repeat the command`);
  const second = await startInTerminal(args, env).end();
  expect(second.code).toBe(0);
  if (done < total) expect(plain(second.stdout)).toMatch(new RegExp(`suspend \\[█*░*\\] \\d+ of ${total - done}`));
  expect(plain(second.stdout)).toContain(`Suspended ${(total - done).toLocaleString('en-US')} group`);
  expect(await suspendedOf(all)).toBe(total);
});
