import schema from './schema.json';
/**
 * The storage schema: each Redis key, and, from schema.json, each field of its hashes. `npm run docs:schema` writes
 * `docs/redis-schema.md` from it. Scripts and TypeScript use the names of the fields, not the stored ones: `field.status`.
 * `npm run scripts:embed` puts in the stored names, and fails when a script uses a field that is missing here.
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
  {
    key: '{id}:t',
    name: 'times',
    type: 'hash',
    meaning:
      'When items and callbacks that have ended began and ended, and their attempts: 64 in a field, 12 bytes each: the end in milliseconds since the creation of the group (plus 1), the milliseconds since the begin (all bits set: not known), the attempts. Callbacks have the numbers from 2^31 on. The latest are in `tm` first, so a small group has no such key.',
    lifetime: withGroup,
  },
];

/** The keys that groups share. */
export const sharedKeys: readonly KeySchema[] = [
  {
    key: 'meta',
    name: 'storage format',
    type: 'string',
    meaning:
      'The number of the storage format, now 1. A process that finds a higher one refuses all calls with `StoreFormatError`.',
    lifetime: 'never',
  },
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
    key: 'reconcilers',
    name: 'reconcilers',
    type: 'sorted set',
    meaning:
      'The processes that reconcile, by the time in milliseconds at which their last pass began; after each, for how many milliseconds it counts.',
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

function rowsOf(fields: Record<string, { stored: string; meaning: string }>): Field[] {
  return Object.entries(fields).map(([name, { stored, meaning }]) => ({ field: stored, name, meaning }));
}

/** The fields of a group's state. */
export const groupFields = rowsOf(schema.group);

/** The fields of a group's callbacks. An entry is the index of an item, or `c` and the number of a callback. */
export const callbackFields = rowsOf(schema.callbacks);

/** The fields of a group's specs. */
export const specFields = rowsOf(schema.specs);

/** The fields of a packed record of `active`, separated by `|`. */
export const activeFields = rowsOf(schema.active);
