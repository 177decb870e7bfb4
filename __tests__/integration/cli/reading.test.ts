import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { DoctorFinding, Stats } from '../../../src';
import { itemId } from '../../../src/store/ids';
import { packSpec } from '../../../src/store/spec';
import { builtCli, plain, runCli, startCli, startInTerminal, type CliEnd } from '../../helpers/cli';
import { eventually, required } from '../../helpers/fixture';
import { failed, StoreFixture, type TestGroup } from '../../helpers/store';

const fixture = new StoreFixture();
const root = path.resolve(__dirname, '../../..');
const env = { REDIS_URL: required('REDIS_URL') };
const where = ['--tenant', 'tenant', '--namespace', 'namespace', '--key-prefix', fixture.keyPrefix];
const mageflow = (...args: string[]): Promise<CliEnd> => runCli([...args, ...where], env);
const row = packSpec({ task: 'row' });

async function groupOf(items: number, name: string): Promise<TestGroup> {
  const specs = Array.from({ length: items }, () => row);
  const group = await fixture.group(specs, { name, closed: true, labels: { tags: ['nightly'] } });
  await fixture.store.topLevelIndex.add(group.id);
  await group.store.run(group.id, '{}');
  return group;
}

let ended: TestGroup;
beforeAll(async () => {
  builtCli();
  ended = await groupOf(4, 'import');
  await ended.execute('0');
  await ended.execute('1', failed('row 17: no number'));
  await ended.execute('2', failed('row 23: no number'));
  await ended.execute('3');
});
afterAll(() => fixture.close());

const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);

test('list shows groups as a table, and as JSON with exactly the documented fields', async () => {
  const table = await mageflow('list', '--name', 'import');
  expect(table).toMatchObject({ code: 0, stderr: '' });
  expect(table.stdout).toMatch(new RegExp(`${ended.id} .*swarm .*import .*succeeded .*4/4 \\(2 failed\\)`));
  const golden = {
    id: ended.id,
    kind: 'swarm',
    name: 'import',
    status: 'succeeded',
    createdAt: iso,
    tags: ['nightly'],
    progress: { total: 4, succeeded: 2, failed: 2, cancelled: 0, closed: true },
  };
  const { stdout } = await mageflow('list', '--tag', 'nightly', '--name', 'import', '-o', 'json');
  expect(JSON.parse(stdout)).toEqual([golden]);
  const lines = await mageflow('list', '--kind', 'swarm', '--status', 'succeeded', '--since', '1h', '-o', 'jsonl');
  expect(
    lines.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toContainEqual(golden);
});

test('list says how to see more, and what is stored elsewhere when nothing is here', async () => {
  await groupOf(1, 'another');
  const some = await mageflow('list', '--limit', '1');
  expect(some.stderr).toContain('There are more. --limit 10 shows more of them.');
  const nothing = await mageflow('list', '--name', 'no such name');
  expect(nothing).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('Nothing matches') });
  const elsewhere = await runCli(['list', '--tenant', 'elsewhere', '--key-prefix', fixture.keyPrefix], env);
  expect(elsewhere).toMatchObject({ code: 0, stdout: '' });
  expect(elsewhere.stderr).toContain('Nothing is stored for tenant elsewhere, no namespace');
  expect(elsewhere.stderr).toContain(
    `mageflow list --tenant tenant --namespace namespace_ --key-prefix ${fixture.keyPrefix}`,
  );
});

test('show has counts, configuration, failures and items', async () => {
  const { code, stdout } = await mageflow('show', ended.id);
  expect(code).toBe(0);
  for (const part of [
    'swarm import',
    '4 in all',
    'maxConcurrency=30',
    'tags      nightly',
    'row #: no number',
    itemId(ended.id, 3),
  ])
    expect(stdout).toContain(part);
  const { stdout: json } = await mageflow('show', ended.id, '-o', 'json', '--depth', '0');
  expect(Object.keys(JSON.parse(json) as object).sort()).toEqual(
    [
      'id',
      'kind',
      'name',
      'status',
      'progress',
      'createdAt',
      'startedAt',
      'endedAt',
      'tags',
      'children',
      'callbacks',
      'config',
      'cursor',
    ].sort(),
  );
});

test('show has the first items, and with --all each of them', async () => {
  const large = await groupOf(1_200, 'large');
  const some = await mageflow('show', large.id);
  expect(some.stdout.match(/~?row {2}/g)).toHaveLength(20);
  expect(some.stderr).toContain('--all');
  const all = await mageflow('show', large.id, '--all');
  expect(all.stdout.match(/row {2}/g)).toHaveLength(1_200);
  expect(all.stderr).toBe('');
});

test('results gives a line for each item, and failures counts them', async () => {
  const { stdout } = await mageflow('results', ended.id);
  const items = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(items.map(({ index, status }) => [index, status])).toEqual([
    [0, 'succeeded'],
    [1, 'failed'],
    [2, 'failed'],
    [3, 'succeeded'],
  ]);
  expect(items[1]).toEqual({
    index: 1,
    id: itemId(ended.id, 1),
    name: 'row',
    status: 'failed',
    error: 'row 17: no number',
    startedAt: iso,
    endedAt: iso,
    attempts: 1,
  });
  const bad = await mageflow('results', ended.id, '--status', 'failed');
  expect(bad.stdout.trimEnd().split('\n')).toHaveLength(2);
  const grouped = await mageflow('failures', ended.id, '-o', 'json');
  expect(JSON.parse(grouped.stdout)).toEqual([
    {
      text: 'row #: no number',
      count: 2,
      examples: [1, 2].map((index) => ({ index, id: itemId(ended.id, index), name: 'row' })),
    },
  ]);
  expect((await mageflow('failures', ended.id)).stdout).toMatch(/2 .*row #: no number .*#1 #2/);
});

test('results --follow waits for the end of the group', async () => {
  const group = await groupOf(2, 'followed');
  const started = startCli(['results', group.id, '--follow', ...where], env);
  await group.execute('1');
  await eventually('the first result is written', () => started.stdout.includes('"index":1'));
  expect(started.child.exitCode).toBeNull();
  await group.execute('0');
  const { code, stdout } = await started.end();
  expect(code).toBe(0);
  expect(stdout.trimEnd().split('\n')).toHaveLength(2);
});

test('watch ends with the group, and its exit code is that of the outcome', async () => {
  const group = await groupOf(2, 'watched');
  const started = startCli(['watch', group.id, '--interval', '50ms', ...where], env);
  await eventually('the first line is written', () => started.stdout.includes('0/2 running'));
  await group.execute('0');
  await group.execute('1');
  expect(await started.end()).toMatchObject({ code: 0, stdout: expect.stringContaining('2/2 succeeded') });
  const stopped = await fixture.group([row], { name: 'cancelled', closed: true });
  await fixture.store.cancel(stopped.id, 'user');
  const bad = await mageflow('watch', stopped.id, '-o', 'json');
  expect(bad).toMatchObject({ code: 1, stderr: expect.stringContaining('has ended: cancelled') });
  expect(JSON.parse(bad.stdout)).toMatchObject({ status: 'cancelled' });
});

test('watch draws a bar with its latest failures in a terminal', async () => {
  const group = await groupOf(3, 'drawn');
  await group.execute('0', failed('out of paper'));
  const started = startInTerminal(['watch', group.id, '--interval', '50ms', ...where], env);
  await eventually('the failure is drawn', () => started.stdout.includes('out of paper'));
  expect(started.stdout).toContain('\u001b[31m');
  await group.execute('1');
  await group.execute('2');
  const { code, stdout } = await started.end();
  expect(code).toBe(0);
  expect(plain(stdout)).toContain('#0 out of paper');
  expect(plain(stdout)).toMatch(/\[█+\]\n3\/3 \(1 failed\)/);
  // Nothing that is drawn is wider than the terminal.
  expect(
    Math.max(
      ...plain(stdout)
        .split('\n')
        .map((line) => [...line].length),
    ),
  ).toBeLessThanOrEqual(100);
});

test('watch says in a terminal that nothing has changed for long, and how to find out why', async () => {
  const group = await groupOf(1, 'still');
  const started = startInTerminal(['watch', group.id, '--interval', '50ms', ...where], env);
  const still = `Why: mageflow explain ${group.id}`;
  await eventually('it is printed', () => plain(started.stdout).includes(still));
  await group.execute('0');
  const { code, stdout } = await started.end();
  expect(code).toBe(0);
  expect(plain(stdout)).toMatch(/Nothing has changed for \d+s\. Why/);
  expect(plain(stdout).split('swarm still').at(-1)).not.toContain(still);
});

test('colours are for terminals only, and NO_COLOR switches them off', async () => {
  expect((await mageflow('list')).stdout).not.toContain('\u001b[');
  expect((await startInTerminal(['list', ...where], env).end()).stdout).toContain('\u001b[32msucceeded');
  const off = await startInTerminal(['list', ...where], { ...env, NO_COLOR: '1' }).end();
  expect(off.stdout).not.toContain('\u001b[3');
});

test('npm run cli -- does the same in a checkout', async () => {
  const args = ['run', '--silent', 'cli', '--', 'list', '--name', 'import', ...where];
  const { stdout } = await promisify(execFile)('npm', args, { cwd: root, env: { ...process.env, ...env } });
  expect(stdout).toContain(`${ended.id} │ swarm │ import │`);
});

test('explain says what a group waits for, and what it could not check', async () => {
  const held = await groupOf(1, 'held');
  await fixture.store.suspend(held.id, true);
  const { code, stdout, stderr } = await mageflow('explain', held.id);
  expect(code).toBe(0);
  expect(stdout).toContain('The swarm "held" is suspended');
  expect(stdout).toMatch(/suspended: .*\n {2}→ /);
  expect(stderr).toContain('The engine was not asked');
  const json = JSON.parse((await mageflow('explain', held.id, '-o', 'json')).stdout) as object;
  expect(Object.keys(json)).toEqual(['id', 'kind', 'name', 'status', 'summary', 'reasons']);
});

test.each([
  [['show', 'no-such-id'], 1, 'No signature with the id "no-such-id" is stored'],
  [['list', '--status', 'odd'], 2, 'Allowed choices are'],
  [['list', '--since', 'soon'], 2, '--since: expected a duration such as 2h'],
  [['list', '--limit', '0'], 2, '--limit: expected at least 1'],
  [['lsit'], 2, 'unknown command'],
  [['retry', 'id'], 2, 'retry needs the engine, which publishes the runs: set HATCHET_CLIENT_TOKEN.'],
  [['add', 'id', 'task'], 2, 'Pass either --file'],
])('%j ends with code %i and one line', async (args, code, line) => {
  const end = args[0] === 'lsit' ? await runCli(args, env) : await mageflow(...args);
  expect(end).toMatchObject({ code, stdout: '' });
  expect(end.stderr).toContain(line);
});

test('what is missing to connect is printed in one line', async () => {
  expect(await runCli(['list', '--tenant', 't'], {})).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Set REDIS_URL'),
  });
  expect(await runCli(['list'], env)).toMatchObject({ code: 2, stderr: expect.stringContaining('Which tenant?') });
  const secret = 'redis://:secret@127.0.0.1:1';
  const away = await runCli(['list', '--tenant', 't'], { REDIS_URL: secret });
  expect(away).toMatchObject({ code: 1, stdout: '' });
  expect(away.stderr).toMatch(/^mageflow: Redis did not carry out .*The Redis is 127\.0\.0\.1:1; .*\n$/);
  expect(away.stderr).not.toContain('secret');
  const token = await runCli(['list'], { ...env, HATCHET_CLIENT_TOKEN: 'no-token-but-a-secret' });
  expect(token).toMatchObject({ code: 2, stderr: expect.stringContaining('HATCHET_CLIENT_TOKEN: expected a token') });
  expect(token.stderr).not.toContain('no-token-but-a-secret');
});

test('the tenant is that of the token, and the namespace is written as the SDK has it', async () => {
  const claims = Buffer.from(JSON.stringify({ sub: 'tenant' })).toString('base64url');
  const { stdout } = await runCli(['list', '--key-prefix', fixture.keyPrefix, '-o', 'json'], {
    ...env,
    HATCHET_CLIENT_TOKEN: `x.${claims}.x`,
    HATCHET_CLIENT_NAMESPACE: 'NameSpace',
  });
  expect(JSON.parse(stdout)).not.toEqual([]);
});

test('a reader that leaves ends the command without an error', async () => {
  const many = await groupOf(3_000, 'left');
  const started = startCli(['show', many.id, '--all', ...where], env);
  started.child.stdout?.once('data', () => started.child.stdout?.destroy());
  const { stderr } = await started.end();
  expect(stderr).toBe('');
});

test.each([['list'], ['show'], ['results'], ['failures'], ['explain']])(
  '%s loads neither the SDK nor zod',
  async (command) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'mageflow-modules-'));
    try {
      const file = path.join(folder, 'modules');
      const args = command === 'list' ? [command] : [command, ended.id];
      const hook = ['--require', path.resolve(__dirname, '../../helpers/module-cache.cjs')];
      const end = await startCli([...args, ...where], { ...env, MAGEFLOW_TEST_MODULES: file }, hook).end();
      expect(end.code).toBe(0);
      const packages = readFileSync(file, 'utf8')
        .split('\n')
        .flatMap((module) => /.*node_modules\/((?:@[^/]+\/)?[^./][^/]*)\//.exec(module)?.[1] ?? []);
      expect(packages).toContain('ioredis');
      expect(packages.filter((name) => /^(@hatchet-dev|zod|@modelcontextprotocol|@grpc)/.test(name))).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

test('doctor names each check, says what it could not check without the engine, and fails for errors only', async () => {
  const { code, stdout, stderr } = await mageflow('doctor', '-o', 'json');
  const findings = JSON.parse(stdout) as DoctorFinding[];
  expect(new Set(findings.map(({ check }) => check))).toEqual(
    new Set([
      ...['redis', 'format', 'eviction', 'persistence', 'memory', 'clock', 'engine'],
      ...['reconcilers', 'leases', 'tasks', 'groups', 'callbacks', 'keys'],
    ]),
  );
  expect(findings.find(({ check }) => check === 'engine')).toMatchObject({ level: 'unchecked' });
  expect(stderr).toContain('The engine was not asked');
  const errors = findings.filter(({ level }) => level === 'error').length;
  expect(code).toBe(errors > 0 ? 1 : 0);
  const table = await mageflow('doctor', '--still-after', '10m');
  for (const { text } of findings.filter(({ check }) => check === 'redis' || check === 'eviction'))
    expect(table.stdout).toContain(text);
  expect(await mageflow('doctor', '--still-after', 'soon')).toMatchObject({ code: 2, stdout: '' });
});

test('doctor says that Redis is away, and what to do', async () => {
  const { code, stdout } = await runCli(['doctor', ...where], { REDIS_URL: 'redis://127.0.0.1:1' });
  expect(code).toBe(1);
  expect(stdout).toMatch(/^error +Redis .* can't be asked/m);
  expect(stdout).toContain('→ Start Redis');
});

test('stats counts groups by their status, and what they take in Redis', async () => {
  const { code, stdout } = await mageflow('stats', '-o', 'json');
  expect(code).toBe(0);
  const stats = JSON.parse(stdout) as Stats;
  expect(stats.groups.byStatus.succeeded).toBeGreaterThanOrEqual(1);
  expect(stats.memory?.bytes).toBeGreaterThan(1_000);
  const table = await mageflow('stats');
  expect(table.stdout).toMatch(/^groups +.*\d+ succeeded/m);
  expect(table.stdout).toMatch(/^items a second +\d/m);
  expect(table.stdout).toMatch(/^memory +~?[\d.]+ [KM]?B/m);
});
