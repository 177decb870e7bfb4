import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';

// No code is made of what somebody hands in: neither JavaScript, nor what Redis runs.
const src = join(__dirname, '../../src');

function* filesBelow(folder: string, extension: string): Generator<string> {
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    if (entry.endsWith(extension)) yield join(folder, entry);
}

function nodesOf(root: ts.Node): ts.Node[] {
  const nodes: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    nodes.push(node);
    ts.forEachChild(node, visit);
  };
  visit(root);
  return nodes;
}

/** What makes code of text, as `file: the call`. */
function codeFromText(file: string, text: string): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  for (const node of nodesOf(source)) {
    const say = () => found.push(`${relative(src, file)}: ${node.getText().replace(/\s+/g, ' ').slice(0, 200)}`);
    if (
      ts.isImportDeclaration(node) &&
      /^['"](node:)?(vm|child_process|module|repl)['"]$/.test(node.moduleSpecifier.getText())
    )
      say();
    if (ts.isIdentifier(node) && /^(eval|Function|GeneratorFunction|AsyncFunction)$/.test(node.text) && isUsed(node))
      say();
    if (!ts.isCallExpression(node)) continue;
    const { expression, arguments: args } = node;
    // A module whose name stands there is loaded when it is needed, and is no text.
    const [module] = args;
    const isNamed = expression.kind === ts.SyntaxKind.ImportKeyword && module && ts.isStringLiteral(module);
    if ((expression.kind === ts.SyntaxKind.ImportKeyword && !isNamed) || expression.getText() === 'require') say();
    if (!ts.isPropertyAccessExpression(expression) && !ts.isElementAccessExpression(expression)) continue;
    const name = ts.isPropertyAccessExpression(expression)
      ? expression.name.text
      : expression.argumentExpression.getText();
    // That of commander, which adds a command of the command line.
    if (expression.getText() === 'program.addCommand') continue;
    if (/^['"`]?(eval|evalsha|eval_ro|fcall|function|script|defineCommand|sendCommand|addCommand)['"`]?$/i.test(name))
      say();
    // `client.call('EVAL', ...)`, or a command whose name isn't written there.
    if (name === 'call' && !(ts.isIdentifier(expression.expression) && expression.expression.text === 'run')) {
      const [first] = args;
      if (first && ts.isStringLiteralLike(first) && /^(eval|fcall|script|function)/i.test(first.text)) say();
    }
    // A timer takes text, and runs it.
    if (/^(setTimeout|setInterval)$/.test(name) && args[0] && ts.isStringLiteralLike(args[0])) say();
  }
  return found;
}

/** An identifier as a value: not as a type, and not as a name of something's own. */
function isUsed(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isTypeReferenceNode(parent) || ts.isPropertySignature(parent) || ts.isMethodDeclaration(parent)) return false;
  // A method of its prototype makes nothing.
  if (parent.getText() === 'Function.prototype') return false;
  return !ts.isPropertyAccessExpression(parent) || parent.expression === node;
}

test('one place defines scripts, from generated text alone, and nothing else makes code of text', () => {
  const found = [...filesBelow(src, '.ts')]
    .filter((file) => !file.endsWith('.generated.ts'))
    .flatMap((file) => codeFromText(file, readFileSync(file, 'utf8')));
  expect(found).toEqual([
    'store/connection.ts: this.client.defineCommand(commandName(name), { lua: script.lua, numberOfKeys: script.keys })',
    // The testing kit's Redis runs what scripts/embed-translations.ts has made of the same scripts, and refuses every other text.
    'testing/redis/lua/machine.ts: Function',
  ]);
  const redis = readFileSync(join(src, 'store/connection.ts'), 'utf8');
  expect(redis).toContain("import { scripts } from './scripts.generated';");
  expect(redis).toContain('for (const [name, script] of Object.entries(scripts)) {');
});

test.each([
  ['eval(text)'],
  ['new Function(text)'],
  ["client['eval'](text, 0)"],
  ['client.eval(`return ${name}`, 0)'],
  ["client.call('EVAL', text, 0)"],
  ["client.script('LOAD', text)"],
  ["import { runInNewContext } from 'node:vm'"],
  ['await import(name)'],
])('%s would be noticed', (text) => {
  expect(codeFromText(join(src, 'x.ts'), text)).toHaveLength(1);
});

test('the generated text holds constants alone', () => {
  const text = readFileSync(join(src, 'store/scripts.generated.ts'), 'utf8');
  const source = ts.createSourceFile('scripts.generated.ts', text, ts.ScriptTarget.Latest, true);
  const made = nodesOf(source).filter(
    (node) => ts.isTemplateExpression(node) || ts.isBinaryExpression(node) || ts.isCallExpression(node),
  );
  // A script is put together of numbered parts.
  const texts = made.map((node) => node.getText()).filter((call) => !/^script\(\d+(, \d+)*\)$/.test(call));
  expect(texts).toEqual([
    "numbers.map((number) => parts[number]).join('\\n')",
    'numbers.map((number) => parts[number])',
  ]);
});

test.each([...filesBelow(join(src, 'store/lua'), '.lua')].map((file) => [relative(src, file), file]))(
  '%s makes no code of text, and reaches nothing but its own values',
  (_, file) => {
    const lua = readFileSync(file, 'utf8').replace(/--.*$/gm, '');
    const reaching =
      /\b(loadstring|load|loadfile|dofile|require|setfenv|getfenv|setmetatable|rawset|debug|_G|os|io)\b\s*[(.[]/g;
    expect(lua.match(reaching) ?? []).toEqual([]);
  },
);
