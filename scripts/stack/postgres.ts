import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { StartContext } from './instance';
import { withFreePorts } from './ports';
import { findPostgres } from './postgres-binaries';
import { run } from './processes';

const READY_MS = 120_000;

/** The data lives as long as the stack: nothing is worth a wait for the disk. */
const SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  // No socket file: the name of a folder below the temporary one is often too long for it.
  unix_socket_directories: '',
  listen_addresses: '127.0.0.1',
  shared_buffers: '128MB',
  max_wal_size: '1GB',
  // The engine refuses to start on any other.
  timezone: 'UTC',
};

/** Postgres writes its state there, for `pg_ctl -w` to wait on. */
function isReady(dataFolder: string): boolean {
  const file = path.join(dataFolder, 'postmaster.pid');
  return existsSync(file) && readFileSync(file, 'utf8').split('\n')[7]?.trim() === 'ready';
}

/** Starts a Postgres, unless there is one already, and returns its URL. */
export async function providePostgres(context: StartContext): Promise<string> {
  const existing = process.env['DATABASE_URL'];
  if (existing !== undefined && existing !== '') return existing;
  const { instance, signal } = context;
  const { initdb, postgres, account } = findPostgres(context);
  const folder = instance.subfolder('postgres');
  const dataFolder = path.join(folder, 'data');
  const passwordFile = path.join(folder, 'password');
  const password = randomBytes(16).toString('hex');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (account !== undefined) for (const file of [folder, passwordFile]) chownSync(file, account.uid, account.gid);
  const options = { ...account, cwd: folder, env: { ...process.env, LC_ALL: 'C' } };
  const initArgs = [
    '--pgdata',
    dataFolder,
    '--username',
    'postgres',
    '--auth',
    'scram-sha-256',
    '--pwfile',
    passwordFile,
  ];
  initArgs.push('--encoding', 'UTF8', '--locale', 'C', '--no-sync');
  await run('Creating the database files', initdb, initArgs, instance.log('initdb'), { ...options, signal });
  return withFreePorts(1, async ([port = 0]) => {
    const args = ['-D', dataFolder, '-p', String(port)];
    for (const [name, value] of Object.entries(SETTINGS)) args.push('-c', `${name}=${value}`);
    // SIGINT is its fast shutdown, which gives back the shared memory; SIGKILL would leave that behind.
    const launchOptions = { ...options, deathSignal: 'INT' as const };
    await instance.start(
      { name: 'postgres', command: postgres, args, options: launchOptions, probe: () => isReady(dataFolder) },
      { timeoutMs: READY_MS, signal },
    );
    return `postgres://postgres:${password}@127.0.0.1:${String(port)}/postgres?sslmode=disable`;
  });
}
