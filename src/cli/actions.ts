import { retryItems } from '../api/retry-items';
import type { RetryFailedOptions, Swarm } from '../api/types';
import type { Control } from '../api/open-control';
import type { SwarmConfig } from '../config/swarm-config';
import type { Mageflow } from '../mageflow';

/** What Redis alone is enough for. */
export type AloneAction = 'suspend' | 'cancel' | 'remove';

/** Resumes a group. @throws NotFoundError, ConfigurationError, StoreError */
export async function resume(mage: Mageflow, id: string): Promise<void> {
  await (await mage.load(id)).resume();
}

/** Closes a swarm. @throws NotFoundError, ConfigurationError, StoreError */
export async function close(mage: Mageflow, id: string): Promise<void> {
  await (await mage.load<Swarm<unknown>>(id, { kind: 'swarm' })).closeSwarm();
}

/** Returns a line about who carries out in the engine what was changed with Redis alone. */
export async function whoTellsTheEngine(control: Control): Promise<string> {
  return (await control.hasWorkers())
    ? 'No token: the reconciler of a running worker tells the engine, within about 20 s.'
    : 'No token, and no worker of mageflow is seen: what runs in the engine goes on until a process with mage.worker is started.';
}

/** Runs items of a group again, and returns how many. @throws ConfigurationError, NotFoundError */
export async function retryFailed(mage: Mageflow, id: string, filter: RetryFailedOptions): Promise<number> {
  return retryItems(await mage.load(id), filter);
}

/** Changes the limits of a swarm, and returns all of them. @throws NotFoundError, ConfigurationError, StoreError */
export async function update(mage: Mageflow, id: string, change: SwarmConfig): Promise<SwarmConfig> {
  const swarm = await mage.load<Swarm<unknown>>(id, { kind: 'swarm' });
  await swarm.update(change);
  const { config } = await mage.describe(id, { depth: 0 });
  return config ?? {};
}

/** Starts a task, and returns the id of its run. @throws ConfigurationError, InvalidMessageError, StoreError */
export async function start(
  mage: Mageflow,
  task: string,
  message: Record<string, unknown>,
  options: { key?: string | undefined; name?: string | undefined; tags?: string[] | undefined },
) {
  const signature = await mage.sign(task, {}, options);
  const { id } = await signature.runNoWait(message);
  return { id, signature };
}
