import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a price API has answered. */
export interface Answers {
  given: number;
  refused: number;
}

/** An API that gives `limit` answers in each window of `windowMs`, and 429 above that. */
export class PriceApi {
  readonly answers: Answers = { given: 0, refused: 0 };
  private readonly times: number[] = [];
  private readonly server: Server;

  constructor(
    private readonly limit: number,
    private readonly windowMs: number,
    centsOf: (product: string) => number,
  ) {
    this.server = createServer((request, response) => {
      const product = decodeURIComponent(request.url?.split('/').at(-1) ?? '');
      if (!this.admits()) {
        this.answers.refused += 1;
        response.writeHead(429, { 'retry-after': '1' }).end();
        return;
      }
      this.answers.given += 1;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ product, cents: centsOf(product) }));
    });
  }

  /** Starts it on a free port. @returns its address */
  async listen(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  private admits(): boolean {
    const now = performance.now();
    while (this.times.length > 0 && (this.times[0] as number) <= now - this.windowMs) this.times.shift();
    if (this.times.length >= this.limit) return false;
    this.times.push(now);
    return true;
  }
}
