// The commands that start work, on the real engine.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { engineEnv, runCli, type CliEnd } from '../../helpers/cli';
import { eventually, Fixture } from '../../helpers/fixture';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 500 });
const { mage } = fixture;
const env = engineEnv(fixture);
const { HATCHET_CLIENT_TOKEN: _token, ...withoutToken } = env;
const where = ['--key-prefix', fixture.keyPrefix];
const mageflow = (args: readonly string[], input = ''): Promise<CliEnd> => runCli([...args, ...where], env, input);
const alone = (...args: string[]): Promise<CliEnd> =>
  runCli([...args, ...where, '--tenant', fixture.hatchet.tenantId], withoutToken);
const folder = mkdtempSync(path.join(tmpdir(), 'mageflow-cli-'));

let failing = true;
let release: () => void = () => undefined;
const begun = new Set<number>();
const row = mage.task({ name: 'row', fn: ({ n }: { n: number }) => ({ n }) });
const odd = mage.task({
  name: 'odd',
  fn: ({ n, fixed = false }: { n: number; fixed?: boolean }) => {
    if (failing && n % 2 === 1 && !fixed) throw new Error(n % 4 === 1 ? `row ${n}: timed out` : `row ${n}: no number`);
    return { n };
  },
});
const slow = mage.task({
  name: 'slow',
  fn: async ({ n }: { n: number }, ctx) => {
    begun.add(n);
    await new Promise<void>((resolve, reject) => {
      release = resolve;
      ctx.abortController.signal.addEventListener('abort', () => reject(new Error('aborted')));
    });
    return {};
  },
});

beforeAll(async () => {
  await fixture.worker([row, odd, slow]);
});
afterAll(async () => {
  release();
  rmSync(folder, { recursive: true });
  await fixture.close();
});

test('run signs a task by its name, and waits for its output', async () => {
  const args = ['run', 'row', '--message', '{"n":5}', '--name', 'five', '--tag', 'a', 'b', '--key', 'five'];
  const waited = await mageflow([...args, '--wait', '-o', 'jsonl']);
  expect(waited).toMatchObject({ code: 0 });
  const { id, output } = JSON.parse(waited.stdout) as { id: string; output: unknown };
  expect(output).toEqual({ n: 5 });
  expect(await mage.describe(id)).toMatchObject({ name: 'five', tags: ['a', 'b'], status: 'succeeded' });
  // The key attaches to the first run.
  expect((await mageflow(args)).stdout.trim()).toBe(id);
  const bad = await mageflow(['run', 'odd', '--message', '{"n":1}', '--wait']);
  expect(bad).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('row 1: timed out') });
});

test('retry runs again what matches, and with another message', async () => {
  failing = true;
  const swarm = await mage.swarm({ tasks: [0, 1, 2, 3, 4, 5].map((n) => [odd, { n }] as const), isSwarmClosed: true });
  await swarm.runSettled({});
  const { code, stdout, stderr } = await mageflow([
    'retry',
    swarm.id,
    '--error',
    'timed out$',
    '--message',
    '{"fixed":true}',
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('2 items run again');
  expect(await mageflow(['watch', swarm.id])).toMatchObject({ code: 0 });
  expect(await swarm.progress()).toMatchObject({ succeeded: 5, failed: 1 });
  const rest = await mageflow(['retry', swarm.id, '--index', '0-3', '-o', 'json', '--message', '{"fixed":true}']);
  expect(JSON.parse(rest.stdout)).toEqual({ id: swarm.id, retried: 1 });
  await eventually('all have succeeded', async () => (await swarm.progress()).succeeded === 6);
  expect(await mageflow(['retry', swarm.id, '--error', '('])).toMatchObject({ code: 2 });
});

test('update changes the limits of a swarm, and close ends it', async () => {
  const swarm = await mage.swarm({ tasks: [[row, { n: 1 }]] });
  await swarm.runNoWait({});
  const changed = await mageflow([
    'update',
    swarm.id,
    '--max-concurrency',
    '5',
    '--rate-limit',
    '300/60s:10',
    '--timeout',
    '1h',
    '-o',
    'json',
  ]);
  expect(changed.code).toBe(0);
  expect(JSON.parse(changed.stdout)).toMatchObject({
    id: swarm.id,
    config: { maxConcurrency: 5, rateLimit: { limit: 300, perMs: 60_000, burst: 10 }, timeoutMs: 3_600_000 },
  });
  expect((await mageflow(['update', swarm.id, '--rate-limit', 'none'])).stdout).toMatch(/rateLimit +none/);
  expect(await mageflow(['update', swarm.id, '--rate-limit', 'fast'])).toMatchObject({ code: 2 });
  expect(await mageflow(['update', swarm.id])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Nothing to change'),
  });
  expect(await mageflow(['close', swarm.id])).toMatchObject({ code: 0 });
  await swarm.wait();
});

test('suspended groups are resumed by a filter', async () => {
  const swarms = await Promise.all(
    [1, 2].map((n) => mage.swarm({ tasks: [[row, { n }]], tags: ['held'], isSwarmClosed: true })),
  );
  expect(await mageflow(['suspend', '--tag', 'held', '--yes'])).toMatchObject({ code: 0 });
  for (const swarm of swarms) await swarm.runNoWait({});
  expect(await mageflow(['resume', '--tag', 'held', '--yes'])).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('Resumed 2 groups'),
  });
  await Promise.all(swarms.map((swarm) => swarm.wait()));
});

test('a cancel without a token reaches what runs, by the reconciler of a worker', async () => {
  const swarm = await mage.swarm({ tasks: [[slow, { n: 77 }]], isSwarmClosed: true });
  await swarm.runNoWait({});
  await eventually('it runs', () => begun.has(77));
  const end = await alone('cancel', swarm.id);
  expect(end).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('the reconciler of a running worker tells the engine'),
  });
  await eventually('it is cancelled', async () => (await swarm.status()) === 'cancelled');
});

test('add takes lines up to a wrong one, and goes on when it is repeated', async () => {
  const total = 5_000;
  const wrongLine = 4_001;
  const file = path.join(folder, 'items.jsonl');
  const lines = Array.from({ length: total }, (_, n) => JSON.stringify({ n, id: `row ${n}` }));
  const broken = lines.map((line, i) => (i + 1 === wrongLine ? '{"n":' : line));
  writeFileSync(file, `\uFEFF${broken.join('\r\n')}\r\n\r\n`);
  const swarm = await mage.swarm({ name: 'added' });
  const add = ['add', swarm.id, 'row', '--file', file, '--key-field', 'id', '-o', 'json'];
  const first = await mageflow(add);
  expect(first.code).toBe(1);
  expect(first.stderr).toContain(`line ${wrongLine}: expected a JSON object, but`);
  expect(JSON.parse(first.stdout)).toMatchObject({ lines: wrongLine, added: wrongLine - 1, wrongLines: 1 });
  const skipped = await mageflow([...add, '--on-error', 'skip']);
  expect(skipped.code).toBe(0);
  expect(JSON.parse(skipped.stdout)).toMatchObject({ lines: total, added: total - wrongLine, wrongLines: 1 });
  const input = [lines[wrongLine - 1], '[1]', '{"id":""}', '7'].join('\n');
  const rest = await mageflow(
    ['add', swarm.id, 'row', '--file', '-', '--key-field', 'id', '--on-error', 'skip'],
    input,
  );
  expect(rest).toMatchObject({ code: 0, stdout: expect.stringContaining('1 item added, 3 wrong lines, of 4 lines') });
  for (const text of [
    'line 2: expected a JSON object, got a list',
    'line 3: expected a text or a number in the field "id"',
    'line 4: ',
  ])
    expect(rest.stderr).toContain(text);
  expect(await swarm.progress()).toMatchObject({ total, status: 'pending' });
  await swarm.remove();
});

test('items that are added to a running swarm start, unless --no-run is given', async () => {
  const swarm = await mage.swarm({ tasks: [[row, { n: 0 }]] });
  await swarm.runNoWait({});
  expect(await mageflow(['add', swarm.id, 'row', '--message', '{"n":1}'])).toMatchObject({ code: 0 });
  await eventually('both have ended', async () => (await swarm.progress()).succeeded === 2);
  expect(await mageflow(['add', swarm.id, 'row', '--message', '{"n":2}', '--no-run'])).toMatchObject({ code: 0 });
  expect(await swarm.progress()).toMatchObject({ total: 3, waiting: 1 });
  await swarm.closeSwarm();
  await swarm.wait();
  const late = await mageflow(['add', swarm.id, 'row', '--message', '{}']);
  expect(late).toMatchObject({ code: 1, stdout: '' });
  expect(late.stderr).toMatch(/^mageflow: .*\n$/);
});

test('explain asks the engine when there is a token', async () => {
  const swarm = await mage.swarm({ tasks: [[slow, { n: 88 }]], isSwarmClosed: true });
  await swarm.runNoWait({});
  await eventually('it runs', () => begun.has(88));
  const { code, stdout, stderr } = await mageflow(['explain', swarm.id]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^running: .*slow/m);
  const without = await alone('explain', swarm.id);
  expect(without.stderr).toContain('The engine was not asked');
  release();
  await swarm.wait();
});
