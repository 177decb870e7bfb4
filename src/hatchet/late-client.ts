import { HatchetClient } from '@hatchet-dev/typescript-sdk';
import type { AnyHatchet } from './internals';

/** The methods that declare. They keep the client for later, and read nothing of it. */
const declaring = new Set<string | symbol>(['task', 'durableTask', 'workflow'] satisfies (keyof HatchetClient)[]);

/**
 * Returns a client for declarations that stands for one that does not exist yet. It is made when anything else is read of it.
 * @param connect - returns the client, the same one at each call
 */
export function lateClient(connect: () => AnyHatchet): AnyHatchet {
  return new Proxy(HatchetClient.prototype as AnyHatchet, {
    get(prototype, name) {
      if (declaring.has(name)) return Reflect.get(prototype, name) as unknown;
      const client = connect();
      const value = Reflect.get(client, name, client) as unknown;
      return typeof value === 'function' ? (value as () => unknown).bind(client) : value;
    },
  });
}
