import { connect } from 'node:net';
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { StackError } from './errors';
import type { StartContext } from './instance';
import { isRoot } from './paths';
import { isReachable, withFreePorts } from './ports';
import { findExecutable, run } from './processes';
import { poll } from './wait';

export interface RedisEndpoint {
  url: string;
  /** The server's binary, for tests that start one of their own. Unknown when the Redis is not ours. */
  binary?: string;
}

const READY_MS = 120_000;
const POLICY_FILE = '/usr/sbin/policy-rc.d';

/** Whether the Redis that answers there is the process we started, and not one that had the port before. */
function answersAs(pid: number, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 2_000 });
    let answer = '';
    const finish = (): void => {
      socket.destroy();
      resolve(new RegExp(`^process_id:${String(pid)}\\r?$`, 'm').test(answer));
    };
    socket.once('error', finish).once('timeout', finish).once('end', finish);
    socket.on('data', (data) => {
      answer += data.toString();
    });
    socket.write('INFO server\r\nQUIT\r\n');
  });
}

async function installFromDebian({ instance, signal, progress }: StartContext): Promise<string | undefined> {
  const apt = findExecutable('apt-get');
  if (!isRoot || apt === undefined) return undefined;
  const log = instance.log('apt');
  progress(`installing Debian's redis-server (log: ${log})`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // Debian starts a service when its package is installed, unless this file says no. We want the program, not the service.
  const guard = !existsSync(POLICY_FILE);
  if (guard) writeFileSync(POLICY_FILE, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    // No abort signal: a package manager that is killed half-way leaves a broken system.
    await run('Updating the package lists', apt, ['update'], log, { env });
    await run('Installing redis-server', apt, ['install', '-y', '--no-install-recommends', 'redis-server'], log, {
      env,
    });
  } finally {
    if (guard) rmSync(POLICY_FILE, { force: true });
  }
  signal.throwIfAborted();
  return findExecutable('redis-server');
}

function supportsFixedTitle(binary: string): boolean {
  const [, major = '0', minor = '0'] = /v=(\d+)\.(\d+)/.exec(spawnSync(binary, ['--version']).stdout.toString()) ?? [];
  return Number(major) > 6 || (Number(major) === 6 && Number(minor) >= 2);
}

async function useExisting(url: string): Promise<RedisEndpoint> {
  const { hostname, port, protocol } = new URL(url);
  // With TLS a plain PING says nothing; the first client will.
  const answers =
    protocol === 'rediss:' ||
    (await poll(() => isReachable(hostname, Number(port || 6379)), { timeoutMs: 5_000, everyMs: 250 }));
  if (answers === undefined) {
    throw new StackError(
      `Expected a Redis at REDIS_URL (${hostname}:${port || '6379'}), but nothing accepts connections there. Start it, or unset REDIS_URL to get one of the stack's own.`,
    );
  }
  const binary = findExecutable('redis-server');
  return { url, ...(binary === undefined ? {} : { binary }) };
}

export async function provideRedis(context: StartContext): Promise<RedisEndpoint> {
  const existing = process.env['REDIS_URL'];
  if (existing !== undefined && existing !== '') return useExisting(existing);
  const binary = findExecutable('redis-server') ?? (await installFromDebian(context));
  if (binary === undefined) {
    throw new StackError(
      'Expected REDIS_URL to be set or a redis-server on the PATH, found neither. Install it (Debian, Ubuntu: apt-get install redis-server; macOS: brew install redis), or set REDIS_URL.',
    );
  }
  const { instance, signal } = context;
  const folder = instance.subfolder('redis');
  return withFreePorts(1, async ([port = 0]) => {
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
    args.push('--maxmemory-policy', 'noeviction', '--daemonize', 'no');
    // A title of its own would hide the folder from the command line, by which leftovers are recognised.
    if (supportsFixedTitle(binary)) args.push('--set-proc-title', 'no');
    await instance.start(
      { name: 'redis', command: binary, args, probe: (pid) => answersAs(pid, port) },
      { timeoutMs: READY_MS, signal },
    );
    return { url: `redis://127.0.0.1:${String(port)}`, binary };
  });
}
