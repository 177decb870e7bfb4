// Prints where Chromium is, for tests in a real browser. Where it is missing, and we are root on Debian, it is installed.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function find() {
  const given = process.env.MAGEFLOW_TEST_CHROMIUM;
  if (given) return given;
  const folders = (process.env.PATH ?? '').split(path.delimiter).filter(Boolean);
  return names.flatMap((name) => folders.map((folder) => path.join(folder, name))).find(isExecutable);
}

function install() {
  const found = find();
  if (found) return found;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get'))
    throw new Error(
      'Tests in a browser need Chromium, and none is on the path. Install it (on Debian: apt-get install chromium), or set MAGEFLOW_TEST_CHROMIUM to the program of one.',
    );
  console.error('chromium: installing that of Debian (apt-get) …');
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'chromium', 'fonts-dejavu-core']]) {
    const { status } = spawnSync('apt-get', ['-q', ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    if (status !== 0) throw new Error(`apt-get ${args[0]} ended with ${status}. Its messages are above.`);
  }
  const installed = find();
  if (!installed) throw new Error('apt-get has installed Chromium, but it is not on the path.');
  return installed;
}

try {
  mkdirSync(path.join(root, '.stack'), { recursive: true });
  console.log(find() ?? (await withLock(path.join(root, '.stack/chromium.lock'), async () => install())));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
