import type { Cluster, Redis } from 'ioredis';
import { lateClient } from './hatchet/late-client';
import type { AnyHatchet } from './hatchet/internals';
import type { KernelOptions } from './kernel';
import { ConfigurationError, describe } from './config/errors';
import { resolveOptions, type MageflowLogger, type MageflowOptions, type Settings } from './config/options';
import { clockFor } from './utils/clock';

/** What an instance works on. */
export interface Connection {
  hatchet: AnyHatchet;
  redis: Redis | Cluster | string;
  options: MageflowOptions;
}

/** Returns the client and the Redis of a lazy instance. */
export type Connect = () => readonly [hatchet: AnyHatchet, redis: Redis | Cluster | string];

/** A connection that is made when it is first needed. */
export class LateConnection {
  /** A client to declare tasks with before. */
  readonly client: AnyHatchet = lateClient(() => this.made.hatchet);
  private connection: Connection | undefined;

  /** @throws ConfigurationError when an option is invalid */
  constructor(
    private readonly connect: Connect,
    private readonly options: MageflowOptions,
  ) {
    if (typeof connect !== 'function')
      throw new ConfigurationError(
        `lazy: expected a function that returns [hatchet, redis], got ${describe(connect)}.`,
      );
    resolveOptions(options, silent);
  }

  /** The connection; makes it. @throws what `connect` throws, ConfigurationError when it returns something else */
  get made(): Connection {
    return (this.connection ??= this.make());
  }

  get isMade(): boolean {
    return this.connection !== undefined;
  }

  private make(): Connection {
    const pair: unknown = this.connect();
    if (!Array.isArray(pair) || pair.length !== 2)
      throw new ConfigurationError(`lazy: expected its function to return [hatchet, redis], got ${describe(pair)}.`);
    const [hatchet, redis] = pair as [AnyHatchet, Redis];
    return { hatchet, redis, options: this.options };
  }
}

const nothing = () => undefined;
const silent: MageflowLogger = { info: nothing, warn: nothing, error: nothing };

/** Checks what an instance is made with. @throws ConfigurationError */
export function checked({ hatchet, redis, options }: Connection): Omit<KernelOptions, 'instance'> {
  if (typeof (hatchet as { admin?: unknown } | null | undefined)?.admin !== 'object') {
    throw new ConfigurationError(
      `hatchet: expected a client of the Hatchet SDK, got ${describe(hatchet)}. Pass HatchetClient.init().`,
    );
  }
  const logger = hatchet.config.logger('mageflow', hatchet.config.log_level) as MageflowLogger;
  const settings: Settings = resolveOptions(options, logger, clockFor(hatchet));
  return { hatchet, redis, settings };
}
