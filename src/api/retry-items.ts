import { ConfigurationError } from '../config/errors';
import type { AnySignature, Chain, RetryFailedOptions, RootSignature, Swarm } from './types';

/**
 * Runs items of a signature again that did not succeed: those of a swarm or chain, or the children of a root.
 * @returns how many run again
 * @throws ConfigurationError for a single task, and for a chain with a filter; what `retryFailed` throws
 */
export async function retryItems(signature: AnySignature, filter: RetryFailedOptions): Promise<number> {
  switch (signature.kind) {
    case 'swarm':
      return (signature as Swarm<unknown>).retryFailed(filter);
    case 'root':
      return (await (signature as RootSignature<never, unknown>).children()).retryFailed(filter);
    case 'chain':
      if (Object.keys(filter).length > 0)
        throw new ConfigurationError(
          `retry: ${signature.id} is the chain "${signature.name}", which goes on at the step that failed. Leave out the indexes, the name, the error and the message.`,
        );
      return (signature as Chain<never, unknown>).retryFailed();
    case 'task':
      throw new ConfigurationError(
        `retry: ${signature.id} is the single task "${signature.name}", which has no items. Run the task again.`,
      );
  }
}
