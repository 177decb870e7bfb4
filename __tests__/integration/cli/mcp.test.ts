// The MCP server on Redis alone: what it offers, what each reading tool answers, and what it refuses.
import { EventEmitter, once } from 'node:events';
import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { DoctorFinding, Explanation, FailureGroup, Stats } from '../../../src';
import type { AloneAction } from '../../../src/cli/actions';
import { loadSdk } from '../../../src/cli/mcp/sdk';
import { serve } from '../../../src/cli/mcp/serve';
import { Session } from '../../../src/cli/mcp/session';
import { itemId } from '../../../src/store/ids';
import { packSpec } from '../../../src/store/spec';
import { builtCli, plain, runCli, startInTerminal } from '../../helpers/cli';
import { eventually, required } from '../../helpers/fixture';
import { foreignLines, McpClient } from '../../helpers/mcp-client';
import { failed, StoreFixture, succeeded, type TestGroup } from '../../helpers/store';

const fixture = new StoreFixture();
const env = { REDIS_URL: required('REDIS_URL') };
const where = ['--tenant', 'tenant', '--namespace', 'namespace', '--key-prefix', fixture.keyPrefix];
const row = packSpec({ task: 'row' });

const readingNames = ['list', 'show', 'results', 'failures', 'explain', 'doctor', 'stats'];
const changingNames = ['suspend', 'resume', 'cancel', 'close', 'remove', 'retry', 'update', 'run', 'add'];
/** The characters of the longest answer, with the mark of a cut. */
const longestAnswer = 30_100;

async function groupOf(items: number, name: string, spec = row): Promise<TestGroup> {
  const specs = Array.from({ length: items }, () => spec);
  const group = await fixture.group(specs, { name, closed: true, labels: { tags: ['nightly'] } });
  await fixture.store.topLevelIndex.add(group.id);
  await group.store.run(group.id, '{}');
  return group;
}

async function opened(...args: string[]): Promise<McpClient> {
  const client = new McpClient([...args, ...where], env);
  await client.open();
  return client;
}

let client: McpClient;
let writer: McpClient;
let ended: TestGroup;
beforeAll(async () => {
  builtCli();
  ended = await groupOf(4, 'import');
  await ended.execute('0', succeeded('{"lines":3}'));
  await ended.execute('1', failed('row 17: no number'));
  await ended.execute('2', failed('row 23: no number'));
  await ended.execute('3');
  client = await opened();
  writer = await opened('--allow-writes');
});
afterAll(async () => {
  for (const one of [client, writer]) {
    const { code, stdout, stderr } = await one.end();
    expect({ code, stderr, foreign: foreignLines(stdout) }).toEqual({ code: 0, stderr: '', foreign: [] });
  }
  await fixture.close();
});

describe('what the server offers', () => {
  test('only tools that read, unless writes are allowed', async () => {
    const reading = await client.tools();
    expect(reading.map(({ name }) => name)).toEqual(readingNames);
    expect(reading.filter(({ annotations }) => !annotations.readOnlyHint)).toEqual([]);
    const all = await writer.tools();
    expect(all.map(({ name }) => name)).toEqual([...readingNames, ...changingNames]);
    expect(all.filter(({ annotations }) => !annotations.readOnlyHint).map(({ name }) => name)).toEqual(changingNames);
  });

  test('what can be undone is not marked as destructive, and what destroys is', async () => {
    const destructive = (await writer.tools()).filter(({ annotations }) => annotations.destructiveHint);
    expect(destructive.map(({ name }) => name)).toEqual(expect.arrayContaining(['cancel', 'remove', 'close']));
    expect(destructive.map(({ name }) => name)).not.toContain('suspend');
  });

  test('each tool says when to call it, and refuses arguments that it does not have', async () => {
    for (const { name, description, inputSchema } of await writer.tools()) {
      expect({ name, inputSchema }).toMatchObject({ inputSchema: { type: 'object', additionalProperties: false } });
      expect(`${name}: ${description}`).toContain('Call it ');
    }
  });

  test('the instructions name the store, and say that writes are off', async () => {
    const one = new McpClient(where, env);
    const { instructions, serverInfo } = await one.open();
    expect(serverInfo).toMatchObject({ name: 'mageflow' });
    expect(instructions).toContain('tenant tenant, namespace namespace');
    expect(instructions).toContain('--allow-writes');
    await one.end();
  });

  test('clients of the protocol of 2026 are served too', async () => {
    const one = new McpClient(where, env);
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const { result } = await one.request('tools/call', { name: 'show', arguments: { id: ended.id }, _meta });
    expect(result).toMatchObject({ content: [{ type: 'text', text: expect.stringContaining(ended.id) }] });
    expect((await one.end()).code).toBe(0);
  });
});

describe('reading', () => {
  test('list finds groups by a filter, with their counts', async () => {
    expect(await client.value('list', { name: 'import', kind: 'swarm', since: '1h' })).toEqual({
      groups: [
        {
          id: ended.id,
          kind: 'swarm',
          name: 'import',
          status: 'succeeded',
          createdAt: expect.stringMatching(/^\d{4}-/),
          tags: ['nightly'],
          progress: { total: 4, succeeded: 2, failed: 2, cancelled: 0, closed: true },
        },
      ],
    });
  });

  test('list goes on with its cursor, and says so when nothing matches or nothing is there', async () => {
    const ids = await Promise.all([1, 2, 3].map(async (n) => (await groupOf(n, 'paged')).id));
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page: { groups: { id: string }[]; cursor?: string } = await client.value('list', {
        name: 'paged',
        limit: 2,
        ...(cursor === undefined ? {} : { cursor }),
      });
      expect(page.groups.length).toBeLessThanOrEqual(2);
      found.push(...page.groups.map(({ id }) => id));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(found.sort()).toEqual(ids.sort());
    expect(await client.value('list', { name: 'no such name' })).toMatchObject({
      groups: [],
      note: expect.stringContaining('Nothing matches'),
    });
    const elsewhere = new McpClient(['--tenant', 'elsewhere', '--key-prefix', fixture.keyPrefix], env);
    await elsewhere.open();
    const { note } = await elsewhere.value<{ note: string }>('list');
    expect(note).toContain('Nothing is stored for tenant elsewhere');
    expect(note).toContain('--tenant tenant --namespace namespace_');
    await elsewhere.end();
  });

  test('show has counts, configuration and items, and the output only when it is asked for', async () => {
    const shown = await client.value('show', { id: ended.id });
    expect(shown).toMatchObject({
      id: ended.id,
      status: 'succeeded',
      progress: { total: 4, failed: 2 },
      config: { maxConcurrency: 30 },
      children: [
        { id: itemId(ended.id, 0), status: 'succeeded' },
        { id: itemId(ended.id, 1), status: 'failed', error: 'row 17: no number' },
        { id: itemId(ended.id, 2) },
        { id: itemId(ended.id, 3) },
      ],
    });
    expect(shown).not.toHaveProperty('output');
    expect(await client.value('show', { id: itemId(ended.id, 0), output: true })).toMatchObject({
      output: { lines: 3 },
    });
    expect(await client.value('show', { id: ended.id, items: 0 })).toMatchObject({ children: [] });
  });

  test('results are read in parts, of one status or all', async () => {
    const first = await client.value<{ items: object[]; next: number }>('results', { id: ended.id, limit: 2 });
    expect(first.items).toMatchObject([
      { index: 0, status: 'succeeded', output: { lines: 3 } },
      { index: 1, status: 'failed', error: 'row 17: no number' },
    ]);
    const second = await client.value('results', { id: ended.id, limit: 2, skip: first.next });
    expect(second).toEqual({ items: [expect.objectContaining({ index: 2 }), expect.objectContaining({ index: 3 })] });
    const bad = await client.value<{ items: object[] }>('results', { id: ended.id, status: 'failed' });
    expect(bad.items).toMatchObject([{ index: 1 }, { index: 2 }]);
  });

  test('failures are grouped, and what the limit leaves out is counted', async () => {
    const kind = { text: 'row #: no number', count: 2 };
    const { failed: count, kinds } = await client.value<{ failed: number; kinds: FailureGroup[] }>('failures', {
      id: ended.id,
    });
    expect({ count, kinds }).toMatchObject({ count: 2, kinds: [kind] });
    const mixed = await groupOf(3, 'mixed failures');
    for (const [entry, message] of Object.entries(['apples', 'pears', 'pears']))
      await mixed.execute(entry, failed(message));
    expect(await client.value('failures', { id: mixed.id, limit: 1 })).toMatchObject({
      failed: 3,
      kinds: [{ text: 'pears', count: 2 }],
      left: { kinds: 1, failed: 1 },
    });
  });

  test('explain says what a group waits for, and that the engine was not asked', async () => {
    const held = await groupOf(1, 'held');
    await fixture.store.suspend(held.id, true);
    const found = await client.value<Explanation & { note: string }>('explain', { id: held.id });
    expect(found.summary).toContain('The swarm "held" is suspended');
    expect(found.reasons).toMatchObject([{ code: 'suspended', hint: expect.stringContaining('resume()') }]);
    expect(found.note).toContain('HATCHET_CLIENT_TOKEN');
  });

  test('doctor has findings with what to do, and the names of the checks that found nothing', async () => {
    const { findings, ok, healthy } = await client.value<{
      findings: DoctorFinding[];
      ok: string[];
      healthy: boolean;
    }>('doctor', { stillAfter: '10m' });
    expect(findings.map(({ level }) => level)).not.toContain('ok');
    expect(findings).toContainEqual(expect.objectContaining({ check: 'engine', level: 'unchecked' }));
    expect(ok).toContain('redis');
    expect(healthy).toBe(!findings.some(({ level }) => level === 'error'));
  });

  test('stats counts groups by their status', async () => {
    const { groups, memory } = await client.value<Stats>('stats');
    expect(groups.byStatus.succeeded).toBeGreaterThanOrEqual(1);
    expect(memory?.bytes).toBeGreaterThan(1_000);
  });
});

describe('a large group', () => {
  const items = 60;
  let large: TestGroup;
  beforeAll(async () => {
    large = await groupOf(items, 'large', packSpec({ task: 'row', name: 'n'.repeat(900) }));
    for (let n = 0; n < items; n++)
      await (n % 2 === 0
        ? large.execute(String(n), succeeded(JSON.stringify({ text: 'é'.repeat(20_000) })))
        : large.execute(String(n), failed('x'.repeat(9_000))));
  });

  test('has each item in some answer of show, and none is too long', async () => {
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const args = { id: large.id, items: 50, ...(cursor === undefined ? {} : { cursor }) };
      const { text } = await client.call('show', args);
      expect(text.length).toBeLessThan(longestAnswer);
      const page = JSON.parse(text) as { children: { id: string; error?: string }[]; cursor?: string };
      expect(page.children.length).toBeLessThan(50);
      found.push(...page.children.map(({ id }) => id));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(found).toEqual(Array.from({ length: items }, (_, n) => itemId(large.id, n)));
  });

  test('shows more of an error where it is asked for the item alone', async () => {
    const { error } = await client.value<{ error: string }>('show', { id: itemId(large.id, 1) });
    expect(error).toMatch(/^x{5000}… \(cut: 9000 characters in all\)$/);
  });

  test('has each item in some answer of results, and long ones are cut', async () => {
    const found: number[] = [];
    let skip: number | undefined = 0;
    while (skip !== undefined) {
      const { text } = await client.call('results', { id: large.id, limit: 100, skip });
      expect(text.length).toBeLessThan(longestAnswer);
      const page = JSON.parse(text) as { items: { index: number; output?: string; error?: string }[]; next?: number };
      for (const { index, output, error } of page.items) {
        found.push(index);
        expect(output ?? error).toMatch(/… \(cut: \d+ characters in all\)$/);
      }
      skip = page.next;
    }
    expect(found).toEqual(Array.from({ length: items }, (_, n) => n));
  });
});

describe('an error', () => {
  test.each([
    ['show', { id: 'no-such-id' }, 'No signature with the id "no-such-id" is stored'],
    ['list', { limit: 1_000 }, 'limit'],
    ['list', { since: 'soon' }, 'since: expected a duration such as 2h'],
    ['list', { statis: 'failed' }, 'additional properties'],
    ['explain', {}, 'id'],
    ['results', { id: 'x', status: 'running' }, 'status'],
  ])('of %s(%j) is the answer of the tool', async (name, args, text) => {
    expect(await client.call(name, args)).toEqual({ isError: true, text: expect.stringContaining(text) });
  });

  test('of Redis names its address without the password, and the server goes on', async () => {
    const away = new McpClient(['--tenant', 't'], { REDIS_URL: 'redis://:secret@127.0.0.1:1' });
    await away.open();
    for (const _again of [1, 2]) {
      const { text, isError } = await away.call('list');
      expect({ text, isError }).toEqual({ isError: true, text: expect.stringContaining('The Redis is 127.0.0.1:1') });
      expect(text).not.toContain('secret');
    }
    expect((await away.end()).code).toBe(0);
  });

  test('in a line on stdin is reported on stderr, and the server goes on', async () => {
    const one = await opened();
    one.write('this is not JSON');
    one.write('{"jsonrpc":"2.0"}');
    expect(await one.tools()).toHaveLength(readingNames.length);
    const { stdout, stderr, code } = await one.end();
    expect(code).toBe(0);
    expect(stderr).toMatch(/^mageflow: mcp: .*\n$/);
    expect(foreignLines(stdout)).toEqual([]);
  });
});

describe('writing', () => {
  const statusOf = async ({ id }: TestGroup) => (await fixture.reader.snapshot(id))?.status;
  const isSuspended = async ({ id }: TestGroup) => (await fixture.reader.snapshot(id))?.suspended;

  test.each(changingNames)('%s is refused without --allow-writes', async (name) => {
    const group = await groupOf(1, 'untouched');
    await expect(client.call(name, { ids: [group.id], id: group.id })).rejects.toThrow(`Tool ${name} not found`);
    expect(await statusOf(group)).toBe('running');
    expect(await isSuspended(group)).toBe(false);
  });

  test('groups are suspended, cancelled and removed with Redis alone', async () => {
    const [one, two] = [await fixture.group([row, row]), await fixture.group([row, row])];
    const ids = [one.id, two.id];
    expect(await writer.value('suspend', { ids })).toEqual({
      done: expect.arrayContaining(ids),
      failed: [],
      note: expect.stringContaining('no worker of mageflow is seen'),
    });
    expect(await Promise.all([one, two].map(isSuspended))).toEqual([true, true]);
    expect(await writer.value('cancel', { ids })).toMatchObject({ failed: [] });
    expect(await Promise.all([one, two].map(statusOf))).toEqual(['cancelled', 'cancelled']);
    expect(await writer.value('remove', { ids })).toEqual({ done: expect.arrayContaining(ids), failed: [] });
    expect(await Promise.all([one, two].map(statusOf))).toEqual([undefined, undefined]);
  });

  test('a group that cannot be changed is named, and the others are done', async () => {
    const group = await groupOf(1, 'one of two');
    expect(await writer.value('suspend', { ids: [group.id, 'no-such-id'] })).toMatchObject({
      done: [group.id],
      failed: [{ id: 'no-such-id', error: expect.stringContaining('No signature with the id') }],
    });
    expect(await writer.call('remove', { ids: [group.id] })).toEqual({
      isError: true,
      text: expect.stringContaining('Cancel it, wait for its end, then remove it'),
    });
    expect(await statusOf(group)).toBe('running');
  });

  test.each([
    ['resume', { ids: ['id'] }],
    ['close', { ids: ['id'] }],
    ['retry', { id: 'id' }],
    ['update', { id: 'id', maxConcurrency: 5 }],
    ['run', { task: 'row' }],
    ['add', { id: 'id', task: 'row', messages: [{}] }],
  ])('%s says that it needs the engine', async (name, args) => {
    expect(await writer.call(name, args)).toEqual({
      isError: true,
      text: `${name} needs the engine, which publishes the runs: set HATCHET_CLIENT_TOKEN.`,
    });
  });
});

test('a change that is under way is finished when stdin ends', async () => {
  const group = await groupOf(1, 'held at the end');
  const begun = new EventEmitter();
  const gate = new EventEmitter();
  class HeldSession extends Session {
    override async alone(what: AloneAction) {
      const opened = once(gate, 'open');
      begun.emit('change');
      await opened;
      return super.alone(what);
    }
  }
  const sdk = await loadSdk();
  const stdin = new PassThrough();
  class Transport extends sdk.StdioServerTransport {
    constructor() {
      super(stdin, new PassThrough().resume());
    }
  }
  const session = new HeldSession({
    redis: env.REDIS_URL,
    tenant: 'tenant',
    namespace: 'namespace',
    keyPrefix: fixture.keyPrefix,
  });
  let hasEnded = false;
  const { signal } = new AbortController();
  const served = serve({ ...sdk, StdioServerTransport: Transport }, session, {
    version: '1',
    allowsWrites: true,
    signal,
  }).then(() => (hasEnded = true));
  const change = once(begun, 'change');
  const params = { name: 'suspend', arguments: { ids: [group.id] } };
  stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })}\n`);
  await change;
  stdin.end();
  await once(stdin, 'close');
  await setImmediate();
  expect(hasEnded).toBe(false);
  gate.emit('open');
  await served;
  expect((await group.snapshot()).suspended).toBe(true);
  await session.close();
});

describe('the process', () => {
  test('ends with stdin, before any message and afterwards', async () => {
    expect(await runCli(['mcp', ...where], env)).toEqual({ code: 0, stdout: '', stderr: '' });
    const one = await opened();
    await one.value('stats');
    expect(await one.end()).toMatchObject({ code: 0, stderr: '' });
  });

  test('ends with a signal', async () => {
    const one = await opened();
    one.process.child.kill('SIGTERM');
    expect(await one.process.end()).toMatchObject({ code: 130, stderr: 'mageflow: Interrupted.\n' });
  });

  test('ends at once when it cannot know which store it is for', async () => {
    expect(await runCli(['mcp', '--tenant', 't'], {})).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('Set REDIS_URL'),
    });
    expect(await runCli(['mcp'], env)).toMatchObject({ code: 2, stderr: expect.stringContaining('Which tenant?') });
  });

  test('says in a terminal that it is for clients, and ends with Ctrl-D', async () => {
    const started = startInTerminal(['mcp', ...where], env);
    await eventually('it says so', () => plain(started.stdout).includes('configure a client to start it'));
    started.child.stdin?.write('\u0004');
    expect((await started.end()).code).toBe(0);
  });
});
