import { kinds } from '../../orchestrator/kinds';
import { callbackName, groupName, itemName } from '../../orchestrator/names';
import { groupOfRun, isCallback, isItem } from '../../store/entry';
import { invocationId, itemId } from '../../store/ids';
import type { Spec } from '../../store/spec';
import type { EntryUnderWay } from '../../store/waits-reader';
import type { Look } from './look';
import type { Group, Subject } from './subject';

/** How many callbacks are read: each is stored with its bound data. */
const callbacksAtMost = 3;

/** Reads a group, with a number of commands that does not depend on its size. Undefined for an unknown one. */
export async function readGroup(look: Pick<Look, 'reading' | 'waits'>, id: string): Promise<Group | undefined> {
  const [snapshot, waits] = await Promise.all([look.reading.reader.snapshot(id), look.waits.group(id)]);
  if (!snapshot || !waits) return undefined;
  const group = { id, snapshot, waits, items: [] };
  const items = waits.underWay.filter(({ entry }) => isItem(entry));
  return { ...group, items: await subjectsOf(look, group, items) };
}

/** Returns the callbacks of a group that are under way. */
export function callbacksUnderWay({ waits }: Group): EntryUnderWay[] {
  return waits.underWay.filter(({ entry }) => isCallback(entry));
}

/** Returns entries of a group, of callbacks only the first few. */
export async function subjectsOf(
  { reading, waits }: Pick<Look, 'reading' | 'waits'>,
  group: Pick<Group, 'id' | 'snapshot' | 'waits'>,
  records: readonly EntryUnderWay[],
): Promise<Subject[]> {
  const { reader } = reading;
  const { id, snapshot } = group;
  const items = records.filter(({ entry }) => !isCallback(entry));
  const entries = items.map(({ entry }) => entry);
  const { hasSuspendedEntries, suspensionVersion } = group.waits;
  const [heads, suspended, callbacks] = await Promise.all([
    reader.heads(id, entries),
    hasSuspendedEntries ? waits.suspendedAmong(id, entries, suspensionVersion) : new Map<string, number>(),
    Promise.all(
      records
        .filter(({ entry }) => isCallback(entry))
        .slice(0, callbacksAtMost)
        .map(async (record) => ({ record, invoked: await reader.callback(id, record.entry) })),
    ),
  ]);
  return [
    ...items.flatMap((record, i) => {
      const spec = heads[i];
      if (!spec) return [];
      const since = toMs(suspended.get(record.entry));
      const index = Number(record.entry);
      const what = itemName(snapshot.kind, index, spec);
      const ownId = kinds[snapshot.kind].isSingle ? id : (spec.id ?? itemId(id, index));
      return [subjectOf(record, spec, { what, id: ownId, since })];
    }),
    ...callbacks.flatMap(({ record, invoked }) => {
      if (!invoked) return [];
      const what = callbackName(invoked);
      return [subjectOf(record, invoked.spec, { what, id: invocationId(id, record.entry), since: undefined })];
    }),
  ];
}

/** Names a group in a sentence: the swarm "import" (k.pyo3). */
export function nameOf({ id, snapshot }: Pick<Group, 'id' | 'snapshot'>): string {
  return groupName(snapshot, id);
}

/** Returns the time of a version, in ms. */
export function toMs(version: number | undefined): number | undefined {
  return version ? Math.floor(version / 1_000) : undefined;
}

function subjectOf(
  record: EntryUnderWay,
  spec: Spec,
  { what, id, since }: { what: string; id: string; since: number | undefined },
): Subject {
  const below = groupOfRun(record.run) ?? (record.child || undefined);
  return {
    record,
    id,
    what,
    task: spec.task,
    kind: spec.group,
    below,
    suspendedSince: since,
  };
}
