import type { Mageflow } from '../mageflow';
import type { Control } from '../api/open-control';
import type { Reader } from '../api/open-reader';
import type { MageflowLogger } from '../config/options';
import { UsageError } from './errors';
import { toStderr } from './output';

/** The options of each command that say where its work is. */
export interface ConnectionOptions {
  redis?: string;
  keyPrefix?: string;
  namespace?: string;
  tenant?: string;
  debug?: boolean;
}

/** A store, and the token with which its engine is reached. */
export interface Target {
  redis: string;
  tenant: string;
  namespace: string | undefined;
  keyPrefix: string | undefined;
  token: string | undefined;
}

/** Returns the address of Redis. @throws UsageError */
function redisOf({ redis = process.env['REDIS_URL'] }: ConnectionOptions): string {
  if (!redis) throw new UsageError('Which Redis? Set REDIS_URL, or pass --redis redis://host:6379.');
  if (!/^(rediss?:\/\/|\/)/.test(redis))
    throw new UsageError(
      '--redis: expected an address that begins with redis:// or rediss://, or the path of a socket.',
    );
  return redis;
}

/** Returns the tenant of a token: its `sub`. @throws UsageError */
function tenantOf(token: string): string {
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sub?: unknown };
    if (typeof claims.sub === 'string' && claims.sub !== '') return claims.sub;
  } catch {
    // The text is not shown, because it may be a secret.
  }
  throw new UsageError(
    'HATCHET_CLIENT_TOKEN: expected a token of Hatchet, which names its tenant. Correct it, or pass --tenant.',
  );
}

/** Returns where the work is. @throws UsageError */
export function targetOf(options: ConnectionOptions): Target {
  const redis = redisOf(options);
  const token = process.env['HATCHET_CLIENT_TOKEN'] || undefined;
  const tenant = options.tenant ?? (token === undefined ? undefined : tenantOf(token));
  if (!tenant)
    throw new UsageError(
      'Which tenant? Set HATCHET_CLIENT_TOKEN, or pass --tenant with the id that stands in the address of the dashboard.',
    );
  const namespace = options.namespace ?? (process.env['HATCHET_CLIENT_NAMESPACE'] || undefined);
  return { redis, tenant, namespace, keyPrefix: options.keyPrefix, token };
}

/** Opens what reads with Redis alone. @throws UsageError, ConfigurationError */
export async function openReading(options: ConnectionOptions): Promise<Reader> {
  const { openReader } = await import('../api/open-reader');
  const { redis, token: _token, ...store } = targetOf(options);
  return openReader(redis, { ...store, logger: loggerFor(options) });
}

/** Reads with Redis alone, and closes the reader afterwards. @throws UsageError, ConfigurationError, what `use` throws */
export async function withReader<T>(options: ConnectionOptions, use: (reader: Reader) => Promise<T>): Promise<T> {
  const reader = await openReading(options);
  try {
    return await use(reader);
  } finally {
    reader.close();
  }
}

/** Works with an engine, and closes the instance afterwards. @throws as `openMage`, and what `use` throws */
export async function withMage<T>(
  options: ConnectionOptions,
  what: string,
  use: (mage: Mageflow) => Promise<T>,
): Promise<T> {
  const mage = await openMage(options, what);
  try {
    return await use(mage);
  } finally {
    await mage.close();
  }
}

/**
 * Asks with the engine's help if a token is set, otherwise with Redis alone.
 * @param without - the line for people in that case, which says what is left out
 */
export function withAsker<T>(
  options: ConnectionOptions,
  { what, without }: { what: string; without: string },
  ask: (asker: Pick<Reader, 'explain' | 'doctor'>) => Promise<T>,
): Promise<T> {
  if (hasToken(options)) return withMage(options, what, ask);
  toStderr(without);
  return withReader(options, ask);
}

/** Opens what suspends, cancels and removes with Redis alone. @throws UsageError, ConfigurationError */
export async function openControlling(options: ConnectionOptions): Promise<Control> {
  const { openControl } = await import('../api/open-control');
  const { redis, token: _token, ...store } = targetOf(options);
  return openControl(redis, { ...store, logger: loggerFor(options) });
}

/** Returns whether a token is set that is of the tenant. */
export function hasToken(options: ConnectionOptions): boolean {
  const { token, tenant } = targetOf(options);
  return token !== undefined && tenantOf(token) === tenant;
}

/** Opens an instance, which needs an engine. @param what - the command, for the error. @throws UsageError */
export async function openMage(options: ConnectionOptions, what: string): Promise<Mageflow> {
  const { redis, token, tenant, namespace, keyPrefix } = targetOf(options);
  if (token === undefined)
    throw new UsageError(`${what} needs the engine, which publishes the runs: set HATCHET_CLIENT_TOKEN.`);
  if (tenantOf(token) !== tenant)
    throw new UsageError(
      `${what}: the token is of the tenant ${tenantOf(token)}, not of ${tenant}. Leave out --tenant, or set another token.`,
    );
  const [{ HatchetClient }, { Mageflow }] = await Promise.all([
    import('@hatchet-dev/typescript-sdk'),
    import('../mageflow'),
  ]);
  const logger = loggerFor(options);
  const hatchet = HatchetClient.init({
    ...(namespace === undefined ? {} : { namespace }),
    logger: () => ({ ...logger, green: logger.info, debug: logger.info }) as never,
  });
  return new Mageflow(hatchet, redis, { keyPrefix, logger });
}

/** The library logs to stderr, and only with --debug: an error that matters is thrown. */
function loggerFor({ debug = false }: ConnectionOptions) {
  const say = (level: string) => (message: string, error?: unknown) => {
    if (debug) toStderr(`${level}: ${message}${error instanceof Error ? ` ${error.stack ?? ''}` : ''}`);
  };
  return { info: say('info'), warn: say('warn'), error: say('error') } satisfies MageflowLogger;
}
