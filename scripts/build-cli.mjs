// Builds the executable for tests, when it is older than its sources, and prints where it is. Several suites may ask at once.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
// Below node_modules, from where the executable finds the peers.
const folder = path.join(root, 'node_modules/.cache/mageflow-cli');
const sources = ['src', 'tsup.config.ts', 'package.json'].map((name) => path.join(root, name));

function newest(file) {
  const stat = statSync(file);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(...readdirSync(file).map((name) => newest(path.join(file, name))));
}

function build() {
  const file = path.join(folder, 'dist/cli.js');
  const builtAt = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (builtAt > Math.max(...sources.map(newest))) return file;
  const fresh = path.join(folder, 'fresh');
  rmSync(fresh, { recursive: true, force: true });
  const { status, stdout, stderr } = spawnSync(path.join(root, 'node_modules/.bin/tsup'), ['--silent'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, MAGEFLOW_BUILD_CLI_INTO: fresh },
  });
  if (status !== 0) throw new Error(`tsup ended with ${status}: ${stdout}${stderr}`);
  rmSync(path.join(folder, 'dist'), { recursive: true, force: true });
  renameSync(fresh, path.join(folder, 'dist'));
  return file;
}

mkdirSync(folder, { recursive: true });
console.log(await withLock(path.join(folder, 'lock'), build));
