import type { Cluster, Redis } from 'ioredis';
import { ConfigurationError } from '../config/errors';
import { Events } from '../config/events';
import { Canceller } from '../orchestrator/canceller';
import { ChosenRetry } from '../orchestrator/chosen-retry';
import { Commands, type CarryOut } from '../orchestrator/commands';
import { Completion } from '../orchestrator/completion';
import { GroupLeases } from '../orchestrator/group-leases';
import { NameReader } from '../orchestrator/name-reader';
import { Remover } from '../orchestrator/remover';
import { Retrier } from '../orchestrator/retrier';
import { RunInputs } from '../orchestrator/run-inputs';
import { Suspender } from '../orchestrator/suspender';
import { TaskRegistry } from '../orchestrator/task-registry';
import { GroupReader } from '../store/group-reader';
import type { GroupStore } from '../store/group-store';
import { hasEffects } from '../store/replies';
import { SignatureIndex } from '../store/signature-index';
import { displayName } from '../store/spec';
import { openStore, type ReaderOptions } from './open-store';
import { resolve, unknownId, type Resolved } from './resolve';
import { RunIds } from './run-ids';
import { StoredEntry, type EntryParts } from './stored-entry';
import { StoredGroup } from './stored-group';
import type { Reading } from './reading';
import { Waiter } from './waiter';

/** Holds, cancels and removes work with Redis alone. Its calls take the ids that `mage.load` takes. */
export interface Control {
  /** As `suspend` of a signature. Runs that wait in the engine are withdrawn there by the reconciler of a worker. */
  suspend(id: string): Promise<void>;
  /**
   * As `cancel` of a signature, but the running items are cancelled in the engine by the reconciler of a worker, within
   * about `leaseMs`. It publishes the callbacks too.
   */
  cancel(id: string): Promise<void>;
  /** As `remove` of a signature. */
  remove(id: string): Promise<void>;
  /** Returns whether a process with `mage.worker` has been seen lately: without one, nobody tells the engine. */
  hasWorkers(): Promise<boolean>;
  /** Closes its connections. */
  close(): void;
}

type Parts = Reading & EntryParts;

/**
 * Opens a control: `suspend`, `cancel` and `remove` on Redis alone, when the engine is away, or for tools without a token.
 * What has to be done in the engine is left to the workers' reconcilers.
 * @param redis - a URL, or an ioredis `Redis` or `Cluster`; it works on connections of its own
 * @throws ConfigurationError when an option is invalid; it names the option, the expected value and the given one
 * @example
 * const control = openControl(process.env.REDIS_URL!, { tenant: '707d0855-80ab-4e1f-a156-f1c4546cbf52' });
 * await control.suspend(batchId);
 * control.close();
 */
export function openControl(redis: Redis | Cluster | string, options: ReaderOptions): Control {
  const { store, connection } = openStore(redis, options, 'openControl');
  const { parts, registry } = partsOf(store);
  return {
    suspend: async (id) => (await find(parts, id)).suspend(true),
    cancel: async (id) => (await find(parts, id)).cancel(),
    remove: async (id) => (await find(parts, id)).remove(),
    hasWorkers: () => registry.hasWorkers(),
    close: () => {
      parts.waiter.close();
      connection.close();
    },
  };
}

function partsOf(store: GroupStore): { parts: Parts; registry: TaskRegistry } {
  const { settings } = store;
  const reader = new GroupReader(store);
  // As after the death of the process that carries them out: the next pass of a reconciler does it.
  const carryOut: CarryOut = async (groupId, effects) => {
    if (hasEffects(effects)) await store.register(groupId, 0);
  };
  const commands = new Commands(store, carryOut);
  const registry = new TaskRegistry(store);
  const suspender = new Suspender(store, reader, registry, commands);
  const completion = new Completion(store, reader, new Events(settings.logger), suspender, commands);
  const engine = { cancel: async () => undefined, state: async () => ({ known: false }) as const };
  const leases = new GroupLeases(store, new NameReader(reader));
  const chosen = new ChosenRetry(store, reader, commands, leases, new RunInputs(reader, settings));
  const parts = {
    store,
    reader,
    suspender,
    canceller: new Canceller(engine, store, reader, commands, completion),
    remover: new Remover(store, reader),
    retrier: new Retrier(store, reader, commands, chosen),
    waiter: new Waiter(store),
    signatureIndex: new SignatureIndex(store),
    runIds: new RunIds(),
  };
  return { parts, registry };
}

/** @throws NotFoundError, ConfigurationError */
async function find(parts: Parts, id: string): Promise<StoredGroup | StoredEntry> {
  const found = await resolve(parts, id);
  if (!found) throw unknownId(id);
  return storedOf(parts, id, found);
}

async function storedOf(parts: Parts, id: string, found: Resolved): Promise<StoredGroup | StoredEntry> {
  switch (found.is) {
    case 'group': {
      const { kind, name } = found.snapshot;
      return new StoredGroup(parts, id, kind === 'chain' ? 'chain' : 'swarm', name);
    }
    case 'item': {
      const { groupId, index } = found;
      const entry = String(index);
      if (found.id !== undefined) return new StoredEntry(parts, groupId, entry, { id, name: id, alone: true });
      const nested = await parts.reader.groupAt(groupId, entry);
      const below = nested === undefined ? undefined : await parts.reader.snapshot(nested);
      if (nested !== undefined && below && below.kind !== 'root')
        return new StoredGroup(parts, nested, below.kind === 'chain' ? 'chain' : 'swarm', below.name);
      return new StoredEntry(parts, groupId, entry, { id, name: id, index });
    }
    case 'invocation':
      return new StoredEntry(parts, found.groupId, found.entry, { id, name: displayName(found.spec) });
    case 'callback':
      throw new ConfigurationError(
        `${id} is a callback of ${found.groupId} that has not been invoked yet. Use ${found.groupId} instead: its callbacks wait with it.`,
      );
  }
}
