import type { Bytes } from '../bytes';
import { notKnown, ReplyError, syntaxError } from '../errors';
import type { Keyspace } from '../keyspace';
import type { Reply } from '../replies';
import { cursorOf, page } from '../scan';
import { SortedSet, type Member } from '../sorted-set';
import { float, integer, limit, shown, span } from './arguments';
import { atLeast, exactly, type Commands } from './command';

/** A range of scores, whose limits belong to it or not. */
interface Scores {
  lowest: number;
  highest: number;
  withoutLowest: boolean;
  withoutHighest: boolean;
}

/** @throws ReplyError */
function scoresOf(lowest: Bytes, highest: Bytes): Scores {
  const [withoutLowest, withoutHighest] = [lowest.startsWith('('), highest.startsWith('(')];
  return {
    lowest: limit(withoutLowest ? lowest.slice(1) : lowest),
    highest: limit(withoutHighest ? highest.slice(1) : highest),
    withoutLowest,
    withoutHighest,
  };
}

/** Returns the places of the members whose scores are in a range. */
function placesOf(set: SortedSet, { lowest, highest, withoutLowest, withoutHighest }: Scores) {
  const from = set.countBelow(lowest, withoutLowest);
  return { from, to: Math.max(from, set.countBelow(highest, !withoutHighest)) };
}

const listed = (members: readonly Member[], withScores: boolean): Reply[] =>
  members.flatMap(({ member, score }) => (withScores ? [member, shown(score)] : [member]));

/** Reads WITHSCORES and, for ranges of scores, LIMIT. */
function rangeOptions(words: readonly Bytes[]): { withScores: boolean; skip: number; count: number } {
  const found = { withScores: false, skip: 0, count: -1 };
  for (let i = 0; i < words.length; i++) {
    const name = (words[i] ?? '').toUpperCase();
    if (name === 'WITHSCORES') found.withScores = true;
    else if (name === 'LIMIT' && i + 2 < words.length) {
      [found.skip, found.count] = [integer(words[i + 1] ?? ''), integer(words[i + 2] ?? '')];
      i += 2;
    } else throw syntaxError();
  }
  return found;
}

function byScore(keyspace: Keyspace, [key = '', lowest = '', highest = '', ...words]: readonly Bytes[], back: boolean) {
  const { withScores, skip, count } = rangeOptions(words);
  const scores = scoresOf(lowest, highest);
  const set = keyspace.sortedSet(key) ?? new SortedSet();
  const { from, to } = placesOf(set, scores);
  const found = set.slice(from, to);
  if (back) found.reverse();
  const end = count < 0 ? undefined : skip + count;
  return listed(skip < 0 ? [] : found.slice(skip, end), withScores);
}

function byPlace(keyspace: Keyspace, [key = '', first = '', last = '', ...words]: readonly Bytes[], back: boolean) {
  const [option, ...more] = words.map((word) => word.toUpperCase());
  for (const name of ['BYSCORE', 'BYLEX', 'REV', 'LIMIT'])
    if (name === option || more.includes(name)) throw notKnown(`the option ${name} of ZRANGE`);
  if (more.length > 0 || (option !== undefined && option !== 'WITHSCORES')) throw syntaxError();
  const places = [integer(first), integer(last)] as const;
  const set = keyspace.sortedSet(key) ?? new SortedSet();
  const members = back ? set.slice().reverse() : set.slice();
  const { from, to } = span(members.length, ...places);
  return listed(members.slice(from, to), option !== undefined);
}

/** Removes the members at these places; returns their number. */
function removeBetween(keyspace: Keyspace, key: Bytes, placesIn: (set: SortedSet) => { from: number; to: number }) {
  const set = keyspace.sortedSet(key);
  if (!set) return 0;
  const { from, to } = placesIn(set);
  const members = set.slice(from, to);
  for (const { member } of members) set.delete(member);
  keyspace.dropIfEmpty(key);
  return members.length;
}

const addOptions = ['NX', 'XX', 'GT', 'LT', 'CH', 'INCR'];

function add(keyspace: Keyspace, [key = '', ...words]: readonly Bytes[]): number {
  const first = words.findIndex((word) => !addOptions.includes(word.toUpperCase()));
  const options = new Set(words.slice(0, Math.max(first, 0)).map((word) => word.toUpperCase()));
  const pairs = first < 0 ? [] : words.slice(first);
  if (options.has('INCR')) throw notKnown('the option INCR of ZADD');
  if (pairs.length === 0 || pairs.length % 2 !== 0) throw syntaxError();
  if (options.has('NX') && options.has('XX'))
    throw new ReplyError('ERR XX and NX options at the same time are not compatible');
  if (['NX', 'GT', 'LT'].filter((name) => options.has(name)).length > 1)
    throw new ReplyError('ERR GT, LT, and/or NX options at the same time are not compatible');
  const members = pairs.flatMap((score, i) =>
    i % 2 === 0 ? [{ score: float(score), member: pairs[i + 1] ?? '' }] : [],
  );
  let set = keyspace.sortedSet(key);
  let added = 0;
  let changed = 0;
  for (const { member, score } of members) {
    const before = set?.score(member);
    const isKept =
      before === undefined
        ? options.has('XX')
        : options.has('NX') || (options.has('GT') && score <= before) || (options.has('LT') && score >= before);
    if (isKept) continue;
    if (before === undefined) added += 1;
    else if (before !== score) changed += 1;
    set ??= keyspace.set(key, new SortedSet());
    set.set(member, score);
  }
  return added + (options.has('CH') ? changed : 0);
}

export const sortedSets: Commands = {
  ZADD: atLeast(3, ({ keyspace }, args) => add(keyspace, args)),
  ZREM: atLeast(2, ({ keyspace }, [key = '', ...members]) => {
    const set = keyspace.sortedSet(key);
    const removed = members.filter((member) => set?.delete(member)).length;
    keyspace.dropIfEmpty(key);
    return removed;
  }),
  ZSCORE: exactly(2, ({ keyspace }, [key = '', member = '']) => {
    const score = keyspace.sortedSet(key)?.score(member);
    return score === undefined ? null : shown(score);
  }),
  ZCARD: exactly(1, ({ keyspace }, [key = '']) => keyspace.sortedSet(key)?.size ?? 0),
  ZCOUNT: exactly(3, ({ keyspace }, [key = '', lowest = '', highest = '']) => {
    const scores = scoresOf(lowest, highest);
    const { from, to } = placesOf(keyspace.sortedSet(key) ?? new SortedSet(), scores);
    return to - from;
  }),
  ZRANGE: atLeast(3, ({ keyspace }, args) => byPlace(keyspace, args, false)),
  ZREVRANGE: atLeast(3, ({ keyspace }, args) => byPlace(keyspace, args, true)),
  ZRANGEBYSCORE: atLeast(3, ({ keyspace }, args) => byScore(keyspace, args, false)),
  ZREVRANGEBYSCORE: atLeast(3, ({ keyspace }, [key = '', highest = '', lowest = '', ...words]) =>
    byScore(keyspace, [key, lowest, highest, ...words], true),
  ),
  ZREMRANGEBYSCORE: exactly(3, ({ keyspace }, [key = '', lowest = '', highest = '']) => {
    const scores = scoresOf(lowest, highest);
    return removeBetween(keyspace, key, (set) => placesOf(set, scores));
  }),
  ZREMRANGEBYRANK: exactly(3, ({ keyspace }, [key = '', first = '', last = '']) => {
    const places = [integer(first), integer(last)] as const;
    return removeBetween(keyspace, key, ({ size }) => span(size, ...places));
  }),
  ZSCAN: atLeast(2, ({ keyspace }, [key = '', text = '', ...options]) => {
    const cursor = cursorOf(text);
    const set = keyspace.sortedSet(key);
    if (!set) return ['0', []];
    const members = set.slice().map(({ member }) => member);
    const read = page('ZSCAN', members, cursor, options);
    return [read.next, read.found.flatMap((member) => [member, shown(set.score(member) ?? 0)])];
  }),
};
