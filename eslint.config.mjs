import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

// Node's own list, so that it never lags behind the Node that runs.
const nodeGlobals = Object.fromEntries(Object.getOwnPropertyNames(globalThis).map((name) => [name, 'readonly']));

// Undocumented members of the Hatchet SDK. `src/hatchet/internals.ts` has a function for each use of one.
const sdkMembers = [
  '_durableTasks',
  '_internal',
  '_listener',
  '_standaloneTaskName',
  '_standalone_task_name',
  '_tasks',
  'actionPayload',
  'defaultSignal',
  'invocationCount',
  'middleware',
  'pooledListener',
  'taskDef',
  'taskDefaults',
  'v1',
].join('|');
const sdkMessage = 'An undocumented member of the Hatchet SDK: add a function to src/hatchet/internals.ts.';

// The clock of an instance is the only place with timers, so that a test can replace them all.
const timers = ['setTimeout', 'setInterval', 'setImmediate', 'performance'];
const timerModules = ['timers', 'timers/promises', 'perf_hooks'].flatMap((name) => [name, `node:${name}`]);
const clockMessage = 'Use the clock of the instance (src/utils/clock.ts): settings.clock or store.clock.';

// Longer lists of parameters are objects with names. `new Date()` reads the time as a timer does.
const everywhere = [
  {
    selector: 'NewExpression[callee.name="Date"][arguments.length=0]',
    message: clockMessage,
  },
  {
    selector:
      ':matches(FunctionDeclaration, ArrowFunctionExpression, :not(MethodDefinition[kind="constructor"]) > FunctionExpression)[params.length>4]',
    message: 'At most four parameters: pass an object with names.',
  },
  {
    selector: 'MethodDefinition[kind="constructor"] > FunctionExpression[params.length>5]',
    message: 'At most five collaborators: split the class, or pass an object with names.',
  },
];

const typescript = ['**/*.{ts,tsx,mts,cts}'];
const page = ['src/viewer/page/**/*.{ts,tsx}'];

export default defineConfig(
  // The package check compiles the programs for the testing kit, with the runners installed.
  globalIgnores([
    'dist/',
    'coverage/',
    '.stack/',
    'examples/data/',
    'scripts/package-check/testing/*.ts',
    '**/*.generated.ts',
  ]),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    languageOptions: { globals: nodeGlobals },
    rules: {
      eqeqeq: 'error',
      'prefer-const': 'error',
      'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  { files: ['**/*.js'], languageOptions: { sourceType: 'commonjs' } },
  {
    files: typescript,
    extends: [tseslint.configs.recommended],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/only-throw-error': ['error', { allowThrowingUnknown: true }],
      // `return promise` inside a try leaves the catch before the promise fails.
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    files: ['src/**/*.{ts,tsx}', 'examples/**/*.ts'],
    rules: { '@typescript-eslint/no-explicit-any': 'error' },
  },
  {
    files: ['src/**/*.{ts,tsx}'],
    rules: {
      'no-console': 'error',
      // A value of the type any, and a value that would be printed as [object Object].
      '@typescript-eslint/no-base-to-string': 'error',
      '@typescript-eslint/no-unsafe-argument': 'error',
      '@typescript-eslint/no-unsafe-assignment': 'error',
      '@typescript-eslint/no-unsafe-call': 'error',
      '@typescript-eslint/no-unsafe-member-access': 'error',
      '@typescript-eslint/no-unsafe-return': 'error',
      '@typescript-eslint/restrict-plus-operands': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // Callers read `message` of what a promise rejects with. A caught value is unknown.
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      '@typescript-eslint/use-unknown-in-catch-callback-variable': 'error',
      // Mistakes that compile.
      '@typescript-eslint/no-array-delete': 'error',
      '@typescript-eslint/no-for-in-array': 'error',
      '@typescript-eslint/no-implied-eval': 'error',
      '@typescript-eslint/no-misused-spread': 'error',
      '@typescript-eslint/no-mixed-enums': 'error',
      '@typescript-eslint/no-redundant-type-constituents': 'error',
      '@typescript-eslint/no-unnecessary-boolean-literal-compare': 'error',
      '@typescript-eslint/no-unsafe-enum-comparison': 'error',
      '@typescript-eslint/no-unsafe-unary-minus': 'error',
      '@typescript-eslint/prefer-readonly': 'error',
      '@typescript-eslint/require-array-sort-compare': 'error',
      '@typescript-eslint/unbound-method': 'error',
      'no-restricted-imports': [
        'error',
        {
          paths: timerModules.map((name) => ({ name, message: clockMessage })),
          patterns: [
            {
              group: ['@hatchet-dev/typescript-sdk/*'],
              message: "Import from '@hatchet-dev/typescript-sdk': its deep paths do not load in plain Node ESM.",
            },
            { regex: '^mageflow(/.*)?$', message: 'Inside the library import the file itself.' },
          ],
        },
      ],
    },
  },
  {
    files: ['__tests__/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', { name: 'it', message: 'Use `test`: one word for one thing.' }],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/hatchet/internals.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...everywhere,
        { selector: `MemberExpression[property.name=/^(${sdkMembers})$/]`, message: sdkMessage },
        { selector: `ObjectPattern > Property[key.name=/^(${sdkMembers})$/]`, message: sdkMessage },
        { selector: `TSPropertySignature[key.name=/^(${sdkMembers})$/]`, message: sdkMessage },
        { selector: `Literal[value=/^(${sdkMembers})$/]`, message: sdkMessage },
        {
          selector: 'MemberExpression[object.name="ctx"][property.name=/^(runtime|input|action)$/]',
          message: sdkMessage,
        },
        { selector: 'CallExpression[callee.object.name="Object"][callee.property.name="create"]', message: sdkMessage },
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    // The page runs in a browser, without a clock of mageflow's.
    ignores: ['src/utils/clock.ts', ...page],
    rules: {
      'no-restricted-globals': ['error', ...timers.map((name) => ({ name, message: clockMessage }))],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: clockMessage },
        { object: 'AbortSignal', property: 'timeout', message: clockMessage },
        ...timers.map((property) => ({ object: 'globalThis', property, message: clockMessage })),
      ],
    },
  },
  {
    files: page,
    rules: {
      // The page holds no HTML as text: names and payloads are anything.
      'no-restricted-properties': [
        'error',
        ...['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'write'].map((property) => ({
          property,
          message: 'No HTML as text: render elements.',
        })),
      ],
      'no-restricted-syntax': [
        'error',
        ...everywhere,
        { selector: 'JSXAttribute[name.name="dangerouslySetInnerHTML"]', message: 'No HTML as text: render elements.' },
      ],
    },
  },
  { files: ['src/hatchet/internals.ts'], rules: { 'no-restricted-syntax': ['error', ...everywhere] } },
  { files: ['src/cli/**/*.ts'], rules: { 'no-console': 'off' } },
  {
    // It stands for the SDK's own client and worker, and builds the SDK's contexts.
    files: ['src/testing/engine/**/*.ts', 'src/testing/declare-anew.ts', 'src/testing/run-body.ts'],
    rules: { 'no-restricted-syntax': ['error', ...everywhere], 'no-restricted-imports': 'off' },
  },
);
