import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Stands between a client and a server, and can swallow everything without closing a connection, as a lost network does. */
export class HalfOpenProxy {
  /** How many connections were ever made to it. */
  accepted = 0;
  private readonly server: Server;
  private readonly swallowed = new WeakSet<Socket>();
  private readonly sockets = new Set<Socket>();
  private swallowsNew = false;

  private constructor(port: number, host: string) {
    this.server = createServer((client) => {
      this.accepted += 1;
      const target = connect(port, host);
      const pair = [client, target] as const;
      for (const socket of pair) {
        this.sockets.add(socket);
        if (this.swallowsNew) this.swallowed.add(socket);
        const other = socket === client ? target : client;
        socket.on('data', (data) => void (this.swallowed.has(socket) || other.write(data)));
        // What a lost network swallows are ends as well.
        socket.on('end', () => void (this.swallowed.has(socket) || other.end()));
        socket.on('error', () => socket.destroy());
        socket.on('close', () => {
          this.sockets.delete(socket);
          if (!this.swallowed.has(socket)) other.destroy();
        });
      }
    });
  }

  static async open(port: number, host = '127.0.0.1'): Promise<HalfOpenProxy> {
    const proxy = new HalfOpenProxy(port, host);
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** From now on nothing gets through any connection that there is; `andNew`: nor through those to come. */
  swallow(andNew = false): void {
    for (const socket of this.sockets) this.swallowed.add(socket);
    this.swallowsNew = andNew;
  }

  /** New connections work; what was swallowed stays lost, and so do its connections. */
  letNewThrough(): void {
    this.swallowsNew = false;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
