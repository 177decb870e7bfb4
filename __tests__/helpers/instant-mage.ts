import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { InstantEngine } from '../../bench/helpers/instant-engine';
import { Mageflow, type MageflowOptions } from '../../src';
import type { Scope } from '../../src/api/scope';
import { Log, required, stopListening } from './fixture';

/** One instance on the real Redis whose engine runs each body in this process right away: for what depends on the store alone. */
export class Instant {
  readonly engine = new InstantEngine('instant');
  readonly redis = new Redis(required('REDIS_URL'));
  readonly keyPrefix = `test-${randomBytes(5).toString('hex')}`;
  readonly log = new Log();
  readonly mage: Mageflow;
  readonly scope: Scope;

  constructor(options: MageflowOptions = {}) {
    this.mage = new Mageflow(this.engine.hatchet, this.redis, {
      logger: this.log,
      ...options,
      keyPrefix: this.keyPrefix,
    });
    this.scope = (this.mage as unknown as { scope: Scope }).scope;
  }

  async close(): Promise<void> {
    await this.mage.close();
    stopListening(this.engine.hatchet);
    for (const key of await this.redis.keys(`${this.keyPrefix}:*`)) await this.redis.unlink(key);
    this.redis.disconnect();
  }
}
