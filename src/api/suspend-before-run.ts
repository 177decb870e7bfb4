import { ConfigurationError } from '../config/errors';
import type { Scope } from './scope';

/** A signature, for error messages. */
interface Named {
  id: string;
  name: string;
}

/** Suspends an entry of a group whose signature was written only to suspend it. */
export async function carrySuspension(scope: Scope, written: string, groupId: string, entry: string): Promise<void> {
  const { suspender, remover, reader } = scope;
  // A child that an earlier attempt of its root's body ran may have been suspended or resumed since.
  const own = await reader.suspensions.ofEntry(groupId, entry);
  if (!own && (await reader.snapshot(written))?.suspended) await suspender.entry(groupId, entry, true);
  await remover.moved(written);
}

/** Returns the error for a step of an unstored chain. Until a chain is stored as a whole, its steps have no state. */
export function suspendedStep(what: string, { id, name }: Named, chain: string): ConfigurationError {
  return new ConfigurationError(
    `${what}: ${name} (${id}) was suspended before it became a step of "${chain}". A chain can't store a suspended step before it runs. Sign the task again, and suspend the chain, or the step after the chain was run.`,
  );
}

/** @throws ConfigurationError when a signature can't be suspended by itself */
export async function checkSuspendable(
  { reader, signatureIndex }: Scope,
  { id, name }: Named,
  group: { groupId: string; name: string; kind: string } | undefined,
): Promise<void> {
  if (group?.kind === 'chain' && !(await reader.snapshot(group.groupId)))
    throw new ConfigurationError(
      `${name} (${id}) is a step of the chain "${group.name}", which is stored only when it is run or suspended. Run or suspend the chain first.`,
    );
  const place = group ? undefined : await signatureIndex.find(id);
  if (place && place.index === undefined && (await reader.latestInvocation(place.groupId, id)) === undefined)
    throw new ConfigurationError(
      `${name} (${id}) is a callback of ${place.groupId} that has not been invoked yet. Suspend ${place.groupId} instead: its callbacks wait with it.`,
    );
}
