import { isCallback } from '../store/entry';
import { kinds } from './kinds';
import type { Events, ItemEvent } from '../config/events';
import { readError, type GroupReader } from '../store/group-reader';
import { invocationId, itemId } from '../store/ids';
import type { Effects } from '../store/replies';

/** One execution of an entry, as events describe it. */
export interface ItemRef {
  groupId: string;
  entry: string;
  task?: string | undefined;
  /** The signature's id, if it is known. */
  id?: string | undefined;
  runId?: string | undefined;
  /** True if it is a task that is run by itself, so that it has no index. */
  alone?: boolean;
}

export function emitStart(events: Events, about: ItemRef): void {
  events.emit('item', eventFields(about, 'running'));
}

/** Emits the end of an entry, if the effects contain one. */
export function emitEnd(events: Events, about: ItemRef, effects: Effects, error: string): void {
  const { outcome } = effects;
  if (outcome === undefined) return;
  const event = eventFields(about, outcome);
  if (outcome === 'failed') event.error = error;
  events.emit('item', event);
}

/** Like {@link emitEnd}, for an entry of which only group and index are known. Fields that can't be read are omitted. */
export async function emitStoredEnd(
  events: Events,
  reader: GroupReader,
  about: ItemRef,
  effects: Effects,
): Promise<void> {
  if (effects.outcome === undefined || !events.hasItemListener) return;
  const { groupId, entry } = about;
  const [known, result] = await Promise.all([
    stored(reader, groupId, entry).catch(() => undefined),
    reader.result(groupId, entry).catch(() => undefined),
  ]);
  emitEnd(
    events,
    { ...about, ...known },
    effects,
    effects.outcome === 'failed' ? readError(result?.slice(1) ?? '') : '',
  );
}

async function stored(reader: GroupReader, groupId: string, entry: string): Promise<Partial<ItemRef> | undefined> {
  const [record, spec] = await Promise.all([
    isCallback(entry) ? undefined : reader.record(groupId),
    reader.head(groupId, entry),
  ]);
  if (!spec) return undefined;
  const { id, task } = spec;
  const alone = record !== undefined && kinds[record.kind].isSingle;
  return { id: alone ? groupId : id, task, alone };
}

function eventFields({ groupId, entry, task, id, runId, alone }: ItemRef, status: ItemEvent['status']): ItemEvent {
  const callback = isCallback(entry);
  const own = callback ? invocationId(groupId, entry) : itemId(groupId, Number(entry));
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
