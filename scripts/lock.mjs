// A lock file that names its holder, so that one left by a dead process is taken over. Plain Node: the bootstrap needs it
// before anything is installed.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 100;
// Taking over takes a few system calls; a marker this old was left by a process that died between them.
const TAKEOVER_STALE_MS = 10_000;

function startTime(pid) {
  try {
    if (process.platform !== 'linux') {
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { stdio: ['ignore', 'pipe', 'ignore'] })
        .toString()
        .trim();
    }
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return (
      readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() + stat.slice(stat.lastIndexOf(')')).split(' ')[20]
    );
  } catch {
    return ''; // no such process
  }
}

function tryAcquire(file, content) {
  try {
    writeFileSync(file, content, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function isStale(file) {
  let content;
  try {
    content = readFileSync(file, 'utf8');
    const { pid, startedAt } = JSON.parse(content);
    return startTime(pid) !== startedAt;
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    // Created a moment ago and not written yet, or left so by a crash.
    if (content === '' || error instanceof SyntaxError) return Date.now() - statSync(file).mtimeMs > TAKEOVER_STALE_MS;
    throw error;
  }
}

/** Removes a stale lock; only one process at a time may look and remove, or a fresh lock could be removed. */
function removeStale(file) {
  const marker = `${file}.takeover`;
  try {
    mkdirSync(marker);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    try {
      if (Date.now() - statSync(marker).mtimeMs > TAKEOVER_STALE_MS) rmdirSync(marker);
    } catch (gone) {
      if (gone.code !== 'ENOENT') throw gone;
    }
    return;
  }
  try {
    if (isStale(file)) unlinkSync(file);
  } finally {
    rmdirSync(marker);
  }
}

/** Runs `work` while no other process that asks for the same lock does. */
export async function withLock(file, work, { onWait = () => {}, signal } = {}) {
  mkdirSync(path.dirname(file), { recursive: true });
  const content = JSON.stringify({ pid: process.pid, startedAt: startTime(process.pid) });
  for (let waited = false; !tryAcquire(file, content); waited = true) {
    signal?.throwIfAborted();
    if (isStale(file)) {
      removeStale(file);
      continue;
    }
    if (!waited) onWait(file);
    await sleep(POLL_MS);
  }
  try {
    return await work();
  } finally {
    unlinkSync(file);
  }
}
