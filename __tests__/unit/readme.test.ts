// Pins the README to the code: each piece of TypeScript in it compiles, and its tables leave nothing out.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const root = path.resolve(__dirname, '../..');
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
/** Exists in the compiler's eyes only. */
const folder = path.join(root, 'readme-snippets');
/** What the README says is there in the pieces that are no files: what its files export. All else they import themselves. */
const prelude = [
  "import { mage } from './mage.js';",
  "import { alertOps, importFile, report } from './tasks.js';",
  'declare const paths: string[];',
].join(' ');
/** As in a project of ES modules, which most are that begin today. */
const manifest = JSON.stringify({ type: 'module' });
const nodeNext = { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext };

/** The pieces by file name. One that begins with its file name is that file; the others get the prelude as their first line. */
function snippets(): Map<string, string> {
  const files = new Map<string, string>();
  for (const match of readme.matchAll(/^```ts\n([^]*?)^```$/gm)) {
    const text = match[1] ?? '';
    const line = readme.slice(0, match.index).split('\n').length;
    const name = /^\/\/ (\S+\.ts)\n/.exec(text)?.[1];
    if (name) files.set(path.join(folder, name), text);
    else files.set(path.join(folder, `line-${line}.ts`), `${prelude}\n${text}`);
  }
  return files;
}

function compile(pieces: Map<string, string>): ts.Program {
  const files = new Map(pieces).set(path.join(folder, 'package.json'), manifest);
  const { config, error } = ts.readConfigFile(path.join(root, 'tsconfig.json'), (file) => ts.sys.readFile(file));
  if (error) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, '\n'));
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: ['x.ts'] }, ts.sys, root);
  const own = { ...options, ...nodeNext, noUnusedLocals: false };
  const host = ts.createCompilerHost(own);
  const { fileExists, readFile, getSourceFile, directoryExists } = host;
  host.fileExists = (file) => files.has(file) || fileExists(file);
  host.readFile = (file) => files.get(file) ?? readFile(file);
  host.directoryExists = (name) => name === folder || (directoryExists?.(name) ?? true);
  host.getSourceFile = (file, target, ...rest) => {
    const text = files.get(file);
    return text === undefined ? getSourceFile(file, target, ...rest) : ts.createSourceFile(file, text, target);
  };
  const rootNames = [...pieces.keys(), path.join(root, 'src/index.ts')];
  return ts.createProgram({ rootNames, options: own, host });
}

describe('the README', () => {
  const files = snippets();
  const wrong = path.join(folder, 'wrong.ts');
  const noModule = path.join(folder, 'no-module.ts');
  let program: ts.Program;
  let exported: ts.Symbol[];

  beforeAll(() => {
    program = compile(
      new Map([
        ...files,
        [wrong, `${prelude}\nawait mage.sign(importFile, { pth: 'a' });`],
        [noModule, "import { mage } from './mage'; void mage;"],
      ]),
    );
    const checker = program.getTypeChecker();
    const index = checker.getSymbolAtLocation(program.getSourceFile(path.join(root, 'src/index.ts'))!);
    exported = checker.getExportsOfModule(index!);
  });

  function fieldsOf(type: string): string[] {
    const symbol = exported.find(({ name }) => name === type)!;
    const checker = program.getTypeChecker();
    return checker
      .getDeclaredTypeOfSymbol(checker.getAliasedSymbol(symbol))
      .getProperties()
      .map(({ name }) => name);
  }
  /** The first cells of the tables' rows, where they are code. */
  const rows = [...readme.matchAll(/^\| `(\w+)` +\|/gm)].map((match) => match[1]);

  function problemsIn(file: string): string[] {
    const source = program.getSourceFile(file)!;
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found.map(({ start = 0, messageText }) => {
      const { line } = source.getLineAndCharacterOfPosition(start);
      const text = source.text.split('\n')[line] ?? '';
      return `${path.basename(file)}: ${text.trim()}\n  ${ts.flattenDiagnosticMessageText(messageText, '\n  ')}`;
    });
  }

  it('has TypeScript that compiles', () => {
    expect(files.size).toBeGreaterThan(8);
    expect([...files.keys()].flatMap(problemsIn)).toEqual([]);
  });

  it('would not pass with a wrong field', () => {
    expect(problemsIn(wrong).join()).toMatch(/mage\.sign\(importFile, \{ pth: 'a' \}\)/);
  });

  it('would not pass with an import that Node does not find in an ES module', () => {
    expect(problemsIn(noModule).join()).toMatch(/explicit file extensions/);
  });

  it('lists every error', () => {
    const errors = exported
      .map(({ name }) => name)
      .filter((name) => name.endsWith('Error') && name !== 'MageflowError');
    expect(errors.length).toBeGreaterThan(5);
    expect(rows).toEqual(expect.arrayContaining(errors));
  });

  it('lists every option, and every field of a swarm config', () => {
    const fields = [...fieldsOf('MageflowOptions'), ...fieldsOf('SwarmConfig')];
    expect(fields).toEqual(expect.arrayContaining(['keyPrefix', 'maxConcurrency']));
    expect(rows).toEqual(expect.arrayContaining(fields));
  });
});
