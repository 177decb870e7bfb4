import { oneOf, refuseUnknown, time, wholeNumber } from '../config/options';
import { text } from '../config/text';
import type { IndexMember } from '../store/top-level-index';
import { isEnded } from '../store/group-reader';
import { checkTag } from './labels';
import { packCursor, unpackCursor } from './cursor';
import type { Reading } from './reading';
import { statusOf as statusOfEntry } from './stored-entry';
import { statusOf } from './stored-group';
import { listedKinds, signatureStatuses } from './statuses';
import type { Signature, SignatureStatus } from './types';

/** Options of `mage.list`; all optional. */
export interface ListOptions {
  /** Lists only this kind. Default: all. */
  kind?: Signature<unknown, unknown>['kind'] | null | undefined;
  /** Lists only signatures that have this status now. Default: all. */
  status?: SignatureStatus | null | undefined;
  /** Lists only signatures with exactly this name. Default: all. */
  name?: string | null | undefined;
  /** Lists only signatures that have this tag themselves. Default: all. */
  tag?: string | null | undefined;
  /** Lists only signatures that were created at this time or later: a Date, or ms since 1970. Default: all. */
  since?: Date | number | null | undefined;
  /** Lists only signatures that were created before this time: a Date, or ms since 1970. Default: all. */
  until?: Date | number | null | undefined;
  /** The size of a page, from 1 to 1,000. Default 50. */
  limit?: number | null | undefined;
  /** The `cursor` of the previous page. Default: from the newest. */
  cursor?: string | null | undefined;
}

/** A signature that belongs to no group, in a page of `mage.list`. */
export interface ListedSignature {
  id: string;
  kind: Signature<unknown, unknown>['kind'];
  name: string;
  status: SignatureStatus;
  createdAt: Date;
  /** Absent when it has none. */
  tags?: string[];
}

/** One page of `mage.list`. */
export interface Listing {
  items: ListedSignature[];
  /** Pass it to `list` for the next page. Undefined on the last page. */
  cursor?: string;
}

const fields = new Set(['kind', 'status', 'name', 'tag', 'since', 'until', 'limit', 'cursor']);
const cursorPattern = /^list (\d{1,16}) (\S+)$/;
const membersPerRead = 250;
const looksAtMost = 10_000;

interface Wanted {
  kind: ListedSignature['kind'] | undefined;
  status: SignatureStatus | undefined;
  name: string | undefined;
  tag: string | undefined;
}

/** Lists the outermost groups, newest first. @throws ConfigurationError */
export async function list(reading: Reading, options: ListOptions = {}): Promise<Listing> {
  refuseUnknown(options, fields, 'option of list');
  const wanted: Wanted = {
    kind: filter('kind', options.kind, listedKinds),
    status: filter('status', options.status, signatureStatuses),
    name: text(options.name, 'name'),
    tag: options.tag === undefined || options.tag === null ? undefined : checkTag('tag', options.tag),
  };
  const limit = wholeNumber('limit', options.limit, 50, { max: 1_000 });
  const filtered = Object.values(wanted).some((value) => value !== undefined);
  const items: ListedSignature[] = [];
  const since = toScore(time('since', options.since)) ?? -Infinity;
  const until = toScore(time('until', options.until));
  // The index is in the order of creation, so both times bound what is read of it.
  let after = unpackAfter(options.cursor) ?? (until === undefined ? undefined : { score: until, id: '' });
  let more = true;
  for (let looked = 0; more && items.length < limit && looked < looksAtMost;) {
    const missing = limit - items.length;
    const page = await reading.store.topLevelIndex.page(after, filtered ? Math.max(membersPerRead, missing) : missing);
    const members = page.members.filter(({ score }) => score >= since);
    const found = await readAll(reading, members, wanted);
    more = page.more && members.length === page.members.length;
    for (const [i, member] of members.entries()) {
      after = member;
      const item = found[i];
      if (item) items.push(item);
      if (items.length < limit) continue;
      more ||= i + 1 < members.length;
      break;
    }
    looked += page.members.length;
  }
  return { items, ...(more && after ? { cursor: packCursor('list', after.score, after.id) } : {}) };
}

/** Reads the members, and returns those that match. */
async function readAll(reading: Reading, members: readonly IndexMember[], wanted: Wanted) {
  const gone: IndexMember[] = [];
  const found = await Promise.all(
    members.map(async (member) => {
      const item = await read(reading, member, wanted);
      if (item === 'gone') gone.push(member);
      return typeof item === 'object' ? item : undefined;
    }),
  );
  // If this fails, the reconciler does it later.
  await reading.store.topLevelIndex.dropGone(gone).catch(() => undefined);
  return found;
}

async function read({ reader, store }: Reading, { id, score }: IndexMember, wanted: Wanted) {
  const [snapshot, place] = await Promise.all([reader.snapshot(id), store.topLevelIndex.placeOf(id)]);
  if (!snapshot) return 'gone';
  const { kind: stored, name, labels } = snapshot;
  const kind = stored === 'task' && place.root ? 'root' : stored;
  const other = (wanted.kind ?? kind) !== kind || (wanted.name ?? name) !== name;
  const tagged = wanted.tag === undefined || labels.tags?.includes(wanted.tag);
  if (place.nested || other || !tagged) return 'other';
  // A single task has the state of an item, which is more exact than that of its group.
  const state = stored === 'task' && !isEnded(snapshot.status) ? await reader.itemState(id, 0) : undefined;
  const status = state ? statusOfEntry(state) : statusOf(snapshot);
  if ((wanted.status ?? status) !== status) return 'other';
  return {
    id,
    kind,
    name,
    status,
    createdAt: new Date(Math.floor(score / 1_000)),
    ...(labels.tags ? { tags: labels.tags } : {}),
  };
}

/** The index counts in microseconds. */
function toScore(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms * 1_000;
}

function unpackAfter(cursor: unknown): IndexMember | undefined {
  const found = unpackCursor(cursor, 'list', cursorPattern);
  return found && { score: Number(found[1]), id: found[2] ?? '' };
}

function filter<T extends string>(field: string, value: T | null | undefined, allowed: readonly T[]): T | undefined {
  return value === undefined || value === null ? undefined : oneOf(field, value, allowed);
}
