import { Redis } from 'ioredis';
import { ConfigurationError, InvalidMessageError, MageflowError, StoreError, StoreFormatError } from '../config/errors';
import { messageOf } from '../utils/error-message';
import { InterruptedError, UsageError } from './errors';

/** Returns the exit code of an error: 2 for what was typed wrongly, 1 for what could not be done. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof InterruptedError) return error.exitCode;
  const isUsage =
    error instanceof UsageError || error instanceof ConfigurationError || error instanceof InvalidMessageError;
  return isUsage ? 2 : 1;
}

/** Returns an error as one line, with what to do. */
export function lineOf(error: unknown, redis: string | undefined): string {
  const line = (error instanceof MageflowError ? error.message : messageOf(error)).replaceAll(/\s*\n\s*/g, ' ');
  if (!(error instanceof StoreError) || error instanceof StoreFormatError) return line;
  return `${line} The Redis is ${shownAddress(redis)}; --redis or REDIS_URL sets another one.`;
}

/** Returns an address without its password. */
function shownAddress(url: string | undefined): string {
  if (url === undefined) return 'not set';
  const { host, port, path } = new Redis(url, { lazyConnect: true }).options;
  return path ?? `${host}:${port}`;
}
