import type { Bytes } from '../bytes';
import { ReplyError } from '../errors';
import type { Keyspace } from '../keyspace';
import { ok } from '../replies';
import { integer, span } from './arguments';
import { atLeast, between, exactly, type Commands } from './command';

const toWrite = (keyspace: Keyspace, key: Bytes): Bytes[] => keyspace.list(key) ?? keyspace.set<Bytes[]>(key, []);

export const lists: Commands = {
  LPUSH: atLeast(2, ({ keyspace }, [key = '', ...values]) => toWrite(keyspace, key).unshift(...values.reverse())),
  RPUSH: atLeast(2, ({ keyspace }, [key = '', ...values]) => {
    const list = toWrite(keyspace, key);
    for (const value of values) list.push(value);
    return list.length;
  }),
  LPOP: between(1, 2, ({ keyspace }, [key = '', number]) => {
    const count = number === undefined ? 1 : positive(number);
    const list = keyspace.list(key);
    if (!list) return null;
    const taken = list.splice(0, count);
    keyspace.dropIfEmpty(key);
    return number === undefined ? (taken[0] ?? null) : taken;
  }),
  LLEN: exactly(1, ({ keyspace }, [key = '']) => keyspace.list(key)?.length ?? 0),
  LINDEX: exactly(2, ({ keyspace }, [key = '', place = '']) => {
    const list = keyspace.list(key);
    return list ? (list.at(integer(place)) ?? null) : null;
  }),
  LSET: exactly(3, ({ keyspace }, [key = '', place = '', value = '']) => {
    const list = keyspace.list(key);
    if (!list) throw new ReplyError('ERR no such key');
    const at = integer(place) < 0 ? list.length + integer(place) : integer(place);
    if (at < 0 || at >= list.length) throw new ReplyError('ERR index out of range');
    list[at] = value;
    return ok;
  }),
  LRANGE: exactly(3, ({ keyspace }, [key = '', first = '', last = '']) => {
    const places = [integer(first), integer(last)] as const;
    const list = keyspace.list(key) ?? [];
    const { from, to } = span(list.length, ...places);
    return list.slice(from, to);
  }),
};

function positive(text: Bytes): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(number)) throw new ReplyError('ERR value is out of range, must be positive');
  return number;
}
