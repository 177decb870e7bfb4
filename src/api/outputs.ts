import { kinds } from '../orchestrator/kinds';
import type { GroupReader } from '../store/group-reader';
import type { GroupKind } from '../store/group-store';

/** Returns the output of a succeeded item or invoked callback. */
export async function entryOutput(reader: GroupReader, groupId: string, entry: string): Promise<unknown> {
  return parsed(reader, await reader.result(groupId, entry));
}

/**
 * Returns the output of a succeeded chain or swarm: the chain's last one, or the swarm's list.
 * @param list - the list of the swarm as JSON text, if it was read already
 */
export async function groupOutput(
  reader: GroupReader,
  { id, kind, total }: { id: string; kind: GroupKind; total: number },
  list?: string,
): Promise<unknown> {
  if (kinds[kind].isSequence) return parsed(reader, await reader.result(id, String(total - 1)));
  return JSON.parse(list ?? (await reader.list(id, total))) as unknown;
}

async function parsed(reader: GroupReader, result: string | undefined): Promise<unknown> {
  return JSON.parse(await reader.output(result?.slice(1) ?? '')) as unknown;
}
