import type { GroupStore } from '../../store/group-store';
import { count, lasting } from '../explain/words';
import type { Found } from './finding';
import { isLive, type Survey } from './survey';

/** The number of processes that are looked up of those whose last pass is long ago. */
const heartbeatsAtMost = 10;
const start = 'Start a process with mage.worker, or one that calls mage.startReconciler().';

/** Looks for processes that reconcile. */
export async function reconcilers(
  { reconcilers: known, now, due }: Survey,
  store: Pick<GroupStore, 'readHeartbeat'>,
): Promise<Found[]> {
  const live = known.filter((one) => isLive(one, now));
  const [latest] = known;
  if (live.length > 0 && latest)
    return [
      {
        level: 'ok',
        clause: `${live.length === 1 ? '1 process reconciles' : `${live.length} processes reconcile`}, the last pass began ${ago(now - latest.passedAt)}`,
        ids: live.map(({ process }) => process),
      },
    ];
  const last = latest ? `the last pass began ${ago(now - latest.passedAt)}` : 'none is known';
  const alive = await Promise.all(
    known.slice(0, heartbeatsAtMost).map(async ({ process }) => {
      const { aliveMs } = await store.readHeartbeat(process);
      return aliveMs > 0 ? [process] : [];
    }),
  );
  if (alive.flat().length > 0)
    return [
      {
        level: 'warning',
        clause: `${last}, of a process that is alive: its pass has not ended, or its reconciler was stopped`,
        todo: `See the log of that process. ${start}`,
        ids: alive.flat(),
      },
    ];
  return [
    {
      level: due.total > 0 ? 'error' : 'warning',
      clause: `no process reconciles (${last}), so nobody continues what dead processes have left, publishes what was not published, or deletes what has expired`,
      todo: start,
    },
  ];
}

/** Looks for groups that the reconciler has not visited, and for entries that it has not continued. */
export function leases({ now, due, groups }: Survey): Found[] {
  const found = groups.filter(({ left }) => left.entries > 0);
  if (due.overdue === 0 && found.length === 0)
    return [{ level: 'ok', clause: 'nothing was left alone for longer than its lease' }];
  const entries = found.reduce((sum, { left }) => sum + left.entries, 0);
  const since = found.reduce((first, { left }) => Math.min(first, left.since), due.since ?? Infinity);
  const parts = [
    ...(due.overdue > 0 ? [`${count(due.overdue, 'group')} should have been reconciled`] : []),
    ...(entries > 0
      ? [`the leases of at least ${count(entries, 'task')} in ${count(found.length, 'group')} have run out`]
      : []),
  ];
  const ids = [...found.map(({ id }) => id), ...due.ids.slice(0, due.overdue)];
  return [
    {
      level: 'error',
      clause: `${parts.join(', and ')}, the first ${ago(now - since)}`,
      todo: `If processes reconcile, see their logs: they may be too slow, or fail to reach Hatchet. Otherwise: ${start}`,
      ids: [...new Set(ids)],
    },
  ];
}

/** Looks for groups in which nothing has begun or ended for long, although nothing holds them up on purpose. */
export function still({ groups }: Survey, stillAfterMs: number): Found[] {
  const found = groups.flatMap(({ id, name, stillMs = 0 }) => (stillMs >= stillAfterMs ? [{ id, name, stillMs }] : []));
  const sorted = found.toSorted((a, b) => b.stillMs - a.stillMs);
  const [longest] = sorted;
  if (!longest)
    return [
      {
        level: 'ok',
        clause: `none of ${count(groups.length, 'group')} in progress has stood still for ${lasting(stillAfterMs)}`,
      },
    ];
  return [
    {
      level: 'warning',
      clause: `${count(found.length, 'group')} in progress ${found.length === 1 ? 'has' : 'have'} stood still for more than ${lasting(stillAfterMs)}: nothing has begun or ended for ${lasting(longest.stillMs)} in ${longest.name}`,
      todo: `Ask why: mage.explain(${JSON.stringify(longest.id)}).`,
      ids: sorted.map(({ id }) => id),
    },
  ];
}

/** Looks for callbacks that have failed, and for those that should have been published long ago. */
export function callbacks({ groups, failedCallbacks, leftAloneMs }: Survey): Found[] {
  const unpublished = groups.filter(({ hasUnpublished }) => hasUnpublished);
  const [first] = unpublished;
  const found: Found[] = [];
  if (first)
    found.push({
      level: 'error',
      clause: `callbacks of ${count(unpublished.length, 'group')} have waited for more than ${lasting(leftAloneMs)} to be published, those of ${first.name} among them`,
      todo: `See whether Hatchet answers and a process reconciles. Then: mage.explain(${JSON.stringify(first.id)}).`,
      ids: unpublished.map(({ id }) => id),
    });
  if (failedCallbacks.length > 0) {
    const number = failedCallbacks.reduce((sum, { failed }) => sum + failed, 0);
    found.push({
      level: 'warning',
      clause: `${count(number, 'callback')} of ${count(failedCallbacks.length, 'group')} ${number === 1 ? 'has' : 'have'} failed`,
      todo: 'mage.describe(id) shows their errors. Correct the cause, then call retryCallbacks() of the group.',
      ids: failedCallbacks.map(({ id }) => id),
    });
  }
  return found.length > 0 ? found : [{ level: 'ok', clause: 'no callback has failed or waits to be published' }];
}

function ago(ms: number): string {
  return `${lasting(Math.max(0, ms))} ago`;
}
