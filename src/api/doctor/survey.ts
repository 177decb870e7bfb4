import { leftAloneMs } from '../../config/options';
import { isEnded } from '../../store/group-reader';
import { HealthReader, type DueGroups, type ReconcilingProcess } from '../../store/health-reader';
import { WaitsReader } from '../../store/waits-reader';
import { forEachConcurrently } from '../../utils/for-each-concurrently';
import { count } from '../explain/words';
import type { Reading } from '../reading';
import { readInProgress, type SurveyedGroup } from './surveyed';

/** The number of groups that are read at once. */
const groupsAtOnce = 25;

/** The data that one call of `doctor` has read of a store. */
export interface Survey {
  /** The time of Redis, in ms. */
  now: number;
  reconcilers: readonly ReconcilingProcess[];
  /** After how many ms without a reconciler's visit something counts as left alone. */
  leftAloneMs: number;
  due: DueGroups;
  /** The number of groups that were looked at, and whether these were all. */
  looked: number;
  isComplete: boolean;
  /** Those of them in which something is in progress. */
  groups: readonly SurveyedGroup[];
  /** Those with failed callbacks, and how many failed. */
  failedCallbacks: readonly { id: string; failed: number }[];
}

/** @param atMost - how many groups that are due first are read, and how many of the newest; Infinity for all */
export async function survey(reading: Reading, atMost: number): Promise<Survey> {
  const { store, reader } = reading;
  const health = new HealthReader(store);
  const [now, reconcilers] = await Promise.all([health.now(), health.reconcilers()]);
  // Processes may have other settings than this one.
  const counts = reconcilers.filter((one) => isLive(one, now)).map(({ countsForMs }) => countsForMs);
  const alone = Math.max(leftAloneMs(store.settings), ...counts);
  const isWhole = atMost === Infinity;
  const due = await health.dueGroups(isWhole ? 1 : atMost, now - alone);
  const newest = isWhole ? undefined : await store.topLevelIndex.page(undefined, atMost);
  const ids = newest ? some(due, newest.members) : all(reading, health);
  const groups: SurveyedGroup[] = [];
  const failedCallbacks: { id: string; failed: number }[] = [];
  const seen = new Set<string>();
  const look = { reading, waits: new WaitsReader(store) };
  let looked = 0;
  await forEachConcurrently(groupsAtOnce, ids, async (id) => {
    if (seen.has(id)) return;
    seen.add(id);
    const snapshot = await reader.snapshot(id);
    if (!snapshot) return;
    looked += 1;
    const { pending, failed } = snapshot.callbacks;
    if (failed > 0) failedCallbacks.push({ id, failed });
    if (snapshot.status === 'pending' || (isEnded(snapshot.status) && pending === 0)) return;
    const group = await readInProgress(look, health, id, alone);
    if (group) groups.push(group);
  });
  const isComplete = newest === undefined || (!newest.more && due.ids.length === due.total);
  return { now, reconcilers, leftAloneMs: alone, due, looked, isComplete, groups, failedCallbacks };
}

/** Returns whether a process counts as one that reconciles. */
export function isLive({ passedAt, countsForMs }: ReconcilingProcess, now: number): boolean {
  return now - passedAt < countsForMs;
}

/** Says what was looked at. */
export function coverage({ looked, due, isComplete }: Survey): string {
  if (isComplete) return `looked at all ${count(looked, 'group')}`;
  return `looked at ${count(looked, 'group')}: of ${due.total}, those that are due first, and the newest; { full: true } looks at all`;
}

function* some(due: DueGroups, newest: readonly { id: string }[]): Generator<string> {
  yield* due.ids;
  for (const { id } of newest) yield id;
}

async function* all({ store }: Reading, health: HealthReader): AsyncGenerator<string> {
  for await (const ids of health.allDue()) yield* ids;
  let more = true;
  for (let after: { id: string; score: number } | undefined; more;) {
    const page = await store.topLevelIndex.page(after, 1_000);
    for (const { id } of page.members) yield id;
    after = page.members.at(-1);
    more = page.more && after !== undefined;
  }
}
