import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Command } from 'commander';
import type { Viewer, ViewerOptions } from '../../viewer';
import { newCommand } from '../command';
import { hasToken, openMage, openReading, targetOf, type ConnectionOptions } from '../connection';
import { UsageError } from '../errors';
import { onInterrupt } from '../interrupt';
import { toStderr, toStdout } from '../output';
import { ViewerGate } from '../viewer-gate';
import { numberOf } from '../words';

interface Options extends ConnectionOptions {
  port: string;
  host: string;
  readOnly?: boolean;
  hatchetUrl?: string;
}

/** `mageflow viewer` */
export function viewerCommand(): Command {
  return newCommand('viewer', 'Serve a web page of what groups do, live, until Ctrl-C', 'viewer --read-only')
    .option('--port <n>', 'port to listen on; 0 for any free one', '7717')
    .option('--host <host>', 'address to listen on, and a host to answer to', '127.0.0.1')
    .option('--read-only', 'no buttons, and no changes')
    .option('--hatchet-url <url>', "address of Hatchet's dashboard, for links to runs (default: that of the token)")
    .action(async (options: Options) => {
      const port = numberOf('--port', options.port);
      if (port > 65_535) throw new UsageError(`--port: expected at most 65535, got ${port}.`);
      const stopped = onInterrupt();
      const { source, canWrite, close } = await openSource(options);
      const { createViewer, toNodeListener } = await import('../../viewer');
      const server = createServer();
      try {
        await listen(server, port, options);
        const { port: chosen } = server.address() as AddressInfo;
        const gate = new ViewerGate({
          hosts: hostsOf(options.host, chosen),
          cookie: `mageflow-viewer-${chosen}`,
          announce: (token) => void toStdout(`http://${nameOf(options.host)}:${chosen}/?token=${token}`),
        });
        const viewer = createViewer(source, viewerOptions(options, canWrite, gate));
        toStderr(`${canWrite ? 'It can change groups. ' : ''}The address works once. Ctrl-C ends the viewer.`);
        server.on('request', toNodeListener(gate.guard(viewer)));
        await untilStopped(viewer, stopped);
      } finally {
        server.closeAllConnections();
        server.close();
        await close();
      }
    });
}

/** Opens what the page reads: with a token an instance, which can change groups too. */
async function openSource(options: Options) {
  if (hasToken(options)) {
    const mage = await openMage(options, 'viewer');
    return { source: mage, canWrite: options.readOnly !== true, close: () => mage.close() };
  }
  if (options.readOnly !== true)
    toStderr('Read-only, and without what the engine knows: HATCHET_CLIENT_TOKEN is not set.');
  const reader = await openReading(options);
  return { source: reader, canWrite: false, close: async () => reader.close() };
}

function viewerOptions(options: Options, canWrite: boolean, gate: ViewerGate): ViewerOptions {
  const hatchetUrl = options.hatchetUrl ?? dashboardOf(targetOf(options).token);
  return {
    readOnly: !canWrite,
    authorize: (request) => gate.knows(request) && { read: true, write: canWrite },
    ...(hatchetUrl === undefined ? {} : { hatchetUrl }),
    logger: { error: (message) => toStderr(message) },
  };
}

/** Returns the address of the dashboard that a token names, if it does. */
function dashboardOf(token: string | undefined): string | undefined {
  try {
    const claims = JSON.parse(Buffer.from(token?.split('.')[1] ?? '', 'base64url').toString()) as Record<
      string,
      unknown
    >;
    const url = claims['server_url'];
    return typeof url === 'string' && /^https?:\/\//.test(url) ? url : undefined;
  } catch {
    // Without an address there are no links.
    return undefined;
  }
}

async function listen(server: Server, port: number, { host }: Options): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new UsageError(
      (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
        ? `Port ${port} is taken: pass another one with --port, or 0 for any.`
        : `It can't listen on ${host}:${port}: ${(error as Error).message}.`,
    );
  }
}

async function untilStopped(viewer: Viewer, stopped: AbortSignal): Promise<void> {
  if (!stopped.aborted) await once(stopped, 'abort');
  viewer.close();
}

/** The hosts that browsers may name. Another name that leads here is somebody else's. */
function hostsOf(host: string, port: number): Set<string> {
  const names = new Set(['localhost', '127.0.0.1', '[::1]', nameOf(host)]);
  return new Set([...names].map((name) => new URL(`http://${name}:${port}`).host));
}

function nameOf(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
