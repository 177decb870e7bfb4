import { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { Mageflow } from '../../src';
import { quietLogger } from './quiet';

// Run by itself: runs a swarm of one task with a callback, closes its instance and has nothing more to do.

export interface ClosingConfig {
  namespace: string;
  redisUrl: string;
  keyPrefix: string;
  task: string;
  callback: string;
}

async function main({ namespace, redisUrl, keyPrefix, task, callback }: ClosingConfig): Promise<void> {
  const hatchet = HatchetClient.init({ namespace, logger: quietLogger as never });
  const mage = new Mageflow(hatchet, redisUrl, { keyPrefix });
  const swarm = await mage.swarm({ tasks: [task], successCallbacks: [callback], isSwarmClosed: true });
  await swarm.run({});
  await mage.close();
  process.stdout.write('closed\n');
}

const text = process.env['MAGEFLOW_CLOSING_PROCESS'];
if (text) void main(JSON.parse(text) as ClosingConfig);
