import type { Bytes } from '../bytes';
import { ReplyError } from '../errors';
import type { Keyspace, Value } from '../keyspace';
import { matcher } from '../pattern';
import { Status } from '../replies';
import { cursorOf, page } from '../scan';
import { integer } from './arguments';
import { atLeast, exactly, type Commands } from './command';

const remove = ({ keyspace }: { keyspace: Keyspace }, keys: readonly Bytes[]) =>
  keys.filter((key) => keyspace.delete(key)).length;

function typeOf(value: Value | undefined): string {
  if (value === undefined) return 'none';
  if (typeof value === 'string') return 'string';
  if (Array.isArray(value)) return 'list';
  return value instanceof Map ? 'hash' : 'zset';
}

const conditions = ['NX', 'XX', 'GT', 'LT'];

/** Reads the conditions of a time to live. @throws ReplyError */
function conditionsOf(words: readonly Bytes[]): ReadonlySet<string> {
  const names = new Set(words.map((word) => word.toUpperCase()));
  const unknown = words.find((word) => !conditions.includes(word.toUpperCase()));
  if (unknown !== undefined) throw new ReplyError(`ERR Unsupported option ${unknown}`);
  if (names.has('NX') && names.size > 1)
    throw new ReplyError('ERR NX and XX, GT or LT options at the same time are not compatible');
  if (names.has('GT') && names.has('LT'))
    throw new ReplyError('ERR GT and LT options at the same time are not compatible');
  return names;
}

/** Returns whether a key gets another time to live. @param before - the present one, Infinity for none */
function applies(names: ReadonlySet<string>, at: number, before: number): boolean {
  const expires = before !== Infinity;
  if ((names.has('NX') && expires) || (names.has('XX') && !expires)) return false;
  return !(names.has('GT') && at <= before) && !(names.has('LT') && at >= before);
}

export const keys: Commands = {
  DEL: atLeast(1, remove),
  UNLINK: atLeast(1, remove),
  EXISTS: atLeast(1, ({ keyspace }, names) => names.filter((key) => keyspace.has(key)).length),
  TYPE: exactly(1, ({ keyspace }, [key = '']) => new Status(typeOf(keyspace.value(key)))),
  KEYS: exactly(1, ({ keyspace }, [pattern = '']) => keyspace.keys().filter(matcher(pattern))),
  SCAN: atLeast(1, ({ keyspace }, [cursor = '', ...options]) => {
    const { next, found } = page('SCAN', keyspace.keys(), cursorOf(cursor), options);
    return [next, found];
  }),
  DBSIZE: exactly(0, ({ keyspace }) => keyspace.keys().length),
  PEXPIRE: atLeast(2, ({ keyspace }, [key = '', ms = '', ...words]) => {
    const names = conditionsOf(words);
    const at = keyspace.now + integer(ms);
    const before = keyspace.expiresAt(key);
    if (before === undefined || !applies(names, at, before)) return 0;
    keyspace.expireAt(key, at);
    return 1;
  }),
  PERSIST: exactly(1, ({ keyspace }, [key = '']) => {
    if ((keyspace.expiresAt(key) ?? Infinity) === Infinity) return 0;
    keyspace.expireAt(key, Infinity);
    return 1;
  }),
  PTTL: exactly(1, ({ keyspace }, [key = '']) => {
    const at = keyspace.expiresAt(key);
    if (at === undefined) return -2;
    return at === Infinity ? -1 : at - keyspace.now;
  }),
};
