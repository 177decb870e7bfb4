import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Mageflow } from 'mageflow';
import { createViewer, toNodeListener } from 'mageflow/viewer';
import { ViewerGate } from '../../src/cli/viewer-gate';
import { errorMessage } from '../stack/errors';

/**
 * Serves the viewer of an instance on a free port of this machine, as `mageflow viewer` does.
 * @param announce - receives an address that works once, and then the next one
 * @returns a function that ends it
 */
export async function serveViewer(mage: Mageflow, announce: (address: string) => void): Promise<() => void> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const gate = new ViewerGate({
    hosts: new Set(['localhost', '127.0.0.1'].map((name) => `${name}:${port}`)),
    cookie: `mageflow-viewer-${port}`,
    announce: (token) => announce(`http://127.0.0.1:${port}/?token=${token}`),
  });
  const viewer = createViewer(mage, {
    readOnly: false,
    authorize: (request) => gate.knows(request) && { read: true, write: true },
    logger: { error: (message, error) => console.error(`${message} ${error ? errorMessage(error) : ''}`) },
  });
  server.on('request', toNodeListener(gate.guard(viewer)));
  return () => {
    viewer.close();
    server.closeAllConnections();
    server.close();
  };
}
