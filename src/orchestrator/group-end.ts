import { kinds } from './kinds';
import type { Failure } from '../config/errors';
import { packFailure } from '../messages/text';
import { isEnded, type EndReason, type GroupReader, type Snapshot } from '../store/group-reader';
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
  const [snapshot, record] = await Promise.all([reader.snapshot(id), reader.record(id)]);
  if (!snapshot || !record || !isEnded(snapshot.status)) return undefined;
  if (snapshot.status === 'cancelled') return { outcome: 'cancelled', payload: '', size: 0 };
  if (snapshot.status === 'failed') {
    const { failures } = await reader.failures(id);
    const payload = packFailure(groupFailure(snapshot, failures));
    return { outcome: 'failed', payload, size: Buffer.byteLength(payload) };
  }
  if (!kinds[record.kind].isSequence) return { outcome: 'succeeded', payload: `@${id}`, size: record.resultBytes };
  const payload = (await reader.result(id, String(snapshot.total - 1)))?.slice(1) ?? '';
  const size = payload.startsWith('@') ? (await reader.record(payload.slice(1)))?.resultBytes : undefined;
  return { outcome: 'succeeded', payload, size: size ?? Buffer.byteLength(payload) };
}

const whyCancelled: Partial<Record<EndReason, string>> = {
  abandoned: ': nothing had happened in it for retention.abandonedMs',
  left: ': items that an earlier stop or cancellation had cut off were not retried',
  unfilled: ': the function that fills it failed, or its process died',
};

/** The message that explains why a group was cancelled. */
export function groupCancelled({ kind, name, reason }: Snapshot): string {
  return `The ${kind} "${name}" was cancelled${(reason && whyCancelled[reason]) ?? ''}.`;
}

/** The message that explains why a group failed. */
export function groupFailure(snapshot: Snapshot, [first]: readonly Failure[]): string {
  const { isOfRoot, noun, failure } = kinds[snapshot.kind];
  // A root reports the failure of its children as its own.
  const subject = isOfRoot ? 'It' : `The ${noun} "${snapshot.name}"`;
  if (snapshot.reason === 'timeout') return `${subject} timed out: it had not finished within its timeoutMs.`;
  return `${subject} ${failure({ ...snapshot, first })}`;
}
