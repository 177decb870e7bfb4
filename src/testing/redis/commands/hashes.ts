import { ReplyError } from '../errors';
import type { Hash, Keyspace } from '../keyspace';
import { cursorOf, page } from '../scan';
import { integer } from './arguments';
import { atLeast, exactly, type Commands } from './command';

const toWrite = (keyspace: Keyspace, key: string): Hash =>
  keyspace.hash(key) ?? keyspace.set<Hash>(key, new Map<string, string>());

export const hashes: Commands = {
  HGET: exactly(2, ({ keyspace }, [key = '', field = '']) => keyspace.hash(key)?.get(field) ?? null),
  HMGET: atLeast(2, ({ keyspace }, [key = '', ...fields]) => {
    const hash = keyspace.hash(key);
    return fields.map((field) => hash?.get(field) ?? null);
  }),
  HGETALL: exactly(1, ({ keyspace }, [key = '']) => [...(keyspace.hash(key) ?? [])].flat()),
  HLEN: exactly(1, ({ keyspace }, [key = '']) => keyspace.hash(key)?.size ?? 0),
  HEXISTS: exactly(2, ({ keyspace }, [key = '', field = '']) => (keyspace.hash(key)?.has(field) ? 1 : 0)),
  HSTRLEN: exactly(2, ({ keyspace }, [key = '', field = '']) => (keyspace.hash(key)?.get(field) ?? '').length),
  HSET: atLeast(3, ({ keyspace }, [key = '', ...pairs]) => {
    if (pairs.length % 2 !== 0) throw new ReplyError("ERR wrong number of arguments for 'hset' command");
    const hash = toWrite(keyspace, key);
    const before = hash.size;
    for (let i = 0; i < pairs.length; i += 2) hash.set(pairs[i] ?? '', pairs[i + 1] ?? '');
    return hash.size - before;
  }),
  HSETNX: exactly(3, ({ keyspace }, [key = '', field = '', value = '']) => {
    const hash = toWrite(keyspace, key);
    if (hash.has(field)) return 0;
    hash.set(field, value);
    return 1;
  }),
  HDEL: atLeast(2, ({ keyspace }, [key = '', ...fields]) => {
    const hash = keyspace.hash(key);
    const deleted = fields.filter((field) => hash?.delete(field)).length;
    keyspace.dropIfEmpty(key);
    return deleted;
  }),
  HINCRBY: exactly(3, ({ keyspace }, [key = '', field = '', by = '']) => {
    const step = integer(by);
    const before = keyspace.hash(key)?.get(field) ?? '0';
    if (!/^(?:0|-?[1-9]\d{0,18})$/.test(before)) throw new ReplyError('ERR hash value is not an integer');
    const sum = Number(before) + step;
    toWrite(keyspace, key).set(field, String(sum));
    return sum;
  }),
  HSCAN: atLeast(2, ({ keyspace }, [key = '', text = '', ...options]) => {
    const cursor = cursorOf(text);
    const hash = keyspace.hash(key);
    if (!hash) return ['0', []];
    const read = page('HSCAN', [...hash.keys()], cursor, options);
    return [read.next, read.found.flatMap((field) => [field, hash.get(field) ?? ''])];
  }),
};
