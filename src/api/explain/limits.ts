import { kinds } from '../../orchestrator/kinds';
import type { Look } from './look';
import type { Finding } from './reason';
import type { Group } from './subject';
import { count, lasting, list } from './words';

/** How many of the items that hold slots are named. */
const holdersNamed = 3;

/** Says which items hold the slots for which others wait. */
export async function atItsLimit(look: Look, group: Group): Promise<Finding[]> {
  const queued = queuedIn(group);
  if (!isFull(group)) return [];
  const { maxConcurrency } = group.waits;
  const { named, ...first } = await holdersOf(look, group);
  if (kinds[group.snapshot.kind].isSequence) {
    const clause = `${count(queued, 'step')} ${queued === 1 ? 'waits' : 'wait'} for the end of ${named || 'the one before'}`;
    return [
      {
        code: 'at-its-limit',
        ...first,
        clause,
        hint: 'Wait for that step: the steps of a chain run one after another.',
      },
    ];
  }
  const slots = maxConcurrency === 1 ? 'its only slot is' : `all its ${maxConcurrency} slots are`;
  const holders = named && ` (by ${named})`;
  const clause = `${slots} taken${holders}, and ${count(queued, 'item')} ${queued === 1 ? 'waits' : 'wait'} for one`;
  return [{ code: 'at-its-limit', ...first, clause, hint: raiseLimit }];
}

/** Says for which slots an item waits that is ready; undefined when a slot is free. @param item - the item, in words */
export async function waitsForSlot(look: Look, group: Group, item: string): Promise<Finding | undefined> {
  if (!isFull(group)) return undefined;
  const { maxConcurrency } = group.waits;
  const { named, ...first } = await holdersOf(look, group);
  if (kinds[group.snapshot.kind].isSequence) {
    const clause = `${item} waits for the end of ${named || 'the step before it'}`;
    return {
      code: 'at-its-limit',
      ...first,
      clause,
      hint: 'Wait for that step: the steps of a chain run one after another.',
    };
  }
  const slots = maxConcurrency === 1 ? 'the only slot, which is' : `one of the ${maxConcurrency} slots, which are`;
  const holders = named && ` by ${named}`;
  return { code: 'at-its-limit', ...first, clause: `${item} waits for ${slots} taken${holders}`, hint: raiseLimit };
}

const raiseLimit = 'Wait for a slot, or raise the limit with update({ maxConcurrency }).';

/** Returns how many items of a group are ready and have no slot. */
export function queuedIn({ snapshot }: Pick<Group, 'snapshot'>): number {
  const { status, ready, slots, succeeded, failed, cancelled } = snapshot;
  return status === 'running' ? ready - slots - succeeded - failed - cancelled : 0;
}

function isFull(group: Group): boolean {
  return queuedIn(group) > 0 && group.snapshot.slots >= group.waits.maxConcurrency;
}

/** Names some of the items that hold the slots, those first that have them for longest. */
async function holdersOf(look: Look, { items }: Group): Promise<Pick<Finding, 'entry' | 'since'> & { named: string }> {
  const holders = await Promise.all(
    items.map(async ({ id, what, record }) => ({
      id,
      what,
      since: (await look.engine.attemptSeen(record.run))?.since,
    })),
  );
  const sorted = holders.toSorted((a, b) => (a.since ?? Infinity) - (b.since ?? Infinity)).slice(0, holdersNamed);
  const words = sorted.map(({ what, since }) =>
    since === undefined ? what : `${what} for ${lasting(look.engine.now - since)}`,
  );
  return { named: list(words), entry: sorted[0]?.id, since: sorted[0]?.since };
}
