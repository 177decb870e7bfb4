// Pins the pages to the code: each piece of TypeScript in them compiles, and the tables of options and errors are complete.
import path from 'node:path';
import ts from 'typescript';
import { blocksOf, namesInTables, readPage, readPages, root, type Block, type Page } from '../helpers/pages';

/** Exists in the compiler's eyes only, as the folder of an ES module package. */
const folder = path.join(root, 'snippets');
const pages = readPages();
const page = (file: string) => pages.find((one) => one.file === file)!;
const readme = page('README.md');

interface Snippet {
  file: string;
  text: string;
  block: Block;
}

function snippetsOf(one: Page): Snippet[] {
  const blocks = blocksOf(one);
  // A page with files of its own has a folder of its own, so that two pages may name theirs alike.
  const own = blocks.some(({ fileName }) => fileName) && one !== readme;
  const at = own ? path.join(folder, one.file.replace(/\W/g, '-')) : folder;
  return blocks.map((block) => {
    const name = block.fileName ?? `${one.file.replace(/\W/g, '-')}-line-${block.line}.ts`;
    return { file: path.join(at, name), text: `${block.text}\nexport {};\n`, block };
  });
}

function compile(files: Map<string, string>): ts.Program {
  const { config, error } = ts.readConfigFile(path.join(root, 'tsconfig.json'), (file) => ts.sys.readFile(file));
  if (error) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, '\n'));
  const parsed = ts.parseJsonConfigFileContent({ ...config, include: [], files: ['x.ts'] }, ts.sys, root);
  const options: ts.CompilerOptions = {
    ...parsed.options,
    // What a copied block is compiled with: relative imports need their extension there.
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    noUnusedLocals: false,
    // One declaration of zod for the blocks, which are ES modules, and for src, which is not.
    paths: {
      mageflow: ['./src/index.ts'],
      'mageflow/viewer': ['./src/viewer/index.ts'],
      'mageflow/testing': ['./src/testing/index.ts'],
      'mageflow/testing/setup': ['./src/testing/setup.ts'],
      zod: ['./node_modules/zod/index.d.cts'],
    },
  };
  const virtual = new Map(files).set(path.join(folder, 'package.json'), '{"type":"module"}');
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile, directoryExists } = host;
  host.fileExists = (file) => virtual.has(file) || fileExists(file);
  host.readFile = (file) => virtual.get(file) ?? readFile(file);
  host.directoryExists = (name) => name.startsWith(folder) || (directoryExists?.(name) ?? true);
  host.getSourceFile = (file, target, ...rest) => {
    const text = virtual.get(file);
    return text === undefined ? getSourceFile(file, target, ...rest) : ts.createSourceFile(file, text, target);
  };
  return ts.createProgram({ rootNames: [...files.keys(), path.join(root, 'src/index.ts')], options, host });
}

const snippets = pages.flatMap(snippetsOf);
const wrong = path.join(folder, 'wrong.ts');
const files = new Map(snippets.map(({ file, text }) => [file, text]));
files.set(
  wrong,
  "import { mage } from './mage.js';\nimport { importFile } from './tasks.js';\nawait mage.sign(importFile, { pth: 'a' });",
);
let program: ts.Program;
let exported: ts.Symbol[];

/** Files of the README for the pages that have a folder of their own. */
function addReadmeFiles(): void {
  const shared = snippetsOf(readme).filter(({ block }) => block.fileName);
  for (const at of new Set([...files.keys()].map((file) => path.dirname(file)))) {
    for (const { block, text } of shared) {
      const file = path.join(at, block.fileName!);
      if (!files.has(file)) files.set(file, text);
    }
  }
}

beforeAll(() => {
  addReadmeFiles();
  program = compile(files);
  const checker = program.getTypeChecker();
  const index = checker.getSymbolAtLocation(program.getSourceFile(path.join(root, 'src/index.ts'))!);
  exported = checker.getExportsOfModule(index!);
}, 120_000);

function problemsIn(file: string, at = path.basename(file)): string[] {
  const source = program.getSourceFile(file)!;
  const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
  return found.map(({ start = 0, messageText }) => {
    const { line } = source.getLineAndCharacterOfPosition(start);
    const text = source.text.split('\n')[line] ?? '';
    return `${at}: ${text.trim()}\n  ${ts.flattenDiagnosticMessageText(messageText, '\n  ')}`;
  });
}

const problemsOf = ({ file, block }: Snippet) => problemsIn(file, `${block.page.file}:${block.line}`);

test('every TypeScript block of every page compiles as an ES module with nothing added', () => {
  expect(snippets.length).toBeGreaterThan(8);
  const compiled = snippets.filter(({ block }) => !block.isAhead);
  expect(compiled.flatMap(problemsOf)).toEqual([]);
});

test('a block is marked as "not yet" only as long as it does not compile', () => {
  const ahead = snippets.filter(({ block }) => block.isAhead);
  const done = ahead.filter((snippet) => problemsOf(snippet).length === 0);
  expect(done.map(({ block }) => `${block.page.file}:${block.line}: remove its "<!-- not yet -->"`)).toEqual([]);
});

test('a block with a wrong field would not compile', () => {
  expect(problemsIn(wrong).join()).toMatch(/mage\.sign\(importFile, \{ pth: 'a' \}\)/);
});

function fieldsOf(type: string): string[] {
  const symbol = exported.find(({ name }) => name === type)!;
  const checker = program.getTypeChecker();
  return checker
    .getDeclaredTypeOfSymbol(checker.getAliasedSymbol(symbol))
    .getProperties()
    .map(({ name }) => name);
}

test('the tables of docs/options.md list every error', () => {
  const errors = exported.map(({ name }) => name).filter((name) => name.endsWith('Error') && name !== 'MageflowError');
  expect(errors.length).toBeGreaterThan(5);
  expect(namesInTables(page('docs/options.md'))).toEqual(expect.arrayContaining(errors));
});

const optionTypes = [
  'MageflowOptions',
  'SwarmConfig',
  'SwarmOptions',
  'ChainOptions',
  'SignOptions',
  'RunOptions',
  'WaitOptions',
  'ListOptions',
  'DescribeOptions',
  'WatchOptions',
  'ResultsOptions',
  'LoadOptions',
];

test.each(optionTypes)('the tables of docs/options.md list every field of %s', (type) => {
  const fields = fieldsOf(type);
  expect(fields).not.toEqual([]);
  expect(namesInTables(page('docs/options.md'))).toEqual(expect.arrayContaining(fields));
});

test('the guide to swarms lists every field of a swarm config', () => {
  expect(namesInTables(page('docs/guides/swarms.md'))).toEqual(expect.arrayContaining(fieldsOf('SwarmConfig')));
});

/** The texts that a type of the library allows. */
function textsOf(type: string): string[] {
  const symbol = exported.find(({ name }) => name === type)!;
  const checker = program.getTypeChecker();
  const declared = checker.getDeclaredTypeOfSymbol(checker.getAliasedSymbol(symbol));
  return (declared as ts.UnionType).types.map((one) => (one as ts.StringLiteralType).value);
}

test.each(['docs/guides/why-it-waits.md', 'skills/diagnose-a-stuck-group/SKILL.md'])(
  '%s lists every code of a reason',
  (file) => {
    const codes = textsOf('ReasonCode');
    expect(codes.length).toBeGreaterThan(15);
    const listed = [...readPage(file).text.matchAll(/^\| `([a-z-]+)`/gm)].map(([, code]) => code);
    expect(listed).toEqual(expect.arrayContaining(codes));
  },
);

test.each(['docs/guides/doctor.md', 'skills/diagnose-a-stuck-group/SKILL.md'])('%s lists every check', (file) => {
  const checks = textsOf('DoctorCheck');
  expect(checks.length).toBeGreaterThan(10);
  expect(namesInTables(readPage(file))).toEqual(expect.arrayContaining(checks));
});
