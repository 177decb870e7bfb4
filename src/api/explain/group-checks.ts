import { kinds } from '../../orchestrator/kinds';
import { isEnded } from '../../store/group-reader';
import { itemId } from '../../store/ids';
import { explainCallbacks } from './callbacks';
import { nameOf, readGroup, subjectsOf } from './group';
import { atItsLimit, queuedIn } from './limits';
import type { Look } from './look';
import { paced } from './pacing';
import { byUrgency, type Finding } from './reason';
import { noReconciler } from './reconciling';
import { explainBody } from './root';
import type { Group } from './subject';
import { itemSuspended, suspended } from './suspension';
import { explainUnderWay } from './under-way';
import { quoted } from '../../utils/quoted';
import { count } from './words';

type Check = (look: Look, group: Group) => Promise<readonly Finding[]> | readonly Finding[];

/** What a group may wait for. Each check looks for one thing. */
const checks: readonly Check[] = [
  notStarted,
  suspended,
  underWay,
  paced,
  atItsLimit,
  itemNotRun,
  itemSuspended,
  open,
  bodyGoesOn,
  callbacks,
  noReconciler,
];

/** Explains what a group waits for. No findings for an unknown group. */
export async function explainGroup(look: Look, id: string): Promise<Finding[]> {
  const group = await readGroup(look, id);
  if (!group) return [];
  const findings: Finding[] = [];
  // One after another, because they share what may still be read.
  for (const check of checks) findings.push(...(await check(look, group)));
  if (findings.length > 0) return findings;
  return isEnded(group.snapshot.status) ? [hasEnded(group)] : [nothingFound(group)];
}

async function notStarted(look: Look, group: Group): Promise<Finding[]> {
  const { snapshot, waits, id } = group;
  if (snapshot.status !== 'pending') return [];
  const since = snapshot.createdAt;
  const { parent } = waits;
  if (!parent) {
    const clause = `nobody has run ${nameOf(group)}`;
    return [{ code: 'not-started', clause, since, entry: id, hint: 'Start it with run() or runNoWait().' }];
  }
  const deeper = look.deeper();
  const found = deeper && parent.entry ? byUrgency(await deeper.explain.entry(deeper, parent)) : [];
  const [first] = found;
  const above = await look.reading.reader.snapshot(parent.groupId);
  const outer = above ? nameOf({ id: parent.groupId, snapshot: above }) : `the group ${parent.groupId}`;
  return [
    {
      code: 'not-started',
      clause: `it starts when it gets a slot in ${outer}${first ? `: ${first.clause}` : ''}`,
      since,
      entry: parent.groupId,
      hint: first?.hint ?? `Run ${outer}, or the item itself.`,
      below: found,
    },
  ];
}

function underWay(look: Look, group: Group): Promise<Finding[]> {
  return explainUnderWay(look, group, group.items);
}

async function itemNotRun(look: Look, group: Group): Promise<Finding[]> {
  const { id, snapshot } = group;
  const waiting = snapshot.total - snapshot.ready;
  if (snapshot.status !== 'running' || waiting <= 0) return [];
  const first = await look.waits.firstItem(id, { from: snapshot.swept, total: snapshot.total }, '', true);
  const item = first === undefined ? undefined : kinds[snapshot.kind].nounOfItem(first);
  const items = `${count(waiting, 'item')} ${waiting === 1 ? 'was' : 'were'} added and never run`;
  return [
    {
      code: 'item-not-run',
      clause:
        item === undefined
          ? items
          : waiting === 1
            ? `${item} was added and never run`
            : `${items}, the first of them ${item}`,
      entry: first === undefined ? undefined : itemId(id, first),
      hint: `Run ${waiting === 1 ? 'it' : 'them'}, or call closeSwarm(), which starts all that were added.`,
    },
  ];
}

function open(_look: Look, { snapshot, id }: Group): Finding[] {
  const { status, closed, kind, slots, total, succeeded, failed, cancelled } = snapshot;
  const areOver = slots === 0 && succeeded + failed + cancelled === total;
  if (status !== 'running' || closed || kinds[kind].isOfRoot || !areOver) return [];
  const items =
    total === 0 ? 'it has no items yet' : total === 1 ? 'its only item has ended' : `all its ${total} items have ended`;
  return [
    {
      code: 'open',
      clause: `${items}, and nobody has closed it`,
      entry: id,
      hint: 'Call closeSwarm(), or add further items. A swarm that is made with isSwarmClosed: true closes itself.',
    },
  ];
}

async function bodyGoesOn(look: Look, { snapshot, waits }: Group): Promise<Finding[]> {
  const { parent } = waits;
  if (!kinds[snapshot.kind].isOfRoot || snapshot.closed || isEnded(snapshot.status) || !parent) return [];
  const record = await look.waits.entry(parent.groupId, parent.entry);
  const deeper = look.deeper();
  const above = deeper && record && (await readGroup(deeper, parent.groupId));
  const [root] = above ? await subjectsOf(deeper, above, [record]) : [];
  if (!above || !root || root.record.state === 'returned') return [];
  return [await explainBody(deeper, above, root)];
}

function callbacks(look: Look, group: Group): Promise<Finding[]> {
  return explainCallbacks(look, group, { isOver: isEnded(group.snapshot.status) });
}

/** Of a nested group that has ended. Of the explained group, this is known before. */
function hasEnded(group: Group): Finding {
  const { status, endedAt } = group.snapshot;
  return {
    code: 'ended',
    clause: `${nameOf(group)} has ended as ${status}, and its end is reported to the group around it next`,
    since: endedAt,
    entry: group.id,
    hint: 'That takes a moment. If it stays so, see whether a process runs the reconciler.',
  };
}

function nothingFound(group: Group): Finding {
  const queued = queuedIn(group);
  return {
    code: 'starting',
    clause: `${queued > 0 ? `${count(queued, 'item')} of ${quoted(group.snapshot.name)} start` : `${nameOf(group)} goes on`} in a moment`,
    entry: group.id,
    hint: 'Look again in a few seconds.',
  };
}
