import type { Events, ItemEvent } from '../events';
import { readError, type GroupReader } from '../store/group-reader';
import { firingId, itemId } from '../store/ids';
import type { Work } from '../store/replies';
import { unpackCallback, unpackHead } from '../store/spec';

/** One execution of an entry, as far as an event tells of it. */
export interface About {
  groupId: string;
  entry: string;
  task?: string | undefined;
  /** The signature's id, where it is known. */
  id?: string | undefined;
  runId?: string | undefined;
  /** Whether it runs by itself, so that it has no place among others. */
  alone?: boolean;
}

export function tellStart(events: Events, about: About): void {
  events.emit('item', describeItem(about, 'running'));
}

/** Tells of an entry's end, if what was done has ended it. */
export function tellEnd(events: Events, about: About, work: Work, error: string): void {
  const { endedAs } = work;
  if (endedAs === undefined) return;
  const event = describeItem(about, endedAs);
  if (endedAs === 'failed') event.error = error;
  events.emit('item', event);
}

/** The same of an entry of which only its place is known. What can't be read, isn't told. */
export async function tellEndAt(events: Events, reader: GroupReader, about: About, work: Work): Promise<void> {
  if (work.endedAs === undefined || !events.heard) return;
  const { groupId, entry } = about;
  const [known, result] = await Promise.all([
    stored(reader, groupId, entry).catch(() => undefined),
    reader.result(groupId, entry).catch(() => undefined),
  ]);
  tellEnd(events, { ...about, ...known }, work, work.endedAs === 'failed' ? readError(result?.slice(1) ?? '') : '');
}

async function stored(reader: GroupReader, groupId: string, entry: string): Promise<Partial<About> | undefined> {
  if (entry.startsWith('c')) {
    const packed = await reader.callback(groupId, entry);
    const spec = packed === undefined ? undefined : unpackCallback(packed).spec;
    return spec && { id: spec.id, task: spec.task };
  }
  const [facts, [head]] = await Promise.all([reader.facts(groupId), reader.heads(groupId, [entry])]);
  if (!head) return undefined;
  const { id, task } = unpackHead(head);
  const alone = facts?.kind === 'task';
  return { id: alone ? groupId : id, task, alone };
}

function describeItem({ groupId, entry, task, id, runId, alone }: About, status: ItemEvent['status']): ItemEvent {
  const callback = entry.startsWith('c');
  const own = callback ? firingId(groupId, entry) : itemId(groupId, Number(entry));
  return {
    id: id || own,
    groupId,
    ...(callback || alone ? {} : { index: Number(entry) }),
    callback,
    status,
    ...(task ? { task } : {}),
    ...(runId ? { runId } : {}),
  };
}
