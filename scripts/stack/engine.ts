import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { StackError } from './errors';
import type { StartContext } from './instance';
import { isReachable, withFreePorts } from './ports';
import { run } from './processes';

const READY_MS = 120_000;
/** The engine's own default tenant, which its quickstart creates. */
const TENANT = '707d0855-80ab-4e1f-a156-f1c4546cbf52';

export interface EngineEndpoint {
  HATCHET_CLIENT_TOKEN: string;
  HATCHET_CLIENT_TLS_STRATEGY: string;
  HATCHET_CLIENT_HOST_PORT: string;
  HATCHET_CLIENT_API_URL: string;
}

/** What the engine reads from its environment must be ours alone: a setting of the user's meant for another engine breaks it. */
function withoutEngineSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const foreign = /^(SERVER|DATABASE|LITE|HATCHET|READ_REPLICA|CACHE|ADMIN|DEFAULT_TENANT|SEED)_/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !foreign.test(name)));
}

export async function isApiReady(apiUrl: string): Promise<boolean> {
  try {
    const response = await fetch(`${apiUrl}/api/ready`, { signal: AbortSignal.timeout(2_000) });
    return response.status === 200;
  } catch {
    return false; // nothing listens yet
  }
}

/** Starts the engine from its own binaries. */
export async function startEngine(
  { instance, signal }: StartContext,
  binaries: string,
  databaseUrl: string,
): Promise<EngineEndpoint> {
  const folder = instance.subfolder('engine');
  const staticFolder = path.join(folder, 'static');
  mkdirSync(staticFolder, { recursive: true });
  writeFileSync(
    path.join(staticFolder, 'index.html'),
    '<!doctype html><title>Hatchet engine without its dashboard</title>',
  );
  const base = { ...withoutEngineSettings(process.env), DATABASE_URL: databaseUrl };
  const binary = (name: string): string => path.join(binaries, name);
  await run("Creating the engine's tables", binary('hatchet-migrate'), [], instance.log('engine-migrate'), {
    env: base,
    signal,
  });

  return withFreePorts(4, async ([grpc = 0, api = 0, runtime = 0, frontend = 0]) => {
    const apiUrl = `http://127.0.0.1:${String(runtime)}`;
    const hostPort = `127.0.0.1:${String(grpc)}`;
    const env = {
      ...base,
      SERVER_MSGQUEUE_KIND: 'postgres',
      SERVER_GRPC_INSECURE: 'true',
      SERVER_GRPC_PORT: String(grpc),
      SERVER_GRPC_BIND_ADDRESS: '127.0.0.1',
      SERVER_GRPC_BROADCAST_ADDRESS: hostPort,
      SERVER_PORT: String(api),
      SERVER_URL: apiUrl,
      SERVER_AUTH_COOKIE_DOMAIN: '127.0.0.1',
      SERVER_AUTH_COOKIE_INSECURE: 'true',
      // Its port is a fixed one, which a second engine could not have.
      SERVER_HEALTHCHECK: 'false',
      SERVER_SECURITY_CHECK_ENABLED: 'false',
      LITE_STATIC_ASSET_DIR: staticFolder,
      LITE_FRONTEND_PORT: String(frontend),
      LITE_RUNTIME_PORT: String(runtime),
    };
    const config = path.join(folder, 'config');
    const log = instance.log('engine-setup');
    const quickstart = ['quickstart', '--skip', 'certs', '--generated-config-dir', config, '--overwrite=false'];
    await run("Creating the engine's configuration", binary('hatchet-admin'), quickstart, log, {
      env,
      cwd: folder,
      signal,
    });
    // The token holds the addresses, so that it belongs to this choice of ports.
    const create = ['token', 'create', '--config', config, '--name', 'mageflow-stack', '--tenant-id', TENANT];
    const token = (await run('Creating a token', binary('hatchet-admin'), create, log, { env, cwd: folder, signal }))
      .trim()
      .split('\n')
      .at(-1);
    if (token === undefined || token.split('.').length !== 3) {
      throw new StackError('Expected hatchet-admin to print a token in its last line, but it did not.', log);
    }
    const probe = async (): Promise<boolean> => (await isApiReady(apiUrl)) && (await isReachable('127.0.0.1', grpc));
    const options = { env, cwd: folder };
    await instance.start(
      { name: 'engine', command: binary('hatchet-lite'), args: ['--config', config], options, probe },
      { timeoutMs: READY_MS, signal },
    );
    return {
      HATCHET_CLIENT_TOKEN: token,
      HATCHET_CLIENT_TLS_STRATEGY: 'none',
      HATCHET_CLIENT_HOST_PORT: hostPort,
      HATCHET_CLIENT_API_URL: apiUrl,
    };
  });
}
