// Pins what keeps the library small and readable: the direction of its imports, the size of its files, reasons for
// switched-off lint rules, and the Lua module that is generated from the scripts.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const root = path.resolve(__dirname, '../..');
const src = path.join(root, 'src');

// A part of src may import parts of its own rank or below. Files beside index.ts have the lowest rank: leaves that
// anybody may import.
const ranks: Record<string, number> = {
  testing: 6,
  cli: 6,
  viewer: 6,
  index: 5,
  mageflow: 4,
  signatures: 3,
  tasks: 3,
  engine: 2,
  store: 2,
  messages: 1,
};
const leafRank = 0;
const outsideTheCore = ['testing', 'cli', 'viewer'];

// The design aims at 3,500 lines of TypeScript and 800 of Lua. These are ratchets above what swarms, chains, roots, nesting and
// their control take, and what repairs them.
const limits = { file: 350, typescript: 8_300, lua: 1_190, script: 100 };

function filesBelow(folder: string, extension: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(extension))
    .map((name) => path.join(folder, name))
    .sort();
}

const relative = (file: string): string => path.relative(root, file);
const sources = filesBelow(src, '.ts').filter((file) => !file.endsWith('.generated.ts'));
const scripts = filesBelow(path.join(src, 'store/scripts'), '.lua');

function partOf(file: string): string {
  const [first, ...rest] = path.relative(src, file).split(path.sep);
  return rest.length > 0 ? first! : path.basename(first!, '.ts');
}

function rankOf(file: string): number {
  const part = partOf(file);
  const rank = ranks[part];
  if (rank !== undefined) return rank;
  if (path.dirname(file) === src) return leafRank;
  throw new Error(`${relative(file)}: expected one of the parts ${Object.keys(ranks).join(', ')}: give it a rank here`);
}

// Types count too: a type that points upwards ties the parts together as firmly as a value does.
function importsOf(file: string): string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'), true, true);
  return importedFiles
    .filter(({ fileName }) => fileName.startsWith('.'))
    .map(({ fileName }) => {
      const base = path.resolve(path.dirname(file), fileName.replace(/\.js$/, ''));
      const target = [`${base}.ts`, path.join(base, 'index.ts')].find((candidate) => existsSync(candidate));
      if (target === undefined) throw new Error(`${relative(file)}: no file for the import "${fileName}"`);
      return target;
    });
}

function codeLines(text: string): number {
  const source = ts.createSourceFile('counted.ts', text, ts.ScriptTarget.Latest, true);
  const lines = new Set<number>();
  const visit = (node: ts.Node): void => {
    if (ts.isJSDoc(node)) return;
    const children = node.getChildren(source);
    if (children.length > 0) return children.forEach(visit);
    if (node.getWidth(source) === 0) return;
    const first = source.getLineAndCharacterOfPosition(node.getStart(source)).line;
    const last = source.getLineAndCharacterOfPosition(node.getEnd()).line;
    for (let line = first; line <= last; line++) lines.add(line);
  };
  visit(source);
  return lines.size;
}

const typescriptLines = (file: string): number => codeLines(readFileSync(file, 'utf8'));

function luaLines(file: string): number {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.trim().startsWith('--')).length;
}

const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0);

describe('imports in src', () => {
  it('point downwards only', () => {
    const upward = sources.flatMap((file) => {
      const rank = rankOf(file);
      return importsOf(file)
        .filter((target) => rankOf(target) > rank)
        .map((target) => `${relative(file)} imports ${relative(target)}`);
    });
    expect(upward).toEqual([]);
  });

  it('have no cycles', () => {
    const cycles: string[] = [];
    const finished = new Set<string>();
    const follow = (file: string, trail: string[]): void => {
      const start = trail.indexOf(file);
      if (start >= 0) cycles.push([...trail.slice(start), file].map(relative).join(' -> '));
      if (start >= 0 || finished.has(file)) return;
      for (const target of importsOf(file)) follow(target, [...trail, file]);
      finished.add(file);
    };
    for (const file of sources) follow(file, []);
    expect(cycles).toEqual([]);
  });
});

describe('the size of the code, comments and blank lines not counted', () => {
  it(`is at most ${limits.file} lines a TypeScript file`, () => {
    const long = sources.map((file) => ({ file: relative(file), lines: typescriptLines(file) }));
    expect(long.filter(({ lines }) => lines > limits.file)).toEqual([]);
  });

  it(`is under ${limits.typescript} lines of TypeScript for the core`, () => {
    const core = sources.filter((file) => !outsideTheCore.includes(partOf(file)));
    expect(sum(core.map(typescriptLines))).toBeLessThan(limits.typescript);
  });

  it(`is at most ${limits.script} lines a Lua file, under ${limits.lua} lines in all`, () => {
    const counted = scripts.map((file) => ({ file: relative(file), lines: luaLines(file) }));
    expect(counted.filter(({ lines }) => lines > limits.script)).toEqual([]);
    expect(sum(counted.map(({ lines }) => lines))).toBeLessThan(limits.lua);
  });

  it('counts a template over two lines and a lone brace, but no JSDoc', () => {
    const text = '/** doc */\n\n// comment\nexport const a = `one\ntwo`;\n/* b */ if (a) {\n  /* c */\n}\n';
    expect(codeLines(text)).toBe(4);
  });
});

describe('switched-off lint rules', () => {
  it('give their reason', () => {
    const bare = sources.flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/eslint-disable(?!.* -- \S).*/g)].map(
        ([text]) => `${relative(file)}: ${text}`,
      ),
    );
    expect(bare).toEqual([]);
  });
});

describe('the Lua scripts', () => {
  it('are the ones in the generated module', () => {
    const { status, stderr } = spawnSync(process.execPath, ['scripts/embed-lua.mjs', '--check'], {
      cwd: root,
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('use each include', () => {
    const text = scripts.map((file) => readFileSync(file, 'utf8')).join('\n');
    const unused = filesBelow(path.join(src, 'store/scripts/includes'), '.lua')
      .map((file) => path.basename(file, '.lua'))
      .filter((name) => !text.includes(`@include "${name}"`));
    expect(unused).toEqual([]);
  });
});
