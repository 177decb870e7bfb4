import type { Attempt } from '../../hatchet/run-history';
import { isFull } from '../../hatchet/task-load';
import type { EntryUnderWay } from '../../store/waits-reader';
import type { Leaf } from './leaf';
import type { Look } from './look';
import { explainNested, isNested } from './nested';
import { phrase } from './phrases';
import type { Finding, ReasonCode } from './reason';
import type { Group, Subject } from './subject';

/** How many nested groups are explained in a group, and how many runs are looked at in addition. */
const most = { nested: 3, runsBesideNested: 3 };

/** Explains entries that are under way, those for the same reason together. */
export async function explainUnderWay(look: Look, group: Group, subjects: readonly Subject[]): Promise<Finding[]> {
  const nested = subjects.filter((subject) => isNested(subject));
  const tasks = subjects.filter((subject) => !isNested(subject));
  const all = await explainTasks(look, group, tasks, nested.length > 0 ? most.runsBesideNested : Infinity);
  // What has not begun in a suspended group is taken back.
  const leaves = all.filter(({ code }) => code !== 'starting' || !group.snapshot.suspended);
  const findings = together(leaves).map((alike) => phrase(look, group, alike));
  for (const subject of nested.slice(0, most.nested)) findings.push(await explainNested(look, group, subject));
  const more = nested.length - most.nested;
  if (more > 0)
    findings.push({
      code: 'waiting-for-child',
      clause: `${more} more nested groups have not ended`,
      entry: nested[most.nested]?.id,
      hint: 'Explain them by their ids, which mage.describe lists.',
    });
  return findings;
}

/** Explains one task that is under way, or the body of a root task. */
export async function explainTask(look: Look, group: Group, subject: Subject): Promise<Finding> {
  return phrase(look, group, await explainTasks(look, group, [subject], Infinity));
}

async function explainTasks(
  look: Look,
  group: Group,
  subjects: readonly Subject[],
  runsAtMost: number,
): Promise<Leaf[]> {
  // One run of each task tells more than several runs of the same.
  const tasks = new Set<string>();
  const rank = (subject: Subject) => {
    const key = `${subject.task} ${subject.record.state}`;
    const isFirst = !tasks.has(key);
    tasks.add(key);
    return isFirst ? 0 : 1;
  };
  const ranked = subjects.map((subject) => ({ subject, rank: rank(subject) }));
  const sorted = ranked.toSorted((a, b) => a.rank - b.rank);
  return Promise.all(sorted.map(({ subject }, i) => toLeaf(look, group, subject, i < runsAtMost)));
}

async function toLeaf(look: Look, group: Group, subject: Subject, asks: boolean): Promise<Leaf> {
  const { record, task } = subject;
  const isTask = record.run !== '' && record.state !== 'granted';
  const [attempt, load] = await Promise.all([
    isTask && asks ? look.engine.attempt(record.run) : undefined,
    isTask ? look.engine.load(task) : undefined,
  ]);
  const isLeft = record.leasedUntil !== undefined && group.waits.now - record.leasedUntil > look.leftAloneMs;
  const code = isTask ? await codeOf(look, { subject, attempt, load }, isLeft) : isLeft ? 'lease-expired' : 'starting';
  // The body of a suspended item goes on until it ends.
  const isHeld = subject.suspendedSince !== undefined && code !== 'running' && code !== 'lease-expired';
  return { subject, code: isHeld ? 'suspended' : code, attempt, load };
}

/**
 * Decides why a run that the engine has accepted has not ended.
 * @param isLeft - whether its lease ran out long ago. That is no reason if the engine has the run.
 */
async function codeOf(
  look: Look,
  { subject, attempt, load }: Omit<Leaf, 'code'>,
  isLeft: boolean,
): Promise<ReasonCode> {
  const { record, task } = subject;
  if (attempt?.phase === 'ended') return isLeft ? 'lease-expired' : 'running';
  const isAgain = record.isBetween || (record.state === 'running' && isTakenBack(record, attempt));
  // A run whose body no wrapper reports is published until it ends.
  const begun = record.state === 'running' || (attempt !== undefined && attempt.phase !== 'waiting');
  if (begun && !isAgain) return isLeft && !attempt ? 'lease-expired' : 'running';
  if (load?.active.length === 0) {
    const isUnknown = load.paused.length === 0 && (await look.engine.isKnown(task)) === false;
    return isUnknown ? 'task-unknown' : 'no-worker';
  }
  if (isLeft && !attempt) return 'lease-expired';
  if (isAgain) return 'retrying';
  return load?.active.every(isFull) ? 'workers-busy' : 'starting';
}

/** Returns whether the attempt that has claimed the entry is over. The engine's history may be older than the claim. */
function isTakenBack({ retryCount }: EntryUnderWay, attempt: Attempt | undefined): boolean {
  if (attempt?.phase !== 'waiting') return false;
  return attempt.retryCount > retryCount || (attempt.retryCount === retryCount && attempt.wasTaken);
}

/** Puts leaves together that have the same reason and task. */
function together(leaves: readonly Leaf[]): Leaf[][] {
  const groups = new Map<string, Leaf[]>();
  for (const leaf of leaves) {
    const { state } = leaf.subject.record;
    const key = [leaf.code, leaf.subject.task, state === 'granted', leaf.attempt?.phase === 'ended'].join(' ');
    const group = groups.get(key);
    if (group) group.push(leaf);
    else groups.set(key, [leaf]);
  }
  return [...groups.values()];
}
