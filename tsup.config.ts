import { defineConfig, type Options } from 'tsup';

const common: Options = {
  target: 'node20',
  platform: 'node',
  sourcemap: true,
  minify: false,
  // Two entries share chunks, so that the store is not in the package twice. An `import()` is a chunk that loads when it
  // is needed.
  splitting: true,
  // Nothing from node_modules may end up in the library: a bundled copy of a peer would make `instanceof` fail between the
  // user's objects and ours. What is imported without being a peer breaks in scripts/check-package.mjs.
  skipNodeModulesBundle: true,
  // What only the executable needs is bundled into it. Their licences are in THIRD-PARTY.md (npm run docs:licences).
  noExternal: ['commander', 'console-table-printer', 'simple-wcswidth'],
  // The bundler renames classes that mention themselves (`_Swarm`), and error names are read by people.
  keepNames: true,
  removeNodeProtocol: false,
  esbuildOptions: (options) => {
    options.sourcesContent = false;
  },
};

// A name here is a file name in dist: a later entry point is one line here and one in package.json's `exports`; an
// executable is a file that starts with a shebang (tsup makes it executable).
const library = {
  index: 'src/index.ts',
  viewer: 'src/viewer/index.ts',
  testing: 'src/testing/index.ts',
  'testing-setup': 'src/testing/setup.ts',
};
const esm: Options = { ...common, format: 'esm', entry: library, dts: true };
const cjs: Options = {
  ...common,
  format: 'cjs',
  entry: { ...library, cli: 'src/cli/main.ts' },
  dts: { entry: library },
};

// For tests: the same executable in another folder, without types, which take most of the time (scripts/build-cli.mjs).
const testFolder = process.env['MAGEFLOW_BUILD_CLI_INTO'];

// The formats are built at the same time, so that neither may clean up: `npm run build` empties dist before.
export default defineConfig(testFolder ? [{ ...cjs, dts: false, outDir: testFolder }] : [esm, cjs]);
