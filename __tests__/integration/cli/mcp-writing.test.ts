// The tools of the MCP server that need the engine, on the real one.
import { engineEnv } from '../../helpers/cli';
import { eventually, Fixture } from '../../helpers/fixture';
import { foreignLines, McpClient } from '../../helpers/mcp-client';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 500 });
const { mage } = fixture;
const env = engineEnv(fixture);

let failing = true;
const row = mage.task({ name: 'row', fn: ({ n }: { n: number }) => ({ n }) });
const odd = mage.task({
  name: 'odd',
  fn: ({ n }: { n: number }) => {
    if (failing && n % 2 === 1) throw new Error(n % 4 === 1 ? `row ${n}: timed out` : `row ${n}: no number`);
    return { n };
  },
});

let client: McpClient;
beforeAll(async () => {
  await fixture.worker([row, odd]);
  client = new McpClient(['--allow-writes', '--key-prefix', fixture.keyPrefix], env);
  await client.open();
});
afterAll(async () => {
  const { code, stdout, stderr } = await client.end();
  expect({ code, stderr, foreign: foreignLines(stdout) }).toEqual({ code: 0, stderr: '', foreign: [] });
  await fixture.close();
});

test('run starts a task by its name, and show has its output', async () => {
  const args = { task: 'row', message: { n: 5 }, name: 'five', tags: ['a'], key: 'five' };
  const { id } = await client.value<{ id: string }>('run', args);
  await mage.load(id).then((found) => found.wait());
  expect(await client.value('show', { id, output: true })).toMatchObject({
    name: 'five',
    tags: ['a'],
    status: 'succeeded',
    output: { n: 5 },
  });
  expect(await client.value('run', args)).toEqual({ id });
});

test('retry runs again only what matches', async () => {
  failing = true;
  const swarm = await mage.swarm({ tasks: [0, 1, 2, 3, 5].map((n) => [odd, { n }] as const), isSwarmClosed: true });
  await swarm.runSettled({});
  failing = false;
  expect(await client.value('failures', { id: swarm.id })).toMatchObject({ failed: 3 });
  expect(await client.value('retry', { id: swarm.id, error: 'timed out' })).toEqual({ id: swarm.id, retried: 2 });
  await eventually('they have succeeded', async () => (await swarm.progress()).succeeded === 4);
  expect(await client.value('retry', { id: swarm.id, indexes: [0, 3] })).toEqual({ id: swarm.id, retried: 1 });
  await eventually('all have succeeded', async () => (await swarm.progress()).succeeded === 5);
});

test('a swarm is filled, slowed down, held, resumed and closed', async () => {
  const swarm = await mage.swarm({ tasks: [[row, { n: 1 }]] });
  await swarm.runNoWait({});
  const { id } = swarm;
  expect(
    await client.value('update', { id, maxConcurrency: 5, rateLimit: { limit: 300, perMs: 1_000 } }),
  ).toMatchObject({
    id,
    config: { maxConcurrency: 5, rateLimit: { limit: 300, perMs: 1_000 } },
  });
  expect(await client.value('update', { id, rateLimit: null })).toMatchObject({ config: { rateLimit: null } });
  expect(await client.call('update', { id })).toMatchObject({
    isError: true,
    text: expect.stringContaining('Nothing'),
  });
  expect(await client.value('suspend', { ids: [id] })).toEqual({ done: [id], failed: [] });
  const messages = [{ n: 2 }, { n: 3 }];
  const add = { id, task: 'row', messages, keyField: 'n' };
  expect(await client.value('add', add)).toEqual({ id, added: 2, known: 0 });
  expect(await client.value('add', add)).toEqual({ id, added: 0, known: 2 });
  expect(await client.call('add', { ...add, messages: [{ n: 4 }, { m: 5 }, { n: 6 }] })).toEqual({
    isError: true,
    text: expect.stringMatching(
      /^Added 1 item, and stopped at message 2: expected a text or a number in the field "n"/,
    ),
  });
  const { note, summary } = await client.value<{ note?: string; summary: string }>('explain', { id });
  expect(note).toBeUndefined();
  expect(summary).toContain('is suspended');
  expect(await client.value('resume', { ids: [id] })).toEqual({ done: [id], failed: [] });
  expect(await client.value('close', { ids: [id] })).toEqual({ done: [id], failed: [] });
  await swarm.wait();
  expect(await swarm.progress()).toMatchObject({ succeeded: 4, total: 4, status: 'succeeded' });
});

test('doctor asks the engine', async () => {
  const { ok, note } = await client.value<{ ok: string[]; note?: string }>('doctor');
  expect(ok).toContain('engine');
  expect(note).toBeUndefined();
});
