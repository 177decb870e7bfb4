// Checks the package as its users get it: packed, installed into an empty project, used by plain `node` and by `tsc`.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import ts from 'typescript';
import { checkTestingProjects } from './testing-projects.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const programs = path.join(root, 'scripts/package-check');
const TOOL_LIMIT_MS = 600_000;

class CheckError extends Error {}

const readJson = (...segments) => JSON.parse(readFileSync(path.join(...segments), 'utf8'));
const manifest = readJson(root, 'package.json');

function run(command, args, cwd) {
  const { error, status, signal, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    timeout: TOOL_LIMIT_MS,
  });
  if (error !== undefined || status !== 0) {
    const reason = error === undefined ? `ended with ${status ?? signal}` : error.message;
    const shown = [command, ...args].map((word) => (path.isAbsolute(word) ? path.basename(word) : word)).join(' ');
    throw new CheckError(`${shown}: ${reason}\n${stdout ?? ''}${stderr ?? ''}`);
  }
  return stdout;
}

const tool = (name, args, cwd = root) => run(path.join(root, 'node_modules/.bin', name), args, cwd);

function checkChangelog() {
  const text = readFileSync(path.join(root, 'CHANGELOG.md'), 'utf8');
  const headings = text.match(/^##(?!#).*$/gm) ?? [];
  if (headings[0] !== '## [Unreleased]') {
    throw new CheckError(`CHANGELOG.md: expected "## [Unreleased]" as the first section, got ${headings[0] ?? 'none'}`);
  }
  const released = headings.slice(1).map((heading) => {
    const match = /^## \[(\d+)\.(\d+)\.(\d+)\] - (\d{4}-\d{2}-\d{2})$/.exec(heading);
    if (match === null || Number.isNaN(Date.parse(match[4]))) {
      throw new CheckError(`CHANGELOG.md: expected headings like "## [1.2.3] - 2026-01-31", got "${heading}"`);
    }
    return { heading, version: match.slice(1, 4).map(Number) };
  });
  for (const [index, { heading, version }] of released.slice(1).entries()) {
    const newer = released[index].version;
    const at = version.findIndex((number, position) => number !== newer[position]);
    if (at === -1 || version[at] > newer[at]) {
      throw new CheckError(`CHANGELOG.md: expected each version once, newest first, got "${heading}" too late`);
    }
  }
  const kinds = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security'];
  for (const [, kind] of text.matchAll(/^### (.*)$/gm)) {
    if (!kinds.includes(kind)) {
      throw new CheckError(`CHANGELOG.md: expected a list under one of ${kinds.join(', ')}, got "### ${kind}"`);
    }
  }
  const current = released[0]?.version.join('.');
  if (current !== undefined && current !== manifest.version) {
    throw new CheckError(
      `CHANGELOG.md: expected its newest version to be package.json's ${manifest.version}, got ${current}`,
    );
  }
}

// Node's oldest way to resolve does not read `exports`: without `typesVersions` it finds no types of a subpath.
function checkTypesVersions() {
  const expected = Object.fromEntries(
    Object.entries(manifest.exports)
      .filter(([entry, conditions]) => entry !== '.' && typeof conditions !== 'string')
      .map(([entry, { require }]) => [entry.slice('./'.length), [require.types]]),
  );
  const given = manifest.typesVersions?.['*'] ?? {};
  if (JSON.stringify(given) !== JSON.stringify(expected))
    throw new CheckError(
      `package.json: expected typesVersions["*"] to be ${JSON.stringify(expected)}, as \`exports\` has it, got ${JSON.stringify(given)}`,
    );
}

// The types that an `exports` condition gives must be those of the format it gives: attw sees that on the tarball, but
// says less clearly which line of package.json is wrong.
function checkExports() {
  for (const [entry, conditions] of Object.entries(manifest.exports)) {
    if (typeof conditions === 'string') continue;
    for (const [condition, code, types] of [
      ['import', '.mjs', '.d.mts'],
      ['require', '.js', '.d.ts'],
    ]) {
      const target = conditions[condition];
      if (!target?.types?.endsWith(types) || !target?.default?.endsWith(code)) {
        throw new CheckError(
          `package.json: expected exports["${entry}"].${condition} to give types "*${types}" and default "*${code}", ` +
            `got ${JSON.stringify(target)}`,
        );
      }
    }
  }
}

// The installed programs cannot see this: a package that a peer happens to bring along loads there too.
function checkImports() {
  const declared = [...Object.keys(manifest.peerDependencies ?? {}), ...Object.keys(manifest.dependencies ?? {})];
  const dist = path.join(root, 'dist');
  for (const file of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    if (!/\.(m?js|d\.m?ts)$/.test(file)) continue;
    const { importedFiles } = ts.preProcessFile(readFileSync(path.join(dist, file), 'utf8'), true, true);
    for (const { fileName: name } of importedFiles) {
      if (name.startsWith('.') || isBuiltin(name) || declared.includes(name)) continue;
      // The types of matchers merge into those of a runner, where it is installed.
      if (/^testing\.d\.m?ts$/.test(file) && ['expect', 'vitest'].includes(name)) continue;
      const subpathOf = declared.find((dependency) => name.startsWith(`${dependency}/`));
      if (subpathOf !== undefined && readJson(root, 'node_modules', subpathOf, 'package.json').exports) continue;
      // A whole file name is found without an exports map.
      if (name === `${subpathOf}/edge/index.js` && !loadedWith(`index${path.extname(file)}`).has(file)) continue;
      throw new CheckError(
        subpathOf === undefined
          ? `dist/${file}: expected imports of Node's modules, ${declared.join(', ')} only, got "${name}": declare it`
          : `dist/${file}: expected imports of ${subpathOf} itself, got "${name}": it has no exports map, so Node's ESM does not find it`,
      );
    }
  }
}

// Two copies of the store in one process would have two states, and twice the size.
function checkChunks() {
  const dist = path.join(root, 'dist');
  for (const extension of ['.js', '.mjs']) {
    const holders = readdirSync(dist).filter(
      (file) =>
        file.endsWith(extension) &&
        /\bGroupStore = class\b|\bclass _?GroupStore\b/.test(readFileSync(path.join(dist, file), 'utf8')),
    );
    if (holders.length !== 1)
      throw new CheckError(
        `expected the store in one *${extension} file of dist, got ${holders.join(', ') || 'none'}: look at \`splitting\` in tsup.config.ts`,
      );
  }
}

/** The files of dist that one of them loads, itself included. */
function loadedWith(entry, loaded = new Set()) {
  if (loaded.has(entry)) return loaded;
  loaded.add(entry);
  const { importedFiles } = ts.preProcessFile(readFileSync(path.join(root, 'dist', entry), 'utf8'), true, true);
  for (const { fileName } of importedFiles) if (fileName.startsWith('./')) loadedWith(path.basename(fileName), loaded);
  return loaded;
}

// Who imports the library alone loads no viewer and no testing kit, and these stand on functions of the library.
function checkApart() {
  for (const extension of ['.js', '.mjs']) {
    const loaded = [...loadedWith(`index${extension}`)];
    for (const [what, text] of Object.entries({ viewer: 'page.js', 'testing kit': 'edge/index.js' })) {
      const holder = loaded.find((file) => readFileSync(path.join(root, 'dist', file), 'utf8').includes(text));
      if (holder)
        throw new CheckError(`dist/${holder}: expected nothing of the ${what} in what index${extension} loads`);
    }
  }
}

// A further entry shares the types of the library; one that is larger has them again.
function checkTypeSizes() {
  const limit = 60 * 1024;
  for (const [entry, conditions] of Object.entries(manifest.exports)) {
    if (entry === '.') continue;
    const types = conditions.require?.types;
    const { size } = types ? statSync(path.join(root, types)) : { size: 0 };
    if (size > limit) throw new CheckError(`${types}: expected at most ${limit} bytes, got ${size}`);
  }
}

/** The executable, as npx finds it. Nothing answers at that address. */
function checkExecutable(consumer) {
  const bin = path.join(consumer, 'node_modules/.bin/mageflow');
  const version = run(bin, ['--version'], consumer).trim();
  if (version !== manifest.version)
    throw new CheckError(`mageflow --version: expected ${manifest.version}, got ${version}`);
  run(bin, ['list', '--help'], consumer);
  const wrong = spawnSync(bin, ['list', '--tenant', 't', '--redis', 'redis://127.0.0.1:1'], {
    cwd: consumer,
    encoding: 'utf8',
  });
  if (wrong.status !== 1 || !/^mageflow: Redis did not carry out [^\n]*\n$/.test(wrong.stderr))
    throw new CheckError(
      `mageflow list without Redis: expected code 1 and one line, got ${wrong.status}: ${wrong.stderr}`,
    );
}

/** What an optional peer is for: without it, its command says what to install. */
function checkOptionalPeers(consumer) {
  const bin = path.join(consumer, 'node_modules/.bin/mageflow');
  const name = '@modelcontextprotocol/server';
  const args = ['mcp', '--tenant', 't', '--redis', 'redis://127.0.0.1:1'];
  const expectEnd = (what, expected) => {
    const { status, stdout, stderr } = spawnSync(bin, args, { cwd: consumer, encoding: 'utf8', input: '' });
    const end = { status, stdout, stderr };
    if (!isDeepStrictEqual(end, expected))
      throw new CheckError(`mageflow mcp ${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(end)}`);
  };
  const line = `mageflow: mcp needs the package ${name}, which is not installed: npm install ${name}\n`;
  expectEnd(`without ${name}`, { status: 2, stdout: '', stderr: line });
  run(
    'npm',
    ['install', '--no-save', '--prefer-offline', '--no-audit', '--no-fund', `${name}@${installed(name)}`],
    consumer,
  );
  expectEnd(`with ${name}, when stdin ends`, { status: 0, stdout: '', stderr: '' });
}

/** The examples of the viewer's guide, in the frameworks themselves. Next is not installed: it is as large as all the rest. */
function checkFrameworks(consumer) {
  const frameworks = ['express@5', 'fastify@5', 'hono@4', '@hono/node-server@1'];
  run('npm', ['install', '--no-save', '--prefer-offline', '--no-audit', '--no-fund', ...frameworks], consumer);
  run(process.execPath, ['frameworks.mjs'], consumer);
}

function pack(temp) {
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--loglevel=error', '--pack-destination', temp], root));
  const files = packed.files.map((file) => file.path);
  const skill = 'skills/diagnose-a-stuck-group/SKILL.md';
  const single = ['CHANGELOG.md', 'LICENSE', 'README.md', 'THIRD-PARTY.md', 'package.json', skill];
  const problems = [
    ...single.filter((file) => !files.includes(file)).map((file) => `${file} is missing`),
    ...files
      .filter((file) => !single.includes(file) && !/^dist\/.*\.(js|mjs|d\.ts|d\.mts|map)$/.test(file))
      .map((file) => `${file} does not belong there`),
  ];
  if (problems.length > 0) {
    throw new CheckError(
      `expected dist, ${single.join(', ')} and nothing else in the tarball: ${problems.join('; ')}. ` +
        'Correct `files` in package.json, or create what is missing',
    );
  }
  return path.join(temp, packed.filename);
}

function installed(name) {
  return readJson(root, 'node_modules', name, 'package.json').version;
}

function makeConsumer(temp, tarball) {
  const consumer = path.join(temp, 'consumer');
  mkdirSync(consumer);
  const isOptional = (name) => manifest.peerDependenciesMeta?.[name]?.optional;
  const peers = Object.keys(manifest.peerDependencies).filter((name) => !isOptional(name));
  const pinned = peers.map((name) => [name, installed(name)]);
  writeFileSync(
    path.join(consumer, 'package.json'),
    JSON.stringify({
      name: 'consumer',
      private: true,
      dependencies: {
        [manifest.name]: `file:${tarball}`,
        ...Object.fromEntries(pinned),
        '@types/node': installed('@types/node'),
      },
    }),
  );
  run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock'], consumer);
  for (const file of readdirSync(programs).filter((name) => /\.[cm]js$/.test(name)))
    copyFileSync(path.join(programs, file), path.join(consumer, file));
  return consumer;
}

/** Each way in which TypeScript finds a package, with the `module` that goes with it. */
const resolutions = { node16: 'node16', nodenext: 'nodenext', bundler: 'preserve' };

/** Each way, with the stricter option and without it: a project takes 20 s and more. */
const projects = [
  ['nodenext', true],
  ['bundler', true],
  ['node16', false],
];

/**
 * Compiles projects as its users have them: one that exports tasks, signatures and swarms, with declarations, and one that builds on
 * those declarations. Each file once as an ES module and once as CommonJS, whatever the package.json around it says.
 */
function compile(consumer, moduleResolution, exactOptionalPropertyTypes) {
  const name = `${moduleResolution}-${exactOptionalPropertyTypes ? 'exact' : 'loose'}`;
  const write = (project, files, more) => {
    const folder = path.join(consumer, name, project);
    mkdirSync(folder, { recursive: true });
    const copies = files.flatMap((file) =>
      ['mts', 'cts'].map((extension) => [file, path.basename(file).replace(/ts$/, extension)]),
    );
    for (const [file, copy] of copies) {
      const text = readFileSync(path.join(programs, file), 'utf8');
      // The declarations of the other project are of the same kind of module.
      const imports = text.replace(
        /(from '\.\.\/library\/library)\.js'/,
        `$1.${copy.endsWith('mts') ? 'mjs' : 'cjs'}'`,
      );
      writeFileSync(path.join(folder, copy), imports);
    }
    const compilerOptions = {
      target: 'ES2022',
      module: resolutions[moduleResolution],
      moduleResolution,
      exactOptionalPropertyTypes,
      strict: true,
      skipLibCheck: true,
      declaration: true,
      composite: true,
      emitDeclarationOnly: true,
      types: ['node'],
    };
    writeFileSync(
      path.join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: copies.map(([, copy]) => copy), ...more }),
    );
    return folder;
  };
  write('library', ['library/library.ts'], {});
  const app = write('app', ['consumer.ts', 'app/app.ts'], { references: [{ path: '../library' }] });
  tool('tsc', ['--build', app], consumer);
}

/** The testing kit in projects of both runners, and the types of its matchers. */
function checkTesting(consumer) {
  const source = path.join(programs, 'testing');
  const typed = checkTestingProjects({ consumer, source, run, installed });
  const compilerOptions = {
    target: 'ES2022',
    module: 'preserve',
    moduleResolution: 'bundler',
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    noEmit: true,
    types: ['node', 'jest'],
  };
  writeFileSync(path.join(typed, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['types.ts'] }));
  tool('tsc', ['-p', typed], consumer);
}

async function main() {
  const temp = mkdtempSync(path.join(tmpdir(), 'mageflow-package-'));
  // Without a listener a signal would end this process at once and leave the folder behind. It is seen between two
  // steps; a Ctrl-C ends the running tool itself.
  let interrupted;
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => (interrupted = signal));
  let title = '';
  const step = async (name, work) => {
    title = name;
    const start = performance.now();
    const result = work();
    await setImmediate();
    if (interrupted !== undefined) throw new CheckError(`interrupted by ${interrupted}`);
    console.log(`ok  ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
    return result;
  };
  try {
    await step('changelog', checkChangelog);
    await step('exports map', checkExports);
    await step('types of the subpaths', checkTypesVersions);
    await step('build', () => run('npm', ['run', '--silent', 'build', '--', '--silent'], root));
    await step('imports of the build', checkImports);
    await step('chunks of the build', checkChunks);
    await step('the viewer and the testing kit apart', checkApart);
    await step('size of the types', checkTypeSizes);
    await step('licences of what is bundled', () =>
      run(process.execPath, ['scripts/third-party.mjs', '--check'], root),
    );
    await step('API report', () => run(process.execPath, ['scripts/api-report.mjs', '--check'], root));
    const tarball = await step('pack, file list', () => pack(temp));
    await step('publint', () => tool('publint', ['run', tarball, '--strict']));
    await step('are the types wrong', () =>
      tool('attw', [tarball, '--no-definitely-typed', '--no-emoji', '--no-color']),
    );
    const consumer = await step('install into an empty project', () => makeConsumer(temp, tarball));
    await step('ESM program', () => run(process.execPath, ['esm.mjs'], consumer));
    await step('CommonJS program', () => run(process.execPath, ['cjs.cjs'], consumer));
    await step('both copies in one process', () => run(process.execPath, ['both.mjs'], consumer));
    await step('executable', () => checkExecutable(consumer));
    await step('optional peers', () => checkOptionalPeers(consumer));
    await step('the viewer in frameworks', () => checkFrameworks(consumer));
    for (const [resolution, exact] of projects) {
      await step(`TypeScript projects, ${resolution}${exact ? ', exactOptionalPropertyTypes' : ''}`, () =>
        compile(consumer, resolution, exact),
      );
    }
    await step('testing kit in projects of jest and vitest', () => checkTesting(consumer));
  } catch (error) {
    if (!(error instanceof CheckError)) throw error;
    console.error(`failed: ${title}\n${error.message}`);
    process.exitCode = 1;
  } finally {
    rmSync(temp, { recursive: true, force: true });
  }
}

await main();
