import { kinds } from '../../orchestrator/kinds';
import { isCallback } from '../../store/entry';
import { itemId } from '../../store/ids';
import { nameOf, readGroup, subjectsOf } from './group';
import { waitsForSlot } from './limits';
import type { Look, Place } from './look';
import { waitsForTime } from './pacing';
import { byUrgency, type Finding } from './reason';
import { noReconciler } from './reconciling';
import { explainRoot } from './root';
import type { Group, Subject } from './subject';
import { suspended } from './suspension';
import { explainUnderWay } from './under-way';
import { lasting, resumeHint } from './words';

/** Explains what an item or an invoked callback waits for. No findings for one that has ended. */
export async function explainEntry(look: Look, { groupId, entry }: Place): Promise<Finding[]> {
  const group = await readGroup(look, groupId);
  if (!group) return [];
  const record = await look.waits.entry(groupId, entry);
  const [subject] = record ? await subjectsOf(look, group, [record]) : [];
  if (subject) return [...(await underWay(look, group, subject)), ...noReconciler(look, group)];
  const state = isCallback(entry) ? undefined : await look.reading.reader.itemState(groupId, Number(entry));
  if (state === 'waiting') return notRun(look, group, entry);
  if (state === 'queued') return [...(await queued(look, group, entry)), ...noReconciler(look, group)];
  return state === 'suspended' ? held(look, group, entry) : [];
}

async function underWay(look: Look, group: Group, subject: Subject): Promise<Finding[]> {
  const { kind, below, record, id, what } = subject;
  if (record.state === 'deferred')
    return [
      {
        code: 'suspended',
        clause: `${what} was fired by something that is suspended, in ${nameOf(group)}`,
        entry: id,
        hint: `Resume what it is attached to: the item, or the group. ${resumeHint(group.id)}`,
      },
    ];
  const isRoot = kind === 'root' && below !== undefined;
  const findings = await (isRoot ? explainRoot(look, group, subject) : explainUnderWay(look, group, [subject]));
  // What has not begun is taken back. A task that was run by itself is suspended as its group.
  const isHeld = record.state === 'granted' || record.state === 'published' || kinds[group.snapshot.kind].isSingle;
  return isHeld ? [...(await suspended(look, group)), ...findings] : findings;
}

/** An item that nobody has run. */
async function notRun(look: Look, group: Group, entry: string): Promise<Finding[]> {
  const { snapshot, waits, id } = group;
  const item = `${kinds[snapshot.kind].nounOfItem(Number(entry))} of ${nameOf(group)}`;
  const own = itemId(id, Number(entry));
  if (snapshot.status !== 'pending')
    return [
      {
        code: 'item-not-run',
        clause: `${item} was added and never run`,
        entry: own,
        hint: 'Run it with run() or runNoWait(), or call closeSwarm(), which starts all that were added.',
      },
    ];
  const deeper = waits.parent ? look.deeper() : undefined;
  const below = deeper ? byUrgency(await deeper.explain.group(deeper, id)) : [];
  return [
    {
      code: 'not-started',
      clause: `${item} has not been run, and neither has the group${below[0] ? `: ${below[0].clause}` : ''}`,
      since: snapshot.createdAt,
      entry: own,
      hint: below[0]?.hint ?? 'Run the group, or this item, with run() or runNoWait().',
      below,
    },
  ];
}

/** An item that is ready and has no slot. */
async function queued(look: Look, group: Group, entry: string): Promise<Finding[]> {
  const below = byUrgency(await explainUnderWay(look, group, group.items));
  const item = `${kinds[group.snapshot.kind].nounOfItem(Number(entry))} of ${nameOf(group)}`;
  const limit = await waitsForSlot(look, group, item);
  if (limit) return [{ ...limit, below }];
  const timed = waitsForTime(group, `${item} waits`);
  if (timed.length > 0) return timed;
  return [
    {
      code: 'starting',
      clause: `${item} is ready and starts in a moment`,
      entry: itemId(group.id, Number(entry)),
      hint: 'Look again in a few seconds. If it stays so, see whether a process runs the reconciler.',
    },
  ];
}

/** An item that has not begun, and is suspended by itself or with its group. */
async function held(look: Look, group: Group, entry: string): Promise<Finding[]> {
  const { waits, id, snapshot } = group;
  const findings = await suspended(look, group);
  const version = (await look.waits.suspendedAmong(id, [entry], waits.suspensionVersion)).get(entry);
  if (version === undefined) return findings;
  const since = Math.floor(version / 1_000);
  const own = itemId(id, Number(entry));
  const item = kinds[snapshot.kind].nounOfItem(Number(entry));
  return [
    ...findings,
    {
      code: 'suspended',
      clause: `${item} of ${nameOf(group)} was suspended by itself ${lasting(waits.now - since)} ago`,
      since,
      entry: own,
      hint: resumeHint(own),
    },
  ];
}
