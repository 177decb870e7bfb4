/** Stands for ioredis where suites run on the in-process Redis: see `jest.in-process.config.js`. */
import type { RedisOptions } from 'ioredis';
import { InProcessConnection } from '../../src/testing/redis/connection';
import { openRedis } from './redis';
import { url } from './address';

/** The one that all connections of a suite share, as all suites share a real one. */
const shared = openRedis();

export class Redis extends InProcessConnection {
  constructor(address: unknown, options: Partial<RedisOptions> = {}) {
    if (address !== url) throw new Error(`${JSON.stringify(address)}: this suite needs a Redis that is a process.`);
    super(shared, options);
  }
}

export class Cluster {
  constructor() {
    throw new Error('This suite needs a Redis Cluster.');
  }
}
