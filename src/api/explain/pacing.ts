import { queuedIn } from './limits';
import type { Look } from './look';
import type { Finding } from './reason';
import type { Group } from './subject';
import { count, lasting } from './words';

/** Says that items wait for the rate limit of their group, or for the end of a pause. */
export function paced(_look: Look, group: Group): Finding[] {
  const queued = queuedIn(group);
  return queued > 0 ? waitsForTime(group, `${count(queued, 'item')} ${queued === 1 ? 'waits' : 'wait'}`) : [];
}

/** @param who - who waits, in words that end with the verb: '3 items wait' */
export function waitsForTime({ id, snapshot, waits }: Group, who: string): Finding[] {
  const { nextStartAt, pausedUntil = 0 } = snapshot;
  if (pausedUntil > waits.now)
    return [
      {
        code: 'backing-off',
        clause: `${who} for the end of a pause that a body asked for, in ${lasting(pausedUntil - waits.now)}`,
        entry: id,
        hint: 'Wait for the end of the pause. The output of the run that backed off says the reason.',
      },
    ];
  if (nextStartAt === undefined) return [];
  // The next start may depend on the begin of an item that was granted already.
  const when =
    nextStartAt > 0 ? `, which allows the next start in ${lasting(Math.max(0, nextStartAt - waits.now))}` : '';
  return [
    {
      code: 'rate-limited',
      clause: `${who} for the rate limit${when}`,
      entry: id,
      hint: 'Wait, or raise the limit with update({ rateLimit }).',
    },
  ];
}
