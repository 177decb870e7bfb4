import { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { Mageflow, MageflowError, type MageflowOptions } from '../../src';
import { resolveOptions } from '../../src/config/options';
import { GroupStore } from '../../src/store/group-store';
import { Keys } from '../../src/store/keys';
import { RedisConnection } from '../../src/store/connection';
import { stopListening } from '../helpers/fixture';
import { quietLogger } from '../helpers/quiet';
import { Diary } from './diary';
import { crashTasks, type CrashTasks } from './tasks';

/** What the processes of one batch have in common. */
export interface Batch {
  scenario: string;
  redisUrl: string;
  namespace: string;
  keyPrefix: string;
  options: MageflowOptions;
}

/** What one process of a batch works with. */
export class Life {
  readonly hatchet: HatchetClient;
  readonly mage: Mageflow;
  readonly diary: Diary;
  readonly tasks: CrashTasks;
  readonly log: string[] = [];
  private readonly redis: Redis;
  private readonly closers: (() => Promise<unknown>)[] = [];

  constructor(readonly batch: Batch) {
    this.hatchet = HatchetClient.init({ namespace: batch.namespace, logger: quietLogger });
    this.redis = new Redis(batch.redisUrl);
    const log = (message: string) => void this.log.push(message);
    const options = { ...batch.options, keyPrefix: batch.keyPrefix, logger: { info: log, warn: log, error: log } };
    this.mage = new Mageflow(this.hatchet, this.redis, options);
    this.diary = new Diary(batch.redisUrl, `diary-${batch.keyPrefix}`);
    this.tasks = crashTasks(this.mage, this.diary);
  }

  /** Serves the tasks until `close`. */
  async serve(): Promise<void> {
    const { piece, plain, report, fussy, spawn } = this.tasks;
    const worker = await this.mage.worker(`crash-${randomBytes(4).toString('hex')}`, {
      workflows: [piece, plain, report, fussy, spawn],
      slots: 30,
      handleKill: false,
    });
    const running = worker.start();
    this.closers.push(async () => {
      await worker.stop();
      await running;
    });
    await worker.waitUntilReady(120_000);
  }

  /** The store as a process has it that makes no heartbeat, so that it counts as dead. */
  deadProcess(): GroupStore {
    const { hatchet, batch } = this;
    const logger = quietLogger();
    const settings = resolveOptions({ ...batch.options, keyPrefix: batch.keyPrefix }, logger);
    const connection = new RedisConnection(this.redis, settings);
    this.closers.push(() => Promise.resolve(connection.close()));
    return new GroupStore(connection, settings, hatchet.tenantId, hatchet.config.namespace ?? '');
  }

  /** The batch's keys in the store. */
  async keys(): Promise<string[]> {
    const keys = new Set<string>();
    for await (const some of this.redis.scanStream({ match: `${this.batch.keyPrefix}:*`, count: 1000 }))
      for (const key of some as string[]) keys.add(key);
    return [...keys];
  }

  /** The keys of groups that will be there for ever: those with no end to their life, of which the reconciler knows nothing. */
  async forgotten(): Promise<string[]> {
    const keys = this.names;
    const found: string[] = [];
    for (const key of await this.keys()) {
      const id = /\{(.+)\}/.exec(key)?.[1];
      if (id === undefined || (await this.redis.pttl(key)) !== -1) continue;
      const outermost = await this.outermost(id);
      if ((await this.redis.zscore(keys.dueIndexOf(outermost), outermost)) === null) found.push(key);
    }
    return found;
  }

  /** How many groups the store lists. */
  listed(): Promise<number> {
    return this.redis.zcard(this.names.topLevelIndex());
  }

  /** What is below another group lives as long as that one. */
  private async outermost(id: string): Promise<string> {
    const parent = await this.redis.hget(this.names.state(id), 'pg');
    return parent === null ? id : this.outermost(parent);
  }

  private get names(): Keys {
    return new Keys(this.batch.keyPrefix, this.hatchet.tenantId, this.hatchet.config.namespace ?? '');
  }

  async close(): Promise<void> {
    for (const close of this.closers.reverse()) await close();
    await this.mage.close();
    stopListening(this.hatchet);
    const keys = await this.keys();
    if (keys.length > 0) await this.redis.unlink(...keys);
    this.redis.disconnect();
    await this.diary.close();
  }
}

/** Does what a process before this one may have done already. */
export async function again<T>(call: Promise<T>, ...names: string[]): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof MageflowError && names.includes(error.name)) return undefined;
    throw error;
  }
}
