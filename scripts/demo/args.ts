import { parseArgs } from 'node:util';
import { errorMessage } from '../stack/errors';

export const USAGE = `Usage: npm run demo [-- OPTIONS]
Sums up the CSV files of examples/data in a swarm of tasks, five at a time, on an engine, Postgres and Redis of its own.
  --fail   put files among them that can't be read, and see the failure limit stop the swarm
  --keep   leave everything running until Ctrl-C, to look at the runs
  --help   show this text
With HATCHET_CLIENT_TOKEN and REDIS_URL set, it uses that engine and that Redis.`;

export interface DemoArgs {
  fail: boolean;
  keep: boolean;
  help: boolean;
}

/** @throws Error that ends with the usage */
export function readArgs(args: string[]): DemoArgs {
  try {
    const { values } = parseArgs({
      args,
      options: { fail: { type: 'boolean' }, keep: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    });
    return { fail: values.fail ?? false, keep: values.keep ?? false, help: values.help ?? false };
  } catch (error) {
    throw new Error(`${errorMessage(error)}\n\n${USAGE}`, { cause: error });
  }
}
