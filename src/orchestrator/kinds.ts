import type { Failure } from '../config/errors';
import type { Above, GroupKind } from '../store/group-store';

/** The counts and the first failure of a group that failed. */
export interface FailedGroup {
  failed: number;
  total: number;
  /** The first item that failed. */
  first: Failure | undefined;
}

/**
 * The properties of a kind of group, for code outside the store. A new kind is a row here and in store/lua/lib/kinds.lua;
 * other code asks for these properties, so that it need not name a kind.
 */
export interface Kind {
  /** True if it holds one task that was run by itself. The task has the id of the group. */
  readonly isSingle: boolean;
  /** True if each item receives the output of the one before, and its result is the last output. Else it is the list. */
  readonly isSequence: boolean;
  /** True if it holds the children of a root, so that its end is the end of the root. */
  readonly isOfRoot: boolean;
  /** The word for a group of this kind in messages. */
  readonly noun: 'task' | 'swarm' | 'chain';
  /** Returns the words for an item in messages: 'item 3'. */
  readonly nounOfItem: (index: number) => string;
  /** Returns the group as its items have it in their metadata. */
  readonly above: (id: string, name: string) => Above;
  /** Returns why it failed, after a subject that names it. */
  readonly failure: (group: FailedGroup) => string;
  /** Returns why it failed, for its own error callbacks. */
  readonly ownFailure: (group: Pick<FailedGroup, 'failed' | 'first'>) => string;
}

const swarm: Kind = {
  isSingle: false,
  isSequence: false,
  isOfRoot: false,
  noun: 'swarm',
  nounOfItem: (index) => `item ${index}`,
  above: (id, name) => ({ swarm: id, swarmName: name }),
  failure: (group) => failedOf('items', group),
  ownFailure: ({ failed, first }) => `${failed} of the swarm's items failed, the first with: ${first?.message ?? ''}`,
};

/** The properties of each kind. */
export const kinds: Readonly<Record<GroupKind, Kind>> = {
  swarm,
  task: {
    ...swarm,
    isSingle: true,
    noun: 'task',
    above: () => ({}),
  },
  chain: {
    ...swarm,
    isSequence: true,
    noun: 'chain',
    nounOfItem: (index) => `step ${index + 1}`,
    above: (id) => ({ chain: id }),
    failure: ({ total, first }) =>
      `failed at "${first?.name}" (step ${(first?.index ?? 0) + 1} of ${total}): ${first?.message}`,
    ownFailure: ({ first }) => first?.message ?? '',
  },
  root: {
    ...swarm,
    isOfRoot: true,
    failure: (group) => failedOf('children', group),
  },
};

function failedOf(items: string, { failed, total, first }: FailedGroup): string {
  return `failed: ${failed} of its ${total} ${items} failed, the first with: ${first?.message}`;
}
