import type { Cluster, Redis } from 'ioredis';
import { ConfigurationError, describe } from '../config/errors';
import { fullNamespace } from '../config/namespace';
import { refuseUnknown, resolveOptions, type MageflowLogger } from '../config/options';
import { RedisConnection } from '../store/connection';
import { GroupStore } from '../store/group-store';

/** The store that a reader or a control opens. */
export interface ReaderOptions {
  /** The tenant of the Hatchet client that writes: the `sub` of its token. */
  tenant: string;
  /** The namespace of that client, as it was given to it. Default: none. */
  namespace?: string | undefined;
  /** Default `'mageflow'`. */
  keyPrefix?: string | undefined;
  /** The time that a call waits for Redis, in milliseconds. Default 5,000. */
  commandTimeoutMs?: number | undefined;
  /** Default: writes nothing. */
  logger?: MageflowLogger | undefined;
}

const fields = new Set(['tenant', 'namespace', 'keyPrefix', 'commandTimeoutMs', 'logger']);
const silent: MageflowLogger = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Opens a store without an engine. @throws ConfigurationError */
export function openStore(
  redis: Redis | Cluster | string,
  options: ReaderOptions,
  what: string,
): { connection: RedisConnection; store: GroupStore } {
  refuseUnknown(options, fields, `option of ${what}`);
  const { tenant, namespace, keyPrefix, commandTimeoutMs, logger } = options;
  if (typeof tenant !== 'string' || tenant === '')
    throw new ConfigurationError(
      `tenant: expected the id of a Hatchet tenant, as it stands in the sub of a token, got ${describe(tenant)}.`,
    );
  const settings = resolveOptions({ keyPrefix, commandTimeoutMs, logger }, silent);
  const connection = new RedisConnection(redis, settings);
  return { connection, store: new GroupStore(connection, settings, tenant, fullNamespace(namespace)) };
}
