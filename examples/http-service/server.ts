/** One process of the service. Its workers are other processes. */
import type { AddressInfo } from 'node:net';
import { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { Mageflow } from 'mageflow';
import { createService } from './service';
import { declareTasks } from './tasks';
import { Tickets } from './tickets';

function needed(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`Expected the environment variable ${name}, got nothing.`);
  return value;
}

const mage = new Mageflow(HatchetClient.init(), needed('REDIS_URL'));
const tickets = new Tickets(needed('TICKET_SECRET'));
const server = createService(mage, declareTasks(mage, needed('IMPORT_FOLDER')), tickets);

server.listen(Number(process.env['PORT'] ?? 0), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(`listening on http://127.0.0.1:${String(port)}`);
});

async function stop(): Promise<void> {
  server.close();
  server.closeAllConnections();
  await mage.close();
}

process.once('SIGTERM', () => {
  stop().catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
});
