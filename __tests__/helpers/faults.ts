import type { MageflowOptions, Swarm } from '../../src';
import { eventually, Fixture, newHatchet, required } from './fixture';
import { TestProcess } from './processes';
import { Recorder } from './recorder';
import { RedisConnection } from '../../src/store/connection';
import { GroupStore } from '../../src/store/group-store';
import { GroupReader } from '../../src/store/group-reader';
import { resolveOptions } from '../../src/config/options';
import type { ProcessConfig } from './worker-process';

/** An instance, other processes on the same store and engine, and what all their bodies note. */
export class Faults extends Fixture {
  readonly recorder: Recorder;
  private readonly processes: TestProcess[] = [];
  private readonly recordKey: string;

  constructor(
    private readonly options: MageflowOptions,
    private readonly storeUrl = required('REDIS_URL'),
    hatchet = newHatchet(),
  ) {
    super(options, hatchet, storeUrl);
    this.recordKey = `record-${this.keyPrefix}`;
    this.recorder = new Recorder(required('REDIS_URL'), this.recordKey);
  }

  /** Starts a process; a worker is waited for until it serves. */
  async process(
    config: Partial<ProcessConfig> & Pick<ProcessConfig, 'role'>,
    env: Record<string, string> = {},
  ): Promise<TestProcess> {
    const started = new TestProcess(
      {
        namespace: this.hatchet.config.namespace ?? '',
        redisUrl: this.storeUrl,
        recordUrl: required('REDIS_URL'),
        recordKey: this.recordKey,
        ...config,
        options: { ...this.options, keyPrefix: this.keyPrefix, ...config.options },
      },
      env,
    );
    this.processes.push(started);
    if (config.role === 'worker') await started.lineOf('ready');
    return started;
  }

  /** The store as a process has it that makes no heartbeat, so that it counts as dead. */
  deadProcess(options: MageflowOptions = {}): { store: GroupStore; reader: GroupReader } {
    const settings = resolveOptions({ ...this.options, ...options, keyPrefix: this.keyPrefix }, this.log);
    const connection = new RedisConnection(this.redis, settings);
    this.onClose(() => Promise.resolve(connection.close()));
    const store = new GroupStore(connection, settings, this.hatchet.tenantId, this.hatchet.config.namespace ?? '');
    return { store, reader: new GroupReader(store) };
  }

  async ended(swarm: Pick<Swarm<unknown>, 'status'>, timeoutMs?: number): Promise<string> {
    return eventually(
      'the swarm has ended',
      async () => {
        const status = await swarm.status();
        return status === 'succeeded' || status === 'failed' ? status : undefined;
      },
      timeoutMs,
    );
  }

  /** Waits until callbacks ran, and gives how many. */
  async callbacks(): Promise<number> {
    await eventually('a callback ran', async () => (await this.recorder.stamps('callback')).length > 0);
    return (await this.recorder.stamps('callback')).length;
  }

  override async close(): Promise<void> {
    for (const one of this.processes) await one.kill();
    await super.close();
    await this.recorder.close();
  }
}
