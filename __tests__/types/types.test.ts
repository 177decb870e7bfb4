import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';

const root = resolve(__dirname, '../..');
const files = readdirSync(__dirname)
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .map((name) => join(__dirname, name));

let program: ts.Program | undefined;

/** What the compiler says of the files, with the repository's own settings. */
function diagnose(overrides: Record<string, string> = {}): string[] {
  const config = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)).config as unknown,
    ts.sys,
    root,
  );
  const host = ts.createCompilerHost(config.options);
  const readFile = host.readFile.bind(host);
  const getSourceFile = host.getSourceFile.bind(host);
  host.readFile = (name) => overrides[name] ?? readFile(name);
  host.getSourceFile = (name, options, ...rest) => {
    const text = overrides[name];
    return text === undefined ? getSourceFile(name, options, ...rest) : ts.createSourceFile(name, text, options);
  };
  const given = Object.keys(overrides);
  const names = given.length > 0 ? given : files;
  program = ts.createProgram(names, config.options, host, program);
  const diagnostics = names.flatMap((name) => {
    const file = program?.getSourceFile(name);
    if (!program || !file) throw new Error(`${name} was not read.`);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
  });
  return diagnostics.map((diagnostic) => {
    const { file, start = 0, messageText } = diagnostic;
    const line = file ? `${file.fileName}:${file.getLineAndCharacterOfPosition(start).line + 1}: ` : '';
    return line + ts.flattenDiagnosticMessageText(messageText, '\n');
  });
}

test('the files in this folder compile, and every @ts-expect-error in them stands before an error', () => {
  expect(files.length).toBeGreaterThan(3);
  expect(diagnose()).toEqual([]);
});

test('a broken type promise is reported', () => {
  const broken = join(__dirname, 'broken-on-purpose.ts');
  const text = [
    "import type { Mageflow } from 'mageflow';",
    'export async function broken(mage: Mageflow) {',
    "  const task = mage.task({ name: 't', fn: (input: { a: string }) => input.a });",
    '  await mage.sign(task, { b: 1 });',
    '  // @ts-expect-error -- nothing is wrong with this',
    "  await mage.sign(task, { a: 'x' });",
    '}',
  ].join('\n');
  const diagnostics = diagnose({ [broken]: text }).filter((line) => line.startsWith(broken));
  expect(diagnostics).toHaveLength(2);
  expect(diagnostics.join()).toContain("Unused '@ts-expect-error' directive");
});

test('the error for a step that does not fit names what the one before it returns and what it takes', () => {
  const file = join(__dirname, 'misfit-on-purpose.ts');
  const text = [
    "import { z } from 'zod';",
    "import { returnValue, type Mageflow } from 'mageflow';",
    'export async function misfit(mage: Mageflow) {',
    "  const count = mage.task({ name: 'count', fn: () => 1 });",
    '  const input = z.object({ rows: returnValue(z.array(z.string())) });',
    "  const list = mage.task({ name: 'list', input, fn: ({ rows }) => rows });",
    '  await mage.chain([count, count, list]);',
    '}',
  ].join('\n');
  const diagnostics = diagnose({ [file]: text }).filter((line) => line.startsWith(file));
  expect(diagnostics).toHaveLength(1);
  expect(diagnostics[0]).toMatch(/misfit-on-purpose\.ts:7: /);
  expect(diagnostics[0]).toContain("{ 'the step before it gives': number; 'but its result field takes': string[]; }");
});

const calls: [call: string, names: string][] = [
  ["await mage.sign(resize, { pth: 'x' });", 'NoSuchField<"pth", "path" | "width" | "note">'],
  ["await mage.sign(resize, { path: 'x', wide: 5 });", 'NoSuchField<"wide", "path" | "width" | "note">'],
  ['await mage.sign(resize, { path: 5 });', "'number' is not assignable to type 'string'"],
  ['await (await mage.sign(resize)).run();', '"path" | "width"'],
  ["await (await mage.sign(resize)).run({ path: 'x' });", 'width'],
  ["await (await mage.sign(resize, { path: 'x' })).runNoWait();", '"width"'],
  [
    "await (await mage.sign(resize, { path: 'x' })).run({ width: 'w' });",
    "'string' is not assignable to type 'number'",
  ],
  ["await mage.swarm({ tasks: [[resize, { pth: 'x' }]] });", 'NoSuchField<"pth", "path" | "width" | "note">'],
  [
    // The error lists the fields that are left to send, one by one.
    "((_: null) => {})(await mage.sign(resize, { path: 'x' }));",
    'Signature<{ width: number; note?: string | undefined; path?: string; }, string>',
  ],
];

describe("the compiler's error for a wrong call is a few lines that name the field", () => {
  const file = join(__dirname, 'calls-on-purpose.ts');
  const before = [
    "import { z } from 'zod';",
    "import type { Mageflow } from 'mageflow';",
    'export async function call(mage: Mageflow) {',
    '  const input = z.object({ path: z.string(), width: z.number(), note: z.string().optional() });',
    "  const resize = mage.task({ name: 'resize', input, fn: ({ path }) => path });",
  ];
  let diagnostics: string[] = [];
  beforeAll(() => {
    diagnostics = diagnose({ [file]: [...before, ...calls.map(([call]) => call), '}'].join('\n') });
  });

  test.each(calls.map(([call, names], i) => ({ call, names, line: before.length + 1 + i })))('$call', (one) => {
    const [diagnostic = '', ...others] = diagnostics.filter((text) => text.startsWith(`${file}:${one.line}: `));
    expect(others).toEqual([]);
    expect(diagnostic).toContain(one.names);
    expect(diagnostic.split('\n').length).toBeLessThan(5);
    expect(diagnostic).not.toContain('overload');
  });
});
