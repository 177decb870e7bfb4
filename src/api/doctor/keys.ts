import type { GroupStore } from '../../store/group-store';
import { KeyCheck } from '../../store/key-check';
import { count, message } from '../explain/words';
import type { Found } from './finding';

/** The number of pages of 500 keys that are looked at of each server, unless all are. */
const pagesAtMost = 20;
const namedAtMost = 100;

/** Looks for keys that belong to nothing, never expire, or expire too early. */
export async function keys({ redis, keys: names }: GroupStore, isWhole: boolean): Promise<Found[]> {
  const check = new KeyCheck(redis, names);
  const found: { key: string; message: string }[] = [];
  let number = 0;
  let expiring = 0;
  for await (const fault of check.faults(isWhole ? Infinity : pagesAtMost)) {
    number += 1;
    if (fault.message.startsWith('expires')) expiring += 1;
    if (found.length < namedAtMost) found.push(fault);
  }
  const looked = check.isComplete
    ? `all ${count(check.looked, 'key')}`
    : `${count(check.looked, 'key')}; { full: true } looks at all`;
  const [first] = found;
  if (!first)
    return [{ level: 'ok', clause: `each key has an owner and expires when it should (looked at ${looked})` }];
  return [
    {
      level: expiring > 0 ? 'error' : 'warning',
      clause: `${count(number, 'key')} of mageflow ${number === 1 ? 'lives' : 'live'} too long or not long enough, such as ${message(first.key)}, which ${message(first.message)} (looked at ${looked})`,
      todo: 'Look whether another program writes below the keyPrefix, or Redis has lost writes. Keys that stay without an owner can be deleted. Report what comes back.',
      ids: found.map(({ key }) => key),
    },
  ];
}
