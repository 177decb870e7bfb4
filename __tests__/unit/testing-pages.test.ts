// Runs the tests of the README's quick start and of the guide to testing, with the files of the quick start that they import.
import ts from 'typescript';
import * as zod from 'zod';
import * as mageflow from 'mageflow';
import * as testing from 'mageflow/testing';
import { blocksOf, readPage } from '../helpers/pages';

const readme = blocksOf(readPage('README.md'));
const files = new Map(readme.map(({ fileName, text }) => [fileName, text]));
const guide = blocksOf(readPage('docs/guides/testing.md')).filter(({ text }) => text.includes('test('));
const libraries: Record<string, () => unknown> = {
  mageflow: () => mageflow,
  'mageflow/testing': () => testing,
  'mageflow/testing/setup': () => jest.requireActual('mageflow/testing/setup'),
  zod: () => zod,
};

type Step = () => unknown;

/** Runs the code of a page as a test file, and returns the names of its tests. */
async function runBlock(text: string): Promise<string[]> {
  const loaded = new Map<string, object>();
  const tests: { name: string; run: Step }[] = [];
  const before: Step[] = [];
  const after: Step[] = [];
  const globals = {
    test: (name: string, run: Step) => void tests.push({ name, run }),
    beforeEach: (step: Step) => void before.push(step),
    afterEach: (step: Step) => void after.push(step),
    expect,
  };
  const evaluate = (code: string): object => {
    const { outputText } = ts.transpileModule(code, {
      compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
    });
    const exports = {};

    new Function('require', 'exports', ...Object.keys(globals), outputText)(load, exports, ...Object.values(globals));
    return exports;
  };
  const load = (name: string): unknown => {
    const own = libraries[name];
    if (own) return own();
    const file = name.replace(/^\.\/(.*)\.js$/, '$1.ts');
    const code = files.get(file);
    if (code === undefined) return jest.requireActual(name);
    const known = loaded.get(file) ?? evaluate(code);
    loaded.set(file, known);
    return known;
  };
  evaluate(text);
  for (const { run } of tests) for (const step of [...before, run, ...after]) await step();
  return tests.map(({ name }) => name);
}

beforeEach(() => void jest.spyOn(console, 'log').mockImplementation(() => undefined));
afterEach(() => jest.restoreAllMocks());

test('the test of the quick start passes', async () => {
  expect(await runBlock(files.get('start.test.ts')!)).toHaveLength(1);
  expect(console.log).toHaveBeenCalledWith('2 files, 6 lines');
});

test.each(guide.map(({ text }) => [/test\('(.*)'/.exec(text)?.[1] ?? '', text]))('the guide: %s', async (_, text) => {
  jest.spyOn(console, 'error').mockImplementation(() => undefined);
  expect(await runBlock(text)).toHaveLength(1);
});
