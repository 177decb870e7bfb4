import { MageflowError } from '../config/errors';
import { messageOf } from '../utils/error-message';
import type { ViewerSettings } from './options';
import type { ProblemView } from './wire';

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const always = {
  'content-security-policy': policy,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** Makes a response with the headers that each has. */
export function respond(
  status: number,
  body: ConstructorParameters<typeof Response>[0],
  headers: Record<string, string>,
): Response {
  return new Response(body, { status, headers: { 'cache-control': 'no-store', ...always, ...headers } });
}

export function json(value: unknown, status = 200): Response {
  return respond(status, JSON.stringify(value), { 'content-type': 'application/json; charset=utf-8' });
}

/** Makes a response of a stream of server-sent events. */
export function events(stream: ReadableStream<Uint8Array>, headers: Record<string, string> = {}): Response {
  return respond(200, stream, {
    'content-type': 'text/event-stream; charset=utf-8',
    // Compression on the way would hold events back.
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    ...headers,
  });
}

/** An answer that is no. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

const statuses: Record<string, number> = {
  NOT_FOUND: 404,
  CONFIGURATION: 400,
  INVALID_MESSAGE: 400,
  ALREADY_STARTED: 409,
  SWARM_CLOSED: 409,
  SWARM_FINISHED: 409,
  CLOSED: 503,
  STORE: 503,
  STORE_FORMAT: 503,
};

/** Returns what a caller is told of an error. One that nobody expected is logged, and its message is not sent. */
export function problemOf(error: unknown, { logger }: ViewerSettings): { status: number; problem: ProblemView } {
  if (error instanceof Refusal) return { status: error.status, problem: { error: error.message } };
  if (error instanceof MageflowError) return { status: statuses[error.code] ?? 409, problem: { error: error.message } };
  logger.error(`mageflow viewer: ${messageOf(error)}`, error instanceof Error ? error : undefined);
  return { status: 500, problem: { error: 'The viewer has failed. The log of its process says why.' } };
}
