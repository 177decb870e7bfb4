import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { messageOf } from '../utils/error-message';
import type { Viewer } from './create-viewer';

/** What frameworks add to a request of `http`. */
type FrameworkRequest = IncomingMessage & { originalUrl?: string; body?: unknown };

/**
 * Makes a request listener of a viewer, for `http`, Express, Fastify (`reply.hijack()`) and Nest. It takes a body that a
 * parser has read before it.
 * @returns a listener that answers each request
 * @example
 * http.createServer(toNodeListener(createViewer(mage))).listen(8080, '127.0.0.1');
 */
export function toNodeListener(viewer: Viewer): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    answer(viewer, request, response).catch((error: unknown) => {
      // The client has gone, or the request is none: there is nobody to tell more.
      if (response.headersSent || response.destroyed) response.destroy();
      else response.writeHead(400, { 'content-type': 'text/plain' }).end(messageOf(error));
    });
  };
}

async function answer(viewer: Viewer, request: FrameworkRequest, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const answered = await viewer(toRequest(request, gone.signal));
  response.statusCode = answered.status;
  answered.headers.forEach((value, name) => response.setHeader(name, value));
  if (!answered.body || request.method === 'HEAD') {
    await answered.body?.cancel();
    response.end();
    return;
  }
  const reader = (answered.body as ReadableStream<Uint8Array>).getReader();
  // A client that goes away must not leave its stream behind.
  const stop = () => void reader.cancel().catch(() => undefined);
  gone.signal.addEventListener('abort', stop);
  if (gone.signal.aborted) stop();
  response.flushHeaders();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (!response.write(value) && !gone.signal.aborted)
      await once(response, 'drain', { signal: gone.signal }).catch(() => undefined);
  }
  response.end();
}

function toRequest(request: FrameworkRequest, signal: AbortSignal): Request {
  const protocol = (request.socket as TLSSocket).encrypted ? 'https' : 'http';
  const host = request.headers.host ?? 'localhost';
  const url = new URL(`${protocol}://${host}${request.originalUrl ?? request.url ?? '/'}`);
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers))
    for (const one of Array.isArray(value) ? value : [value ?? ''])
      if (!name.startsWith(':')) headers.append(name, one);
  const method = request.method ?? 'GET';
  const body = method === 'GET' || method === 'HEAD' ? undefined : bodyOf(request);
  return new Request(url, {
    method,
    headers,
    signal,
    ...(body === undefined ? {} : { body, duplex: 'half' as const }),
  });
}

/** Returns the body; what a parser of the framework has read, as text again. */
function bodyOf(request: FrameworkRequest): string | Uint8Array<ArrayBuffer> | ReadableStream {
  const { body } = request;
  if (typeof body === 'string') return body;
  if (Buffer.isBuffer(body)) return new Uint8Array(body);
  if (request.readableEnded && body !== undefined) return JSON.stringify(body) ?? '';
  return Readable.toWeb(request) as ReadableStream;
}
