import { configSchema } from '../config/swarm-config';
/**
 * The storage schema: each Redis key, and each field of its hashes. `npm run docs:schema` writes `docs/redis-schema.md` from
 * it, and a test fails when a script uses a field that is missing here.
 */

/** A field of a hash, or a common prefix of several fields. */
export interface Field {
  /** The stored name, which is short because each group stores it. */
  field: string;
  /** The readable name. */
  name: string;
  meaning: string;
}

export interface KeySchema {
  /** The key without prefix, tenant and namespace. `{id}` is the id of a group. */
  key: string;
  name: string;
  type: 'hash' | 'string' | 'list' | 'sorted set' | 'channel';
  meaning: string;
  /** When it expires. */
  lifetime: string;
}

const withGroup = 'with its group';

/** The keys of one group. They share a hash tag, so that one script can use all of them. */
export const groupKeys: readonly KeySchema[] = [
  {
    key: '{id}:g',
    name: 'state',
    type: 'hash',
    meaning: 'The state of the group, see below. Also the channel on which its end is published.',
    lifetime: '`retention.finishedMs` after its end; `retention.abandonedMs` while nobody has started it',
  },
  {
    key: '{id}:s',
    name: 'specs',
    type: 'hash',
    meaning: 'What each item is: its task, bound data, callbacks and options.',
    lifetime: withGroup,
  },
  {
    key: '{id}:b',
    name: 'bytes',
    type: 'string',
    meaning:
      'One byte an item: `q` queued, `h` queued and suspended by itself, `a` active, `s` succeeded, `f` failed, `x` cancelled. No byte: waiting, or queued when the cursor `swp` has passed it.',
    lifetime: withGroup,
  },
  {
    key: '{id}:q',
    name: 'queue',
    type: 'list',
    meaning:
      'Items that are ready and have no slot: an index, or a range of indexes (`0-999`), in the order of their start.',
    lifetime: 'deleted at the end of the group',
  },
  {
    key: '{id}:a',
    name: 'active',
    type: 'hash',
    meaning: 'One packed record for each item or callback that is under way, see below.',
    lifetime: 'a record is deleted when its item ends',
  },
  {
    key: '{id}:l',
    name: 'leases',
    type: 'sorted set',
    meaning: 'When the reconciler looks at each active item again, in milliseconds; `inf` for a deferred callback.',
    lifetime: 'an entry is deleted when its item ends',
  },
  {
    key: '{id}:c',
    name: 'callbacks',
    type: 'hash',
    meaning: 'Callbacks, and the rare facts of single items, see below.',
    lifetime: withGroup,
  },
  {
    key: '{id}:e',
    name: 'ends',
    type: 'list',
    meaning: 'The indexes of ended items, in the order of their end.',
    lifetime: withGroup,
  },
  {
    key: '{id}:r0, r1, ...',
    name: 'results',
    type: 'hash',
    meaning: 'The results of 128 items each: `s` and the output, `f` and the error as JSON, or `x`.',
    lifetime: withGroup,
  },
];

/** The keys that groups share. */
export const sharedKeys: readonly KeySchema[] = [
  {
    key: 'due:0 ... due:7',
    name: 'reconciler index',
    type: 'sorted set',
    meaning: 'Each group that the reconciler has to look at, by the time in milliseconds.',
    lifetime: 'an entry is deleted when its group has ended and expires',
  },
  {
    key: 'catalog',
    name: 'top-level index',
    type: 'sorted set',
    meaning: 'Each group that is in no other, by the time of its creation in microseconds. `mage.list` reads it.',
    lifetime: 'an entry is deleted when its group has expired',
  },
  {
    key: 'ids:<chunk>',
    name: 'signature index',
    type: 'hash',
    meaning:
      'Where signatures are, for `mage.load(id)`: the first id of a row, the group, the item or callback, and how many follow.',
    lifetime: '`finishedMs` + `abandonedMs`, renewed while the group lives',
  },
  {
    key: 'process:<id>',
    name: 'heartbeat',
    type: 'string',
    meaning: 'A living process, and for how long its oldest publication has waited.',
    lifetime: '`leaseMs`',
  },
  {
    key: 'served',
    name: 'task registry',
    type: 'hash',
    meaning: 'Which task names workers serve: how, until when it counts, and their schedule timeout.',
    lifetime: '`retention.abandonedMs`',
  },
  {
    key: 'server',
    name: 'server',
    type: 'hash',
    meaning: 'Which run of the Redis server kept all this last, so that a restart is noticed.',
    lifetime: '`finishedMs` + `abandonedMs`',
  },
  {
    key: 'ends:<process>',
    name: 'group ends',
    type: 'channel',
    meaning: 'The ends of groups that a process has started, with their outputs when they are small.',
    lifetime: 'not stored',
  },
];

/** The fields of a group's state. */
export const groupFields: readonly Field[] = [
  { field: 'st', name: 'status', meaning: 'pending, running, stopping, cancelling, succeeded, failed or cancelled' },
  { field: 'k', name: 'kind', meaning: 'task, swarm, chain or root (the children of a root task)' },
  { field: 'ik', name: 'itemKind', meaning: '`root` when its only item is a root task' },
  { field: 'n', name: 'name', meaning: 'its name, for people' },
  { field: 'sec', name: 'secret', meaning: 'from which the tokens of its runs are made' },
  { field: 'msg', name: 'message', meaning: 'the message that it was started with, as JSON' },
  { field: 'mv', name: 'messageSet', meaning: '1 once the message is known' },
  { field: 'opt', name: 'options', meaning: 'run options of its items, as JSON' },
  { field: 'ropt', name: 'runOptions', meaning: 'run options of `run`, which win over the former' },
  { field: 'ctx', name: 'above', meaning: 'the groups above it, as JSON, for the metadata of its runs' },
  { field: 'cs', name: 'successCallbacks', meaning: 'success callbacks, as JSON' },
  { field: 'ce', name: 'errorCallbacks', meaning: 'error callbacks, as JSON' },
  ...configSchema,
  { field: 'cl', name: 'closed', meaning: '1 when nothing can be added' },
  { field: 'bld', name: 'buildCursor', meaning: 'while it is made in parts: 1 + the place of the next task; else 0' },
  {
    field: 'jn',
    name: 'joined',
    meaning: '1 when another call has gone on with making it, so that the first must not delete it',
  },
  { field: 'tot', name: 'total', meaning: 'how many items it holds' },
  { field: 'rdy', name: 'ready', meaning: 'how many of them were made ready' },
  { field: 'swp', name: 'sweptTo', meaning: 'all items before this index are ready, without a byte of their own' },
  { field: 'ird', name: 'readyAhead', meaning: 'how many items from that index on are ready by themselves' },
  { field: 'sl', name: 'running', meaning: 'how many slots are taken' },
  { field: 'ok', name: 'succeeded', meaning: 'how many items have succeeded' },
  { field: 'ko', name: 'failed', meaning: 'how many items have failed' },
  { field: 'cx', name: 'cancelled', meaning: 'how many items were cancelled one by one' },
  { field: 'rb', name: 'resultBytes', meaning: 'how many bytes the outputs have together' },
  { field: 'cbn', name: 'callbackSeq', meaning: 'how many callbacks were fired; the number of the next one' },
  { field: 'cbs', name: 'callbacksSucceeded', meaning: 'how many of them have succeeded' },
  { field: 'cbf', name: 'callbacksFailed', meaning: 'how many of them have failed and were not repeated' },
  { field: 'cbr', name: 'callbacksRepeated', meaning: 'how many failed ones were fired again' },
  {
    field: 'fl',
    name: 'flags',
    meaning:
      'a letter for what is rarely so: S suspended, W groups below have yet to follow that, E items were suspended by themselves, H callbacks are deferred, M and A deferred callbacks are being released, V runs were made void, R it is being made ready for a retry, U items that no worker took, K what it refers to is being retained, P passed-over items are being put back, B it has large items',
  },
  { field: 'sv', name: 'suspensionVersion', meaning: 'the version of the last suspend or resume' },
  { field: 'wv', name: 'suspensionEpoch', meaning: 'how often the groups below have had to follow' },
  { field: 'pb', name: 'putBackCursor', meaning: 'how far passed-over items have yet to be put back' },
  { field: 'pg', name: 'parentId', meaning: 'the group that it is an item of' },
  { field: 'pe', name: 'parentEntry', meaning: 'the item there' },
  { field: 'prd', name: 'parentRound', meaning: 'the round of the parent in which it runs' },
  { field: 'pn', name: 'parentName', meaning: 'the name of the parent, for error messages' },
  { field: 'rel', name: 'released', meaning: '1 when its parent lets it expire' },
  { field: 'nch', name: 'nested', meaning: '1 when groups are below it' },
  { field: 'had', name: 'hadNested', meaning: 'the same, kept when those were let expire' },
  { field: 'hold', name: 'retainChildren', meaning: '1 when the groups below have yet to be kept from expiring' },
  { field: 'rnd', name: 'round', meaning: 'how often it was retried' },
  { field: 'rtc', name: 'retryCursor', meaning: 'how far a retry has been prepared' },
  { field: 'rtl', name: 'retryEnds', meaning: 'how many ended items it had when the retry began' },
  { field: 'rtn', name: 'retryCount', meaning: 'how many items run again' },
  { field: 'hd', name: 'heardOn', meaning: 'the channel of the process that started it' },
  { field: 'wch', name: 'watchUntil', meaning: 'until when the ends of items are published' },
  {
    field: 'why',
    name: 'cancelledBy',
    meaning: 'user, parent, timeout, abandoned or failures (a failure limit, with `onStop`)',
  },
  { field: 'cr', name: 'createdAt', meaning: 'when it was made, in ms by the clock of Redis, as all times' },
  { field: 'sa', name: 'startedAt', meaning: 'when it was started' },
  { field: 'en', name: 'endedAt', meaning: 'when it ended' },
  { field: 'pr', name: 'progressAt', meaning: 'when something last happened in it, roughly' },
  { field: 'dl', name: 'deadline', meaning: 'when its time limit is over' },
  { field: 'rt', name: 'expiresAt', meaning: 'when its retention is over' },
  { field: 'lr', name: 'locationsRenewedAt', meaning: 'when its rows of the signature index were renewed' },
  { field: 'ret', name: 'retention', meaning: '`retention.finishedMs`' },
  { field: 'ttl', name: 'abandonedAfter', meaning: '`retention.abandonedMs`' },
  { field: 'grace', name: 'grace', meaning: 'how much longer than that its keys live' },
];

/** The fields of a group's callbacks. An entry is the index of an item, or `c` and the number of a callback. */
export const callbackFields: readonly Field[] = [
  {
    field: 'c<n>',
    name: 'callback',
    meaning: 'the n-th callback that was fired: its kind, the entry it was fired for, and what it is',
  },
  { field: 'r:<entry>', name: 'callbackResult', meaning: 'how that callback ended, as a result' },
  {
    field: 'n:<entry>',
    name: 'newerFiring',
    meaning: 'the entry of its next firing; empty when it must not be repeated',
  },
  {
    field: 'i:<entry>',
    name: 'firings',
    meaning:
      'the first number and the count of the callbacks that were fired for an entry, or `g` for the group; `i:<chunk>` names a key of the signature index',
  },
  { field: 'f:<n>', name: 'failure', meaning: 'the index of the n-th failed item, for the first 100' },
  { field: 'g:<entry>', name: 'childGroup', meaning: 'the group that an item is' },
  { field: 'b:<entry>', name: 'bodyResult', meaning: 'how the body of a root task ended, while its children run' },
  { field: 's:<entry>', name: 'entrySuspension', meaning: 'the version of its own suspend, or (negative) resume' },
  { field: 'w:<entry>', name: 'voidRuns', meaning: 'runs of it that do not count any more' },
  {
    field: 't:<entry>',
    name: 'spentAttempts',
    meaning: 'the round, and how many attempts were used, of an item that was taken back',
  },
  { field: 'u:<entry>', name: 'untakenSince', meaning: 'since when no worker takes it' },
  { field: 'tot', name: 'total', meaning: 'how many items there were, while the group is being removed' },
];

/** The fields of a packed record of `active`, separated by `|`. */
export const activeFields: readonly Field[] = [
  { field: '1', name: 'state', meaning: 'granted, published, running, returned or deferred' },
  { field: '2', name: 'run', meaning: "the engine's run, or `g:` and the id of the group that it is" },
  { field: '3', name: 'retryCount', meaning: "the engine's count of retries of the execution that owns it" },
  { field: '4', name: 'invocation', meaning: 'the count of invocations of a durable task' },
  { field: '5', name: 'nonce', meaning: 'names that execution' },
  { field: '6', name: 'process', meaning: 'the process that has to publish it or runs it' },
  { field: '7', name: 'throws', meaning: 'how many attempts have thrown' },
  { field: '8', name: 'counted', meaning: 'the retry count up to which they are counted' },
  { field: '9', name: 'publications', meaning: 'how often it was published' },
  { field: '10', name: 'child', meaning: 'the group of the children of a root task' },
  { field: '11', name: 'cancel', meaning: '1 when it is being cancelled' },
];

/** The fields of a group's specs. */
export const specFields: readonly Field[] = [
  { field: '<index>', name: 'spec', meaning: 'what the item is; its bound data are dropped when it has succeeded' },
  { field: 'm<index>', name: 'ownMessage', meaning: 'the message of its own `run`, until it has succeeded' },
  { field: 'k<key>', name: 'itemKey', meaning: 'the index of the item with this key' },
];
