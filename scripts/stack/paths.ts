import { accessSync, constants, lstatSync, mkdirSync, statSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { StackError } from './errors';

export const CHECKOUT = path.resolve(__dirname, '../..');
export const isRoot = process.getuid?.() === 0;

function userTag(): string {
  return String(process.getuid?.() ?? userInfo().username);
}

/**
 * A folder of ours below a place that everybody may write to. Refused when somebody else made it: what runs from it runs
 * with our rights.
 */
function ownFolder(parent: string, name: string, mode: number): string {
  const folder = path.join(parent, `${name}-${userTag()}`);
  mkdirSync(folder, { recursive: true, mode });
  const found = lstatSync(folder);
  if (!found.isDirectory() || (process.getuid !== undefined && found.uid !== process.getuid())) {
    throw new StackError(
      `Expected ${folder} to be a folder of this user, but it belongs to uid ${String(found.uid)}. Remove it, or set TMPDIR.`,
    );
  }
  return folder;
}

/** Where what is expensive to make outlives the checkout. */
export function cacheFolder(...parts: string[]): string {
  const preferred = path.join(process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'mageflow', ...parts);
  try {
    mkdirSync(preferred, { recursive: true });
    accessSync(preferred, constants.W_OK);
    return preferred;
  } catch {
    // A home that is missing or read-only is normal for service users and in CI images: the cache is then a shorter-lived one.
    const fallback = path.join(ownFolder(tmpdir(), 'mageflow-cache', 0o755), ...parts);
    mkdirSync(fallback, { recursive: true });
    return fallback;
  }
}

/** Whether a user who is neither its owner nor in its group can reach the path. */
export function reachableByOthers(target: string): boolean {
  for (let current = path.resolve(target); ; current = path.dirname(current)) {
    const { mode } = statSync(current);
    if ((mode & (current === target ? 0o004 : 0o001)) === 0) return false;
    if (current === path.dirname(current)) return true;
  }
}

/** The folder with one folder for each running stack of this user. */
export function instancesFolder(): string {
  // Postgres runs as another user when we are root, so root needs a place which that user can reach.
  const place = isRoot ? [tmpdir(), '/tmp', '/var/tmp'].find(reachableByOthers) : tmpdir();
  if (place === undefined) {
    throw new StackError(
      `Expected a temporary folder that other users can enter (Postgres refuses to run as root), but ${tmpdir()} is closed. Set TMPDIR to an open one.`,
    );
  }
  return ownFolder(place, 'mageflow-stacks', 0o711);
}
