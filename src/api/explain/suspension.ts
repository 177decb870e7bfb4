import { kinds } from '../../orchestrator/kinds';
import { itemId } from '../../store/ids';
import { nameOf, toMs } from './group';
import type { Look } from './look';
import type { Finding } from './reason';
import type { Group } from './subject';
import { lasting, resumeHint } from './words';

/** How many groups above are looked at to find the one that was suspended. */
const levelsAbove = 10;

/** Says that a group is suspended, and by which group above. */
export async function suspended(look: Look, group: Group): Promise<Finding[]> {
  if (!group.snapshot.suspended) return [];
  const since = toMs(group.waits.suspensionVersion);
  const above = await suspendedAbove(look, group);
  const ago = since === undefined ? '' : ` ${lasting(group.waits.now - since)} ago`;
  const together = above ? `, together with ${nameOf(above)}` : '';
  const top = above ?? group;
  return [
    {
      code: 'suspended',
      clause: `${nameOf(group)} was suspended${ago}${together}, so that nothing new of it starts`,
      since,
      entry: top.id,
      hint: resumeHint(top.id),
    },
  ];
}

/** Returns the outermost group whose suspension has reached this one. */
async function suspendedAbove(look: Look, group: Group): Promise<Pick<Group, 'id' | 'snapshot'> | undefined> {
  const { reader } = look.reading;
  const { suspensionVersion: version } = group.waits;
  let found: Pick<Group, 'id' | 'snapshot'> | undefined;
  let parent = group.waits.parent?.groupId;
  for (let level = 0; level < levelsAbove && parent !== undefined; level++) {
    const id: string = parent;
    const [snapshot, suspension] = await Promise.all([reader.snapshot(id), reader.suspensions.of(id)]);
    // The version of a suspension is that of the one from which it was passed down.
    if (!snapshot || !suspension?.suspended || Number(suspension.version) !== version) break;
    found = { id, snapshot };
    parent = await look.waits.parentOf(id);
  }
  return found;
}

/** Says which item was suspended by itself and is passed over, or holds up a chain. */
export async function itemSuspended(look: Look, group: Group): Promise<Finding[]> {
  const { id, snapshot, waits } = group;
  if (snapshot.status !== 'running' || snapshot.suspended || !waits.hasSuspendedEntries) return [];
  const index = kinds[snapshot.kind].isSequence
    ? snapshot.succeeded + snapshot.failed + snapshot.cancelled
    : await look.waits.firstItem(id, { from: 0, total: snapshot.total }, 'h', false);
  if (index === undefined) return [];
  const entry = String(index);
  const version = (await look.waits.suspendedAmong(id, [entry], waits.suspensionVersion)).get(entry);
  const since = toMs(version);
  // Of an item that is under way, this was said with the others.
  if (since === undefined || group.items.some(({ record }) => record.entry === entry)) return [];
  return [
    {
      code: 'suspended',
      clause: `${kinds[snapshot.kind].nounOfItem(index)} was suspended by itself ${lasting(waits.now - since)} ago`,
      since,
      entry: itemId(id, index),
      hint: resumeHint(itemId(id, index)),
    },
  ];
}
