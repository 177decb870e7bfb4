import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { withLock } from '../../scripts/lock.mjs';
import { cacheFolder, isRoot } from '../../scripts/stack/paths';
import { findExecutable, run } from '../../scripts/stack/processes';

// Run by itself, as Jest loads no ES modules and the lock is one: prints the path of a Python that has the plain Hatchet SDK.

const requirements = path.join(__dirname, 'plain_worker.requirements.txt');
const oldest = [3, 10];
const names = ['python3', 'python', ...[14, 13, 12, 11, 10].map((minor) => `python3.${minor}`)];

interface Python {
  command: string;
  version: string;
}

/** Made once, and kept beside the engine, outside of the checkout. */
async function pythonWithSdk(): Promise<string> {
  const cache = cacheFolder('python');
  return withLock(path.join(cache, 'lock'), async () => {
    const log = path.join(cache, 'install.log');
    let python = findPython();
    if (!python) {
      await installFromDebian(log);
      python = findPython();
    }
    if (!python)
      throw new Error(`Expected a Python of at least ${oldest.join('.')} on the PATH, as ${names[0]}. Install one.`);
    const pinned = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
    const folder = path.join(cache, `${python.version}-${pinned}`);
    const made = path.join(folder, 'bin', 'python');
    const complete = path.join(folder, 'complete');
    if (existsSync(complete) && existsSync(made)) return made;
    await makeEnvironment(python.command, folder, log);
    const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--only-binary', ':all:', '-r', requirements];
    await run('Installing the Hatchet SDK for Python', made, pip, log);
    writeFileSync(complete, '');
    return made;
  });
}

function findPython(): Python | undefined {
  for (const name of names) {
    const command = findExecutable(name);
    // A shim of a version manager can stand for no Python at all.
    const { status, stdout } = spawnSync(command ?? name, ['-c', 'import sys; print(*sys.version_info[:2])']);
    if (!command || status !== 0) continue;
    const [major = 0, minor = 0] = stdout.toString().split(' ').map(Number);
    if (major === oldest[0] && minor >= (oldest[1] ?? 0)) return { command, version: `${major}.${minor}` };
  }
  return undefined;
}

async function makeEnvironment(python: string, folder: string, log: string): Promise<void> {
  const make = () => {
    rmSync(folder, { recursive: true, force: true });
    return run('Making an environment for Python', python, ['-m', 'venv', folder], log);
  };
  try {
    await make();
  } catch (error) {
    // Debian's Python can't, before another package is installed.
    if (!(await installFromDebian(log))) throw error;
    await make();
  }
}

async function installFromDebian(log: string): Promise<boolean> {
  const apt = findExecutable('apt-get');
  if (!isRoot || apt === undefined) return false;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('Updating the package lists', apt, ['update'], log, { env });
  await run('Installing python3-venv', apt, ['install', '-y', '--no-install-recommends', 'python3-venv'], log, { env });
  return true;
}

pythonWithSdk().then(
  (python) => process.stdout.write(python),
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exitCode = 1;
  },
);
