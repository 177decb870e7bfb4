// Pins what the Lua scripts' assembly promises: an unchanged program, deterministic output, and a clear refusal of what
// it could only get wrong.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import ts from 'typescript';

const tool = path.resolve(__dirname, '../../scripts/embed-lua.mjs');

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'mageflow-lua-'));
  mkdirSync(path.join(folder, 'scripts/lib'), { recursive: true });
  mkdirSync(path.join(folder, 'scripts/commands'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): void {
  writeFileSync(path.join(folder, 'scripts', `${name}.lua`), text);
}

function script(name: string, body: string, keys = 'KEYS: 1'): void {
  write(`commands/${name}`, `-- ${name}: Does it.\n-- ${keys}\n-- ARGV none\n-- Returns nothing.\n\n${body}\n`);
}

function embed(...args: string[]): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(process.execPath, [tool, '--scripts', 'scripts', '--out', 'out.ts', ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { status, stderr };
}

function generated(): string {
  return readFileSync(path.join(folder, 'out.ts'), 'utf8');
}

function embedded(): Record<string, { keys: number; lua: string }> {
  expect(embed()).toEqual({ status: 0, stderr: '' });
  const { outputText } = ts.transpileModule(generated(), { compilerOptions: { module: ts.ModuleKind.CommonJS } });
  const exports: { scripts?: Record<string, { keys: number; lua: string }> } = {};
  new Function('exports', outputText)(exports);
  return exports.scripts ?? {};
}

test('strips comments and indentation, keeps every character of the code', () => {
  script('mark-ready', "-- why\nif KEYS[1] then\n  return '\\n`${x}\\\\'\nend");
  expect(embedded()).toEqual({ markReady: { keys: 1, lua: "if KEYS[1] then\nreturn '\\n`${x}\\\\'\nend" } });
});

test('writes a function that several scripts share once', () => {
  write('lib/time', '-- time: The time.\nlocal function time()\n  return 1\nend\n');
  script('one', '--- @include "time"\nreturn time()');
  script('two', '--- @include "time"\nreturn 2 * time()');
  const function_ = 'local function time()\nreturn 1\nend';
  expect(embedded()).toMatchObject({
    one: { lua: `${function_}\nreturn time()` },
    two: { lua: `${function_}\nreturn 2 * time()` },
  });
  expect(generated().split(function_)).toHaveLength(2);
});

test('puts each include in once, also one that two others need', () => {
  write('lib/time', '-- time: The time.\nlocal now = 1\n');
  write('lib/slots', '-- slots: Slots.\n--- @include "time"\nlocal slots = now\n');
  script('run', '--- @include "slots"\n--- @include "time"\nreturn slots');
  expect(embedded().run?.lua).toBe('local now = 1\nlocal slots = now\nreturn slots');
});

test('keeps those names of a list of what may be used that the rest of a script mentions', () => {
  write(
    'lib/fields',
    [
      '-- fields: All fields.',
      '--- @used',
      "local names = { 'a', 'b', '', 'c', 'dd', 'd', }",
      'local function unused() return g.b end',
      'local function read() return names end',
    ].join('\n'),
  );
  script('run', '--- @include "fields"\nput(\'c\', g.a + d)\nreturn read()');
  expect(embedded().run?.lua.split('\n')[0]).toBe("local names = { 'a', '', 'c', }");
});

test('a list of what may be used can take several lines, and becomes one', () => {
  write(
    'lib/fields',
    [
      '-- fields: All fields.',
      '--- @used',
      'local names = {',
      '  field.status,',
      "  '',",
      '  field.total, field.name,',
      '}',
    ].join('\n'),
  );
  script('run', '--- @include "fields"\nreturn group.status + group.total + #names');
  expect(embedded().run?.lua.split('\n')).toEqual([
    "local names = { 'st', '', 'tot', }",
    'return group.st + group.tot + #names',
  ]);
});

test('names of fields become the stored names, but not inside of texts', () => {
  script(
    'run',
    [
      "redis.call('HMGET', KEYS[1], field.maxConcurrency, spec_field.ownMessage .. 1, callback_field.newerFiring .. 'c1')",
      "local given = { [field.failed] = 0, text = 'field.nothing' }",
      'given[field.failed] = 1',
      'return changed.status or given.failed or my.field.unknown',
    ].join('\n'),
  );
  expect(embedded().run?.lua.split('\n')).toEqual([
    "redis.call('HMGET', KEYS[1], 'mc', 'm' .. 1, 'n:' .. 'c1')",
    "local given = { ko = 0, text = 'field.nothing' }",
    "given['ko'] = 1",
    'return changed.st or given.ko or my.field.unknown',
  ]);
});

const recordFields = [
  'state',
  'run',
  'retryCount',
  'invocation',
  'nonce',
  'process',
  'throws',
  'counted',
  'publications',
].concat(['child', 'cancel', 'token', 'startedAt', 'attempts']);
/** The code that makes a record of fields, each with its name as its value. */
const record = (names: string[]) => `local act = {\n${names.map((name) => `[act.${name}] = '${name}',`).join('\n')}\n}`;

test('a record of an active entry becomes an array', () => {
  script('run', `${record(recordFields)}\nreturn act.run .. 'act.run'`);
  const values = recordFields.map((name) => `'${name}',`).join('\n');
  expect(embedded().run?.lua).toBe(`local act = {\n${values}\n}\nreturn act[2] .. 'act.run'`);
});

test.each([
  ['misses its last field', recordFields.slice(0, -1), 'expected field 14'],
  ['misses a field', recordFields.filter((name) => name !== 'nonce'), 'expected field 5'],
  ['has two fields in another order', ['run', 'state', ...recordFields.slice(2)], 'expected field 1'],
  ['has a field that the schema does not have', ['status', ...recordFields.slice(1)], 'got act.status'],
])('refuses a record of an active entry that %s', (_, names, message) => {
  script('run', record(names));
  expect(embed()).toMatchObject({ status: 1, stderr: expect.stringContaining(message) });
});

test.each(['return other.run', 'return acts[1].run', "return 'a.b' .. other.startedAt"])(
  'refuses a field of a record in a variable with another name: %s',
  (code) => {
    script('run', code);
    expect(embed()).toMatchObject({ status: 1, stderr: expect.stringContaining('in a variable "act"') });
  },
);

test('the generated module has the stored names for TypeScript', () => {
  script('run', 'return 1');
  expect(embed().status).toBe(0);
  const text = generated();
  expect(text).toContain('export const field = {\n  "status": "st",');
  expect(text).toContain('"newerFiring": "n:"');
  expect(text).toContain('export const specField = ');
});

test('leaves out the functions that a script does not use, also by way of others', () => {
  write(
    'lib/all',
    [
      '-- all: Everything.',
      'local function deep() return 1 end',
      'local function middle()',
      '  return deep()',
      'end',
      'local function alone()',
      '  if middle() then',
      '    return alone()',
      '  end',
      'end',
      'local rest = 2',
    ].join('\n'),
  );
  script('run', '--- @include "all"\nreturn middle() + rest');
  script('rest', '--- @include "all"\nreturn rest');
  expect(embedded()).toMatchObject({
    run: {
      lua: 'local function deep() return 1 end\nlocal function middle()\nreturn deep()\nend\nlocal rest = 2\nreturn middle() + rest',
    },
    rest: { lua: 'local rest = 2\nreturn rest' },
  });
});

test.each([
  ['an include that does not exist', '--- @include "nope"', 'expected the include "nope" in'],
  ['an include line that it cannot read', '--- @include nope', 'expected --- @include "name", got --- @include nope'],
  ['a long string', 'return [[a]]', 'run.lua:6: expected no long string and no block comment, got return [[a]]'],
  ['a block comment', '--[[ a ]]', 'expected no long string and no block comment'],
  ['a string over two lines', "return 'a\\\n  b'", 'expected no string that goes on in the next line'],
  ['a field that the schema does not have', 'return field.maxConcurency', 'run.lua:6: expected a field of "group" in'],
  ['a value that the schema does not have', 'return group.mc', 'got group.mc: add it there or fix the name'],
  ['a field of another hash', 'return callback_field.status', 'expected a field of "callbacks" in'],
  ['a key beyond the declared number', 'return KEYS[2]', 'expected at most KEYS[1] as its header says, got KEYS[2]'],
])('refuses %s', (_case, body, message) => {
  script('run', body);
  expect(embed()).toEqual({ status: 1, stderr: expect.stringContaining(message) });
});

test('refuses includes that need each other', () => {
  write('lib/a', '-- a: A.\n--- @include "b"\n');
  write('lib/b', '-- b: B.\n--- @include "a"\n');
  script('run', '--- @include "a"');
  expect(embed().stderr).toContain('expected includes without a cycle, got a -> b -> a');
});

test.each([
  ['purpose', '-- KEYS: 1\n-- ARGV none\n-- Returns 1\n', '"-- run: <purpose>"'],
  ['number of keys', '-- run: Runs.\n-- ARGV none\n-- Returns 1\n', '"-- KEYS: <number>"'],
  ['arguments', '-- run: Runs.\n-- KEYS: 1\n-- Returns 1\n', '"-- ARGV ..."'],
  ['result', '-- run: Runs.\n-- KEYS: 1\n-- ARGV none\nreturn 1\n-- Returns 1\n', '"-- Returns ..."'],
])('refuses a header without the %s', (_part, text, line) => {
  write('commands/run', text);
  expect(embed()).toEqual({ status: 1, stderr: expect.stringContaining(`expected the line ${line}`) });
});
