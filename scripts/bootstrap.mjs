// Makes a fresh clone usable: installs the dependencies when they are missing or older than package-lock.json, and
// generates the modules of the Lua scripts, of their translations and of the viewer's page when they are older than their
// sources. Plain Node, as nothing is installed yet, and fast, as every command begins with it.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';

const NODE_MAJOR = 20;
const CHECKOUT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const LOCK_FILE = path.join(CHECKOUT, 'package-lock.json');
/** npm writes it at the end of each install. */
const INSTALLED_FILE = path.join(CHECKOUT, 'node_modules/.package-lock.json');
const SCRIPTS_FOLDER = path.join(CHECKOUT, 'src/store/lua');
const SCHEMA_FILE = path.join(CHECKOUT, 'src/store/schema.json');
const EMBED_TOOL = path.join(CHECKOUT, 'scripts/embed-lua.mjs');
const EMBEDDED_FILE = path.join(CHECKOUT, 'src/store/scripts.generated.ts');
const TRANSLATE_TOOL = path.join(CHECKOUT, 'scripts/embed-translations.ts');
const TRANSLATE_FOLDER = path.join(CHECKOUT, 'scripts/lua');
const TRANSLATED_LIBRARY = path.join(CHECKOUT, 'src/testing/redis/lua/library.ts');
const TRANSLATED_FILE = path.join(CHECKOUT, 'src/testing/redis/lua/translations.generated.ts');
const PAGE_FOLDER = path.join(CHECKOUT, 'src/viewer/page');
const PAGE_TOOL = path.join(CHECKOUT, 'scripts/embed-page.mjs');
const PAGE_FILE = path.join(CHECKOUT, 'src/viewer/assets.generated.ts');
const STAMP_FILE = path.join(CHECKOUT, 'node_modules/.mageflow-lock-hash');

function modified(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}

function lockHash() {
  return createHash('sha256').update(readFileSync(LOCK_FILE)).digest('hex');
}

/** Whether the installed packages are those of package-lock.json: 'stamped', 'unstamped' (by npm itself), or false. */
function installed() {
  const installedAt = modified(INSTALLED_FILE);
  if (installedAt === undefined) return false;
  const stampedAt = modified(STAMP_FILE);
  // An install after the stamp may have been one of other packages.
  if (stampedAt !== undefined && installedAt <= stampedAt && readFileSync(STAMP_FILE, 'utf8') === lockHash())
    return 'stamped';
  return installedAt >= modified(LOCK_FILE) && 'unstamped';
}

function install() {
  // Another process may have installed while we waited for the lock.
  const state = installed();
  if (state === 'stamped') return;
  if (state === false) {
    console.error('bootstrap: installing the dependencies (npm ci) …');
    const { status, error } = spawnSync(
      'npm',
      ['ci', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'],
      {
        cwd: CHECKOUT,
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    );
    if (status !== 0) {
      throw new Error(
        `npm ci failed${error === undefined ? ` with exit code ${status}` : `: ${error.message}`}. Its messages are above.`,
      );
    }
  }
  writeFileSync(STAMP_FILE, lockHash());
}

/** Whether a generated file is newer than its sources. Folders count too: their time changes when a file is added, renamed or removed. */
function isNewer(file, tool, folder, ...others) {
  const madeAt = modified(file);
  if (madeAt === undefined) return false;
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const sources = [tool, folder, ...others, ...names.map((name) => path.join(folder, name))];
  return sources.every((source) => modified(source) < madeAt);
}

function generate(tool, what) {
  const loader = tool.endsWith('.ts') ? ['--require', 'tsx/cjs'] : [];
  const { status } = spawnSync(process.execPath, [...loader, tool], {
    cwd: CHECKOUT,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error(`${what} could not be embedded. The reason is above.`);
}

function embedScripts() {
  if (isNewer(EMBEDDED_FILE, EMBED_TOOL, SCRIPTS_FOLDER, SCHEMA_FILE)) return;
  generate(EMBED_TOOL, 'The Lua scripts');
}

/** Needs the installed packages. */
function embedTranslations() {
  if (isNewer(TRANSLATED_FILE, TRANSLATE_TOOL, TRANSLATE_FOLDER, EMBEDDED_FILE, TRANSLATED_LIBRARY)) return;
  generate(TRANSLATE_TOOL, 'The translations of the Lua scripts');
}

/** Needs the installed packages. */
function embedPage() {
  if (isNewer(PAGE_FILE, PAGE_TOOL, PAGE_FOLDER, LOCK_FILE)) return;
  generate(PAGE_TOOL, 'The page of the viewer');
}

async function main() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < NODE_MAJOR) {
    throw new Error(`Expected Node ${NODE_MAJOR} or newer, this is ${process.versions.node}. Install a newer one.`);
  }
  embedScripts();
  if (installed() !== 'stamped') {
    // Not in node_modules, which npm ci removes.
    await withLock(path.join(CHECKOUT, '.stack/bootstrap.lock'), install, {
      onWait: (file) => {
        console.error(`bootstrap: waiting for another installation (lock: ${file}) …`);
      },
    });
  }
  embedTranslations();
  embedPage();
}

main().catch((error) => {
  console.error(`bootstrap: ${error.message}`);
  process.exitCode = 1;
});
