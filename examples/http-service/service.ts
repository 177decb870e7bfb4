/**
 * A small HTTP service that starts batches, shows their progress, and hands out their results: all of it by id, so that any of its
 * processes can answer any request.
 *
 *   POST /imports              {"files": [...]}, header Idempotency-Key    starts an import, or finds the one of this key
 *   GET  /imports/TICKET                                                   its status and its counts
 *   GET  /imports/TICKET/events                                            its counts as server-sent events, until it has ended
 *   GET  /imports/TICKET/output                                            waits for its end, and gives what came of it
 *   POST /imports/TICKET/cancel
 *   POST /imports/TICKET/retry                                             runs again what failed or was cancelled
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import {
  ConfigurationError,
  NotFoundError,
  WaitTimeoutError,
  type ItemResult,
  type Mageflow,
  type Swarm,
} from 'mageflow';
import { z } from 'zod';
import type { Tasks } from './tasks';
import type { Tickets } from './tickets';

const request = z.object({ files: z.array(z.string()).min(1), atOnce: z.number().int().positive().default(4) });

/** A connection that waits longer than this is cut by many a proxy. */
const longestWaitMs = 25_000;

export interface Total {
  file: string;
  orders: number;
  cents: number;
}

class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export function createService(mage: Mageflow, { totalFile }: Tasks, tickets: Tickets): Server {
  async function start(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const key = incoming.headers['idempotency-key'];
    if (typeof key !== 'string') throw new HttpError(400, 'Expected a header Idempotency-Key.');
    const body = request.safeParse(await json(incoming).catch(() => undefined));
    if (!body.success) throw new HttpError(400, z.prettifyError(body.error));
    const { files, atOnce } = body.data;
    const swarm = await mage.swarm({
      key: `import ${key}`,
      name: 'import',
      tasks: files.map((file) => [totalFile, { file }, { name: file }] as const),
      isSwarmClosed: true,
      config: { maxConcurrency: atOnce },
    });
    // When the key is known, this is the first request's swarm, and running it again changes nothing.
    await swarm.runNoWait();
    send(answer, swarm.created ? 201 : 200, { ticket: tickets.of(swarm.id) });
  }

  async function output(swarm: Swarm<Total>, answer: ServerResponse, signal: AbortSignal): Promise<void> {
    await swarm.wait({ timeoutMs: longestWaitMs, signal });
    const items: ItemResult<Total>[] = [];
    for await (const item of swarm.results({ signal })) items.push(item);
    items.sort((a, b) => a.index - b.index); // they come in the order in which they ended
    send(answer, 200, {
      totals: items.flatMap((item) => (item.status === 'succeeded' ? [item.output] : [])),
      failed: items.flatMap(({ status, name, error }) => (status === 'succeeded' ? [] : [{ file: name, error }])),
    });
  }

  async function events(swarm: Swarm<Total>, answer: ServerResponse, signal: AbortSignal): Promise<void> {
    answer.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    for await (const progress of swarm.watch({ signal })) answer.write(`data: ${JSON.stringify(progress)}\n\n`);
    answer.end('event: end\ndata: {}\n\n');
  }

  async function handle(incoming: IncomingMessage, answer: ServerResponse, signal: AbortSignal): Promise<void> {
    const [, imports, ticket, action = ''] = new URL(incoming.url ?? '', 'http://service').pathname.split('/');
    if (imports !== 'imports') throw new HttpError(404, 'There is nothing here.');
    if (ticket === undefined && incoming.method === 'POST') return start(incoming, answer);
    const id = tickets.read(ticket ?? '');
    if (id === undefined) throw new HttpError(404, 'There is no such import.');
    const swarm = await mage.load<Swarm<Total>>(id, { kind: 'swarm' });
    switch (`${incoming.method ?? ''} ${action}`) {
      case 'GET ':
        return send(answer, 200, await swarm.progress());
      case 'GET events':
        return events(swarm, answer, signal);
      case 'GET output':
        return output(swarm, answer, signal);
      case 'POST cancel':
        await swarm.cancel();
        return send(answer, 202, { status: await swarm.status() });
      case 'POST retry':
        return send(answer, 202, { again: await swarm.retryFailed() });
      default:
        throw new HttpError(404, 'There is nothing here.');
    }
  }

  return createServer((incoming, answer) => {
    // A client that goes away waits no longer, and nothing is read for it any more.
    const gone = new AbortController();
    answer.once('close', () => gone.abort());
    handle(incoming, answer, gone.signal).catch((error: unknown) => {
      if (gone.signal.aborted) return;
      if (answer.headersSent) return answer.destroy();
      send(answer, statusOf(error), { error: error instanceof Error ? error.message : String(error) });
    });
  });
}

function send(answer: ServerResponse, status: number, body: unknown): void {
  answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function statusOf(error: unknown): number {
  if (error instanceof HttpError) return error.status;
  if (error instanceof NotFoundError) return 404;
  if (error instanceof WaitTimeoutError) return 503;
  // What can't be done as the import is now, such as repeating one that is under way.
  if (error instanceof ConfigurationError) return 409;
  return 500;
}
