import type { Failure } from '../config/errors';
import { packFailure } from '../messages/text';
import { isEnded, type GroupReader, type Snapshot } from '../store/group-reader';
import type { Outcome } from '../store/replies';

/** A group's end as its parent stores it. A list is stored as a reference, an output as it is stored in the group. */
export interface GroupEnd {
  outcome: Outcome;
  payload: string;
  /** The size in bytes of the value that the payload contains or refers to. */
  size: number;
}

/** How a group ended; undefined while it has not ended. */
export async function endOfGroup(reader: GroupReader, id: string): Promise<GroupEnd | undefined> {
  const [snapshot, facts] = await Promise.all([reader.snapshot(id), reader.record(id)]);
  if (!snapshot || !facts || !isEnded(snapshot.status)) return undefined;
  if (snapshot.status === 'cancelled') return { outcome: 'cancelled', payload: '', size: 0 };
  if (snapshot.status === 'failed') {
    const { failures } = await reader.failures(id);
    const payload = packFailure(groupFailure(snapshot, failures));
    return { outcome: 'failed', payload, size: Buffer.byteLength(payload) };
  }
  if (facts.kind !== 'chain') return { outcome: 'succeeded', payload: `@${id}`, size: facts.resultBytes };
  const payload = (await reader.result(id, String(snapshot.total - 1)))?.slice(1) ?? '';
  const size = payload.startsWith('@') ? (await reader.record(payload.slice(1)))?.resultBytes : undefined;
  return { outcome: 'succeeded', payload, size: size ?? Buffer.byteLength(payload) };
}

/** The message that explains why a group was cancelled. */
export function groupCancelled({ kind, name, reason }: Snapshot): string {
  const why = reason === 'abandoned' ? ': nothing had happened in it for retention.abandonedMs' : '';
  return `The ${kind} "${name}" was cancelled${why}.`;
}

/** The message that explains why a group failed. */
export function groupFailure({ kind, name, failed, total, reason }: Snapshot, failures: readonly Failure[]): string {
  const [first] = failures;
  if (reason === 'timeout')
    return `${kind === 'root' ? 'It' : `The ${kind} "${name}"`} timed out: it had not finished within its timeoutMs.`;
  if (kind === 'chain') {
    const step = `step ${(first?.index ?? 0) + 1} of ${total}`;
    return `The chain "${name}" failed at "${first?.name}" (${step}): ${first?.message}`;
  }
  const [what, items] = kind === 'root' ? ['It', 'children'] : [`The swarm "${name}"`, 'items'];
  return `${what} failed: ${failed} of its ${total} ${items} failed, the first with: ${first?.message}`;
}
