// Pins what keeps the library readable: the direction of its imports, reasons for switched-off lint rules, and that
// neither TypeScript nor Lua has a part that nothing uses.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const root = path.resolve(__dirname, '../..');
const src = path.join(root, 'src');

// A part of src may import parts of its own rank or below.
const ranks: Record<string, number> = {
  testing: 7,
  cli: 7,
  viewer: 7,
  index: 6,
  mageflow: 5,
  connecting: 5,
  kernel: 5,
  opening: 5,
  api: 4,
  worker: 4,
  orchestrator: 3,
  hatchet: 2,
  store: 2,
  messages: 1,
  config: 0,
  utils: 0,
};

function filesBelow(folder: string, ...extensions: string[]): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => extensions.some((extension) => name.endsWith(extension)))
    .map((name) => path.join(folder, name))
    .sort();
}

const relative = (file: string): string => path.relative(root, file);
const sources = filesBelow(src, '.ts', '.tsx').filter((file) => !file.endsWith('.generated.ts'));
const scripts = filesBelow(path.join(src, 'store/lua'), '.lua');

function partOf(file: string): string {
  const [first, ...rest] = path.relative(src, file).split(path.sep);
  return rest.length > 0 ? first! : path.basename(first!, '.ts');
}

function rankOf(file: string): number {
  const part = partOf(file);
  const rank = ranks[part];
  if (rank !== undefined) return rank;
  throw new Error(`${relative(file)}: expected one of the parts ${Object.keys(ranks).join(', ')}: give it a rank here`);
}

// Types count too: a type that points upwards ties the parts together as firmly as a value does.
function importsOf(file: string): string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'), true, true);
  return importedFiles
    .filter(({ fileName }) => fileName.startsWith('.') && !fileName.endsWith('.json'))
    .map(({ fileName }) => {
      const base = path.resolve(path.dirname(file), fileName.replace(/\.js$/, ''));
      const target = [`${base}.ts`, `${base}.tsx`, path.join(base, 'index.ts')].find((candidate) =>
        existsSync(candidate),
      );
      if (target === undefined) throw new Error(`${relative(file)}: no file for the import "${fileName}"`);
      return target;
    });
}

describe('imports in src', () => {
  test('point downwards only', () => {
    const upward = sources.flatMap((file) => {
      const rank = rankOf(file);
      return importsOf(file)
        .filter((target) => rankOf(target) > rank)
        .map((target) => `${relative(file)} imports ${relative(target)}`);
    });
    expect(upward).toEqual([]);
  });

  test('have no cycles', () => {
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

describe('what only reads', () => {
  /** The modules that are loaded with a file: imports of types alone are left out. */
  function loadedBy(file: string, loaded = new Set<string>()): Set<string> {
    if (loaded.has(file)) return loaded;
    loaded.add(file);
    const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
    for (const statement of source.statements) {
      const isImport = ts.isImportDeclaration(statement);
      if (!isImport && !ts.isExportDeclaration(statement)) continue;
      const clause = isImport ? statement.importClause : statement;
      const names = isImport ? statement.importClause?.namedBindings : statement.exportClause;
      const elements = names && (ts.isNamedImports(names) || ts.isNamedExports(names)) ? [...names.elements] : [];
      const onlyTypes = elements.length > 0 && elements.every(({ isTypeOnly }) => isTypeOnly);
      const { moduleSpecifier } = statement;
      if (clause?.isTypeOnly || onlyTypes || !moduleSpecifier || !ts.isStringLiteral(moduleSpecifier)) continue;
      const { text } = moduleSpecifier;
      if (text.startsWith('.')) loadedBy(`${path.resolve(path.dirname(file), text)}.ts`, loaded);
      else loaded.add(text);
    }
    return loaded;
  }

  // A tool that only reads starts on them: the SDK alone takes three times as long to load as all the rest.
  test.each(['list', 'describe', 'explain', 'doctor', 'stats'])('%s loads neither the SDK nor zod', (name) => {
    const loaded = [...loadedBy(path.join(src, 'api', `${name}.ts`))];
    expect(loaded).toContain(path.join(src, 'store', 'keys.ts'));
    expect(loaded.filter((module) => !path.isAbsolute(module) && !module.startsWith('node:'))).toEqual([]);
  });

  test.each(['open-reader', 'open-control'])('%s loads ioredis, and neither the SDK nor zod', (name) => {
    const loaded = [...loadedBy(path.join(src, 'api', `${name}.ts`))];
    expect(loaded.filter((module) => !path.isAbsolute(module) && !module.startsWith('node:'))).toEqual(['ioredis']);
  });
});

describe('the page of the viewer', () => {
  const page = path.join(src, 'viewer/page');

  test('runs in a browser, so it imports nothing of the library but types of what it is sent', () => {
    const outside = sources
      .filter((file) => file.startsWith(page))
      .flatMap((file) => importsOf(file).filter((target) => !target.startsWith(page)))
      .map(relative);
    expect([...new Set(outside)]).toEqual(['src/viewer/wire.ts']);
    expect(importsOf(path.join(src, 'viewer/wire.ts'))).toEqual([]);
  });

  test('is in no part of the library', () => {
    const inside = sources
      .filter((file) => !file.startsWith(page))
      .flatMap((file) => importsOf(file).filter((target) => target.startsWith(page)));
    expect(inside).toEqual([]);
  });
});

describe('what src declares', () => {
  const folders = ['src', '__tests__', 'examples', 'scripts', 'bench'];
  const everything = folders.flatMap((folder) => filesBelow(path.join(root, folder), '.ts', '.tsx'));
  const mentions = new Map<string, number>();
  for (const file of everything)
    for (const [word] of readFileSync(file, 'utf8').matchAll(/[A-Za-z_$][\w$]*/g))
      mentions.set(word, (mentions.get(word) ?? 0) + 1);

  /** Names of functions, methods, fields and types. */
  function declared(node: ts.Node): string[] {
    // What it merges into belongs to another package.
    if (ts.isModuleDeclaration(node)) return [];
    const { name } = node as { name?: ts.Node };
    const counts =
      ts.isFunctionDeclaration(node) ||
      ts.isClassElement(node) ||
      ts.isClassDeclaration(node) ||
      ts.isInterfaceDeclaration(node) ||
      ts.isTypeAliasDeclaration(node);
    const names = counts && name && ts.isIdentifier(name) ? [name.text] : [];
    ts.forEachChild(node, (child) => void names.push(...declared(child)));
    return names;
  }

  test('is mentioned somewhere else', () => {
    const unused = sources.flatMap((file) => {
      const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
      return [...new Set(declared(source))]
        .filter((name) => mentions.get(name) === 1)
        .map((name) => `${relative(file)}: ${name}`);
    });
    expect(unused).toEqual([]);
  });
});

describe('calls of the store', () => {
  const callers = sources.filter((file) => !/\/src\/(store|testing)\//.test(file));
  const sourceOf = (file: string) =>
    ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);

  /** The calls in a file, each as the name of its receiver and of the method. */
  function callsIn(node: ts.Node): [receiver: string, method: string][] {
    const found: [string, string][] = [];
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const { expression, name } = node.expression;
      const receiver = ts.isPropertyAccessExpression(expression) ? expression.name : expression;
      found.push([receiver.getText(), name.text]);
    }
    ts.forEachChild(node, (child) => void found.push(...callsIn(child)));
    return found;
  }

  function callersOf(receiver: string, methods: readonly string[], allowed: readonly string[] = []): string[] {
    return callers
      .filter((file) => !allowed.includes(relative(file)))
      .flatMap((file) =>
        callsIn(sourceOf(file))
          .filter(([of, method]) => of === receiver && methods.includes(method))
          .map(([of, method]) => `${relative(file)}: ${of}.${method}`),
      );
  }

  test('have names: only the store calls Redis', () => {
    expect(callersOf('redis', ['call', 'use'])).toEqual([]);
  });

  test('that leave effects are made by Commands, which carries them out', () => {
    const store = sourceOf(path.join(src, 'store/group-store.ts')).statements.find(ts.isClassDeclaration)!;
    const effectful = store.members
      .filter(ts.isMethodDeclaration)
      .filter((method) => /\b(expectCode|toEffects|startReply|executions\.\w+)\(/.test(method.getText()))
      .map((method) => method.name.getText())
      // Its effects are flags only: a group that was suspended or cancelled meanwhile.
      .filter((name) => name !== 'confirm');
    expect(effectful).toEqual(expect.arrayContaining(['create', 'run', 'complete', 'cancelEntry', 'start', 'finish']));
    const others = callersOf('store', effectful, ['src/orchestrator/commands.ts']);
    expect(others).toEqual([
      // The interpreter of effects asks for the next ones.
      'src/orchestrator/effects.ts: store.grant',
      // A run claims its entry and reports its end; `Completion` has what follows carried out.
      'src/worker/claimed-run.ts: store.start',
      'src/worker/claimed-run.ts: store.finish',
      // The group of a root that was run by the plain client is claimed by the same run, and one for its children is filled by it.
      'src/worker/roots/root-run.ts: store.create',
      'src/worker/roots/root-run.ts: store.create',
    ]);
  });
});

describe('switched-off lint rules', () => {
  test('give their reason', () => {
    const bare = sources.flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/eslint-disable(?!.* -- \S).*/g)].map(
        ([text]) => `${relative(file)}: ${text}`,
      ),
    );
    expect(bare).toEqual([]);
  });
});

describe('the Lua scripts', () => {
  test('use each include', () => {
    const text = scripts.map((file) => readFileSync(file, 'utf8')).join('\n');
    const unused = filesBelow(path.join(src, 'store/lua/lib'), '.lua')
      .map((file) => path.basename(file, '.lua'))
      .filter((name) => !text.includes(`@include "${name}"`));
    expect(unused).toEqual([]);
  });

  test('name a kind of group in kinds.lua only', () => {
    const elsewhere = scripts
      .filter((file) => path.basename(file) !== 'kinds.lua')
      .filter((file) => /\bkind [=~]= '/.test(readFileSync(file, 'utf8')))
      .map(relative);
    expect(elsewhere).toEqual([]);
  });
});

describe('the orchestrator and the worker', () => {
  // task-registry.ts has kinds of handlers. The names of kinds in src/api are those that users see.
  test('name a kind of group in kinds.ts only', () => {
    const elsewhere = sources
      .filter(
        (file) =>
          /\/(orchestrator|worker)\//.test(file) && !['kinds.ts', 'task-registry.ts'].includes(path.basename(file)),
      )
      .filter((file) =>
        /\bkind\)? [=!]==? '(swarm|chain|root|task)'|switch \(.*kind\)/.test(readFileSync(file, 'utf8')),
      )
      .map(relative);
    expect(elsewhere).toEqual([]);
  });
});
