import { agent } from './agent';
import { agentWithApproval } from './agent-with-approval';
import { dynamicQueue } from './dynamic-queue';
import { errorTolerance } from './error-tolerance';
import type { Example } from './example';
import { fanOut } from './fan-out';
import { httpService } from './http-service';
import { parallelFiles } from './parallel-files';
import { queryBatch } from './query-batch';
import { rateLimitedApi } from './rate-limited-api';

export const examples: readonly Example<any>[] = [
  parallelFiles,
  dynamicQueue,
  errorTolerance,
  queryBatch,
  agent,
  agentWithApproval,
  fanOut,
  httpService,
  rateLimitedApi,
];

/** The names, with a line for each. */
export function listOfExamples(): string {
  const width = Math.max(...examples.map(({ name }) => name.length));
  return [
    'Usage: npm run example -- NAME',
    ...examples.map(({ name, shows }) => `  ${name.padEnd(width)}  ${shows}`),
    'Each runs on an engine, Postgres and Redis of its own, or on those that HATCHET_CLIENT_TOKEN and REDIS_URL name.',
  ].join('\n');
}

/** The example of a command line; undefined when it asks for the list. @throws Error that ends with the list */
export function chooseExample(args: readonly string[]): (typeof examples)[number] | undefined {
  const [name, ...more] = args;
  if (name === undefined || name === '--help' || name === '-h') return undefined;
  const found = examples.find((example) => example.name === name);
  if (!found) throw new Error(`There is no example named '${name}'.\n\n${listOfExamples()}`);
  if (more.length > 0) throw new Error(`Expected one name, got also '${more.join(' ')}'.\n\n${listOfExamples()}`);
  return found;
}
