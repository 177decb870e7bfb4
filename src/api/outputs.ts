import type { GroupReader } from '../store/group-reader';

/** The output of an item or a fired callback that has succeeded. */
export async function entryOutput(reader: GroupReader, groupId: string, entry: string): Promise<unknown> {
  return parsed(reader, await reader.result(groupId, entry));
}

/**
 * The output of a chain or swarm that has succeeded: the chain's last one, the swarm's list.
 * @param list - the swarm's, as JSON text, where it is known
 */
export async function groupOutput(
  reader: GroupReader,
  { id, kind, total }: { id: string; kind: string; total: number },
  list?: string,
): Promise<unknown> {
  if (kind === 'chain') return parsed(reader, await reader.result(id, String(total - 1)));
  return JSON.parse(list ?? (await reader.list(id, total))) as unknown;
}

async function parsed(reader: GroupReader, result: string | undefined): Promise<unknown> {
  return JSON.parse(await reader.output(result?.slice(1) ?? '')) as unknown;
}
