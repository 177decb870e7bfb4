import type { Failure } from '../config/errors';
import type { Above, GroupKind } from '../store/group-store';

/** What people read about the failure of a group. */
export interface FailedGroup {
  name: string;
  failed: number;
  total: number;
  /** The first item that failed. */
  first: Failure | undefined;
}

/**
 * What a group of a kind is to those outside the store: where the input and the result of its items come from, and how
 * people read about it. A new kind is a row here and in store/lua/lib/kinds.lua; other code asks for these properties.
 */
export interface Kind {
  /** True if it holds one task that was run by itself. The task has the id of the group. */
  readonly isSingle: boolean;
  /** True if each item receives the output of the one before, and its result is the last output. Else it is the list. */
  readonly isSequence: boolean;
  /** True if it holds the children of a root, so that its end is the end of the root. */
  readonly isOfRoot: boolean;
  /** What people call a group of this kind. */
  readonly noun: 'task' | 'swarm' | 'chain';
  /** Returns what people call an item. */
  readonly nounOfItem: (index: number) => string;
  /** Returns the group as its items have it in their metadata. */
  readonly above: (id: string, name: string) => Above;
  /** Returns how its failure begins in a message for the group above: 'The swarm "import"', or 'It' for a root. */
  readonly subject: (name: string) => string;
  /** Returns why it failed, for a message that names it. */
  readonly failure: (group: FailedGroup) => string;
  /** Returns why it failed, for its own error callbacks. */
  readonly ownFailure: (group: FailedGroup) => string;
}

const swarm: Kind = {
  isSingle: false,
  isSequence: false,
  isOfRoot: false,
  noun: 'swarm',
  nounOfItem: (index) => `item ${index}`,
  above: (id, name) => ({ swarm: id, swarmName: name }),
  subject: (name) => `The swarm "${name}"`,
  failure: (group) => failedOf(`The swarm "${group.name}"`, 'items', group),
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
    subject: (name) => `The task "${name}"`,
  },
  chain: {
    ...swarm,
    isSequence: true,
    noun: 'chain',
    nounOfItem: (index) => `step ${index + 1}`,
    above: (id) => ({ chain: id }),
    subject: (name) => `The chain "${name}"`,
    failure: ({ name, total, first }) => {
      const step = `step ${(first?.index ?? 0) + 1} of ${total}`;
      return `The chain "${name}" failed at "${first?.name}" (${step}): ${first?.message}`;
    },
    ownFailure: ({ first }) => first?.message ?? '',
  },
  root: {
    ...swarm,
    isOfRoot: true,
    subject: () => 'It',
    failure: (group) => failedOf('It', 'children', group),
  },
};

function failedOf(subject: string, items: string, { failed, total, first }: FailedGroup): string {
  return `${subject} failed: ${failed} of its ${total} ${items} failed, the first with: ${first?.message}`;
}
