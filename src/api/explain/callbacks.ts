import { callbackName } from '../../orchestrator/names';
import { callbackEntry } from '../../store/entry';
import { invocationId } from '../../store/ids';
import { callbacksUnderWay, subjectsOf } from './group';
import type { Look } from './look';
import type { Finding } from './reason';
import type { Group } from './subject';
import { explainUnderWay } from './under-way';
import { count, message } from './words';

/** How many callbacks are looked at to find one that has failed. */
const lookedAt = 20;

/**
 * Explains the callbacks of a group and its items, or only those of one entry.
 * @param source - the entry; undefined for the whole group
 * @param isOver - whether what they are attached to has ended; else those that are under way are no reason to wait
 */
export async function explainCallbacks(
  look: Look,
  group: Group,
  { source, isOver }: { source?: string | undefined; isOver: boolean },
): Promise<Finding[]> {
  const { pending, failed } = group.snapshot.callbacks;
  if (pending === 0 && failed === 0) return [];
  const own = await look.reading.reader.invokedFor(group.id, source ?? 'g', lookedAt);
  return [
    ...(isOver && pending > 0 ? await pendingOnes(look, group, source === undefined ? undefined : own) : []),
    ...(failed > 0 ? await failedOnes(look, group, source, own) : []),
  ];
}

async function pendingOnes(look: Look, group: Group, among: readonly string[] | undefined): Promise<Finding[]> {
  const records = callbacksUnderWay(group).filter(({ entry }) => among?.includes(entry) ?? true);
  const number = among ? records.length : group.snapshot.callbacks.pending;
  if (number === 0) return [];
  const subjects = await subjectsOf(look, group, records);
  const begun = subjects.filter(({ record }) => record.state !== 'deferred');
  const below = await explainUnderWay(look, group, begun);
  const names = [...new Set(subjects.map(({ what }) => what))];
  return [
    {
      code: 'callback-pending',
      clause: `${count(number, 'callback')} ${number === 1 ? 'has' : 'have'} not ended${below[0] ? `: ${below[0].clause}` : begun.length < subjects.length ? `: ${names.join(', ')} ${names.length === 1 ? 'waits' : 'wait'} for resume()` : ''}`,
      entry: subjects[0]?.id,
      hint: below[0]?.hint ?? 'Resume what they are attached to: its callbacks wait as long as it is suspended.',
      below,
    },
  ];
}

async function failedOnes(
  look: Look,
  group: Group,
  source: string | undefined,
  own: readonly string[],
): Promise<Finding[]> {
  const { failed, succeeded, pending } = group.snapshot.callbacks;
  const fired = Math.min(failed + succeeded + pending, lookedAt);
  const any = source === undefined ? Array.from({ length: fired }, (_, n) => callbackEntry(n)) : [];
  const found = await look.waits.failedCallbacks(group.id, [...new Set([...own, ...any])]);
  if (source !== undefined && found.length === 0) return [];
  const number = source === undefined ? failed : found.length;
  const [first] = found;
  const invoked = first && (await look.reading.reader.callback(group.id, first.entry));
  const which =
    !first || !invoked
      ? ''
      : `${number === 1 ? '' : ', the first of them'}: ${callbackName(invoked)} failed with: ${message(first.error)}`;
  return [
    {
      code: 'callback-failed',
      clause: `${count(number, 'callback')} ${number === 1 ? 'has' : 'have'} failed${which}`,
      entry: first && invocationId(group.id, first.entry),
      hint: 'Correct the cause, then call retryCallbacks(), which runs again what failed.',
    },
  ];
}
