import { defineConfig } from 'tsup';

export default defineConfig({
  // A name here is a file name in dist: a later entry point is one line here and one in package.json's `exports`; an
  // executable is a file that starts with a shebang (tsup makes it executable).
  entry: { index: 'src/index.ts' },
  format: ['esm', 'cjs'],
  target: 'node20',
  platform: 'node',
  dts: true,
  sourcemap: true,
  clean: true,
  minify: false,
  // Nothing from node_modules may end up in dist: a bundled copy of a peer would make `instanceof` fail between the
  // user's objects and ours. What is imported without being a peer breaks in scripts/check-package.mjs.
  skipNodeModulesBundle: true,
  // The bundler renames classes that mention themselves (`_Swarm`), and error names are read by people.
  keepNames: true,
  removeNodeProtocol: false,
});
