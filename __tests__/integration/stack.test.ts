import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { identify, isAlive, type ProcessId } from '../../scripts/stack/identity';
import { readServices } from '../../scripts/stack/instance';
import { startStack, type Stack } from '../../scripts/stack/stack';
import { poll } from '../../scripts/stack/wait';
import { ownEnv } from '../helpers/own-stack';

const CHECKOUT = path.resolve(__dirname, '../..');
const HELPERS = path.join(CHECKOUT, '__tests__/helpers');
const TIMEOUT_MS = 600_000;

jest.setTimeout(TIMEOUT_MS);

interface Running {
  folder: string;
  processes: ProcessId[];
}

function inspect(folder: string | undefined, supervisorPid: number): Running {
  if (folder === undefined) throw new Error('Expected the stack to name its folder.');
  const services = readServices(folder);
  expect(services.map(({ name }) => name).sort()).toEqual(['engine', 'postgres', 'redis']);
  for (const service of services) expect(isAlive(service)).toBe(true);
  return { folder, processes: [identify(supervisorPid), ...services] };
}

function survivors({ processes }: Running): number[] {
  return processes.filter(isAlive).map(({ pid }) => pid);
}

async function expectGone(running: Running): Promise<void> {
  await poll(() => survivors(running).length === 0 && !existsSync(running.folder), { timeoutMs: 120_000 });
  expect(survivors(running)).toEqual([]);
  expect(existsSync(running.folder)).toBe(false);
}

/** Runs a script and returns it with the JSON in its first line of output. */
async function startScript(args: string[]): Promise<{ child: ChildProcess; printed: Record<string, unknown> }> {
  const child = spawn(process.execPath, ['--require', require.resolve('tsx/cjs'), ...args], {
    cwd: CHECKOUT,
    env: ownEnv(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const line = await poll(() => child.exitCode === null && output.includes('\n') && output, { timeoutMs: TIMEOUT_MS });
  if (line === undefined) throw new Error(`Expected a line of output, got '${output}'.`);
  return { child, printed: JSON.parse(line) as Record<string, unknown> };
}

async function startParent(): Promise<{ child: ChildProcess; running: Running }> {
  const { child, printed } = await startScript([path.join(HELPERS, 'stack-parent.ts')]);
  const { env, supervisorPid } = printed as unknown as Pick<Stack, 'env' | 'supervisorPid'>;
  return { child, running: inspect(env['MAGEFLOW_STACK_DIR'], supervisorPid) };
}

const exited = (child: ChildProcess): Promise<number | null> => new Promise((resolve) => child.once('exit', resolve));

async function apiStatus({ env }: Stack): Promise<number> {
  return (await fetch(`${env['HATCHET_CLIENT_API_URL'] ?? ''}/api/ready`)).status;
}

async function withRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

/** The message of a start that fails; the logs that it names are removed. */
async function failureOf(env: NodeJS.ProcessEnv): Promise<string> {
  try {
    const stack = await startStack({ env });
    await stack.stop();
  } catch (error) {
    const { message } = error as Error;
    const logs = /All logs: (\S+)/.exec(message)?.[1];
    if (logs === undefined || !existsSync(logs))
      throw new Error(`Expected a message that names existing logs, got: ${message}`, { cause: error });
    expect(readServices(path.dirname(logs))).toEqual([]);
    rmSync(path.dirname(logs), { recursive: true });
    return message;
  }
  throw new Error('Expected the start to fail.');
}

describe('a stack', () => {
  test('two instances run side by side', async () => {
    const [first, second] = await Promise.all([startStack({ env: ownEnv() }), startStack({ env: ownEnv() })]);
    try {
      const [firstRunning, secondRunning] = [first, second].map(({ env, supervisorPid }) =>
        inspect(env['MAGEFLOW_STACK_DIR'], supervisorPid),
      );
      if (firstRunning === undefined || secondRunning === undefined) throw new Error('unreachable');
      expect(await Promise.all([apiStatus(first), apiStatus(second)])).toEqual([200, 200]);
      for (const name of ['HATCHET_CLIENT_HOST_PORT', 'HATCHET_CLIENT_API_URL', 'REDIS_URL', 'MAGEFLOW_STACK_DIR']) {
        expect(first.env[name]).not.toBe(second.env[name]);
      }
      await withRedis(first.redisUrl, (redis) => redis.set('key', 'first'));
      expect(await withRedis(second.redisUrl, (redis) => redis.get('key'))).toBeNull();

      await first.stop();
      expect(survivors(firstRunning)).toEqual([]);
      expect(existsSync(firstRunning.folder)).toBe(false);
      expect(survivors(secondRunning)).toHaveLength(4);
      expect(await apiStatus(second)).toBe(200);

      await second.stop();
      expect(survivors(secondRunning)).toEqual([]);
      expect(existsSync(secondRunning.folder)).toBe(false);
    } finally {
      await Promise.all([first.stop(), second.stop()]);
    }
  });

  test('ends one service and starts it again as it was, without a message', async () => {
    const lines: string[] = [];
    const own = await startStack({ env: ownEnv(), onProgress: (line) => lines.push(line) });
    try {
      const { folder } = inspect(own.env['MAGEFLOW_STACK_DIR'], own.supervisorPid);
      const pidOf = (name: string) => readServices(folder).find((service) => service.name === name)?.pid;
      const before = [pidOf('engine'), pidOf('postgres'), pidOf('redis')];
      const printed = lines.length;
      await own.endService('engine', 'SIGKILL');
      await expect(apiStatus(own)).rejects.toThrow();
      await own.endService('postgres', 'SIGINT');
      expect([pidOf('engine'), pidOf('postgres'), pidOf('redis')]).toEqual([undefined, undefined, before[2]]);
      await expect(own.endService('engine', 'SIGKILL')).rejects.toThrow('Expected a service that runs, got engine.');
      await own.startService('postgres');
      await own.startService('engine');
      expect(await apiStatus(own)).toBe(200);
      expect(lines.slice(printed)).toEqual([]);
      const running = inspect(folder, own.supervisorPid);
      await own.stop();
      expect(survivors(running)).toEqual([]);
    } finally {
      await own.stop();
    }
  });

  test('stops its services when its parent is killed', async () => {
    const { child, running } = await startParent();
    child.kill('SIGKILL');
    await expectGone(running);
  });

  test('stops on SIGINT', async () => {
    const report = 'console.log(JSON.stringify(process.env)); setInterval(() => undefined, 60000)';
    const { child, printed } = await startScript([
      path.join(CHECKOUT, 'scripts/with-stack.ts'),
      '--',
      process.execPath,
      '-e',
      report,
    ]);
    const env = printed as NodeJS.ProcessEnv;
    const running = inspect(env['MAGEFLOW_STACK_DIR'], Number(env['MAGEFLOW_SUPERVISOR_PID']));
    const exitCode = exited(child);
    child.kill('SIGINT');
    expect(await exitCode).toBe(130);
    expect(survivors(running)).toEqual([]);
    expect(existsSync(running.folder)).toBe(false);
  });

  test('that lost its supervisor leaves nothing behind after the next start', async () => {
    const { child, running } = await startParent();
    const supervisor = running.processes[0];
    if (supervisor === undefined) throw new Error('unreachable');
    try {
      process.kill(supervisor.pid, 'SIGKILL');
      // A start that fails early sweeps too, and takes less time than a whole one.
      await failureOf(ownEnv({ HATCHET_CLIENT_TOKEN: 'a.b.c', HATCHET_CLIENT_HOST_PORT: '127.0.0.1:1' }));
      await expectGone(running);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('names its log files when a service fails to start', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'mageflow-fake-redis-'));
    try {
      writeFileSync(path.join(folder, 'redis-server'), '#!/bin/sh\necho "no memory for this"\nexit 3\n', {
        mode: 0o755,
      });
      const message = await failureOf(ownEnv({ PATH: `${folder}:${process.env['PATH'] ?? ''}` }));
      expect(message).toMatch(/redis exited with code 3 before it was ready/);
      expect(message).toMatch(/Log file: \S+redis\.log, its last lines:\nno memory for this/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('starts nothing of its own where the environment names the services', async () => {
    const own = await startStack({ env: ownEnv() });
    try {
      const guest = await startStack({ env: ownEnv(own.env) });
      try {
        expect(readServices(guest.env['MAGEFLOW_STACK_DIR'] ?? '')).toEqual([]);
        expect(guest.env).toMatchObject({
          HATCHET_CLIENT_TOKEN: own.env['HATCHET_CLIENT_TOKEN'],
          REDIS_URL: own.redisUrl,
        });
      } finally {
        await guest.stop();
      }
      expect(await apiStatus(own)).toBe(200);
    } finally {
      await own.stop();
    }
  });

  test('says so when the engine that the environment names is not there', async () => {
    const message = await failureOf(ownEnv({ HATCHET_CLIENT_TOKEN: 'a.b.c', HATCHET_CLIENT_HOST_PORT: '127.0.0.1:1' }));
    expect(message).toMatch(/HATCHET_CLIENT_TOKEN belongs to at 127\.0\.0\.1:1, but nothing accepts connections/);
  });

  test('takes the sidecar that HATCHET_CLIENT_EMBEDDED_BINARY_PATH names', async () => {
    const stack = await startStack({
      env: ownEnv({ HATCHET_CLIENT_EMBEDDED_BINARY_PATH: path.join(HELPERS, 'fake-sidecar.js') }),
    });
    try {
      expect(stack.env['HATCHET_CLIENT_TOKEN']).toMatch(/^token for postgres:\/\/postgres:/);
      expect(await apiStatus(stack)).toBe(200);
    } finally {
      await stack.stop();
    }
    await expect(apiStatus(stack)).rejects.toThrow();
  });
});
