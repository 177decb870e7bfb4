import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { withLock } from '../lock.mjs';
import { StackError } from './errors';
import type { StartContext } from './instance';
import { cacheFolder, CHECKOUT } from './paths';
import { findExecutable, run } from './processes';

const MODULE = 'github.com/hatchet-dev/hatchet';
const BINARIES = ['hatchet-lite', 'hatchet-migrate', 'hatchet-admin'];
const ENGINE_FOLDER = path.join(CHECKOUT, 'engine');

function pinnedVersion(): string {
  const file = path.join(ENGINE_FOLDER, 'go.mod');
  const version = new RegExp(`${MODULE} (v\\S+)`).exec(readFileSync(file, 'utf8'))?.[1];
  if (version === undefined) throw new StackError(`Expected ${file} to require ${MODULE}, but it does not.`);
  return version;
}

/** The folder with the engine's binaries, built when they are not there yet; undefined where there is no Go to build them. */
export async function provideEngineBinaries({ instance, signal, progress }: StartContext): Promise<string | undefined> {
  const version = pinnedVersion();
  const parent = cacheFolder('engine');
  const target = path.join(parent, `${version}-stamped-${process.platform}-${process.arch}`);
  if (existsSync(target)) return target;
  const go = findExecutable('go');
  if (go === undefined) return undefined;
  const onWait = (file: string): void => {
    progress(`waiting for another build of the engine (lock: ${file})`);
  };
  return withLock(
    `${target}.lock`,
    async () => {
      if (existsSync(target)) return target;
      const log = instance.log('engine-build');
      progress(`building the engine ${version} with Go, about two minutes the first time (log: ${log})`);
      const unfinished = mkdtempSync(`${target}.`);
      try {
        const commands = BINARIES.map((name) => `${MODULE}/cmd/${name}`);
        // Unstamped, the engine calls itself v0.1.0-alpha.0, and the SDK falls back to what it does for old engines:
        // another way to register workers, and durable tasks without eviction.
        const stamp = ['-ldflags', `-X main.Version=${version}`];
        await run('Building the engine', go, ['build', ...stamp, '-o', `${unfinished}/`, ...commands], log, {
          cwd: ENGINE_FOLDER,
          signal,
        });
        // Renamed as a whole: a folder of that name always holds all binaries.
        renameSync(unfinished, target);
      } finally {
        rmSync(unfinished, { recursive: true, force: true });
      }
      return target;
    },
    { onWait, signal },
  );
}
