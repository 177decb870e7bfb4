import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/** A port that nothing listens on. */
export async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A redis-server for tests that stop it, or count what it does. It keeps its data between `stop` and `start`. */
export class OwnRedis {
  private child: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly extra: readonly string[],
  ) {}

  static async open(...extra: string[]): Promise<OwnRedis> {
    return OwnRedis.openAt(await closedPort(), ...extra);
  }

  /** On a port that was chosen before there was a server. */
  static async openAt(port: number, ...extra: string[]): Promise<OwnRedis> {
    const redis = new OwnRedis(port, await mkdtemp(join(tmpdir(), 'mageflow-redis-')), extra);
    await redis.start();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Of the server, while it runs. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  async start(): Promise<void> {
    // Each write reaches the disk before it is answered, so that a stop at any moment loses nothing.
    const args = ['--port', this.port, '--dir', this.folder, '--appendonly', 'yes', '--appendfsync', 'always'];
    this.child = spawn('redis-server', [...args.map(String), '--save', '', '--loglevel', 'warning', ...this.extra], {
      stdio: 'ignore',
    });
    const client = new Redis(this.url, { retryStrategy: () => 50, maxRetriesPerRequest: 200 });
    client.on('error', () => undefined);
    // The port accepts before the data are loaded; until then each command is refused.
    while ((await client.ping().catch(() => '')) !== 'PONG');
    client.disconnect();
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
    const { child } = this;
    if (!child) return;
    this.child = undefined;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  /** Keeps a copy of what is on its disk now, to go back to. */
  async remember(): Promise<void> {
    await rm(this.copy, { recursive: true, force: true });
    await cp(this.data, this.copy, { recursive: true });
  }

  /** Kills it and starts it with what it remembers: all that came later is lost. */
  async goBack(): Promise<void> {
    await this.stop();
    await rm(this.data, { recursive: true });
    await cp(this.copy, this.data, { recursive: true });
    await this.start();
  }

  private get data(): string {
    return join(this.folder, 'appendonlydir');
  }

  private get copy(): string {
    return join(this.folder, 'copy');
  }

  async close(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
